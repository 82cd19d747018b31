# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From what the sources offer and say to pending updates, classified. Pure."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Callable, Collection, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..records import SEVERITIES, Came, Package, Update
from ..selection import same_arch
from ..versions import compare_rpm
from .parse import Entry, Key, by_key

# Not knowing is graver than knowing that it is a bug fix: what is unknown may be a security fix.
_GRAVEST = ("security", "unknown", "bugfix", "enhancement", "other")

_TYPES = {
    "security": "security", "bugfix": "bugfix", "recommended": "bugfix",
    "enhancement": "enhancement", "newpackage": "enhancement", "optional": "enhancement", "feature": "enhancement",
}


class Candidate(NamedTuple):
    """One version that a source offers."""

    name: str
    arch: str
    version: str
    source: str
    size: Optional[int] = None


class Fix(NamedTuple):
    """An advisory's word on one version of one package; ``type`` and ``severity`` as the advisory writes them."""

    name: str
    arch: str
    version: str
    advisory: str
    type: str
    severity: str = "unknown"
    cves: Tuple[str, ...] = ()


Allowed = Callable[[Candidate], bool]


def updates(installed: Iterable[Entry], candidates: Iterable[Candidate], fixes: Iterable[Fix], telling: Collection[str],
            allowed: Allowed, minimal: bool) -> List[Update]:
    """Pending updates, sorted. ``telling`` are the sources that publish advisories; a package of which no newer version is
    ``allowed`` is held; with ``minimal`` a security update goes no further than its last security fix."""
    there = by_key(installed)
    fixes_of, found = _grouped(fixes), _grouped(candidates)
    pending = (_update(key, there, found[key], fixes_of.get(key, []), telling, allowed, minimal) for key in sorted(found))
    return [update for update in pending if update is not None]


def feeders(packages: Iterable[Package], offered: Iterable[Candidate]) -> Dict[Key, str]:
    """Which source offers any version of a package, by name and arch."""
    sources: Dict[str, Dict[str, str]] = {}
    for candidate in offered:
        sources.setdefault(candidate.name, {})[candidate.arch] = candidate.source
    found = {(p.name, p.arch): [source for arch, source in sources.get(p.name, {}).items() if same_arch(arch, p.arch)] for p in packages}
    return {at: names[0] for at, names in found.items() if names}


def history(packages: Iterable[Package], offered: Iterable[Candidate], fixes: Iterable[Fix], telling: Collection[str]) -> Dict[Package, List[Came]]:
    """What each package, and the versions before it that sources offer or advisories name, came as, oldest first."""
    offers_of, fixes_of = _grouped(offered), _grouped(fixes)
    return {p: _came(p, offers_of.get((p.name, p.arch), []), fixes_of.get((p.name, p.arch), []), telling) for p in packages}


def _came(package: Package, offered: Sequence[Candidate], fixes: Sequence[Fix], telling: Collection[str]) -> List[Came]:
    known = {item.version for item in offered} | {fix.version for fix in fixes}
    before = [version for version in known if compare_rpm(version, package.version) <= 0]
    found = []
    for version in sorted(before, key=cmp_to_key(compare_rpm)):
        said = [fix for fix in fixes if fix.version == version]
        kind = _classification([item for item in offered if item.version == version], said, telling)
        found.append(Came(version, kind, _severity(said), tuple(sorted({f.advisory for f in said})), tuple(sorted({c for f in said for c in f.cves}))))
    return found


def _grouped(items: Iterable[NamedTuple]) -> Dict[Key, list]:  # type: ignore[type-arg]
    groups: Dict[Key, list] = {}  # type: ignore[type-arg]
    for item in items:
        groups.setdefault((item[0], item[1]), []).append(item)
    return groups


def _update(key: Key, there: Mapping[Key, Sequence[Entry]], offered: Sequence[Candidate], fixes: Sequence[Fix],
            telling: Collection[str], allowed: Allowed, minimal: bool) -> Optional[Update]:
    base = _installed(key, there)
    newer = [c for c in offered if base is not None and compare_rpm(c.version, base) > 0]
    if base is None or not newer:
        return None
    free = [c for c in newer if allowed(c)]
    target = _target(base, free or newer, fixes, minimal)
    passed = [c for c in newer if compare_rpm(c.version, target.version) <= 0]
    said = [f for f in fixes if compare_rpm(base, f.version) < 0 <= compare_rpm(target.version, f.version)]
    return Update(
        key[0], key[1], base, target.version, classification=_classification(passed, said, telling), severity=_severity(said),
        advisories=tuple(sorted({f.advisory for f in said})), cves=tuple(sorted({cve for f in said for cve in f.cves})),
        source=target.source, size=target.size, held=not free)


def _installed(key: Key, there: Mapping[Key, Sequence[Entry]]) -> Optional[str]:
    """The newest installed version. A package may move between an architecture and none, but not between two of them."""
    name, arch = key
    others = [k for k in there if k[0] == name and (arch == "noarch" or k[1] == "noarch")] if key not in there else [key]
    return newest([entry.nevra.version for k in others for entry in there[k]])


def newest(versions: Sequence[str]) -> Optional[str]:
    best: Optional[str] = None
    for version in versions:
        best = version if best is None or compare_rpm(version, best) > 0 else best
    return best


def _target(base: str, offered: Sequence[Candidate], fixes: Sequence[Fix], minimal: bool) -> Candidate:
    best = newest([c.version for c in offered])
    last = newest([f.version for f in fixes if f.type == "security" and compare_rpm(base, f.version) < 0]) if minimal else None
    fixed = [c for c in offered if last is not None and compare_rpm(c.version, last) >= 0]
    lowest = _lowest(fixed)
    return lowest if lowest is not None else next(c for c in offered if c.version == best)


def _lowest(offered: Sequence[Candidate]) -> Optional[Candidate]:
    best: Optional[Candidate] = None
    for candidate in offered:
        best = candidate if best is None or compare_rpm(candidate.version, best.version) < 0 else best
    return best


def _classification(passed: Sequence[Candidate], said: Sequence[Fix], telling: Collection[str]) -> str:
    kinds = {_TYPES.get(fix.type, "other") for fix in said}
    told = {fix.version for fix in said} | {c.version for c in passed if c.source in telling}
    kinds |= {"other" if c.version in told else "unknown" for c in passed}
    return next(kind for kind in _GRAVEST if kind in kinds)


def _severity(said: Sequence[Fix]) -> str:
    """The gravest of the security fixes; of other advisories most sources say none, or mean something else."""
    named = {fix.severity.lower() for fix in said if fix.type == "security"}
    return next((severity for severity in SEVERITIES if severity in named), "unknown")
