# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever asks takes nothing from a host that comes before it, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import Budget, Host, Request, decide
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budgets import Sets, Standing, sort_into_sets
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.precedence import ORDER, Claim, first_served, gives_way
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.rules import parse_rules

RULES = [{"name": "cluster", "max_unavailable": 1, "per": "cluster"}, {"name": "zone", "exclusive": "zone"}]


class Fleet:
    """Hosts in the plan's order, some of which are out of service, some of which have asked."""

    def __init__(self, sets: Sets, limit: int) -> None:
        self.sets, self.limit, self.names = sets, limit, list(sets.hosts)
        self.out: list[str] = []
        self.dead: set[str] = set()

    def request(self, host: str, more: Sequence[Host] = ()) -> Request:
        held = [*(Host(name, "run", "installing") for name in self.out), *more]
        whole = Budget("patch_max_unavailable", self.limit, len(self.names), str(self.limit))
        return Request(host, "run", "running", whole, Budget("patch_max_failed", 0, 9, "0"), held, rooms=Standing(host, self.sets).rooms(held, ()))

    def claim(self, host: str) -> Claim:
        return Claim(host, Standing(host, self.sets).under, lambda more: self.request(host, more))

    def may(self, host: str) -> bool:
        return decide(self.request(host)).granted

    def before(self, host: str) -> list[str]:
        return [name for name in self.names[:self.names.index(host)] if name not in self.out]

    def first(self, host: str) -> tuple[str, ...]:
        return first_served(self.claim(host), map(self.claim, self.before(host)), "run")


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    names = ["h%02d" % number for number in range(draw(st.integers(1, 10)))]
    variables = {name: {"cluster": draw(st.sampled_from("abc")), "zone": draw(st.sampled_from("xy"))} for name in names}
    rules = parse_rules(draw(st.sampled_from([[], RULES[:1], RULES[1:], RULES])))
    return Fleet(sort_into_sets(rules, variables, variables), draw(st.integers(1, 4)))


@settings(max_examples=300, deadline=None)
@given(fleets(), st.randoms(use_true_random=True))
def test_nobody_takes_the_room_of_the_first_that_could_go_and_everybody_goes(fleet: Fleet, dice: object) -> None:
    left, returned = set(fleet.names), 0
    while left:
        went = False
        for host in dice.sample(sorted(left), len(left)):  # type: ignore[attr-defined]
            able = [name for name in fleet.before(host) if name in left and fleet.may(name)]
            if not fleet.may(host) or fleet.first(host):
                continue
            fleet.out.append(host)
            left.discard(host)
            went = True
            assert not able or fleet.may(able[0]), "%s took the room of %s" % (host, able[0])
        if not went:
            assert fleet.out, "nobody is out, and nobody may go: %s" % left
            fleet.names.remove(fleet.out.pop(0))
            returned += 1
        assert returned <= 20


@given(st.integers(2, 12), st.integers(1, 5), st.randoms(use_true_random=True))
def test_under_one_limit_they_go_in_the_plans_order(many: int, limit: int, dice: object) -> None:
    names = ["h%02d" % number for number in range(many)]
    fleet = Fleet(Sets(names), limit)
    went: list[str] = []
    while len(went) < many:
        for host in dice.sample(names, many):  # type: ignore[attr-defined]
            if host not in went and fleet.may(host) and not fleet.first(host):
                fleet.out.append(host)
                went.append(host)
        if len(fleet.out) == limit or len(went) == many:
            fleet.names = [name for name in fleet.names if name not in fleet.out]
            fleet.out.clear()
    batches = [went[at:at + limit] for at in range(0, many, limit)]
    assert [sorted(batch) for batch in batches] == [names[at:at + limit] for at in range(0, many, limit)]


def test_one_that_waits_for_others_anyway_keeps_nobody_back() -> None:
    variables = {"a1": {"cluster": "a"}, "a2": {"cluster": "a"}, "b1": {"cluster": "b"}}
    fleet = Fleet(sort_into_sets(parse_rules(RULES[:1]), variables, variables), 2)
    fleet.out = ["a1"]
    assert fleet.first("b1") == ()
    fleet.out, fleet.limit = [], 1
    assert fleet.first("b1") == ("a1",)
    decision = gives_way(fleet.first("b1"))
    assert (decision.kind, decision.budget, decision.reason) == ("wait", ORDER, "a1 comes first in the plan's order")


def test_hosts_under_the_same_limits_as_one_that_waits_are_not_asked_for() -> None:
    names = ["h%03d" % number for number in range(200)]
    fleet = Fleet(sort_into_sets(parse_rules(RULES[:1]), {name: {"cluster": "a" if name < "h199" else "b"} for name in names}, names), 2)
    fleet.out = ["h000"]
    asked: list[str] = []

    def claim(host: str) -> Claim:
        known = fleet.claim(host)
        return Claim(host, known.alike, lambda more: (asked.append(host), known.request(more))[1])

    assert first_served(claim("h199"), map(claim, names[1:-1]), "run") == ()
    assert asked == ["h001"]
