# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package manager of a few lines: it takes candidates for dependencies, updates what a change would break, removes what it
can't update, and names what it can't solve; as real ones do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Package, Transaction, Update, Wanted

ARCH = "amd64"


@dataclass(frozen=True)
class Release:
    """One version of a package. ``needs`` are (name, operator, version)."""

    needs: tuple[tuple[str, str, int], ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclass
class World:
    """``releases[name][version]``; what is installed; a name without an installed version is new."""

    releases: dict[str, dict[int, Release]]
    installed: dict[str, int]
    candidates: dict[str, int] = field(default_factory=dict)
    calls: int = 0

    def candidate(self, name: str) -> int:
        return self.candidates.get(name, max(self.releases.get(name, {0: Release()})))

    def packages(self) -> list[Package]:
        return [Package(name, ARCH, str(version)) for name, version in sorted(self.installed.items())]

    def updates(self) -> list[Update]:
        return [Update(name, ARCH, str(version), str(self.candidate(name)), "security")
                for name, version in sorted(self.installed.items()) if self.candidate(name) > version]

    def simulate(self, wanted: Sequence[Wanted]) -> Transaction:
        self.calls += 1
        return _Solver(self, {item.name: int(item.version) for item in wanted}).transaction()


class _Solver:
    def __init__(self, world: World, fixed: dict[str, int]) -> None:
        self.world, self.fixed = world, fixed
        self.target = dict(world.installed, **fixed)
        self.problem: str | None = None

    def transaction(self) -> Transaction:
        unknown = [name for name, version in self.fixed.items() if version not in self.world.releases.get(name, {})]
        if unknown:
            return Transaction(problem="Unable to locate %s" % unknown[0])
        if not any(not self._step() for _round in range(40)):
            return Transaction(problem="%s : no end is found" % " ".join(sorted(self.fixed)))
        if self.problem:
            return Transaction(problem=self.problem)
        before, after = self.world.installed, self.target
        return Transaction(tuple(
            Change(name, ARCH, _text(before.get(name)), _text(after.get(name)))
            for name in sorted(set(before) | set(after)) if before.get(name) != after.get(name)))

    def _step(self) -> bool:
        """Mend the first thing that is wrong; False when nothing is, or nothing helps."""
        for name in sorted(self.target):
            release = self.world.releases[name][self.target[name]]
            for other in release.conflicts:
                if other in self.target:
                    return self._out_of_the_way(name, other)
            for need in release.needs:
                if not self._met(need):
                    return self._provide(name, need)
        return False

    def _met(self, need: tuple[str, str, int]) -> bool:
        name, operator, version = need
        have = self.target.get(name)
        return have is not None and (have == version if operator == "=" else have >= version)

    def _provide(self, name: str, need: tuple[str, str, int]) -> bool:
        wanted, operator, version = need
        candidate = self.world.candidate(wanted)
        fits = wanted in self.world.releases and (candidate == version if operator == "=" else candidate >= version)
        if fits and wanted not in self.fixed and self.target.get(wanted) != candidate:
            self.target[wanted] = candidate
            return True
        return self._give_way(name, "%s : Depends: %s (%s %d)" % (name, wanted, operator, version))

    def _give_way(self, name: str, why: str) -> bool:
        if name in self.fixed:
            self.problem = why
            return False
        if self.target[name] != self.world.candidate(name):
            self.target[name] = self.world.candidate(name)
        else:
            del self.target[name]
        return True

    def _out_of_the_way(self, name: str, other: str) -> bool:
        if other in self.fixed:
            return self._give_way(name, "%s : Conflicts: %s" % (name, other))
        del self.target[other]
        return True


def _text(version: int | None) -> str | None:
    return None if version is None else str(version)
