# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a host has beside what a release says it should have. Pure; drift and convergence are two readings of this one comparison, so
that a host which converged has no drift."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..packages.kernels import install_only, member
from ..packages.records import Package, Wanted
from ..packages.selection import same_arch
from ..packages.versions import Compare, compare_deb

Section = Mapping[str, Any]
Rows = Dict[Tuple[str, str], List[str]]
"""The release's versions by name and arch."""


class Differing(NamedTuple):
    package: Package
    should: Wanted


@dataclass(frozen=True)
class Pairing:
    """``differing`` have another version than the release's. ``missing`` are kernels of the release that belong beside those of the
    host, with one of its own that shows where. ``unknown`` are none of the release's."""

    differing: Tuple[Differing, ...]
    missing: Tuple[Differing, ...]
    unknown: Tuple[Package, ...]


def pair(installed: Iterable[Package], section: Section, exclude: Sequence[str], native: str, compare: Compare) -> Pairing:
    """``exclude`` are the release's own globs over names: it says nothing of these packages."""
    ignored = matcher(exclude)
    release = Release(section, native, compare)
    found = _Found([package for package in installed if not ignored(package.name)])
    for package in found.packages:
        _place(package, release, found)
    return Pairing(_sorted(found.differing), _sorted(found.missing.values()), tuple(sorted(found.unknown, key=_key)))


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Whether a name matches one of the globs; thousands of names are asked for."""
    patterns = [re.compile(translate(glob)) for glob in globs]
    return lambda name: any(pattern.match(name) for pattern in patterns)


class Release:
    """A platform's section, to be asked by name and arch."""

    def __init__(self, section: Section, native: str, compare: Compare) -> None:
        self._native, self._compare = native, compare
        self._rows: Rows = {}
        self._archs: Dict[str, List[str]] = {}
        self._families: Dict[Tuple[str, str], Dict[str, Wanted]] = {}
        for package in section["packages"]:
            self._add(Wanted(package["name"], package["arch"], package["version"]))

    def _add(self, item: Wanted) -> None:
        self._rows.setdefault(item.key, []).append(item.version)
        archs = self._archs.setdefault(item.name, [])
        if item.arch not in archs:
            archs.append(item.arch)
        kernel = member(item.name)
        if kernel:
            self._families.setdefault((kernel.family, item.arch), {})[kernel.release] = item

    def versions(self, name: str, arch: str) -> List[Wanted]:
        """What the release has of a package, which may have moved between its own architecture and a neutral one."""
        at = self._arch(name, arch)
        return [] if at is None else [Wanted(name, at, version) for version in self._rows[name, at]]

    def _arch(self, name: str, arch: str) -> Optional[str]:
        archs = self._archs.get(name, [])
        wished = [arch, self._native] + archs
        return next((one for one in wished if one in archs and same_arch(one, arch)), None)

    def kernels(self, name: str, arch: str) -> Dict[str, Wanted]:
        """The release's members of a kernel package's family, by kernel release; only where the version is in the name."""
        kernel = member(name)
        return self._families.get((kernel.family, arch), {}) if kernel else {}

    def newest(self, versions: Iterable[str]) -> str:
        best = ""
        for version in versions:
            best = version if not best or self._compare(version, best) > 0 else best
        return best

    def is_newer(self, one: str, other: str) -> bool:
        return self._compare(one, other) > 0


class _Found:
    def __init__(self, packages: List[Package]) -> None:
        self.packages = packages
        self.differing: List[Differing] = []
        self.missing: Dict[Wanted, Differing] = {}
        self.unknown: List[Package] = []
        self.there: Set[Tuple[str, str, str]] = {(p.name, p.arch, p.version) for p in packages}
        self.names: Set[Tuple[str, str]] = {(p.name, p.arch) for p in packages}


def _place(package: Package, release: Release, found: _Found) -> None:
    known = release.versions(package.name, package.arch)
    kernels = release.kernels(package.name, package.arch)
    if known and (len(known) > 1 or install_only(package.name)):
        _beside(package, known, release, found)
    elif known and known[0].version != package.version:
        found.differing.append(Differing(package, known[0]))
    if kernels:
        _kernel(package, kernels, bool(known), found)
    elif not known:
        found.unknown.append(package)


def _beside(package: Package, known: Sequence[Wanted], release: Release, found: _Found) -> None:
    """Of an older one, the package manager decides when it goes; a newer one is none of the release's."""
    _wish(package, [item for item in known if (item.name, item.arch, item.version) not in found.there], found)
    versions = [item.version for item in known]
    if package.version not in versions and release.is_newer(package.version, release.newest(versions)):
        found.unknown.append(package)


def _kernel(package: Package, kernels: Mapping[str, Wanted], known: bool, found: _Found) -> None:
    """The same for kernels that have the version in the name."""
    _wish(package, [item for item in kernels.values() if item.key not in found.names], found)
    own = member(package.name)
    if not known and own and all(compare_deb(own.release, other) > 0 for other in kernels):
        found.unknown.append(package)


def _wish(package: Package, items: Iterable[Wanted], found: _Found) -> None:
    for item in items:
        found.missing.setdefault(item, Differing(package, item))


def _key(package: Package) -> Tuple[str, str, str]:
    return (package.name, package.arch, package.version)


def _sorted(items: Iterable[Differing]) -> Tuple[Differing, ...]:
    return tuple(sorted(items, key=lambda item: _key(item.package) + (item.should.name, item.should.arch, item.should.version)))
