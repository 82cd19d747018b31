# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever happens in whatever order: budgets hold, and every host comes to an end."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import (
    Budget, Decision, Host, Request, decide)

HOSTS = tuple("h%d" % n for n in range(8))
WORKING = ("draining", "drained", "installing", "rebooting", "checking", "restoring")


@dataclass
class Fleet:
    """A roll as the ledger would see it, with nothing but ``decide`` between the hosts."""

    limit: int
    may_fail: int
    in_step: bool
    canaries: frozenset[str]
    run_state: str = "running"
    ends: dict[str, str] = field(default_factory=dict)
    slots: dict[tuple[str, str], str] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    abandoned: bool = False

    def out(self) -> set[str]:
        return {host for host, _ in self.slots} | self.down

    def ask(self, host: str, run: str = "night") -> Decision:
        failed = sorted(h for h, state in self.ends.items() if state == "failed")
        request = Request(
            host, run, self.run_state, Budget("patch_max_unavailable", self.limit, 8, ""), Budget("patch_max_failed", self.may_fail, 8, ""),
            tuple(Host(h, r, state, self.abandoned and r == "day") for (h, r), state in sorted(self.slots.items())),
            tuple(Host(h, "", "unreachable") for h in sorted(self.down)), failed, [h for h in failed if h in self.canaries],
            self.in_step, HOSTS)
        assert decide(request) == decide(request)
        return decide(request)

    def take(self, host: str, run: str = "night") -> str:
        before = self.out()
        decision = self.ask(host, run)
        if decision.granted and (host, run) not in self.slots:
            self.slots[host, run] = "waiting"
            if host not in before:
                assert len(self.out()) <= self.limit, "one host too many is out of service"
        if decision.kind == "refused":
            self.ends[host] = "not_started"
        assert decision.granted or decision.budget
        return decision.kind

    def finish(self, host: str, state: str, run: str = "night") -> None:
        if (host, run) not in self.slots:
            return
        if state == "succeeded":
            del self.slots[host, run]
        else:
            self.slots[host, run] = state
        if run == "night":
            self.ends[host] = state


fleets = st.builds(Fleet, st.integers(1, 4), st.integers(0, 3), st.booleans(), st.frozensets(st.sampled_from(HOSTS), max_size=2))
events = st.lists(st.tuples(
    st.sampled_from(["take", "take", "take", "work", "done", "fail", "mend", "crash", "crash", "gone", "down", "other", "other_done",
                     "other_fail", "pause", "resume"]),
    st.sampled_from(HOSTS)), max_size=60)


def happen(fleet: Fleet, what: str, host: str) -> None:
    slots = fleet.slots
    if what == "take" and host not in fleet.ends:
        fleet.take(host)
    elif what == "work" and slots.get((host, "night")) in ("waiting", *WORKING):
        slots[host, "night"] = WORKING[len(slots) % len(WORKING)]
    elif what in ("done", "fail", "gone") and host not in fleet.ends:
        fleet.finish(host, {"done": "succeeded", "fail": "failed", "gone": "unreachable"}[what])
    elif what == "crash" and host not in fleet.ends and fleet.take(host) == "granted":
        fleet.finish(host, "failed")
    elif what == "mend" and fleet.ends.get(host) in ("failed", "unreachable"):
        slots.pop((host, "night"), None)
    elif what == "down" and host not in fleet.out() and host not in fleet.ends:
        fleet.down.add(host)
        fleet.ends[host] = "unreachable"
    elif what == "other" and (host, "day") not in slots and (host, "night") not in slots:
        ends = dict(fleet.ends)
        fleet.take(host, "day")
        fleet.ends = ends
    elif what == "other_done":
        fleet.finish(host, "succeeded", "day")
    elif what == "other_fail":
        fleet.finish(host, "failed", "day")
    elif what in ("pause", "resume"):
        fleet.run_state = {"pause": "paused", "resume": "running"}[what]


def run_dry(fleet: Fleet) -> None:
    """From here on nobody helps: working hosts end, waiting ones ask again. Bounded by what there is to do."""
    fleet.run_state = "running"
    fleet.abandoned = True
    for _ in range(3 * len(HOSTS)):
        for host in HOSTS:
            if host not in fleet.ends and fleet.take(host) == "granted":
                fleet.finish(host, "succeeded")


@settings(max_examples=400, deadline=None)
@given(fleet=fleets, history=events)
def test_never_exceeded_and_every_host_comes_to_an_end(fleet: Fleet, history: list[tuple[str, str]]) -> None:
    for what, host in history:
        happen(fleet, what, host)
    run_dry(fleet)
    assert set(fleet.ends) == set(HOSTS), "a host waits for ever"


@settings(max_examples=200, deadline=None)
@given(fleet=fleets, history=events)
def test_in_step_nobody_ever_waits_for_a_slot(fleet: Fleet, history: list[tuple[str, str]]) -> None:
    fleet.in_step = True
    for what, host in history:
        happen(fleet, what, host)
    fleet.run_state = "running"
    assert all(fleet.ask(host).kind != "wait" for host in HOSTS)


@settings(max_examples=200, deadline=None)
@given(fleet=fleets, history=events)
def test_the_failure_budget_stops_the_roll(fleet: Fleet, history: list[tuple[str, str]]) -> None:
    for what, host in history:
        happen(fleet, what, host)
    failed = [h for h, state in fleet.ends.items() if state == "failed"]
    canary = any(h in fleet.canaries for h in failed)
    if canary or len(failed) > fleet.may_fail:
        fresh = [h for h in HOSTS if (h, "night") not in fleet.slots]
        assert not any(fleet.ask(host).granted for host in fresh)
