# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulation against the decisions that slots are really given by, and by what people ask of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import CANARIES, Budget, Host, Request, decide
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budgets import Sets, Standing, in_turn, sort_into_sets
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.rules import parse_rules
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate import (
    DEFERRED, NOT_STARTED, PATCHED, Simulation, _enough, forecast, simulate)
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate_limits import Limits, limits_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate_roll import FORKS, SLOT_TIMEOUT, Elsewhere, Roll, Task
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.windows import WINDOW

CLUSTERS = [{"name": "cluster", "max_unavailable": 1, "per": "cluster"}]
ZONES = [{"name": "zone", "exclusive": "zone"}]


def _sets(variables: Mapping[str, Mapping[str, Any]], budgets: Sequence[Mapping[str, Any]]) -> Sets:
    return sort_into_sets(parse_rules(budgets), variables, variables)


def _named(simulation: Simulation) -> dict[str, Any]:
    return {host.host: host for host in simulation.hosts}


def _fleet(clusters: int, each: int) -> dict[str, dict[str, str]]:
    return {"%s%d" % ("abcdefgh"[cluster], number): {"cluster": "abcdefgh"[cluster]} for cluster in range(clusters) for number in range(1, each + 1)}


# --- against the decisions that count -----------------------------------------------------------------------------------------

_BUDGETS = st.lists(st.sampled_from([
    {"name": "cluster", "max_unavailable": 1, "per": "cluster"},
    {"name": "most", "max_unavailable": "50%", "per": "zone"},
    {"name": "zone", "exclusive": "zone"},
    {"name": "pair", "exclusive": "zone", "within": "cluster"},
    {"name": "all", "max_unavailable": 3}]), unique_by=lambda budget: str(budget["name"]), max_size=4)


@st.composite
def _rolls(draw: st.DrawFn) -> tuple[Sets, int | None, list[Task], int]:
    many = draw(st.integers(1, 14))
    names = ["h%02d" % number for number in range(many)]
    places = [{"cluster": draw(st.sampled_from(["a", "b", None])), "zone": draw(st.sampled_from(["x", "y", "z"]))} for _name in names]
    zones = {place["zone"]: sum(other["zone"] == place["zone"] for other in places) for place in places}
    budgets = [budget for budget in draw(_BUDGETS) if budget["name"] != "most" or min(zones.values()) > 1]
    seconds, soaks = st.integers(1, 6), st.integers(0, 2)
    tasks = [Task(name, draw(seconds), 0.0, draw(soaks), opens_at=draw(st.sampled_from([-math.inf, 0, 3])),
                  closes_at=draw(st.sampled_from([math.inf, math.inf, 9]))) for name in names]
    return _sets(dict(zip(names, places)), budgets), draw(st.one_of(st.none(), st.integers(1, 4))), tasks, draw(st.integers(1, many))


def _ask(host: str, sets: Sets, wanted: int | None, out: Sequence[str]) -> Any:
    """As a host of a run asks that has no others beside it; see plugin_utils/asking.py."""
    working = [Host(name, "run", "installing") for name in out if name != host]
    limited = wanted is None and sets.limited(host)
    among = set(sets.unlimited()) if wanted is None and any(rule.text for rule in sets.rules) else set(sets.hosts)
    whole = None if limited else Budget("patch_max_unavailable", wanted or 1, len(among), "")
    return decide(Request(host, "run", "running", whole, Budget("patch_max_failed", 0, len(sets.hosts), "0"),
                          [other for other in working if other.name in among], rooms=Standing(host, sets).rooms(working, ())))


@settings(max_examples=300, deadline=None)
@given(_rolls())
def test_who_goes_may_go_and_who_waits_may_not(roll: tuple[Sets, int | None, list[Task], int]) -> None:
    sets, wanted, tasks, forks = roll
    played = Roll(tasks, limits_of(sets, wanted), forks, 0.0, 0, ()).play()
    starts = [math.inf if start is None else start for start in played.starts]
    gone = [end + (task.soak_s if start is not None else 0) for start, end, task in zip(played.starts, played.ends, tasks)]
    for now in {*(start for start in starts if start < math.inf), *gone}:
        out = [task.host for task, start, end in zip(tasks, starts, gone) if start <= now < end]
        for task, start, end, turn in zip(tasks, starts, gone, played.turns):
            waits = turn <= now and task.opens_at <= now < min(start, end)
            if start == now or (waits and now <= task.closes_at):
                assert _ask(task.host, sets, wanted, out).granted == (start == now), (task.host, now)


