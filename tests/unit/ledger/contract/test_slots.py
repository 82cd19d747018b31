# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract: slots, decided for all runs of a ledger at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events, hosts, runs, schema, slots, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import HostUnknown, LedgerUnavailable, NotAllowed
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import Owner, owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import max_failed, max_unavailable

FLEET = ["web1", "web2", "web3", "web4"]


@pytest.fixture
def take(ledger):
    def taken(run, host, limit=2, failures=0, fleet=FLEET, **more):
        ask = slots.Ask(run.id, host, fleet, max_unavailable(limit, len(fleet)), max_failed(failures, len(fleet)), **more)
        return slots.take(ledger, ask)

    return taken


def held(ledger, among=None):
    with ledger.read() as c:
        return [h.host for h in slots.holders(c, among)]


def test_taken_while_there_is_room_and_again_after_a_return(ledger, open_run, take):
    run = open_run(targets=FLEET)
    assert [take(run, h).kind for h in FLEET] == ["granted", "granted", "wait", "wait"]
    with ledger.write() as c:
        assert slots.give_back(c, run.id, "web1", reason="done", actor="alice")
        assert not slots.give_back(c, run.id, "web1")
    assert take(run, "web3").granted
    assert held(ledger) == ["web2", "web3"]
    with ledger.read() as c:
        (event,) = events.of_run(c, run.id, action="slot_returned")
        assert (event.host, event.actor, event.text) == ("web1", "alice", "done")
        assert [(s.host, s.returned_at is None) for s in slots.of_run(c, run.id)] == [("web1", False), ("web2", True), ("web3", True)]


def test_asking_again_keeps_the_one_slot(ledger, open_run, take):
    run = open_run()
    assert take(run, "web1").granted and take(run, "web1").granted
    assert held(ledger) == ["web1"]


def test_a_second_slot_in_a_run_begins_anew_in_the_hosts_steps_whatever_the_clocks_say(ledger, open_run):
    run = open_run()
    ask = slots.Ask(run.id, "web1", FLEET, max_unavailable(1, 4), max_failed(0, 4))
    for at in (1000.0, 1010.0):
        slots.take(ledger, ask, at=at)
    with ledger.write() as c:
        assert steps.all_of(c, run.id, "web1") == [], "asked again, it is the same slot"
        steps.end(c, steps.begin(c, run.id, "web1", "hook before_drain", at=1001.0), "ok", at=1002.0)
        slots.give_back(c, run.id, "web1", at=1003.0)
    slots.take(ledger, ask, at=900.0)
    with ledger.read() as c:
        assert [(s.step, s.started_at, s.outcome) for s in steps.all_of(c, run.id, "web1")] == [
            ("hook before_drain", 1001.0, "ok"), (steps.ANOTHER_TURN, 900.0, "ok")]


def test_a_refusal_or_a_wait_takes_nothing(ledger, open_run, take, walk):
    run = open_run(targets=FLEET)
    walk(run, "web4", "failed")
    assert take(run, "web1").budget == "patch_max_failed"
    assert held(ledger) == []


def test_slot_and_state_go_together(ledger, open_run, take, walk):
    run = open_run()
    take(run, "web1")
    walk(run, "web1", "draining", "drained", "installing", "checking", "restoring")
    with ledger.write() as c:
        slots.give_back(c, run.id, "web1", "succeeded", at=1100.0)
        assert hosts.get(c, run.id, "web1").state == "succeeded"
    with pytest.raises(NotAllowed, match="has come to its end in run night"):
        take(run, "web1")
    take(run, "web2")
    with pytest.raises(NotAllowed), ledger.write() as c:
        slots.give_back(c, run.id, "web2", "succeeded")
    assert held(ledger) == ["web2"], "the slot went although the state could not"


def test_slots_of_other_runs_count_where_the_set_has_their_hosts(open_run, take):
    day, night = open_run("day", FLEET[:2]), open_run("night", FLEET[2:])
    assert take(day, "web1").granted and take(day, "web2").granted
    decision = take(night, "web3")
    assert decision.kind == "wait" and "web1 (waiting in run day)" in decision.reason
    assert take(night, "web3", fleet=["web3", "web4"]).granted


def test_a_run_that_is_gone_on_with_waits_for_one_that_has_taken_up_its_host_whatever_the_clocks_say(ledger, open_run, walk):
    def ask(run, at=None):
        return slots.take(ledger, slots.Ask(run.id, "web1", FLEET, max_unavailable(9, 4), max_failed(0, 4)), at=at)

    day, night = open_run("day", owner=replace(owner_of(), started=1)), open_run("night", FLEET)
    assert ask(day, 2000.0).granted
    walk(day, "web1", "draining", "drained", "installing")
    assert ask(night, 1000.0).granted, "its controller is gone"
    walk(night, "web1", "draining")
    with ledger.write() as c:
        runs.resume(c, "day", owner_of(), "play")
    assert ask(day).kind == "wait" and "run night works on this host (draining)" in ask(day).reason
    assert ask(night).granted
    walk(night, "web1", "failed")
    assert ask(day).granted


