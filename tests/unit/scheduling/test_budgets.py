# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several budgets at once: whatever happens in whatever order, none is exceeded and every host comes to an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import (
    Budget, Decision, Exclusive, Host, Request, Room, decide)
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budgets import Sets, Standing, in_turn, sort_into_sets
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.rules import Place, Rule, parse_rules, sets_of

FAILURES = Budget("patch_max_failed", 99, 99, "99")
EXPRESSIONS = st.sampled_from(["cluster", "zone", "tenant"])
AMOUNTS = st.integers(1, 3) | st.sampled_from(["34%", "50%", "100%"])
LIMITS = st.builds(lambda amount, per: {"max_unavailable": amount, "per": per}, AMOUNTS, EXPRESSIONS | st.none())
EXCLUSIVES = st.builds(lambda both: {"exclusive": both[0], "within": both[1]},
                       st.tuples(st.sampled_from(["zone", "tenant"]), st.just("cluster") | st.none()))
HOSTS = st.fixed_dictionaries({
    "cluster": st.sampled_from(["a", "b", None]), "zone": st.sampled_from(["z1", "z2", "z3"]), "tenant": st.sampled_from(["t1", "t2"])})
FLEETS = st.lists(HOSTS, min_size=1, max_size=9).map(lambda found: {"h%d" % n: known for n, known in enumerate(found)})
HISTORY = st.lists(st.tuples(st.sampled_from(["ask", "ask", "ask", "done", "fail", "mend"]), st.integers(0, 8), st.sampled_from(["one", "two"])), max_size=50)


@dataclass
class Roll:
    """Two runs, of one deployment, over one ledger's state; each knows the part of the fleet that it was given."""

    rules: tuple[Rule, ...]
    fleet: dict[str, dict[str, Any]]
    views: dict[str, Sets]
    slots: dict[tuple[str, str], str] = field(default_factory=dict)
    ends: dict[tuple[str, str], str] = field(default_factory=dict)

    def ask(self, host: str, run: str) -> Decision:
        out = [Host(name, of, state) for (name, of), state in sorted(self.slots.items())]
        standing = Standing(host, self.views[run])
        others = [name for name in self.views if name != run]
        for unknown in standing.unknown(out, others):
            standing.learn(unknown, self.views[unknown])
        request = Request(host, run, "running", None, FAILURES, [h for h in out if h.name == host], rooms=standing.rooms(out, others))
        assert decide(request) == decide(replace(request, rooms=standing.rooms(out[::-1], others[::-1])))
        return decide(request)

    def take(self, host: str, run: str) -> Decision:
        decision = self.ask(host, run)
        if decision.granted:
            was_out = any(name == host for name, _ in self.slots)
            self.slots.setdefault((host, run), "installing")
            if not was_out:
                self.check()
        elif decision.kind == "refused":
            self.ends[host, run] = "not_started"
        assert decision.granted or (decision.reason and decision.budget and decision.blockers)
        return decision

    def end(self, host: str, run: str, state: str) -> None:
        if self.slots.get((host, run)) != "installing":
            return
        self.ends[host, run] = state
        if state == "failed":
            self.slots[host, run] = state
        else:
            del self.slots[host, run]

    def check(self) -> None:
        """The promise, worked out anew from what was written, and not by the code under test."""
        out = {host for host, _ in self.slots}
        for rule in self.rules:
            by_set: dict[str, list[Place]] = {}
            size: dict[str, int] = {}
            for host, known in self.fleet.items():
                place = sets_of(rule, host, known)
                if place:
                    size[place.set] = size.get(place.set, 0) + 1
                    by_set.setdefault(place.set, []).extend([place] if host in out else [])
            for name, places in by_set.items():
                if rule.amount:
                    assert len(places) <= rule.amount.of(size[name]), "%s of %s" % (rule.name, name)
                else:
                    assert len({place.value for place in places}) <= 1, "%s of %s" % (rule.name, name)


@st.composite
def rolls(draw: Any) -> Roll:
    fleet = draw(FLEETS)
    entries = [dict(entry, name="r%d" % n) for n, entry in enumerate(draw(st.lists(LIMITS | EXCLUSIVES, min_size=1, max_size=4)))]
    rules, names = [], sorted(fleet)
    for entry in entries:
        try:
            parse_rules([*({"name": r.name, **dict(e)} for r, e in rules), entry])
            sort_into_sets(parse_rules([entry]), fleet, fleet)
        except BadInput:
            continue
        rules.append((parse_rules([entry])[0], entry))
    parsed = tuple(rule for rule, _ in rules)
    # Slices that each see a part, or two runs that see the same.
    part = draw(st.integers(1, len(names)))
    seen = {"one": names, "two": names} if draw(st.booleans()) else {"one": names[:part], "two": names[part:]}
    views = {run: replace(sort_into_sets(parsed, {h: fleet[h] for h in hosts}, ()), deployment="d") for run, hosts in seen.items()}
    return Roll(parsed, fleet, views)


