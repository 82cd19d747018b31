# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From what is installed and a release to the exact packages that bring the host there. Pure.

Up always, down only when that is allowed; what is not installed is not wanted, except kernels of the release beside the host's own.
All or nothing: what forbids a single package forbids the level, and is named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Collection, Dict, Iterable, List, Mapping, Sequence, Tuple

from ..errors import TransactionImpossible
from ..packages.kernels import install_only, member
from ..packages.records import Change, Package, Wanted
from ..packages.selection import is_held
from ..packages.versions import Compare
from .pairing import Differing, Pairing, Release, Section, matcher, pair

KEEP, HOLD, FAIL = UNKNOWN_POLICIES = ("keep", "hold", "fail")
UNKNOWN_TO_RELEASE = "unknown to the release and held (patch_unknown_packages)"
_LISTED = 8

Successors = Callable[[Sequence[Package]], Mapping[Tuple[str, str], Sequence[Wanted]]]
"""As a package manager tells them."""
Heirs = Dict[Package, Tuple[Wanted, ...]]


Predecessors = Callable[[Sequence[Package]], Mapping[Tuple[str, str], Sequence[str]]]


def nobody(packages: Sequence[Package]) -> Mapping[Tuple[str, str], Sequence[Any]]:
    return {}


@dataclass(frozen=True)
class Terms:
    """On what terms a host goes to a release. ``exclude`` are the release's own globs, ``barred`` those of this deployment; ``holds``
    are the administrator's."""

    native: str
    compare: Compare
    exclude: Sequence[str] = ()
    barred: Sequence[str] = ()
    holds: Sequence[str] = ()
    allow_downgrade: bool = False
    unknown_packages: str = KEEP


@dataclass(frozen=True)
class Level:
    """``fixed`` are packages that must not move on the way, by name and arch, with the reason."""

    wanted: Tuple[Wanted, ...]
    fixed: Dict[Tuple[str, str], str]


def level(installed: Iterable[Package], section: Section, terms: Terms, successors: Successors = nobody,
          predecessors: Predecessors = nobody) -> Level:
    """``TransactionImpossible`` names the packages that stand in the way, and what to do. ``successors`` tells what is offered in the
    place of packages: where that is the release's own, it is what the host should have instead. On the way down that is what
    ``predecessors`` tells, the names whose place packages took."""
    installed = list(installed)
    found = pair(installed, section, terms.exclude, terms.native, terms.compare)
    heirs = {} if terms.unknown_packages == HOLD else _heirs(found.unknown, section, terms, successors)
    if terms.unknown_packages != HOLD and terms.allow_downgrade:
        names = {package.name for package in installed}
        heirs.update(_former([p for p in found.unknown if p not in heirs], section, terms, predecessors, names))
    found = replace(found, unknown=tuple(package for package in found.unknown if package not in heirs))
    moving = found.differing + found.missing
    _refuse_unknown(found, terms)
    _refuse_fixed(moving, terms)
    _refuse_newer(found.differing, terms)
    wanted = sorted({item.should for item in moving} | {heir for several in heirs.values() for heir in several}, key=lambda item: item.key + (item.version,))
    fixed = {(p.name, p.arch): UNKNOWN_TO_RELEASE for p in found.unknown} if terms.unknown_packages == HOLD else {}
    return Level(tuple(wanted), fixed)


def _heirs(unknown: Sequence[Package], section: Section, terms: Terms, successors: Successors) -> Heirs:
    barred, free = matcher(terms.barred), _free(unknown, terms)
    offered, release = successors(free) if free else {}, Release(section, terms.native, terms.compare)
    found: Heirs = {}
    for package in free:
        heirs = [w for w in offered.get((package.name, package.arch), ()) if w in release.versions(w.name, w.arch) and not barred(w.name)]
        if heirs:
            found[package] = (heirs[-1],)
    return found


def _former(unknown: Sequence[Package], section: Section, terms: Terms, predecessors: Predecessors, there: Collection[str]) -> Heirs:
    """What the release has of packages whose place another one took since: all of them, because it stands for all."""
    barred, free, release = matcher(terms.barred), _free(unknown, terms), Release(section, terms.native, terms.compare)
    before = predecessors(free) if free else {}
    found: Heirs = {}
    for package in free:
        names = [name for name in before.get((package.name, package.arch), ()) if name not in there and not barred(name)]
        back = tuple(release.versions(name, package.arch)[-1] for name in names if release.versions(name, package.arch))
        if back:
            found[package] = back
    return found


def _free(packages: Sequence[Package], terms: Terms) -> List[Package]:
    """What the administrator holds, or the deployment excludes, keeps its place."""
    barred = matcher(terms.barred)
    return [p for p in packages if not barred(p.name) and not is_held(p.name, p.arch, terms.holds)]


def astray(changes: Iterable[Change], section: Section, terms: Terms) -> List[Wanted]:
    """What a transaction would bring along in another version than the release's, at the release's version: another source that the
    site lets through may have a newer one."""
    release, ignored = Release(section, terms.native, terms.compare), matcher(terms.exclude)
    found: Dict[Wanted, None] = {}
    for change in changes:
        known = [] if change.to is None or ignored(change.name) else release.versions(change.name, change.arch)
        if known and change.to not in [item.version for item in known]:
            found[known[-1]] = None
    return sorted(found, key=lambda item: item.key)


def _refuse_unknown(found: Pairing, terms: Terms) -> None:
    if terms.unknown_packages == FAIL:
        kernels = any(member(package.name) or install_only(package.name) for package in found.unknown)
        _refuse(found.unknown, lambda p: "%s %s" % (p.name, p.version), lambda p: p.name, "packages that the release does not know",
                "remove them%s, or set patch_unknown_packages to keep or hold" % (" (a kernel that runs only once another one was started)" if kernels else ""))


def _refuse_fixed(moving: Sequence[Differing], terms: Terms) -> None:
    """A level without what is held would be another level."""
    held = [item for item in moving if any(is_held(item.should.name, arch, terms.holds) for arch in (item.package.arch, item.should.arch))]
    _refuse(held, _from_to, _name, "packages held by their administrator that are not at the release's version",
            "lift the hold, or capture a release that excludes them")
    barred = matcher(terms.barred)
    _refuse([item for item in moving if barred(item.should.name)], _from_to, _name,
            "packages excluded by patch_exclude that are not at the release's version", "a release is exact: correct patch_exclude")


def _refuse_newer(differing: Sequence[Differing], terms: Terms) -> None:
    if not terms.allow_downgrade:
        newer = [item for item in differing if terms.compare(item.package.version, item.should.version) > 0]
        _refuse(newer, _from_to, _name, "packages newer than the release", "set patch_allow_downgrade to true to take them back")


def _from_to(item: Differing) -> str:
    return "%s %s (release: %s)" % (item.should.name, item.package.version, item.should.version)


def _name(item: Differing) -> str:
    return item.should.name


def _refuse(items: Sequence[object], shown: Callable[..., str], name: Callable[..., str], what: str, remedy: str) -> None:
    if items:
        more = ["and %d more" % (len(items) - _LISTED)] if len(items) > _LISTED else []
        lines = ", ".join([shown(item) for item in items[:_LISTED]] + more)
        raise TransactionImpossible("%s: %s; %s" % (what, lines, remedy), packages=sorted({name(item) for item in items}))