def test_of_two_runs_that_were_left_in_the_middle_of_a_host_the_one_that_goes_on_first_is_waited_for(ledger, open_run, walk):
    def ask(run):
        return slots.take(ledger, slots.Ask(run.id, "web1", FLEET, max_unavailable(9, 4), max_failed(0, 4)))

    gone = replace(owner_of(), started=1)
    day, night = open_run("day", owner=gone), open_run("night", FLEET, owner=gone)
    for run in (day, night):
        assert ask(run).granted
        walk(run, "web1", "draining")
    with ledger.write() as c:
        before = [(slot.taken_at, slot.returned_at) for slot in slots.of_run(c, day.id)]
        runs.resume(c, "day", owner_of(), "play")
    assert ask(day).granted, "nobody works for the other one"
    with ledger.write() as c:
        runs.resume(c, "night", owner_of(), "play")
    assert ask(night).kind == "wait" and "run day works on this host (draining)" in ask(night).reason
    assert ask(day).granted
    with ledger.read() as c:
        assert [(slot.taken_at, slot.returned_at) for slot in slots.of_run(c, day.id)] == before
    walk(day, "web1", "failed")
    assert ask(night).granted


def test_what_a_finished_run_left_out_of_service_counts(ledger, open_run, take, walk):
    day, night = open_run("day"), open_run("night", FLEET)
    take(day, "web1")
    walk(day, "web1", "draining", "failed")
    with ledger.write() as c:
        runs.finish(c, day.id)
    decision = take(night, "web3", limit=1)
    assert decision.kind == "refused" and "web1 (failed in run day)" in decision.reason
    assert take(night, "web1", limit=1).granted, "it is out of service already"


def test_a_failed_host_keeps_its_slot_and_a_person_releases_it(ledger, open_run, take, walk):
    run = open_run(targets=FLEET)
    take(run, "web1")
    walk(run, "web1", "draining", "failed")
    assert take(run, "web2", limit=1, failures=9).kind == "refused"
    with ledger.write() as c:
        assert slots.give_back(c, run.id, "web1", reason="repaired by hand", actor="alice")
    assert take(run, "web2", limit=1, failures=9).granted


def test_hosts_that_nobody_can_reach_count(open_run, take, walk):
    run = open_run(targets=FLEET)
    walk(run, "web4", "unreachable")
    assert take(run, "web1").granted
    decision = take(run, "web2")
    assert decision.kind == "wait"
    assert take(run, "web2", limit=1).kind == "refused", "what was never reached and a working host"


def test_hosts_never_reached_do_not_use_up_failures_but_lost_ones_do(open_run, take, walk):
    run = open_run(targets=FLEET)
    walk(run, "web4", "unreachable")
    assert take(run, "web1", limit=3).granted
    walk(run, "web1", "draining", "unreachable")
    assert take(run, "web2", limit=4).budget == "patch_max_failed"


def test_what_another_run_could_not_reach_counts_unless_this_one_did(open_run, take, walk):
    day, night = open_run("day", ["web1", "web4"]), open_run("night", ["web2", "web4"])
    walk(day, "web1", "unreachable")
    walk(day, "web4", "unreachable")
    decision = take(night, "web2", limit=1)
    assert [b.name for b in decision.blockers] == ["web1"]


def test_a_failed_canary_refuses_everybody(open_run, take, walk):
    run = open_run(targets=FLEET, canaries=["web1"])
    walk(run, "web1", "failed")
    assert take(run, "web2", failures=3).budget == "patch_canaries"


def test_a_controller_that_is_gone_is_not_waited_for(open_run, take):
    day = open_run("day", ["web1"], owner=replace(owner_of(), started=1))
    far = open_run("far", ["web2"], owner=Owner("other.example", 1, 1, "x"))
    night = open_run("night", ["web3", "web4"])
    assert take(day, "web1").granted and take(far, "web2").granted
    decision = take(night, "web3", limit=1)
    assert decision.kind == "refused" and "web1 (waiting in run day, whose controller is gone)" in decision.reason
    assert take(night, "web3", limit=2).kind == "wait", "another machine's process may live"


def test_paused_waits_and_stopping_refuses(ledger, open_run, take):
    run = open_run()
    for state, kind in (("paused", "wait"), ("stopping", "refused")):
        with ledger.write() as c:
            runs.set_state(c, run.id, state)
        assert take(run, "web1").kind == kind


def test_in_step(open_run, take):
    run = open_run(targets=FLEET)
    assert take(run, "web1", limit=1, in_step=True, batch=FLEET[:2]).granted
    decision = take(run, "web2", limit=1, in_step=True, batch=FLEET[:2])
    assert decision.kind == "refused" and "raise patch_max_unavailable to at least 2" in decision.reason


def test_only_targets_take_slots(open_run, take):
    with pytest.raises(HostUnknown):
        take(open_run(), "web4")


def test_holders_say_who_since_when_and_where(ledger, open_run, take, walk):
    run = open_run()
    ask = slots.Ask(run.id, "web1", FLEET, max_unavailable(1, 4), max_failed(0, 4))
    slots.take(ledger, ask, at=1234.5)
    walk(run, "web1", "draining")
    with ledger.read() as c:
        (holder,) = slots.holders(c)
    assert (holder.host, holder.run, holder.run_state, holder.state, holder.taken_at) == ("web1", "night", "running", "draining", 1234.5)
    assert held(ledger, {"web2"}) == []


def test_the_database_itself_has_one_open_slot_of_a_host_in_a_run(ledger, open_run):
    run = open_run()
    row = sa.insert(schema.slots).values(run_id=run.id, host="web1", taken_at=1.0, reason="")
    with ledger.write() as c:
        c.execute(row.values(returned_at=2.0))
        c.execute(row)
    with pytest.raises(LedgerUnavailable, match="(?i)unique"), ledger.write() as c:
        c.execute(row)
