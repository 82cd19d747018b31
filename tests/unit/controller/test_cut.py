# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that is cut in the middle of a step, and the run that is gone on with."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import host_reboot, maintenance_mode, maintenance_slot
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import drain, installing, patient, rebooting
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.book import HostBook
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.installing import Installations
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts, logs, runs, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.windowing import windowed

CHANGE = {"name": "a", "arch": "all", "from": "1", "to": "2", "classification": "security"}


def settings(host: str = "web1", **variables: Any) -> Settings:
    return Settings.from_variables(variables, host)


@pytest.mark.parametrize("cut, job", [(KeyboardInterrupt, "install"), (SystemExit, "install"), (ValueError, "install-2")])
def test_an_installation_that_was_cut_with_its_controller_is_attached_to(desk: Any, monkeypatch: pytest.MonkeyPatch, cut: Any, job: str) -> None:
    desk.open()
    desk.prepare(changes=[CHANGE])
    book = desk.drained()
    book.state("installing")

    def install(*args: Any) -> Any:
        raise cut

    monkeypatch.setattr(patient, "install", install)
    with pytest.raises(cut):
        Installations(book, settings(), None, {}).install(book.plan())  # type: ignore[arg-type]
    assert desk.book().job_step() == job
    assert (desk.steps()[-1].outcome == "") == (job == "install")


