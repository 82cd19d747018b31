# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each package, and the search over all runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import events, schema
from ._sqlalchemy import sa
from .rows import PackageChange

_t = schema.package_changes
_r = schema.package_references


def record(c: sa.Connection, run_id: int, host: str, outcomes: Sequence[Mapping[str, Any]],
           references: Mapping[str, Sequence[str]] | None = None, at: float | None = None) -> None:
    """Keep the outcomes of one installation; ``references`` are the advisories and CVEs of each package by its name."""
    at = events.stamp(at)
    for outcome in outcomes:
        result = c.execute(sa.insert(_t).values(
            run_id=run_id, host=host, at=at, name=outcome["name"], arch=outcome["arch"], from_version=outcome["from"],
            to_version=outcome["to"], classification=outcome["classification"], result=outcome["result"], reason=outcome["reason"]))
        change = int(result.inserted_primary_key[0])  # type: ignore[index]
        for reference in sorted(set((references or {}).get(outcome["name"], ()))):
            c.execute(sa.insert(_r).values(change_id=change, reference=reference))


def search(c: sa.Connection, run: str | None = None, host: str | None = None, package: str | None = None,
           reference: str | None = None, limit: int = 1000) -> list[PackageChange]:
    """Changes that fit all that is given, newest first. ``reference`` is the id of an advisory or CVE."""
    query = sa.select(_t, schema.runs.c.name.label("run")).join(schema.runs, schema.runs.c.id == _t.c.run_id)
    for column, value in ((schema.runs.c.name, run), (_t.c.host, host), (_t.c.name, package)):
        if value is not None:
            query = query.where(column == value)
    if reference is not None:
        query = query.where(_t.c.id.in_(sa.select(_r.c.change_id).where(_r.c.reference == reference)))
    rows = list(c.execute(query.order_by(_t.c.at.desc(), _t.c.id.desc()).limit(limit)))
    references = _references(c, [row.id for row in rows])
    return [PackageChange(row.run, row.host, row.at, row.name, row.arch, row.from_version, row.to_version, row.classification,
                          row.result, row.reason, references.get(row.id, ())) for row in rows]


def _references(c: sa.Connection, changes: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for row in c.execute(sa.select(_r).where(_r.c.change_id.in_(changes)).order_by(_r.c.reference)):
        found[row.change_id] = (*found.get(row.change_id, ()), row.reference)
    return found
