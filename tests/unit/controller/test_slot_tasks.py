# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come back into service, who keeps a slot, and what is written about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, List

import pytest
import yaml

from ansible_collections.fleetops.patchtrain.plugins.action import (
    hook_proof, host_health_info, maintenance_mode, maintenance_slot, patch_run, updates_install)
from ansible_collections.fleetops.patchtrain.plugins.modules import host_health_info as health_module
from ansible_collections.fleetops.patchtrain.plugins.modules import maintenance_mode as mode_module
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import closing, confirming, drain, gating, patient, settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.book import StillOut
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import leases, runs, slots
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import CannotRun, Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import LATER_RUN, Decision
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.waiting import Limit

Refused = maintenance_slot.Refused


def lost(name: str) -> Lost:
    return Lost("%s can't be reached" % name, host=name)


def failed(desk: Any, error: Any = None, **more: Any) -> Any:
    return desk.do(maintenance_slot, state="failed", run_id="night", failed_task="Install", failure={"msg": "broke", "error": error or {}}, **more)


def found(desk: Any, **more: Any) -> Any:
    return desk.do(maintenance_slot, state="found", **more)


def returned(desk: Any, run: str = "night", **more: Any) -> Any:
    return desk.do(maintenance_slot, state="returned", run_id=run, **more)


# --- what is installed


def test_what_was_never_prepared_is_not_nothing_to_install(desk: Any) -> None:
    desk.open()
    with pytest.raises(confirming.NotPrepared, match="web1 was not prepared in run night"):
        desk.do(updates_install, run_id="night", planned=True)
    desk.prepare(changes=())
    assert desk.do(updates_install, run_id="night", planned=True) == {"msg": "nothing to install"}


# --- who may be restored


def test_a_host_that_a_living_run_works_on_is_not_restored(desk: Any) -> None:
    desk.open(owner=desk.other)
    desk.drained().state("installing")
    with pytest.raises(Refused, match=r"run night still works on web1 \(installing\)"):
        found(desk)
    assert found(desk, reason="I know that it is gone")["run_id"] == "night"


def test_a_host_that_is_at_its_end_is_restored_while_its_run_goes_on(desk: Any) -> None:
    desk.open(owner=desk.other)
    desk.drained().failed("failed", "broke", keeps_slot=True)
    assert found(desk)["run_id"] == "night"


@pytest.mark.parametrize("whose", ["living", "gone"])
def test_a_host_of_this_process_or_of_one_that_is_gone_is_restored(desk: Any, whose: str) -> None:
    desk.open(owner=getattr(desk, whose))
    desk.drained()
    assert found(desk)["run_id"] == "night"


