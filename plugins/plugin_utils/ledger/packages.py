# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each package, and the search over all runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import assessments, events, hosts, schema
from ._sqlalchemy import sa
from .columns import clean
from .rows import Data, PackageChange
from .statements import Statement, this_host

_t = schema.package_changes
_r = schema.package_references
_IDS = Statement(lambda d: this_host(sa.select(_t.c.id, _t.c.name, _t.c.arch, _t.c.from_version, _t.c.to_version, _t.c.result), _t))
_Key = tuple[str, str, "str | None", "str | None", str]
_FEW = 500
_LONGEST = 200
"""An advisory's id is shorter; what is longer would not fit into every database's index."""


def record(c: sa.Connection, run_id: int, host: str, outcomes: Sequence[Mapping[str, Any]], at: float | None = None) -> None:
    """Keep the outcomes of one installation. Advisories and CVEs are those of the host's last assessment, so record it before
    the assessment that follows the installation. What is on record already (a result that was fetched again) is not written again."""
    hosts.get(c, run_id, host)
    at = events.stamp(at)
    there = set(_ids(c, run_id, host))
    new = {key: values for key, values in ((_key(values), values) for values in map(_values, outcomes)) if key not in there}
    if not new:
        return
    # Statements of many rows: thousands of packages would keep all other writers waiting otherwise.
    c.execute(sa.insert(_t), [dict(values, run_id=run_id, host=host, at=at) for values in new.values()])
    ids, known = _ids(c, run_id, host), _known_references(c, host)
    references = [{"change_id": ids[key], "reference": reference} for key in new for reference in sorted(known.get((key[0], key[1]), ()))]
    if references:
        c.execute(sa.insert(_r), references)


def of_host(c: sa.Connection, run_id: int, host: str) -> list[PackageChange]:
    """What became of a host's packages in one run, in the order in which it was written."""
    return _changes(c, sa.and_(_t.c.run_id == run_id, _t.c.host == host))


def of_run(c: sa.Connection, run_id: int) -> list[PackageChange]:
    """What became of the packages of all hosts in one run, in the order in which it was written."""
    return _changes(c, _t.c.run_id == run_id)


def search(c: sa.Connection, run: str | None = None, host: str | None = None, package: str | None = None,
           reference: str | None = None, deployment: str | None = None, limit: int = 1000) -> list[PackageChange]:
    """Changes that fit all that is given, newest first. ``package`` may have ``*`` in it; ``reference`` is the id of an
    advisory or CVE, in whatever case."""
    wanted = [column == value for column, value in (
        (schema.runs.c.name, run), (schema.runs.c.deployment, deployment), (_t.c.host, host)) if value is not None]
    if package is not None:
        wanted.append(_t.c.name.like(_pattern(package), escape="\\") if "*" in package else _t.c.name == package)
    if reference is not None:
        wanted.append(_t.c.id.in_(sa.select(_r.c.change_id).where(sa.func.upper(_r.c.reference) == _reference(reference).upper())))
    return _changes(c, sa.and_(sa.true(), *wanted), newest_first=True, limit=limit)


def _values(outcome: Mapping[str, Any]) -> Data:
    return {"name": clean(outcome["name"]), "arch": clean(outcome["arch"]),
            "from_version": _version(outcome.get("from")), "to_version": _version(outcome.get("to")),
            "classification": outcome.get("classification") or "unknown", "result": clean(outcome["result"]),
            "reason": outcome.get("reason") or ""}


def _key(change: Mapping[str, Any]) -> _Key:
    """What a change is known by within the run of a host."""
    return (change["name"], change["arch"], change["from_version"], change["to_version"], change["result"])


def _ids(c: sa.Connection, run_id: int, host: str) -> dict[_Key, int]:
    return {_key(row): row["id"] for row in _IDS.all(c, b_run=run_id, b_host=host)}


def _version(value: Any) -> str | None:
    return None if value is None else clean(str(value))


def _known_references(c: sa.Connection, host: str) -> dict[tuple[str, str], set[str]]:
    found = assessments.last(c, host)
    updates = (found.document.get("updates") or []) if found else []
    return {(clean(u["name"]), clean(u["arch"])): {_reference(r) for r in (*u.get("advisories", ()), *u.get("cves", ()))} for u in updates}


def _reference(text: str) -> str:
    return clean(text).strip()[:_LONGEST]


def _pattern(glob: str) -> str:
    plain = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return plain.replace("*", "%")


def _changes(c: sa.Connection, wanted: sa.ColumnElement[bool], newest_first: bool = False, limit: int | None = None) -> list[PackageChange]:
    order = (_t.c.at.desc(), _t.c.id.desc()) if newest_first else (_t.c.id,)
    query = sa.select(_t, schema.runs.c.name.label("run")).join(schema.runs, schema.runs.c.id == _t.c.run_id)
    rows = list(c.execute(query.where(wanted).order_by(*order).limit(limit)))
    references = _references(c, [row.id for row in rows])
    return [PackageChange(row.run, row.host, row.at, row.name, row.arch, row.from_version, row.to_version, row.classification,
                          row.result, row.reason, tuple(references.get(row.id, ()))) for row in rows]


def _references(c: sa.Connection, changes: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for first in range(0, len(changes), _FEW):  # databases limit how many values a statement may have
        some = changes[first:first + _FEW]
        for row in c.execute(sa.select(_r).where(_r.c.change_id.in_(some)).order_by(_r.c.reference)):
            found.setdefault(row.change_id, []).append(row.reference)
    return found
