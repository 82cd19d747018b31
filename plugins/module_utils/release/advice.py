# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a release knows of the versions that lead to its own: which were security, by which advisories. Pure.

A release's repository for apt has no place for it, and one for rpm has advisories only where upstream had them: the manifest says it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..packages.records import SEVERITIES, Change, Plan, Update
from ..packages.versions import Compare, compare_rpm
from .pairing import Release, Section

GRAVEST = ("security", "unknown", "bugfix", "enhancement", "other")
"""Of what lies between two versions, the first of these counts: what nobody vouches for may be security as well."""

_DOWN = "other"
"""A package that goes back brings no fix."""


@dataclass(frozen=True)
class Said:
    classification: str = "unknown"
    severity: str = "unknown"
    advisories: Tuple[str, ...] = ()
    cves: Tuple[str, ...] = ()


class Advice:
    """One platform's section, to be asked about steps between versions."""

    def __init__(self, section: Section, native: str, compare: Compare) -> None:
        self._release, self._compare = Release(section, native, compare), compare
        self._updates: Dict[Tuple[str, str], List[Mapping[str, Any]]] = {}
        for package in section["packages"]:
            self._updates.setdefault((package["name"], package["arch"]), []).extend(package.get("updates", ()))

    def said(self, name: str, arch: str, was: Optional[str], to: str) -> Optional[Said]:
        """On the way from one version to a newer one; ``was`` None is a new package, of which its own version counts. None where the
        release knows nothing of it."""
        known = self._release.versions(name, arch)
        if not known:
            return None
        entries = [entry for entry in self._updates[known[0].key] if self._on_the_way(entry["version"], was, to)]
        vouched = any(entry["version"] == to for entry in entries)
        if not vouched and not any(entry["classification"] == "security" for entry in entries):
            entries = []
        return _summed(entries)

    def _on_the_way(self, version: str, was: Optional[str], to: str) -> bool:
        if was is None:
            return version == to
        return self._compare(was, version) < 0 <= self._compare(to, version)

    def update(self, update: Update) -> Update:
        """The package manager's word and the release's, the graver of them; ``unknown`` is no word. Of the release's own versions ``other``
        is none either: the manager concludes it from the silence of a repository that has only the advisories which the release knows."""
        said = self.said(update.name, update.arch, update.installed, update.candidate)
        if said is None:
            return update
        own = update.candidate in [item.version for item in self._release.versions(update.name, update.arch)]
        word = "unknown" if own and update.classification == "other" else update.classification
        return replace(
            update, classification=_graver(word, said.classification), severity=_worse(update.severity, said.severity),
            advisories=_both(update.advisories, said.advisories), cves=_both(update.cves, said.cves))

    def plan(self, plan: Plan, updates: Sequence[Update]) -> Plan:
        """The plan with what is said of each of its changes, pending update or not."""
        pending: Dict[Tuple[str, str, Optional[str]], Update] = {(u.name, u.arch, u.candidate): u for u in updates}
        said = {change: self._of(change, pending) for change in plan.transaction.changes}
        classifications = dict(plan.classifications, **{c.name: one.classification for c, one in said.items() if one})
        advisories = {c.name: one.advisories for c, one in said.items() if one and one.advisories}
        cves = {c.name: one.cves for c, one in said.items() if one and one.cves}
        return replace(plan, classifications=classifications, advisories=advisories, cves=cves)

    def _of(self, change: Change, pending: Mapping[Tuple[str, str, Optional[str]], Update]) -> Optional[Said]:
        update = pending.get(change.key + (change.to,))
        if update is not None:
            return Said(update.classification, update.severity, update.advisories, update.cves)
        if change.to is None:
            return None
        if change.from_ is not None and self._compare(change.to, change.from_) < 0:
            return Said(_DOWN)
        return self.said(change.name, change.arch, change.from_, change.to)


NOTHING = Advice({"packages": []}, "", compare_rpm)
"""Of a host that is attached to no release."""


def _summed(entries: Sequence[Mapping[str, Any]]) -> Said:
    kinds = {entry["classification"] for entry in entries} or {"unknown"}
    severities = {entry["severity"] for entry in entries if entry["classification"] == "security"}
    return Said(
        next(kind for kind in GRAVEST if kind in kinds), next((one for one in SEVERITIES if one in severities), "unknown"),
        tuple(sorted({one for entry in entries for one in entry["advisories"]})), tuple(sorted({one for entry in entries for one in entry["cves"]})))


def _graver(one: str, other: str) -> str:
    kinds = {one, other} - {"unknown"} or {"unknown"}
    return next(kind for kind in GRAVEST if kind in kinds)


def _worse(one: str, other: str) -> str:
    return next(severity for severity in SEVERITIES if severity in (one, other))


def _both(one: Sequence[str], other: Sequence[str]) -> Tuple[str, ...]:
    return tuple(sorted({*one, *other}))