def test_the_log_of_an_installation_is_kept_once_also_where_its_step_was_cut_before_its_end(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.prepare(changes=[CHANGE])
    book = desk.drained()
    book.state("installing")
    said = [dict(CHANGE, result="installed", reason="")]
    monkeypatch.setattr(patient, "install", lambda *args: {"changed": True, "packages": said, "log": "apt: " + args[2]["step"], "assessment": {}})

    def cut(*args: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(installing, "_raise", cut)
        Installations(book, settings(), None, {}).install(book.plan())  # type: ignore[arg-type]
    for _again in range(2):
        Installations(desk.book(), settings(), None, {}).install(book.plan())  # type: ignore[arg-type]
    with desk.ledger.read() as c:
        assert [(log.step, log.text) for log in logs.of_host(c, desk.run().id, "web1")] == [("install", "apt: install"), ("install-2", "apt: install-2")]


@pytest.mark.parametrize("cut, ends", [(KeyboardInterrupt, ["ok"]), (ValueError, ["failed", "ok"])])
def test_a_host_that_was_found_rebooted_is_due_for_no_other_reboot(desk: Any, monkeypatch: pytest.MonkeyPatch, cut: Any, ends: Any) -> None:
    desk.open()
    desk.prepare(changes=[CHANGE])
    book = desk.drained()
    book.state("installing")
    with book.step("install") as step:
        step.detail = {"boot_id": "old", "reboot": {"required": True, "reasons": ["kernel"]}}
    book.state("rebooting")
    with pytest.raises(cut), book.step("reboot"):
        raise cut
    monkeypatch.setattr(host_reboot, "rebooted_since", lambda *args: rebooting.Rebooted("new", 1.0, 1))
    assert desk.do(host_reboot, run_id="night")["reason"] == "found rebooted"
    assert [step.outcome for step in desk.steps() if step.step == "reboot"] == ends
    for entered in book.entered():
        book.undone(entered["id"])
    book.state("checking")
    assert desk.do(maintenance_slot, state="returned", run_id="night")["host_state"] == "succeeded"


def over() -> Any:
    """What is on record of a window that was over yesterday."""
    day = time.time() - 172800
    window = {"start": time.strftime("%Y-%m-%dT00:00", time.gmtime(day)), "duration": "2h", "timezone": "UTC"}
    return windowed(settings(patch_window=window), {}, "/", day - 86400, False).record


def test_no_slot_is_seen_without_the_state_that_goes_with_it(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.prepare(changes=[CHANGE])

    def cut(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(hosts, "move", cut)
    monkeypatch.setattr(HostBook, "state", cut)
    with pytest.raises(KeyboardInterrupt):
        desk.book().take_slot(settings(), ())
    assert (desk.slots(), desk.state().state) == ([], "waiting")


def test_a_host_that_comes_too_late_keeps_no_slot(desk: Any) -> None:
    desk.open(**over())
    desk.prepare(changes=[CHANGE])
    assert desk.book().take_slot(settings(), ()).granted
    with desk.ledger.write() as c:
        c.exec_driver_sql("update run_hosts set state = 'waiting' where host = 'web1'")
    assert desk.do(maintenance_slot, state="taken", run_id="night")["host_state"] == "deferred"
    assert (desk.slots(), desk.state().state) == ([], "deferred")


def test_a_place_that_was_cut_is_not_entered_because_another_is(desk: Any) -> None:
    desk.open()
    desk.prepare(changes=[CHANGE])
    book = desk.drained(place="lb1")
    place = {"driver": "command", "host": "web1", "timeout": 5.0, "options": {}}
    book.begin("enter", "lb2", dict(place, place="lb2", prior_state="in_service"))
    asked = []

    def reach(name: str) -> Any:
        asked.append((name, desk.steps()[1].outcome))
        return desk.place(name)

    drain.enter([dict(place, place="lb1"), dict(place, place="lb2")], "web1", book, reach, 5.0)
    assert asked == [("lb1", ""), ("lb2", "")]
    assert [(step.place, step.outcome, step.message) for step in desk.steps()] == [("lb1", "ok", ""), ("lb2", "ok", "gone on with")]


# --- a host that has a second turn in its run


HOOKS = ["after_drain", "before_drain"]


def gone_on_with(desk: Any) -> Any:
    with desk.ledger.write() as c:
        runs.resume(c, "night", desk.living, "play")
    desk.prepare(changes=[CHANGE])
    return desk.do(maintenance_slot, state="taken", run_id="night")


def cut_in_the_drain(desk: Any) -> HostBook:
    """The controller is killed right after the drain and its hooks."""
    desk.open(owner=desk.gone)
    desk.prepare(changes=[CHANGE])
    book: HostBook = desk.drained()
    for hook in HOOKS:
        with book.step("hook " + hook):
            pass
    return book


def restored(desk: Any) -> None:
    """By somebody, with the playbook of that name."""
    desk.do(maintenance_mode, state="left", run_id="night")
    assert desk.do(maintenance_slot, state="returned", run_id="night")["host_state"] == "deferred"


def test_hooks_are_done_again_where_somebody_brought_the_host_back_in_between(desk: Any) -> None:
    cut_in_the_drain(desk)
    restored(desk)
    told = gone_on_with(desk)
    assert (told["granted"], told["hooks_done"]) == (True, [])
    desk.do(maintenance_slot, state="failed", run_id="night", failed_task="x", failure={"msg": "broke"})
    assert desk.slots() == [], "no hook was begun in this turn, so that nobody has to undo one"


def test_hooks_of_a_slot_that_was_never_returned_stay_done(desk: Any) -> None:
    cut_in_the_drain(desk)
    assert gone_on_with(desk)["hooks_done"] == HOOKS
    assert "another turn" not in [step.step for step in desk.steps()]


def test_a_second_turn_drains_though_the_first_one_ended_with_a_reboot_and_a_restore(desk: Any) -> None:
    book = cut_in_the_drain(desk)
    for name, outcome in (("reboot before", "ok"), ("install", "skipped")):
        book.begin(name)
        book.end(name, outcome, "too late")
    assert book.put_off() == "too late"
    restored(desk)
    assert gone_on_with(desk)["granted"] and desk.book().put_off() == ""
    desk.do(maintenance_mode, state="entered", run_id="night", places=[{"driver": "command", "place": "lb1"}])
    assert [place["place"] for place in desk.book().entered()] == ["lb1"] and desk.places["lb1"].asked[-1] == ("entered", None)


@pytest.mark.parametrize("outcome, again", [("ok", False), ("skipped", True), (None, True)])
def test_only_a_patched_host_is_not_drained_again_in_the_same_turn(desk: Any, outcome: Any, again: bool) -> None:
    book = cut_in_the_drain(desk)
    for name, how in (("reboot before", "ok"), ("install", outcome)):
        if how:
            book.begin(name)
            book.end(name, how)
    desk.do(maintenance_mode, state="left", run_id="night")
    assert gone_on_with(desk)["granted"]
    desk.do(maintenance_mode, state="entered", run_id="night", places=[{"driver": "command", "place": "lb1"}])
    assert bool(desk.book().entered()) is again


def test_a_place_is_left_on_record_when_its_step_is_at_its_end_and_not_before(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    book = desk.drained()

    def cut(*args: Any, **more: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(steps, "end", cut)
        with pytest.raises(KeyboardInterrupt):
            drain.leave(book, lambda name: desk.place(name))
    assert [step["place"] for step in book.entered()] == ["lb1"] and book.last_step("leave").outcome == ""
    drain.leave(book, lambda name: desk.place(name))
    assert book.entered() == [] and book.last_step("leave").outcome == "ok"
