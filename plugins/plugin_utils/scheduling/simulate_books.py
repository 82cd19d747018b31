# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many hosts are out under each limit of a simulation, and for whom there is room. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from .simulate_limits import Limits, Under, Unders


class Books:
    """What ``budget.decide`` would be told, kept as counts."""

    def __init__(self, limits: Limits) -> None:
        self._allowed = [limit.limit for limit in limits.limits]
        self._out = [0] * len(self._allowed)
        self._values: list[Counter[str]] = [Counter() for _limit in self._allowed]
        self._for_good: list[Counter[str]] = [Counter() for _limit in self._allowed]
        self._keys: dict[int, list[Under]] = {}
        for under in sorted({under for unders in set(limits.of.values()) for under in unders}):
            self._keys.setdefault(under.limit, []).append(under)

    def leaves(self, unders: Unders, for_good: bool = False) -> None:
        """A host goes out of service; ``for_good`` where nobody brings it back."""
        for limit, value in unders:
            self._out[limit] += 1
            self._values[limit][value] += 1
            if for_good:
                self._for_good[limit][value] += 1

    def is_taken_up(self, unders: Unders) -> None:
        """A host that was out for good is in somebody's hands again."""
        for limit, value in unders:
            self._for_good[limit][value] -= 1

    def comes_back(self, unders: Unders) -> None:
        for limit, value in unders:
            self._out[limit] -= 1
            self._values[limit][value] -= 1

    def full(self, unders: Unders) -> Under | None:
        """The first limit that keeps a host from going now."""
        return next((under for under in unders if not self._has_room(under)), None)

    def never(self, unders: Unders) -> Under | None:
        """The first limit that keeps a host from ever going."""
        return next((under for under in unders if self._for_good[under.limit].total() and self._is_stuck(under)), None)

    def open(self, limit: int, among: Container[Under]) -> list[Under]:
        """Of ``among`` whoever stands under this limit and has room under it; of an exclusive limit, by the values."""
        return [under for under in self._keys.get(limit, ()) if under in among and self._has_room(under)]

    def _has_room(self, under: Under) -> bool:
        limit, value = under
        allowed = self._allowed[limit]
        return self._out[limit] < allowed if allowed is not None else self._out[limit] == self._values[limit][value]

    def _is_stuck(self, under: Under) -> bool:
        stuck, allowed = self._for_good[under.limit], self._allowed[under.limit]
        return stuck.total() >= allowed if allowed is not None else stuck.total() > stuck[under.value]
