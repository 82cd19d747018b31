# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package's versions came as: the `updates` of a manifest's entry, oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

from ...module_utils.packages.records import CLASSIFICATIONS, SEVERITIES
from ...module_utils.packages.versions import Compare

Entry = dict[str, Any]


def merged(entries: Iterable[Mapping[str, Any]], last: str, compare: Compare) -> list[Entry]:
    """One entry a version, none after ``last``, each with all that is said of it; what is graver counts."""
    order = cmp_to_key(compare)
    found: dict[str, Entry] = {}
    for entry in entries:
        if compare(entry["version"], last) <= 0:
            found[entry["version"]] = _joined(found.get(entry["version"]), entry)
    return sorted(found.values(), key=lambda entry: order(entry["version"]))


def between(entries: Iterable[Mapping[str, Any]], after: str, last: str, compare: Compare) -> Entry:
    """All that lies after one version up to another: ``classification`` (the gravest), ``severity``, ``advisories``, ``cves``."""
    total: Entry | None = None
    for entry in entries:
        if compare(entry["version"], after) > 0 and compare(entry["version"], last) <= 0:
            total = _joined(total, entry)
    found = total or {"classification": "unknown", "severity": "unknown", "advisories": [], "cves": []}
    return {key: found[key] for key in ("classification", "severity", "advisories", "cves")}


def _joined(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> Entry:
    both = [one, other] if one else [other]
    return {"version": other["version"], "classification": gravest([e.get("classification", "unknown") for e in both], CLASSIFICATIONS),
            "severity": gravest([e.get("severity", "unknown") for e in both], SEVERITIES),
            "advisories": _all(both, "advisories"), "cves": _all(both, "cves")}


def _all(entries: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return sorted({item for entry in entries for item in entry.get(key, ())})


def gravest(values: Sequence[str], order: Sequence[str]) -> str:
    """The first in ``order`` of those that occur; the last where none does."""
    return next((value for value in order if value in values), order[-1])