def happen(roll: Roll, what: str, number: int, run: str) -> None:
    hosts = roll.views[run].hosts
    if number >= len(hosts):
        return
    host = hosts[number]
    if what == "ask" and (host, run) not in roll.ends:
        roll.take(host, run)
    elif what in ("done", "fail"):
        roll.end(host, run, "failed" if what == "fail" else "succeeded")
    elif what == "mend" and roll.slots.get((host, run)) == "failed":
        del roll.slots[host, run]


@settings(max_examples=200, deadline=None)
@given(roll=rolls(), history=HISTORY)
def test_never_exceeded_together_and_every_host_comes_to_an_end(roll: Roll, history: list[tuple[str, int, str]]) -> None:
    for event in history:
        happen(roll, *event)
    everyone = [(host, run) for run, view in roll.views.items() for host in view.hosts]
    # From here on nobody helps. In each round whoever is out comes back, and all others ask again, in the plan's order.
    for _ in range(len(everyone) + 1):
        for host, run in everyone:
            roll.end(host, run, "succeeded")
        for host, run in everyone:
            if (host, run) not in roll.ends:
                roll.take(host, run)
    assert set(roll.ends) == set(everyone), "a host waits for ever"


@settings(max_examples=100, deadline=None)
@given(roll=rolls())
def test_without_failures_every_host_is_granted(roll: Roll) -> None:
    for run, view in roll.views.items():
        for host in view.hosts:
            assert roll.take(host, run).granted
            roll.end(host, run, "succeeded")


@settings(max_examples=100, deadline=None)
@given(roll=rolls(), history=HISTORY)
def test_a_host_is_never_held_back_by_sets_that_it_has_nothing_to_do_with(roll: Roll, history: list[tuple[str, int, str]]) -> None:
    for event in history:
        happen(roll, *event)
    for run, view in roll.views.items():
        for host in view.hosts:
            near = {name for rule in roll.rules for name in _together(rule, roll.fleet, host)}
            decision = roll.ask(host, run)
            assert {blocker.name for blocker in decision.blockers} <= near | {host}


