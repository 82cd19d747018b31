# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All budgets of a roll as running numbers, for whoever plays a whole roll through: what ``decide`` says, without looking at every host
that is out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .budget import parse_amount
from .budgets import RuleSets, Sets
from .rules import Place


class Tally:
    """Who is out of service, counted by budget. ``limit`` is that of the hosts that no other budget limits (``everybody``: of all)."""

    def __init__(self, sets: Sets, limit: int | None = None, everybody: bool = True) -> None:
        self._sets, self._limit, self._everybody = sets, limit, everybody
        self._limits = {(rule.name, name): amount for rule in sets.rules if rule.text for name, amount in _limits(rule).items()}
        self._out: Counter[tuple[str, str]] = Counter()
        self._values: dict[tuple[str, str], Counter[str]] = {}
        self._counted = 0

    def full(self, host: str) -> str:
        """The name of a budget that keeps the host in service for now, empty where none does."""
        for rule, place in self._places(host):
            if rule.text and self._out[rule.name, place.set] >= self._limits[rule.name, place.set]:
                return rule.name
            if not rule.text and any(value != place.value for value in self._values.get((rule.name, place.set), ())):
                return rule.name
        return "patch_max_unavailable" if self._counts(host) and self._limit is not None and self._counted >= self._limit else ""

    def enter(self, host: str) -> None:
        self._move(host, 1)

    def leave(self, host: str) -> None:
        self._move(host, -1)

    def admit(self, waiting: Iterable[str], most: int | None = None) -> list[str]:
        """Those of the waiting hosts that go now, at ``most`` so many: in the order given, but nobody waits for one whose sets are full."""
        found: list[str] = []
        for host in waiting:
            if len(found) == most:
                break
            if not self.full(host):
                self.enter(host)
                found.append(host)
        return found

    def _move(self, host: str, by: int) -> None:
        self._counted += by if self._counts(host) else 0
        for rule, place in self._places(host):
            if rule.text:
                self._out[rule.name, place.set] += by
            else:
                values = self._values.setdefault((rule.name, place.set), Counter())
                values[place.value] += by
                if not values[place.value]:
                    del values[place.value]

    def _counts(self, host: str) -> bool:
        return self._limit is not None and (self._everybody or not self._sets.limited(host))

    def _places(self, host: str) -> list[tuple[RuleSets, Place]]:
        return [(rule, place) for rule, place in ((rule, self._sets.place(rule, host)) for rule in self._sets.rules) if place]


def _limits(rule: RuleSets) -> dict[str, int]:
    amount, sizes = parse_amount(rule.text, rule.name), rule.sizes()
    return {name: amount.of(size) for name, size in sizes.items()}
