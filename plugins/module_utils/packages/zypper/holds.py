# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Packages that this host's administrator locked. Pure."""

from __future__ import annotations

import operator
from fnmatch import fnmatchcase
from typing import Callable, Dict, List, NamedTuple, Sequence
from xml.etree import ElementTree

from ..rpm.classify import Candidate
from ..rpm.names import evr
from ..rpm.parse import Entry
from ..versions import compare_rpm
from .parse import stream

_RELATIONS: Dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, "<=": operator.le, "==": operator.eq, "=": operator.eq, ">=": operator.ge, ">": operator.gt, "!=": operator.ne}


class Lock(NamedTuple):
    """``relation`` '' binds every version; ``source`` '' every source."""

    name: str
    relation: str
    version: str
    source: str

    def binds(self, name: str, version: str) -> bool:
        if not fnmatchcase(name, self.name):
            return False
        # Where the lock names no release, any is meant.
        seen = version if "-" in self.version else version.rpartition("-")[0]
        return not self.relation or _RELATIONS[self.relation](compare_rpm(seen, self.version), 0)


def locks(text: str) -> List[Lock]:
    """From ``locks``; those of patches and products are none of ours."""
    return [_lock(lock) for lock in stream(text).iter("lock") if lock.findtext("type") in (None, "", "package")]


def _lock(lock: ElementTree.Element) -> Lock:
    found = lock.find("range")
    limits = dict(found.attrib) if found is not None else {}
    version = evr(limits.get("epoch", ""), limits.get("version", ""), limits.get("release", "")).rstrip("-")
    return Lock(lock.findtext("name") or "", limits.get("flag", ""), version if limits else "", lock.findtext("repo") or "")


def held(rules: Sequence[Lock], installed: Sequence[Entry]) -> List[str]:
    """Names of installed packages that may not move at all."""
    return sorted({e.nevra.name for e in installed for lock in rules if not lock.source and lock.binds(e.nevra.name, e.nevra.version)})


def allows(rules: Sequence[Lock], installed: Sequence[Entry]) -> Callable[[Candidate], bool]:
    """Whether the locks let a version be installed."""
    fixed = frozenset(held(rules, installed))

    def allowed(candidate: Candidate) -> bool:
        return candidate.name not in fixed and not any(
            lock.source in ("", candidate.source) and lock.binds(candidate.name, candidate.version) for lock in rules)

    return allowed
