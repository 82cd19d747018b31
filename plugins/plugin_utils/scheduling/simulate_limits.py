# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The budgets of a run as the simulation counts them: which hosts share which limit. Pure.

In a fleet of 100,000 hosts most stand under exactly the same limits as many others; whoever does shares one tuple of ``Under``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .budget import MAX_UNAVAILABLE, max_unavailable, parse_amount
from .budgets import RuleSets, Sets


@dataclass(frozen=True)
class Limit:
    """One budget over one set of hosts. ``limit`` None: of the hosts out at once all have one value (``exclusive``)."""

    name: str
    of: str
    limit: int | None

    def __str__(self) -> str:
        return self.name + (" of " + self.of if self.of else "")


class Under(NamedTuple):
    """A host stands under a limit, by its number; with the value that it has where only one may be out."""

    limit: int
    value: str = ""


Unders = tuple[Under, ...]


@dataclass(frozen=True)
class Limits:
    """All limits, and under which of them a host stands; of one that is not in ``of`` nothing was promised."""

    limits: tuple[Limit, ...] = ()
    of: Mapping[str, Unders] = field(default_factory=dict)

    def under(self, host: str) -> Unders:
        return self.of.get(host, ())


def limits_of(sets: Sets, wanted: int | str | None) -> Limits:
    """The limits of a run: those of its sets, and ``patch_max_unavailable`` as slots take it."""
    limits: list[Limit] = []
    columns = [_column(limits, rule) for rule in sets.rules]
    whole = _whole(limits, sets, wanted)
    shared: dict[Unders, Unders] = {}
    of: dict[str, Unders] = {}
    for number, host in enumerate(sets.hosts):
        found = (*whole[number], *(column[rule.of[number]] for column, rule in zip(columns, sets.rules) if rule.of[number] >= 0))
        of[host] = shared.setdefault(found, found)
    return Limits(tuple(limits), of)


def _column(limits: list[Limit], rule: RuleSets) -> list[Under]:
    """For each place of a rule the limit that it stands under; one limit a set."""
    sizes = rule.sizes()
    numbers: dict[str, int] = {}
    for place in rule.places:
        if place.set not in numbers:
            numbers[place.set] = len(limits)
            amount = parse_amount(rule.text, rule.name).of(sizes[place.set]) if rule.text else None
            limits.append(Limit(rule.name, "" if rule.whole else place.set, amount))
    return [Under(numbers[place.set], place.value) for place in rule.places]


def _whole(limits: list[Limit], sets: Sets, wanted: int | str | None) -> list[Unders]:
    """``patch_max_unavailable`` is over all hosts; where it is not set, one host of those for which no other budget says how many."""
    texts = [rule for rule in sets.rules if rule.text]
    among = [wanted is not None or all(rule.of[number] < 0 for rule in texts) for number in range(len(sets.hosts))]
    if not any(among):
        return [()] * len(among)
    under = (Under(len(limits)),)
    limits.append(Limit(MAX_UNAVAILABLE, "", max_unavailable(wanted, sum(among)).limit))
    return [under if there else () for there in among]