@given(_rolls())
def test_every_host_comes_to_an_end_and_forks_are_kept(roll: tuple[Sets, int | None, list[Task], int]) -> None:
    sets, wanted, tasks, forks = roll
    played = Roll(tasks, limits_of(sets, wanted), forks, 0.0, 0, ()).play()
    gone = [end + (task.soak_s if start is not None else 0) for start, end, task in zip(played.starts, played.ends, tasks)]
    assert all(start is not None or task.closes_at < math.inf for start, task in zip(played.starts, tasks))
    assert all(sum(turn <= now < end for turn, end in zip(played.turns, gone)) <= forks for now in played.turns)
    assert played.turns == sorted(played.turns)
    assert simulate(tasks, limits_of(sets, wanted), forks) == simulate(tasks, limits_of(sets, wanted), forks)


@given(_rolls())
def test_with_as_many_forks_as_are_enough_nobody_waits_for_one(roll: tuple[Sets, int | None, list[Task], int]) -> None:
    sets, wanted, tasks, _forks = roll
    limits = limits_of(sets, wanted)
    free = forecast(tasks, limits, len(tasks))
    assert FORKS not in free.waits and 1 <= free.forks_needed <= len(tasks)
    told = sum(host.waited_s for host in free.simulation.hosts)
    assert sum(free.waits.values()) == pytest.approx(told)


@given(_rolls())
def test_what_is_enough_for_certain_changes_nothing(roll: tuple[Sets, int | None, list[Task], int]) -> None:
    sets, wanted, given_tasks, _forks = roll
    limits, tasks = limits_of(sets, wanted), [Task(task.host, task.seconds, soak_s=task.soak_s) for task in given_tasks]
    free = Roll(tasks, limits, len(tasks), 0.0, 0, ()).play()
    bound = Roll(tasks, limits, _enough(free), 0.0, 0, ()).play()
    assert (bound.starts, bound.ends) == (free.starts, free.ends)


# --- what people ask of it --------------------------------------------------------------------------------------------------

def test_waiters_of_one_cluster_starve_the_others_of_forks_unless_they_come_in_turn() -> None:
    variables = _fleet(3, 6)
    sets = _sets(variables, CLUSTERS)
    limits = limits_of(sets, None)

    def roll(names: Sequence[str]) -> Simulation:
        return simulate([Task(name, 10) for name in names], limits, 4)

    one_after_another, mixed = roll(list(variables)), roll(in_turn(sets, list(variables)))
    assert mixed.ends_at == 60  # six of each cluster, one at a time, all clusters at once
    assert one_after_another.ends_at == 120  # three of a cluster wait with the forks that the next one needs
    assert _named(one_after_another)["b1"].waits_for == FORKS


def test_forks_needed_are_told_and_are_enough() -> None:
    variables = _fleet(3, 6)
    sets = _sets(variables, CLUSTERS)
    limits, tasks = limits_of(sets, None), [Task(name, 10) for name in in_turn(sets, list(variables))]
    few = forecast(tasks, limits, 2)
    assert (few.forks_needed, few.best_end, few.simulation.ends_at, few.bottleneck) == (3, 60, 90, FORKS)
    enough = forecast(tasks, limits, 3)
    assert (enough.simulation.ends_at, enough.bottleneck) == (60, "cluster")


def test_the_bottleneck_is_the_budget_that_most_host_seconds_wait_for() -> None:
    limits = limits_of(_sets({name: {} for name in "abcd"}, []), 2)
    told = forecast([Task(name, 10) for name in "abcd"], limits, 4)
    assert (told.bottleneck, dict(told.waits), told.simulation.peak) == ("patch_max_unavailable", {"patch_max_unavailable": 20}, 2)
    assert _named(told.simulation)["c"].waits_for == "patch_max_unavailable"


def test_who_waits_longer_than_it_is_let_is_not_started_and_what_to_raise_stays_the_same() -> None:
    limits, tasks = limits_of(_sets({name: {} for name in "abcd"}, []), 1), [Task(name, 10, 12) for name in "abcd"]
    told, patient = (forecast(tasks, limits, 4, patience_s=seconds) for seconds in (25, 30))
    found = _named(told.simulation)
    assert [(found[name].state, found[name].start) for name in "abcd"] == [(PATCHED, 0), (PATCHED, 10), (PATCHED, 20), (NOT_STARTED, None)]
    assert (found["d"].waits_for, found["d"].waited_s, told.given_up) == (SLOT_TIMEOUT, 25, 1)
    assert (told.bottleneck, told.forks_needed, told.best_end) == (patient.bottleneck, patient.forks_needed, 40)
    assert patient.given_up == 0 and patient.simulation.ends_at == 40
    assert forecast(tasks, limits, 1, patience_s=25).given_up == 0, "a host that has no fork yet does not wait for its slot"


