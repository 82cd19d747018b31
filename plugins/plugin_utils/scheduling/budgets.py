# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts belong together by the rules of ``patch_budgets``, kept small, and how each budget stands for one host. Pure.

A fleet may have 100,000 hosts and a decision is asked for thousands of times: what is read for one is the host's own
places, and those of the few hosts that are out of service.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...module_utils.errors import BadInput
from .budget import Budget, Exclusive, Host, Room, max_unavailable, parse_amount
from .order import interleave
from .rules import Place, Rule, sets_of

_NOWHERE = -1


@dataclass(frozen=True)
class RuleSets:
    """One rule as it is for all hosts of an inventory. ``text`` is the amount as it was written, empty for ``exclusive``; ``of`` has, for
    each host in order, which of ``places`` it belongs to."""

    name: str
    text: str
    whole: bool
    places: Sequence[Place]
    of: Sequence[int]

    @property
    def key(self) -> tuple[str, bool, bool]:
        """What another run's rule has to agree in to be the same."""
        return self.name, bool(self.text), self.whole

    def sizes(self) -> Counter[str]:
        """How many hosts each set has."""
        return self._sizes

    @cached_property
    def _sizes(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for index, count in Counter(self.of).items():
            if index != _NOWHERE:
                found[self.places[index].set] += count
        return found


@dataclass(frozen=True)
class Sets:
    """What one run knows of sets: its hosts, sorted, and its rules in the order in which they were written."""

    hosts: Sequence[str]
    rules: tuple[RuleSets, ...] = ()
    deployment: str = ""

    def knows(self, host: str) -> bool:
        return self._index(host) != _NOWHERE

    def place(self, rule: RuleSets, host: str) -> Place | None:
        """Where a host belongs by one of this inventory's own rules."""
        index = self._index(host)
        found = _NOWHERE if index == _NOWHERE else rule.of[index]
        return None if found == _NOWHERE else rule.places[found]

    def like(self, rule: RuleSets) -> RuleSets | None:
        """The rule that is the same as another run's."""
        return next((own for own in self.rules if own.key == rule.key), None)

    def limited(self, host: str) -> bool:
        """Whether some rule says how many hosts may be out of service together with this one."""
        return any(rule.text and self.place(rule, host) for rule in self.rules)

    def unlimited(self) -> list[str]:
        """The hosts of which that is said by no rule."""
        limits = [rule for rule in self.rules if rule.text]
        return [host for number, host in enumerate(self.hosts) if all(rule.of[number] == _NOWHERE for rule in limits)]

    def for_record(self) -> list[dict[str, Any]]:
        """The rules as JSON-serialisable data; the hosts are kept by whoever keeps this."""
        return [{"name": rule.name, "text": rule.text, "whole": rule.whole, "places": [list(place) for place in rule.places], "of": list(rule.of)}
                for rule in self.rules]

    def _index(self, host: str) -> int:
        at = bisect_left(self.hosts, host)
        return at if at < len(self.hosts) and self.hosts[at] == host else _NOWHERE


def recorded(hosts: Sequence[str], record: Iterable[Mapping[str, Any]], deployment: str = "") -> Sets:
    """The sets as ``for_record`` gave them."""
    rules = (RuleSets(r["name"], r["text"], r["whole"], [Place(*place) for place in r["places"]], r["of"]) for r in record)
    return Sets(hosts, tuple(rules), deployment)


def sort_into_sets(rules: Sequence[Rule], variables: Mapping[str, Mapping[str, Any]], targets: Iterable[str]) -> Sets:
    """Every host's place by every rule. A rule that no host of ``targets`` could ever be patched under is refused by its name."""
    hosts, wanted = sorted(variables), set(targets)
    found = []
    for rule in rules:
        per_host = [sets_of(rule, host, variables[host]) for host in hosts]
        places = sorted({place for place in per_host if place})
        index = {place: number for number, place in enumerate(places)}
        of = [_NOWHERE if place is None else index[place] for place in per_host]
        sets = RuleSets(rule.name, rule.amount.text if rule.amount else "", rule.sets is None, places, of)
        _check_can_be_met(rule, sets, {place.set for host, place in zip(hosts, per_host) if place and host in wanted})
        found.append(sets)
    return Sets(hosts, tuple(found))


def _check_can_be_met(rule: Rule, sets: RuleSets, asked: set[str]) -> None:
    if rule.amount is None:
        return
    sizes = sets.sizes()
    for name in sorted(asked):
        max_unavailable(rule.amount.text, sizes[name], name=_title(sets, name))


def _title(rule: RuleSets, name: str) -> str:
    return rule.name if rule.whole else "%s of %s" % (rule.name, name)


@dataclass
class Standing:
    """How the budgets stand for one host. Keeps what it was told of other runs, which stays as it was when they opened."""

    host: str
    own: Sets
    others: dict[str, Sets] = field(default_factory=dict)
    _sizes: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)
    _alike: dict[tuple[tuple[str, Place], ...], Standing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = [(rule, place) for rule, place in ((rule, self.own.place(rule, self.host)) for rule in self.own.rules) if place]

    @property
    def under(self) -> tuple[tuple[str, Place], ...]:
        """The host's places by the names of their rules."""
        return tuple((rule.name, place) for rule, place in self.places)

    def of_another(self, host: str) -> Standing:
        """The same for another host of the inventory; what is known for one that stands under the same budgets is not worked out again."""
        there = Standing(host, self.own, self.others)
        there._sizes = self._alike.setdefault(there.under, there)._sizes
        return there

    def unknown(self, out: Iterable[Host], slices: Iterable[str]) -> list[str]:
        """The runs of which more has to be told: those whose hosts this run's inventory does not have, and the other slices."""
        if not self.places:
            return []
        strangers = {host.run for host in out if not self.own.knows(host.name)}
        return sorted((strangers | set(slices)) - set(self.others) - {""})

    def learn(self, run: str, sets: Sets) -> None:
        self.others[run] = sets

    def rooms(self, out: Sequence[Host], slices: Iterable[str]) -> list[Room]:
        """Each budget that the host comes under, with those of ``out`` that stand against it."""
        sizes = self._sizes_with(tuple(sorted(slices)))
        found = []
        for rule, place in self.places:
            where = [(host, self._place(rule, host)) for host in out]
            if rule.text:
                limit = parse_amount(rule.text, rule.name).of(sizes[rule.name])
                budget = Budget(rule.name, limit, sizes[rule.name], rule.text, "" if rule.whole else place.set)
                found.append(Room(budget, [host for host, there in where if there and there.set == place.set]))
            else:
                exclusive = Exclusive(rule.name, place.value, "" if rule.whole else place.set)
                found.append(Room(exclusive, [host for host, there in where if there and there.set == place.set and there.value != place.value]))
        return found

    def _place(self, rule: RuleSets, host: Host) -> Place | None:
        if self.own.knows(host.name):
            return self.own.place(rule, host.name)
        there = self.others.get(host.run)
        same = there.like(rule) if there else None
        # What has no name of its own is the whole of a deployment, not of whatever else the ledger has.
        if there is None or same is None or (rule.whole and there.deployment != self.own.deployment):
            return None
        return there.place(same, host.name)

    def _sizes_with(self, slices: tuple[str, ...]) -> dict[str, int]:
        if slices not in self._sizes:
            self._sizes[slices] = {rule.name: self._size(rule, place.set, slices) for rule, place in self.places if rule.text}
        return self._sizes[slices]

    def _size(self, rule: RuleSets, name: str, slices: tuple[str, ...]) -> int:
        size, more = rule.sizes()[name], set()
        for there in (self.others[run] for run in slices if run in self.others):
            same = there.like(rule)
            if same:
                wanted = {number for number, place in enumerate(same.places) if place.set == name}
                more |= {host for host, number in zip(there.hosts, same.of) if number in wanted and not self.own.knows(host)}
        return size + len(more)


def refuse_contradiction(shorthand: int | str | None, rules: Sequence[Rule]) -> None:
    """``patch_max_unavailable`` is a budget of the whole set as well; two of these with different numbers are a mistake."""
    if shorthand is None:
        return
    amount = parse_amount(shorthand, "patch_max_unavailable")
    for rule in rules:
        if rule.amount and rule.sets is None and (rule.amount.count is None) == (amount.count is None):
            raise BadInput("patch_max_unavailable (%s) and budget %s (%s) contradict each other: both are of the whole set: keep one of them"
                           % (amount.text, rule.name, rule.amount.text), name=rule.name)


def in_turn(sets: Sets, hosts: Sequence[str]) -> list[str]:
    """The hosts in an order in which those that wait stand in few others' way: where one value may be out at a time, value after value, and
    within that one host of each set after the other."""
    limit = next((rule for rule in sets.rules if rule.text and not rule.whole), None)
    alone = next((rule for rule in sets.rules if not rule.text), None)
    ranks: dict[str, dict[str, int]] = {}
    phases: dict[int, list[str]] = {}
    for host in hosts:
        place = sets.place(alone, host) if alone else None
        rank = ranks.setdefault(place.set, {}).setdefault(place.value, len(ranks[place.set])) if place else 0
        phases.setdefault(rank, []).append(host)
    by_set = {host: place.set for host in hosts for place in [sets.place(limit, host)] if place} if limit else {}
    return [host for rank in sorted(phases) for host in interleave(phases[rank], by_set)]
