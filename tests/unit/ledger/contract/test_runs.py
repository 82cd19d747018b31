# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract: runs and their hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events, hosts, runs, slots
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import (
    HostUnknown, NotAllowed, RunFinished, RunInUse, RunUnknown)
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import Owner, owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling import budget

ELSEWHERE = Owner("other.example", 4711, 99, "f00")


def test_a_run_is_on_record_with_who_and_why(ledger, open_run):
    run = open_run(actor="alice", job_id="42", change_id="CHG-7", settings={"patch_reboot": "never"}, canaries=["web2"])
    with ledger.read() as c:
        assert runs.get(c, "night") == run == runs.by_id(c, run.id)
        assert [(h.host, h.state, h.canary, h.position) for h in hosts.all_of(c, run.id)] == [
            ("web1", "waiting", False, 0), ("web2", "waiting", True, 1)]
        (event,) = events.of_run(c, run.id)
    assert (run.actor, run.job_id, run.change_id, run.settings, run.state) == ("alice", "42", "CHG-7", {"patch_reboot": "never"}, "running")
    assert (event.action, event.actor, event.at) == ("opened", "alice", 1000.0)


def test_the_same_process_opens_it_again_and_changes_nothing(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        again, created = runs.open_run(c, runs.NewRun("night", "web", owner_of(), [runs.Target("db1")], actor="bob"), 2000.0)
    assert (again, created) == (run, False)
    with ledger.read() as c, pytest.raises(HostUnknown, match="db1 is not among the targets"):
        hosts.get(c, run.id, "db1")


@pytest.mark.parametrize("owner", [ELSEWHERE, replace(owner_of(), pid=1), replace(owner_of(), started=1), replace(owner_of(), boot_id="x")])
def test_another_process_does_not_get_an_unfinished_run(open_run, owner):
    open_run(owner=owner)
    with pytest.raises(RunInUse, match="run night .* give patch_run_name another name") as caught:
        open_run()
    assert caught.value.data["gone"] is (owner != ELSEWHERE)


def test_a_run_can_be_taken_over_by_name_with_an_actor(ledger, open_run):
    run = open_run(owner=ELSEWHERE)
    with ledger.write() as c:
        runs.take_over(c, "night", owner_of(), "bob")
    assert open_run().id == run.id
    with ledger.read() as c:
        assert [(e.action, e.actor) for e in events.of_run(c, run.id)][-1] == ("taken_over", "bob")


def test_a_finished_name_is_never_used_again(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        runs.finish(c, run.id)
    with pytest.raises(RunFinished, match=r"run night has ended \(failed\)"):
        open_run()
    with ledger.write() as c, pytest.raises(RunFinished):
        runs.take_over(c, "night", owner_of())


def test_an_unknown_run_is_named(ledger):
    with ledger.read() as c, pytest.raises(RunUnknown, match="there is no run nope"):
        runs.get(c, "nope")


@pytest.mark.parametrize("name", ["../x", "a b", "", "a;rm", "x" * 101])
def test_a_bad_name_is_refused(open_run, name):
    with pytest.raises(BadInput, match="can't be a name"):
        open_run(name)


def test_a_run_of_no_hosts_can_be_opened_and_ends_well(ledger, open_run):
    run = open_run(targets=[])
    with ledger.write() as c:
        assert runs.finish(c, run.id).run.state == "succeeded"


def test_recent_and_latest(ledger, open_run):
    first, second = open_run("a", at=1.0), open_run("b", at=2.0)
    with ledger.write() as c:
        runs.finish(c, second.id)
    with ledger.read() as c:
        assert runs.latest(c).name == "b" and runs.latest(c, "db") is None
        assert [r.name for r in runs.recent(c, deployment="web")] == ["b", "a"]
        assert [r.id for r in runs.recent(c, unfinished=True)] == [first.id]


def test_a_person_pauses_resumes_and_stops(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        for state in ("paused", "running", "stopping"):
            assert runs.set_state(c, run.id, state, "alice", "why " + state).state == state
        with pytest.raises(NotAllowed, match="run night is stopping and can't become running"):
            runs.set_state(c, run.id, "running", "alice")
        with pytest.raises(NotAllowed):
            runs.set_state(c, run.id, "succeeded", "alice")
        notes = [(e.actor, e.text, e.detail["is"]) for e in events.of_run(c, run.id, action="run_state")]
    assert notes == [("alice", "why " + state, state) for state in ("paused", "running", "stopping")]


def test_the_end_is_found_from_the_hosts(ledger, open_run, walk):
    run = open_run(targets=["a", "b"])
    walk(run, "a", "up_to_date")
    walk(run, "b", "draining", "drained", "installing", "checking", "restoring", "succeeded")
    with ledger.write() as c:
        ending = runs.finish(c, run.id, at=1500.0)
        assert (ending.run.state, ending.run.finished_at, ending.offenders) == ("succeeded", 1500.0, ())


@pytest.mark.parametrize(("fail_on", "state", "offenders"), [
    (("failed",), "succeeded", []), (("reboot_pending",), "failed", ["a"]), (("unreachable", "not_started"), "failed", ["b", "c"])])
def test_what_counts_as_failure_is_asked_for(ledger, open_run, walk, fail_on, state, offenders):
    run = open_run(targets=["a", "b", "c"])
    walk(run, "a", "reboot_pending")
    walk(run, "b", "unreachable")
    with ledger.write() as c:
        ending = runs.finish(c, run.id, fail_on)
    assert (ending.run.state, [h.host for h in ending.offenders]) == (state, offenders)


def test_what_was_left_in_the_middle_has_failed_and_says_where(ledger, open_run, walk):
    run = open_run(targets=["a", "b"])
    walk(run, "a", "draining", "drained", "installing")
    with ledger.write() as c:
        runs.finish(c, run.id)
        assert [(h.state, h.reason) for h in hosts.all_of(c, run.id)] == [
            ("failed", "the run ended while it was installing"), ("not_started", "the run ended before its turn")]


def test_finishing_again_is_the_same(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        first = runs.finish(c, run.id, at=1500.0)
        assert runs.finish(c, run.id, at=1600.0) == first


def test_a_stopped_run_is_stopped(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        runs.set_state(c, run.id, "stopping", "alice")
        assert runs.finish(c, run.id).run.state == "stopped"


def test_the_last_host_closes_the_run(ledger, open_run, walk):
    run = open_run(targets=["a", "b"])
    walk(run, "a", "up_to_date")
    with ledger.write() as c:
        assert runs.finish_if_done(c, run.id) is None
    walk(run, "b", "up_to_date")
    with ledger.write() as c:
        assert runs.finish_if_done(c, run.id).run.state == "succeeded"


def test_the_summary_counts_what_was_never_reached_apart(ledger, open_run, walk):
    run = open_run(targets=["a", "b", "c", "d"])
    walk(run, "a", "unreachable")
    walk(run, "b", "draining", "unreachable")
    walk(run, "c", "draining", "failed")
    with ledger.read() as c:
        assert runs.summary(c, run.id) == {
            "hosts": 4, "states": {"failed": 1, "unreachable": 2, "waiting": 1}, "failed": 2, "never_reached": 1, "slots": 0}


def test_only_legal_ways_and_every_change_an_event(ledger, open_run, walk):
    run = open_run()
    walk(run, "web1", "draining")
    with ledger.write() as c:
        with pytest.raises(NotAllowed, match="host web1 is draining and can't become succeeded"):
            hosts.set_state(c, run.id, "web1", "succeeded")
        host = hosts.set_state(c, run.id, "web1", "failed", "the drain took too long", at=1003.0)
        assert (host.state, host.came_from, host.reason, host.changed_at) == ("failed", "draining", "the drain took too long", 1003.0)
        assert hosts.set_state(c, run.id, "web1", "failed") == host
        assert hosts.set_state(c, run.id, "web1", "failed", "more is known").came_from == "draining"
        assert [(e.detail["was"], e.detail["is"]) for e in events.of_run(c, run.id, "web1")] == [
            ("waiting", "draining"), ("draining", "failed"), ("failed", "failed")]


def test_hosts_of_a_finished_run_stay_as_they_ended(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        runs.finish(c, run.id)
        with pytest.raises(NotAllowed, match="its run has ended"):
            hosts.set_state(c, run.id, "web1", "waiting")


def test_baseline_and_plan_are_kept_as_they_were(ledger, open_run):
    run = open_run()
    health, plan = {"mounts": [{"path": "/", "free_percent": 12.5}], "n": None}, {"changes": [{"name": "é\0<b>"}]}
    with ledger.write() as c:
        assert hosts.baseline(c, run.id, "web1") is None
        hosts.set_baseline(c, run.id, "web1", health)
        hosts.set_plan(c, run.id, "web1", plan)
    with ledger.read() as c:
        assert (hosts.baseline(c, run.id, "web1"), hosts.plan(c, run.id, "web1")) == (health, plan)
        assert hosts.plan(c, run.id, "web2") is None
        with pytest.raises(HostUnknown):
            hosts.plan(c, run.id, "web3")


def test_the_runs_of_a_process_are_found_however_many_others_came_since(ledger, open_run):
    mine = open_run("mine")
    for number in range(25):
        open_run("other-%d" % number, owner=replace(owner_of(), pid=number + 1), at=2000.0 + number)
    with ledger.read() as c:
        assert [run.id for run in runs.of_owner(c, owner_of())] == [mine.id]


def test_an_unfinished_run_is_gone_on_with_by_another_process(ledger, open_run, walk):
    run = open_run("night", ["web1", "web2", "web3", "web4", "web5"], owner=replace(owner_of(), started=1), settings={"play": "old", "set": []})
    walk(run, "web1", "draining", "drained", "installing")
    walk(run, "web2", "draining", "failed")
    walk(run, "web3", "unreachable")
    walk(run, "web4", "not_started")
    with ledger.write() as c:
        now = runs.resume(c, "night", owner_of(), "new", "bob", {"joiners": ["web9"]}, 3000.0)
    with ledger.read() as c:
        assert now.owner == owner_of().to_dict() and now.settings["play"] == "new" and now.settings["set"] == []
        assert {h.host: h.state for h in hosts.all_of(c, run.id)} == {
            "web1": "installing", "web2": "failed", "web3": "waiting", "web4": "waiting", "web5": "waiting"}
        told = events.of_run(c, run.id)[-1]
        assert (told.action, told.actor, told.detail) == ("gone_on_with", "bob", {"joiners": ["web9"]})


def test_what_a_vanished_controller_left_is_ended_unless_a_host_is_still_out(ledger, open_run):
    gone = replace(owner_of(), started=1)
    open_run("left", owner=gone, settings={"patch_fail_on": []})
    holding = open_run("holding", owner=gone)
    open_run("elsewhere", owner=ELSEWHERE)
    open_run("living")
    slots.take(ledger, slots.Ask(holding.id, "web1", ["web1"], budget.max_unavailable(1, 1), budget.max_failed(0, 1)))
    with ledger.write() as c:
        assert runs.end_abandoned(c, "web", "bob", 3000.0) == ["left"]
    with ledger.read() as c:
        assert {run.name: run.state for run in runs.recent(c)} == {
            "left": "succeeded", "holding": "running", "elsewhere": "running", "living": "running"}
        assert {host.state for host in hosts.all_of(c, runs.get(c, "left").id)} == {"not_started"}
        assert events.of_run(c, runs.get(c, "left").id)[-1].actor == "bob"


def test_what_begins_in_check_mode_ends_only_what_was_in_check_mode(ledger, open_run):
    gone = replace(owner_of(), started=1)
    open_run("left", owner=gone)
    open_run("looked", owner=gone, settings={"check": True})
    with ledger.write() as c:
        assert runs.end_abandoned(c, "web", checks_only=True) == ["looked"]
        assert runs.get(c, "left").state == "running"


def test_where_hosts_stood_last_is_not_told_by_what_was_in_check_mode(ledger, open_run, walk):
    walk(open_run("day", settings={"check": False, "deployment_file": ""}), "web1", "blocked")
    walk(open_run("look", at=2000.0, settings={"budgets": [], "check": True, "deployment_file": "", "set": ["web1"]}), "web1", "not_started")
    with ledger.read() as c:
        assert hosts.last_states(c, ["web1", "web9"]) == {"web1": "blocked"}


def test_others_are_made_the_canaries(ledger, open_run):
    run = open_run(targets=["web1", "web2", "web3"])
    with ledger.write() as c:
        hosts.go_first(c, run.id, ["web1"])
        hosts.go_first(c, run.id, ["web3"])
    with ledger.read() as c:
        assert [(host.host, host.canary) for host in hosts.all_of(c, run.id)] == [("web3", True), ("web1", False), ("web2", False)]