def test_a_window_that_leaves_no_time_comes_before_patience_that_ends_later() -> None:
    limits = limits_of(_sets({name: {} for name in "abc"}, []), 1)
    told = forecast([Task(name, 10, 10, closes_at=25) for name in "abc"], limits, 3, patience_s=18)
    assert (_named(told.simulation)["c"].state, told.given_up) == (DEFERRED, 0)


def test_one_zone_after_the_other() -> None:
    variables = {"a1": {"zone": "a"}, "b1": {"zone": "b"}, "a2": {"zone": "a"}, "b2": {"zone": "b"}}
    found = _named(simulate([Task(name, 10) for name in variables], limits_of(_sets(variables, ZONES), 4), 4))
    assert [found[name].start for name in variables] == [0, 10, 0, 10]
    assert found["b1"].waits_for == "zone"


def test_the_roll_begins_when_the_canaries_have_soaked() -> None:
    told = simulate([Task(name, 10, soak_s=5) for name in "abc"], limits_of(_sets({name: {} for name in "abc"}, []), 3), 5, 100.0, first=1)
    found = _named(told)
    assert [(found[name].start, found[name].waits_for) for name in "abc"] == [(100, ""), (115, CANARIES), (115, CANARIES)]
    assert told.waits == {CANARIES: 30}


def test_canaries_are_watched_before_the_others_go() -> None:
    limits = limits_of(_sets({name: {} for name in "abc"}, []), 3)
    told = simulate([Task("a", 10), Task("b", 10), Task("c", 10, opens_at=70)], limits, 5, first=1, first_soak_s=40)
    found = _named(told)
    assert [(found[name].start, found[name].waits_for) for name in "abc"] == [(0, ""), (50, CANARIES), (70, WINDOW)]
    assert told.waits == {CANARIES: 100, WINDOW: 20}


def test_who_would_not_fit_into_the_window_is_deferred_and_gives_its_fork_back() -> None:
    limits = limits_of(_sets({name: {} for name in "abcd"}, []), 1)
    told = simulate([Task("a", 10, 12, closes_at=25), Task("b", 10, 12, closes_at=25), Task("c", 10, 12, closes_at=25), Task("d", 4, 5)], limits, 2)
    found = _named(told)
    assert [found[name].state for name in "abcd"] == [PATCHED, PATCHED, DEFERRED, PATCHED]
    assert found["c"].waits_for == WINDOW and found["c"].waited_s == 13
    assert found["d"].start == 20


def test_a_host_begins_when_its_own_window_opens() -> None:
    limits = limits_of(_sets({name: {} for name in "ab"}, []), 2)
    found = _named(simulate([Task("a", 10, opens_at=50), Task("b", 10)], limits, 2))
    assert (found["a"].start, found["a"].waits_for, found["b"].start) == (50, WINDOW, 0)


def test_hosts_that_are_out_elsewhere_take_room_until_they_are_back() -> None:
    limits = limits_of(_sets({name: {} for name in "abc"}, []), 1)
    found = _named(simulate([Task("a", 10)], limits, 2, elsewhere=[Elsewhere("b", 7)]))
    assert found["a"].start == 7
    never = _named(simulate([Task("a", 10)], limits, 2, elsewhere=[Elsewhere("b")]))
    assert (never["a"].state, never["a"].start, never["a"].waits_for) == (NOT_STARTED, None, "patch_max_unavailable")


def test_a_host_that_is_out_already_waits_for_nobody_and_counts_from_the_beginning() -> None:
    limits = limits_of(_sets({name: {} for name in "ab"}, []), 1)
    found = _named(simulate([Task("a", 10, out=True), Task("b", 10)], limits, 2))
    assert (found["a"].start, found["b"].start) == (0, 10)


def test_nobody_at_all() -> None:
    told = forecast([], Limits(), 5, 100.0)
    assert (told.simulation.ends_at, told.bottleneck, told.forks_needed) == (100.0, "", 1)


def test_what_was_not_promised_for_some_is_one_at_a_time_for_the_others() -> None:
    variables = {"a1": {"cluster": "a"}, "a2": {"cluster": "a"}, "x1": {}, "x2": {}}
    limits = limits_of(_sets(variables, CLUSTERS), None)
    assert [str(limits.limits[under.limit]) for under in limits.under("x1")] == ["patch_max_unavailable"]
    assert [str(limits.limits[under.limit]) for under in limits.under("a1")] == ["cluster of a"]