def test_a_host_in_the_middle_of_its_installation_is_not_restored(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained().begin("install")
    desk.places["web1"] = host = desk.place("web1")
    host.stdout = "active\n"
    with pytest.raises(Refused, match=r"web1 is still installing for run night, in unit patchtrain-[0-9a-f]+\.service"):
        found(desk)
    host.stdout = "inactive\n"
    assert found(desk)["run_id"] == "night"


# --- what is written about one that is back


@pytest.mark.parametrize("outcome, state, told", [
    ("", "failed", "nobody saw its end"), ("failed", "failed", "ended badly"), ("ok", "succeeded", ""), (None, "deferred", "before anything was installed")])
def test_a_host_succeeded_only_if_its_installation_did(desk: Any, outcome: Any, state: str, told: str) -> None:
    desk.open(owner=desk.gone)
    desk.prepare()
    book = desk.drained()
    if outcome is not None:
        step = book.begin("install")
        if outcome:
            book.end("install", outcome)
        assert step
    book.state("checking")
    for entered in book.entered():
        book.undone(entered["id"])
    result = returned(desk)
    assert result["host_state"] == state == desk.state().state
    assert told in result["reason"] and desk.slots() == []


def test_a_host_that_was_left_in_its_restore_is_checked_again(desk: Any) -> None:
    desk.open(owner=desk.gone)
    book = desk.drained()
    for state in ("checking", "restoring", "checking"):
        book.state(state)
    assert desk.state().state == "checking"


def test_no_slot_is_returned_for_a_host_that_is_still_out(desk: Any) -> None:
    desk.open()
    desk.drained()
    with pytest.raises(StillOut, match="web1 is still out of service at lb1"):
        returned(desk)
    assert desk.slots() == [("night", "web1")]


def test_a_host_with_two_slots_is_told_to_be_held_by_the_other_run(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained().failed("failed", "broke", keeps_slot=True)
    desk.open("next")
    desk.drained("next").failed("failed", "broke again", keeps_slot=True)
    assert found(desk)["run_id"] == "next"
    desk.do(maintenance_mode, state="left", run_id="next")
    assert returned(desk, "next")["held_by"] == "night"
    desk.do(maintenance_mode, state="left", run_id="night")
    assert returned(desk, "night")["held_by"] == ""


def test_a_host_that_can_not_let_its_updaters_go_is_back_all_the_same(desk: Any) -> None:
    desk.open()
    book = desk.drained()
    with book.step("prepare") as step:
        step.detail = {"program": "/p.zip", "python": "python3", "held_units": ["apt-daily.service"]}
    desk.do(maintenance_mode, state="left", run_id="night")
    desk.places["web1"] = desk.place("web1", CannotRun("web1: sudo wants a password", host="web1", obstacle="sudo"))
    result = returned(desk)
    assert result["host_state"] == "succeeded" and "sudo" in result["note"]


# --- check mode


def test_a_restore_in_check_mode_restores_nothing_and_writes_nothing(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained()
    before = (desk.steps(), desk.state(), desk.slots())
    for plugin, args in ((hook_proof, {"state": "begun", "point": "before_restore"}), (host_health_info, {}), (maintenance_mode, {"state": "left"}),
                         (hook_proof, {"state": "ended", "point": "before_restore"}), (maintenance_slot, {"state": "returned"})):
        desk.do(plugin, check=True, run_id="night", **args)
    assert (desk.steps(), desk.state(), desk.slots()) == before
    assert desk.places["lb1"].asked == [("left", None)], "None: as the task is run"


def test_a_drain_that_needs_a_slot_is_no_failure_in_check_mode(desk: Any) -> None:
    desk.open()
    assert desk.do(maintenance_slot, check=True, state="taken", run_id="night", require=True)["granted"] is False
    assert (desk.state().state, desk.state().reason, desk.slots()) == ("not_started", "check mode", [])


# --- who keeps a slot after a failure


def test_a_drain_that_is_undone_gives_its_slot_back(desk: Any) -> None:
    desk.open()
    desk.drained()
    assert "the drain was undone" in failed(desk)["reason"]
    assert desk.slots() == [] and desk.places["lb1"].asked == [("left", None)]


@pytest.mark.parametrize("reached, state", [((), "blocked"), (("restoring",), "failed"), (("restoring", "checking"), "failed")])
def test_what_refuses_a_host_blocks_it_only_as_long_as_it_was_not_taken_beyond_its_drain(desk: Any, reached: Any, state: str) -> None:
    desk.open()
    book = desk.drained()
    for now in reached:
        book.state(now)
    told = failed(desk, {"kind": "CannotMove", "blocked": True})
    assert (told["host_state"], desk.state().state, desk.slots()) == (state, state, []) and "broke" in desk.state().reason


def test_a_drain_that_can_not_be_undone_keeps_its_slot(desk: Any) -> None:
    desk.open()
    desk.drained()
    desk.places["lb1"] = desk.place("lb1", lost("lb1"))
    assert "could not be undone" in failed(desk)["reason"]
    assert desk.slots() == [("night", "web1")] and desk.state().state == "failed"


@pytest.mark.parametrize("point, keeps", [("before_drain", True), ("after_drain", True), ("before_restore", False)])
def test_a_drain_by_hooks_keeps_its_slot_because_nobody_knows_what_undoes_it(desk: Any, point: str, keeps: bool) -> None:
    desk.open()
    desk.do(hook_proof, state="begun", point=point, run_id="night")
    desk.drained()
    desk.do(hook_proof, state="ended", point=point, run_id="night")
    reason = failed(desk)["reason"]
    assert bool(desk.slots()) is keeps and ("hook %s was begun" % point in reason) is keeps


@pytest.mark.parametrize("who, state", [("web1", "unreachable"), ("lb1", "failed")])
def test_a_load_balancer_that_is_lost_is_not_the_host(desk: Any, who: str, state: str) -> None:
    desk.open()
    desk.drained().begin("install")
    failed(desk, {"kind": "Lost", "host": who})
    assert desk.state().state == state and desk.slots() == [("night", "web1")]


@pytest.mark.parametrize("place, host", [(None, "web1"), ("lb1", "lb1")])
def test_a_hook_task_that_is_lost_elsewhere_names_that_place(desk: Any, place: Any, host: str) -> None:
    desk.open()
    with pytest.raises(Lost) as caught:
        desk.do(hook_proof, state="lost", point="before_drain", run_id="night", task="mine", **({"place": place} if place else {}))
    assert caught.value.data["host"] == host and host in caught.value.message


@pytest.mark.parametrize("broken", [lost("web1"), CannotRun("web1: no space left for temporary files", host="web1")])
def test_a_host_on_which_nothing_can_be_run_after_a_hook_ends_the_hooks_step(desk: Any, broken: Exception) -> None:
    desk.open()
    desk.do(hook_proof, state="begun", point="before_restore", run_id="night")
    desk.places["web1"] = desk.place("web1", broken)
    with pytest.raises(type(broken)):
        desk.do(hook_proof, state="ended", point="before_restore", run_id="night")
    assert [(step.step, step.outcome, step.message) for step in desk.steps()] == [
        ("hook before_restore", "failed", "after hook before_restore: %s" % broken)]


# --- slices


def test_runs_of_one_deployment_share_the_budget_of_their_sets(desk: Any) -> None:
    desk.open("slice-1", ["s1", "t1"])
    desk.open("slice-2", ["s2", "t2"], owner=desk.other)
    desk.open("foreign", ["f1", "f2"], patch_deployment="foreign")
    one = Settings.from_variables({"patch_max_unavailable": 1}, "-")
    assert desk.book("slice-1", "s1").take_slot(one, ()).granted
    refused = desk.book("slice-2", "s2").take_slot(one, ())
    assert refused.kind == "wait" and "allows 1 of 4 hosts" in refused.reason and "s1" in refused.reason
    half = Settings.from_variables({"patch_max_unavailable": "50%"}, "-")
    assert desk.book("slice-2", "s2").take_slot(half, ()).granted and desk.book("slice-2", "t2").take_slot(half, ()).kind == "wait"
    assert desk.book("foreign", "f1").take_slot(one, ()).granted


def test_batches_that_are_their_own_limit_do_not_share(desk: Any) -> None:
    desk.open("one", ["s1", "t1"])
    desk.open("two", ["s2", "t2"], owner=desk.other)
    default = Settings.from_variables({}, "-")
    assert desk.book("one", "s1").take_slot(default, ["s1", "t1"]).granted
    assert desk.book("two", "s2").take_slot(default, ["s2", "t2"]).granted
    assert desk.book("one", "t1").take_slot(default, ()).kind == "wait", "without a batch the default is one, over all slices"


# --- who left the play


def test_a_host_that_left_the_play_before_its_turn_counts_as_out_of_service(desk: Any) -> None:
    desk.open(targets=["web1", "web2", "web3"])
    gone = {"ansible_play_hosts_all": ["web1", "web2", "web3"], "ansible_play_hosts": ["web1", "web3"], "patch_max_unavailable": 1, "patch_slot_timeout": 0}
    assert desk.do(maintenance_slot, state="taken", run_id="night", variables=gone)["granted"] is False
    assert desk.state("web2").state == "unreachable" and desk.state("web3").state == "waiting"
    assert "web2" in desk.state("web1").reason


def test_a_host_that_left_the_play_in_its_drain_is_waited_for_by_nobody(desk: Any) -> None:
    desk.open()
    desk.drained("night", "web2")
    gone = {"ansible_play_hosts": ["web1"], "patch_max_unavailable": 1}
    assert desk.do(maintenance_slot, state="taken", run_id="night", variables=gone)["granted"] is False
    assert (desk.state("web2").state, desk.slots()) == ("unreachable", [("night", "web2")])
    assert "while it was drained" in desk.state("web2").reason


def test_the_play_of_another_process_says_nothing_about_who_waits(desk: Any) -> None:
    desk.open(owner=desk.other)
    desk.book().out_of_play(["web2"])
    assert desk.state("web2").state == "waiting"


# --- whose run it is


def test_a_controller_that_lost_its_run_starts_nothing_more_in_it_and_writes_nothing_of_the_hosts_that_wait(desk: Any) -> None:
    desk.open(owner=desk.other)
    told = desk.do(maintenance_slot, state="taken", run_id="night")
    assert not told["granted"] and "run night was taken over (by process" in told["reason"]
    assert desk.state().state == "waiting" and desk.slots() == []


def test_who_loses_its_run_while_a_host_waits_is_told_so(desk: Any) -> None:
    run, book = desk.open(), desk.book()
    with desk.ledger.write() as c:
        runs.take_over(c, run.name, desk.other)
    told = book.take_slot(Settings.from_variables({}, "web1"), ())
    assert (told.kind, told.budget) == ("refused", slots.LOST) and desk.slots() == []


def test_who_lost_its_run_finishes_what_it_began(desk: Any) -> None:
    run, book = desk.open(), desk.drained()
    with desk.ledger.write() as c:
        runs.take_over(c, run.name, desk.other)
    for step in book.entered():
        book.undone(step["id"])
    book.state("installing")
    with book.step("install"):
        pass
    book.state("checking")
    assert returned(desk)["host_state"] == "succeeded" and desk.slots() == []
    with pytest.raises(closing.TakenOver, match="was taken over .* and does not end it"):
        desk.do(patch_run, state="finished", run_id="night")
    assert desk.run().state == "running"


def test_a_run_that_is_taken_over_while_it_is_being_ended_is_not_ended(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run, write, over = desk.open(), type(desk.ledger).write, [desk.other]

    def late(ledger: Any) -> Any:
        with write(ledger) as c:
            for owner in over[:]:
                runs.take_over(c, run.name, owner)
                over.clear()
        return write(ledger)

    monkeypatch.setattr(type(desk.ledger), "write", late)
    with pytest.raises(closing.TakenOver):
        desk.do(patch_run, state="finished", run_id="night")
    assert desk.run().state == "running"


@pytest.mark.parametrize("left, renewed", [(10.0, True), (90.0, False)])
def test_every_action_of_a_runs_controller_keeps_its_lease(desk: Any, left: float, renewed: bool) -> None:
    run = desk.open(patch_lease=100.0)
    with desk.ledger.write() as c:
        leases.renew(c, run.id, left)
    desk.book()
    assert (desk.run().lease_left > 95) is renewed


def test_a_step_begins_with_the_whole_lease(desk: Any) -> None:
    run = desk.open(patch_lease=100.0)
    book = desk.book()
    for act in (lambda: book.begin("install"), book.alive.renew):
        with desk.ledger.write() as c:
            leases.renew(c, run.id, 76.0)
        book.alive.due = 0.0
        act()
        assert desk.run().lease_left > 95


def test_a_lease_is_longer_than_what_a_step_really_may_take() -> None:
    assert settings.INSTALL_MARGIN == 2 * (patient.POLL + patient.MARGIN) + patient.PAUSE
    assert (settings.PLACE_MARGIN, settings.GATE_MARGIN) == (drain._MARGIN, gating.MARGIN)


def test_what_is_not_its_own_is_not_kept_alive(desk: Any) -> None:
    run = desk.open(owner=desk.other, patch_lease=100.0)
    with desk.ledger.write() as c:
        leases.renew(c, run.id, 10.0)
    desk.book().begin("install")
    assert desk.run().lease_left < 11


def test_a_host_that_waits_and_a_step_keep_the_lease_too(desk: Any) -> None:
    run = desk.open(patch_lease=60.0)
    book = desk.book()
    for act in (lambda: book.take_slot(Settings.from_variables({}, "web1"), ()), lambda: book.begin("install")):
        with desk.ledger.write() as c:
            leases.renew(c, run.id, 0.0)
        book.alive.due = 0.0
        act()
        assert desk.run().lease_left > 50


# --- modules of their own


@pytest.mark.parametrize("module, documented, args, times", [
    (host_health_info, health_module, {"baseline": {"units": []}}, 1), (maintenance_mode, mode_module, {"state": "entered", "driver": "command"}, 2)])
def test_a_task_outside_of_a_run_may_take_as_long_as_its_module(desk: Any, module: Any, documented: Any, args: Any, times: int) -> None:
    seen: List[float] = []
    desk.places["web1"] = desk.place("web1")
    desk.places["web1"].module = lambda name, given, seconds, check=None: (seen.append(seconds), {})[1]
    options = yaml.safe_load(documented.DOCUMENTATION)["options"]
    name = "limit" if "limit" in options else "timeout"
    desk.do(module, variables={"patch_drain_timeout": 7}, **args)
    desk.do(module, variables={"patch_drain_timeout": 7}, **dict(args, **{name: 40}))
    assert seen == [options[name]["default"] * times + 60, 40 * times + 60]


# --- a host that another run has taken up


def test_who_waits_for_a_later_run_to_be_through_with_its_own_host_is_not_given_up(desk: Any) -> None:
    desk.open()
    action = object.__new__(maintenance_slot.ActionModule)
    action._display = SimpleNamespace(vv=lambda text: None)
    action.variables = {"inventory_hostname": "web1"}
    book = desk.drained()
    assert action._answer(book, Decision("wait", "run day works on this host", LATER_RUN), None, Limit(0, (), lambda: 0.0)) == {}
    assert desk.slots() == [("night", "web1")]
