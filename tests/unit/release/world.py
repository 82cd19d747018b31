# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and releases for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.kernels import install_only
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.selection import same_arch
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.versions import Compare, compare_deb, compare_rpm
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.level import Terms
from hypothesis import strategies as st


class Kind:
    """A package manager's versions, architectures and kernels, as far as a strategy needs them."""

    def __init__(self, native: str, neutral: str, foreign: str, compare: Compare, versions: st.SearchStrategy[str], kernels: Sequence[str]) -> None:
        self.native, self.neutral, self.foreign, self.compare = native, neutral, foreign, compare
        self.versions, self.kernels = versions, kernels

    def terms(self, **more: Any) -> Terms:
        return Terms(self.native, self.compare, **more)

    def packages(self) -> st.SearchStrategy[list[Package]]:
        """Each name in at most one version an architecture, as package managers have it, but for kernels."""
        ordinary = st.builds(Package, st.sampled_from(["a", "b", "lib"]), st.sampled_from([self.native, self.foreign]), self.versions)
        neutral = st.builds(Package, st.sampled_from(["docs", "moved"]), st.sampled_from([self.neutral]), self.versions)
        moved = st.builds(Package, st.just("moved"), st.just(self.native), self.versions)
        kernel = st.builds(Package, st.sampled_from(self.kernels), st.just(self.native), self.versions)
        return st.lists(st.one_of(ordinary, neutral, moved, kernel), max_size=12).map(_each_once)


def _each_once(packages: Iterable[Package]) -> list[Package]:
    found: dict[tuple[str, ...], Package] = {}
    for package in packages:
        place = (package.name, package.arch) if package.name != "moved" else (package.name,)
        found.setdefault((*place, package.version) if install_only(package.name) else place, package)
    return list(found.values())


_DEB = st.sampled_from(["1.0", "1.0~rc1", "1.0+b2", "1.0+deb12u1", "1:0.9", "1:1.0~rc1+b2", "2.0-1", "2.0-1+deb12u1", "2.0-1~bpo12+1", "0.9-10", "0.9-9"])
_RPM = st.sampled_from(["1.0-1", "1.0~rc1-1", "1.0^git1-1", "1.0+b2-1", "1:0.9-1", "1:1.0~rc1-2.el9", "2.0-1.el9", "2.0-10.el9", "2.0-9.el9_4"])

DEB = Kind("amd64", "all", "i386", compare_deb, _DEB, ["linux-image-6.1.0-9-amd64", "linux-image-6.1.0-31-amd64", "linux-image-6.1.0-32-amd64"])
RPM = Kind("x86_64", "noarch", "i686", compare_rpm, _RPM, ["kernel-core", "kernel-modules"])
KINDS = st.sampled_from([DEB, RPM])


def section(packages: Iterable[Package], kernel: str | None = None, **updates: Any) -> dict[str, Any]:
    return {"packages": [{"name": p.name, "arch": p.arch, "version": p.version, "reason": "manual", "updates": updates.get(p.name, [])} for p in packages],
            "kernel": {"default": kernel} if kernel else None, "streams": []}


def applied(installed: Iterable[Package], wanted: Iterable[Wanted]) -> list[Package]:
    """The host after a package manager brought it exactly these."""
    there = list(installed)
    for item in wanted:
        if not install_only(item.name):
            there = [p for p in there if not (p.name == item.name and same_arch(p.arch, item.arch))]
        there.append(Package(item.name, item.arch, item.version))
    return there


def packages(*texts: str) -> list[Package]:
    """``name=version`` or ``name:arch=version``."""
    halves = [text.partition("=") for text in texts]
    return [Package(name.partition(":")[0], name.partition(":")[2] or "amd64", version) for name, _equals, version in halves]
