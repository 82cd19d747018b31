# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and the releases that they are attached to: at it exactly, or how they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

Data = Mapping[str, Any]
Model = dict[str, Any]
Names = Mapping[str, Sequence[str]]
"""The names of each digest: the same content may have been captured under several."""

NONE: Mapping[str, Any] = MappingProxyType({})
_MOST = 3
_SHORT = 12


def name_of(digest: str | None, names: Names) -> str | None:
    """None where nobody gave it a name."""
    known = list(names.get(digest or "", ()))
    more = [f"{len(known) - _MOST} more"] if len(known) > _MOST else []
    return ", ".join(known[:_MOST] + more) or None


def called(digest: str | None, names: Names) -> str:
    """How it is spoken of: by its name, else by the beginning of its digest."""
    return f"release {name_of(digest, names) or digest[:_SHORT]}" if digest else "no release"


def differences(rows: Iterable[Data]) -> list[Data]:
    """What makes the host another one than the release; a kind that nobody knows yet is among them."""
    return [row for row in rows if row.get("kind") != "unknown"]


def fed(rows: Iterable[Data]) -> list[Data]:
    """What the release does not know, and a source still has updates for."""
    return [row for row in rows if row.get("kind") == "unknown" and row.get("source")]


def orphans(rows: Iterable[Data]) -> list[Data]:
    """What the release does not know, and nobody has updates for."""
    return [row for row in rows if row.get("kind") == "unknown" and not row.get("source")]


def told(rows: Sequence[Data], most: int = _MOST) -> str:
    """The first few."""
    more = [f"and {len(rows) - most} more"] if len(rows) > most else []
    return ", ".join([in_words(row) for row in rows[:most]] + more)


def in_words(row: Data) -> str:
    """One row of drift: ``openssl 3.0.14 instead of 3.0.15``."""
    name, has, should = str(row.get("name") or row.get("source") or ""), row.get("is"), row.get("should")
    if row.get("kind") == "unknown":
        return " ".join(filter(None, (name, has, f"(from {row['source']})" if row.get("source") else "")))
    if row.get("kind") == "source":
        return f"source {name} is visible"
    if row.get("kind") == "stream":
        return f"module stream {has} instead of {should}" if has else f"module stream {should} is not enabled"
    if has is None:
        return f"{name} {should} is missing" if should else name
    return f"{name} {has} instead of {should}" if should else f"{name} {has}"


def of_host(document: Data | None, intended: str | None, names: Names, known: bool) -> Model | None:
    """The model's ``release`` of a host; None where it is attached to none and should not be. ``known``: its assessment still counts."""
    digest = (document or {}).get("release")
    if not digest and not intended:
        return None
    rows = (document or {}).get("drift") or []
    return {"digest": digest, "name": name_of(digest, names), "intended": intended, "intended_name": name_of(intended, names), "known": known,
            "drift_count": len(rows), "difference_count": len(differences(rows)), "orphan_count": len(orphans(rows))}


def standing(release: Data) -> str:
    """Of an attached host: ``not_known, drifting, exact``, or ``with_unknown`` packages beside the release's."""
    if not release["known"]:
        return "not_known"
    if release["difference_count"]:
        return "drifting"
    return "with_unknown" if release["drift_count"] else "exact"


def totals(found: Iterable[Data]) -> list[Model]:
    """For each release how many hosts are attached to it, and how they stand. ``absent`` are those that the run intends to be at it and
    that are attached elsewhere or nowhere; where even that is not known they are ``not_known``, and not among ``hosts``. The release with
    most hosts first."""
    rows: dict[str, Model] = {}
    for release in found:
        digest, intended = release["digest"], release["intended"]
        if digest:
            row = rows.setdefault(digest, _row(digest, release["name"]))
            row["hosts"] += 1
            row[standing(release)] += 1
        if intended and intended != digest:
            rows.setdefault(intended, _row(intended, release["intended_name"]))
            rows[intended]["absent"] += int(release["known"])
            rows[intended]["not_known"] += int(not release["known"] and not digest)
    return sorted(rows.values(), key=lambda row: (-row["hosts"], row["name"] or "", row["digest"]))


def _row(digest: str, name: str | None) -> Model:
    return {"digest": digest, "name": name, "hosts": 0, "exact": 0, "with_unknown": 0, "drifting": 0, "not_known": 0, "absent": 0}