def test_the_order_keeps_the_waiters_of_one_set_from_taking_all_forks() -> None:
    fleet = {"%s%d" % (c, n): {"cluster": c, "zone": "z%d" % (n // 4)} for c in "abc" for n in range(8)}
    quorum, zones = {"name": "quorum", "max_unavailable": 1, "per": "cluster"}, {"name": "zones", "exclusive": "zone"}
    sets = sort_into_sets(parse_rules([quorum]), fleet, ())
    order = in_turn(sets, sorted(fleet))
    assert sorted(order) == sorted(fleet) and order[:6] == ["a0", "b0", "c0", "a1", "b1", "c1"]
    assert rounds(sets, order, forks=4) == 8, "as many as the largest set has hosts"
    assert rounds(sets, sorted(fleet), forks=4) > 12, "in the order of names, one cluster's hosts fill the forks"
    apart = in_turn(sort_into_sets(parse_rules([quorum, zones]), fleet, ()), sorted(fleet))
    assert [fleet[host]["zone"] for host in apart] == ["z0"] * 12 + ["z1"] * 12


def rounds(sets: Sets, order: Sequence[str], forks: int) -> int:
    """How many rounds a roll takes in which a waiting host occupies a fork."""
    left, forked, count = list(order), [], 0
    while left or forked:
        forked += [left.pop(0) for _ in range(min(forks - len(forked), len(left)))]
        out: list[Host] = []
        for host in forked:
            if decide(Request(host, "night", "running", None, FAILURES, rooms=Standing(host, sets).rooms(out, []))).granted:
                out.append(Host(host, "night", "installing"))
        assert out, "nobody goes"
        forked = [host for host in forked if host not in {h.name for h in out}]
        count += 1
    return count


def _together(rule: Rule, fleet: dict[str, dict[str, Any]], host: str) -> Sequence[str]:
    place = sets_of(rule, host, fleet[host])
    found = {name: sets_of(rule, name, known) for name, known in fleet.items()}
    return [name for name, there in found.items() if place and there and there.set == place.set]


BUSY, DEAD = Host("web1", "night", "installing"), Host("web2", "day", "failed")
QUORUM = Budget("quorum", 1, 3, "1", "a")
ZONES = Exclusive("zones", "z1", "shop")


def asked(*rooms: Room, **more: Any) -> Decision:
    return decide(Request("web9", "night", "running", None, FAILURES, rooms=rooms, **more))


def test_a_wait_names_each_budget_that_is_full_and_all_blockers() -> None:
    decision = asked(Room(QUORUM, [BUSY]), Room(ZONES, [replace(BUSY, name="web3")]), Room(replace(QUORUM, name="free"), []))
    assert (decision.kind, decision.budget, [h.name for h in decision.blockers]) == ("wait", "quorum", ["web1", "web3"])
    assert decision.reason == ("quorum allows 1 of 3 hosts of a out of service; waiting for web1 (installing); "
                               "zones allows one value at a time in shop, this host has z1; waiting for web3 (installing)")


def test_what_never_comes_is_refused_though_another_budget_only_waits() -> None:
    decision = asked(Room(QUORUM, [BUSY]), Room(ZONES, [DEAD]))
    assert (decision.kind, decision.budget, decision.blockers) == ("refused", "zones", (DEAD,))
    assert "only a person can bring back web2 (failed in run day), of another" in decision.reason


def test_the_whole_set_and_others_are_asked_together() -> None:
    whole = Budget("patch_max_unavailable", 1, 9, "1")
    decision = decide(Request("web9", "night", "running", whole, FAILURES, [BUSY], rooms=[Room(QUORUM, [])]))
    assert (decision.kind, decision.budget) == ("wait", "patch_max_unavailable")


def test_in_step_nobody_waits() -> None:
    limit = asked(Room(QUORUM, [BUSY]), in_step=True, batch=["web1", "web9"])
    assert limit.kind == "refused" and "raise quorum to at least 2, lower serial to at most 1, or use strategy host_pinned" in limit.reason
    other = asked(Room(ZONES, [BUSY]), in_step=True, batch=["web1", "web9"])
    assert other.kind == "refused" and other.reason.endswith("put hosts of one value into a batch, or use strategy host_pinned")


def test_slices_make_a_percentage_one_of_all_that_registered() -> None:
    rules = parse_rules([{"name": "all", "max_unavailable": "50%"}, {"name": "share", "max_unavailable": "50%", "per": "cluster"}])
    fleet = {"h%d" % n: {"cluster": "a"} for n in range(8)}
    halves = [replace(sort_into_sets(rules, {h: fleet[h] for h in part}, ()), deployment="d") for part in (sorted(fleet)[:2], sorted(fleet)[2:])]
    standing = Standing("h0", halves[0])
    assert [room.budget.limit for room in standing.rooms([], []) if isinstance(room.budget, Budget)] == [1, 1]
    assert standing.unknown([], ["other"]) == ["other"]
    standing.learn("other", halves[1])
    assert [room.budget.limit for room in standing.rooms([], ["other"]) if isinstance(room.budget, Budget)] == [4, 4]
    out = [Host("h5", "other", "installing")]
    assert [list(room.out) for room in standing.rooms(out, ["other"])] == [out, out]


def test_the_whole_of_another_deployment_is_another_set_but_a_value_is_the_same() -> None:
    rules = parse_rules([{"name": "all", "max_unavailable": 2}, {"name": "rack", "max_unavailable": 1, "per": "rack"}])
    own = replace(sort_into_sets(rules, {"a": {"rack": "r1"}}, ()), deployment="web")
    standing = Standing("a", own)
    standing.learn("dbs", replace(sort_into_sets(rules, {"b": {"rack": "r1"}}, ()), deployment="db"))
    out = [Host("b", "dbs", "installing")]
    assert [list(room.out) for room in standing.rooms(out, [])] == [[], out]


class Counted(dict[str, Any]):
    """Variables that count how often they are looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        Counted.looks += 1
        return super().get(key, default)


class Watched(list[Any]):
    """A list that counts its items that are read, and refuses to be read as a whole."""

    reads = 0

    def __getitem__(self, item: Any) -> Any:
        Watched.reads += 1
        return super().__getitem__(item)

    def __iter__(self) -> Any:
        raise AssertionError("a decision went through the whole fleet")


def test_decisions_over_a_large_fleet_look_at_few_hosts() -> None:
    size, clusters = 100_000, 1000
    fleet = {"h%06d" % n: Counted(cluster="c%d" % (n % clusters), zone="z%d" % (n % 3), app="x") for n in range(size)}
    rules = parse_rules([{"name": "quorum", "max_unavailable": "25%", "per": "cluster"}, {"name": "zones", "exclusive": "zone", "within": "app"}])
    Counted.looks = 0
    sets = sort_into_sets(rules, fleet, fleet)
    assert Counted.looks <= 3 * size, "an expression was evaluated more than once for a host"
    sizes = {rule.name: rule for rule in sets.rules}
    assert len(sizes["quorum"].places) == clusters and len(sizes["zones"].places) == 3
    standing = Standing("h050000", sets)
    standing.rooms([], [])
    # What has been worked out once is not worked out again.
    watched = replace(sets, hosts=Watched(sets.hosts), rules=tuple(replace(rule, of=Watched(rule.of), places=Watched(rule.places)) for rule in sets.rules))
    standing.own = watched
    standing.places = [(rule, place) for rule, (_, place) in zip(watched.rules, standing.places)]
    out = [Host("h%06d" % n, "night", "installing") for n in range(0, size, size // 50)]
    Watched.reads = 0
    rooms = standing.rooms(out, [])
    assert [len(room.out) for room in rooms] and Watched.reads < 100 * len(out)
