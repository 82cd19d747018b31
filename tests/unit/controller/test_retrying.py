# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is tried again, how often, under which name on the host; and rounds until nothing is left."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import host_health_info, host_reboot, maintenance_mode, updates_install
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (
    CommandFailed, CommandTimeout, LockTimeout, MaintenanceFailed, PatchtrainError)
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import gating
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.controlling import limits
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.installing import UpdateLoop
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.prepared import HostFailed
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.rebooting import Rebooted
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.retrying import CHANGED, retrying, why
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

LOST = Lost("lb1 can't be reached", host="lb1")
NO_REBOOT = {"required": False, "reasons": []}


def at_a_place(error: PatchtrainError) -> MaintenanceFailed:
    """As a driver's failure comes through the walk over all places."""
    inner = MaintenanceFailed("haproxy at lb1: ...", result=error.as_result())
    return MaintenanceFailed("...; undone", cause=inner.as_result())


@pytest.mark.parametrize("error, step, reason", [
    (LOST, "prepare", "lost"),
    (LOST, "install", None),
    (MaintenanceFailed("x", cause=LOST.as_result()), "drain", "lost"),
    (at_a_place(CommandTimeout("slow", [])), "drain", "timeout"),
    (at_a_place(CommandFailed("no", [])), "drain", None),
    (HostFailed("x", cause={"kind": "LockTimeout"}), "install", "lock"),
    (HostFailed("x", cause={"kind": "CommandFailed"}, **{CHANGED: False}), "install", "fetch"),
    (HostFailed("x", cause={"kind": "CommandFailed"}, **{CHANGED: True}), "install", "packages"),
    (HostFailed("x", cause={"kind": "CommandTimeout"}, **{CHANGED: True}), "install", "packages"),
    (HostFailed("x", cause={"kind": "TransactionDiffers"}, **{CHANGED: False}), "install", None),
    (gating.NotHealthy("x", differences=[]), "gate", "health"),
])
def test_the_reason_of_a_failure(error: PatchtrainError, step: str, reason: Optional[str]) -> None:
    assert why(error, step) == reason


def test_each_attempt_is_on_record_and_their_number_and_the_wait_are_bounded(desk: Any) -> None:
    desk.open()
    waited: List[float] = []
    settings = Settings.from_variables({"patch_retries": {"drain": 2}, "patch_retry_delay": 3}, "web1")

    def work() -> None:
        raise LockTimeout("apt is at work")

    for step, attempts in (("drain", 2), ("install", 0)):
        waited.clear()
        with pytest.raises(LockTimeout):
            retrying(desk.book(), settings, step, work, waited.append)
        assert waited == [3.0] * attempts
    assert [(step.step, step.message) for step in desk.steps()] == [
        ("retry drain", "1 of 2, because of lock: apt is at work"), ("retry drain", "2 of 2, because of lock: apt is at work")]


class Host:
    """Answers each module in turn; the last answer stays."""

    def __init__(self, **answers: List[Dict[str, Any]]) -> None:
        self.name = "web1"
        self.answers = answers
        self.asked: List[Any] = []

    def module(self, name: str, args: Any, seconds: float, check: Optional[bool] = None) -> Dict[str, Any]:
        short = name.rpartition(".")[2]
        self.asked.append((short, args.get("step")))
        left = self.answers[short]
        return dict(left.pop(0) if len(left) > 1 else left[0])


def done(to: str = "2", pending: int = 0) -> Dict[str, Any]:
    package = {"name": "a", "arch": "x", "from": "1", "to": to, "classification": "bugfix", "result": "installed", "reason": ""}
    return {"finished": True, "packages": [package], "reboot": NO_REBOOT, "log": "", "boot_id": "b",
            "assessment": {"updates": [{"name": "n"}] * pending, "reboot": NO_REBOOT}}


def not_begun(kind: str) -> Dict[str, Any]:
    package = dict(done()["packages"][0], result="pending")
    return {"finished": True, "failed": True, "msg": "no", "error": {"kind": kind}, "packages": [package], "reboot": NO_REBOOT, "log": ""}


def plan(*changes: str) -> Dict[str, Any]:
    found = [{"name": name, "arch": "x", "from": "1", "to": "2"} for name in changes]
    return {"assessment": {"updates": []}, "plan": {"changes": found, "digest": "d"}}


def rolled(desk: Any, host: Host, **variables: Any) -> Dict[str, Any]:
    desk.places["web1"] = host
    result: Dict[str, Any] = desk.do(updates_install, run_id="night", planned=True, variables=dict({"patch_retry_delay": 0}, **variables))
    return result


@pytest.fixture
def prepared(desk: Any) -> Any:
    desk.open()
    desk.prepare(changes=plan("a")["plan"]["changes"])
    desk.drained()
    return desk


def outcomes(desk: Any) -> List[Any]:
    return [(step.step, step.outcome) for step in desk.steps() if step.step != "enter"]


def test_a_retried_installation_is_another_job_because_the_first_answers_as_it_ended(prepared: Any) -> None:
    host = Host(updates_install=[not_begun("LockTimeout"), done()])
    rolled(prepared, host, patch_retries=1)
    assert host.asked == [("updates_install", "install"), ("updates_install", "install-2")]
    assert outcomes(prepared) == [("install", "failed"), ("retry install", "ok"), ("install", "ok")]
    assert prepared.book().last_job() == "install-2" and prepared.book().changed_to() == {("a", "x", "2")}


def test_a_failed_package_script_is_not_tried_again_unless_named(prepared: Any) -> None:
    failed = dict(not_begun("PackagesFailed"), packages=[dict(done()["packages"][0], result="failed")])
    with pytest.raises(HostFailed):
        rolled(prepared, Host(updates_install=[failed]), patch_retries=3)
    assert outcomes(prepared) == [("install", "failed")]


def test_named_it_is(prepared: Any) -> None:
    failed = dict(not_begun("PackagesFailed"), packages=[dict(done()["packages"][0], result="failed")])
    rolled(prepared, Host(updates_install=[failed, done()]), patch_retries=3, patch_retry_on=["packages"])
    assert prepared.book().installations() == 1


def test_an_installation_whose_end_nobody_saw_keeps_its_name(prepared: Any) -> None:
    prepared.book().begin("install")
    host = Host(updates_install=[done()])
    rolled(prepared, host)
    assert host.asked == [("updates_install", "install")]


def test_rounds_go_on_until_nothing_is_left(prepared: Any) -> None:
    host = Host(updates_install=[done(pending=1), done("3")], host_assess=[plan("b")])
    rolled(prepared, host, patch_rounds=5)
    assert host.asked == [("updates_install", "install"), ("host_assess", None), ("updates_install", "install-2")]
    assert prepared.book().plan()["changes"][0]["name"] == "b" and prepared.book().installations() == 2


def test_rounds_are_bounded_and_one_is_the_default(prepared: Any) -> None:
    host = Host(updates_install=[done(pending=1)], host_assess=[plan("b"), plan("c"), plan("d")])
    rolled(prepared, host, patch_rounds=3)
    assert prepared.book().installations() == 3
    assert [name for name, _step in host.asked].count("host_assess") == 2


def test_the_same_update_twice_is_a_loop_that_is_named(prepared: Any) -> None:
    with pytest.raises(UpdateLoop, match="a 2 was installed by this run and is pending again"):
        rolled(prepared, Host(updates_install=[done(pending=1)], host_assess=[plan("a")]), patch_rounds=3)
    assert prepared.book().installations() == 1


@pytest.mark.parametrize("later", [None, "gate"])
def test_a_run_that_is_gone_on_with_looks_whether_a_round_is_left_but_not_behind_the_installation(prepared: Any, later: Optional[str]) -> None:
    rolled(prepared, Host(updates_install=[done(pending=1)]))
    if later:
        with prepared.book().step(later):
            pass
    host = Host(updates_install=[done("3")], host_assess=[plan("b")])
    rolled(prepared, host, patch_rounds=2)
    assert host.asked == ([] if later else [("host_assess", None), ("updates_install", "install-2")])


def test_a_rollback_is_exact_and_has_one_round(prepared: Any) -> None:
    host = Host(updates_install=[done(pending=1)], host_assess=[plan("b")])
    rolled(prepared, host, patch_rounds=3, patch_rollback="earlier")
    assert host.asked == [("updates_install", "install")]


@pytest.mark.parametrize("error, attempts", [(LOST, 3), (CommandFailed("refused", []), 1)])
def test_a_place_that_does_not_answer_is_asked_again(desk: Any, error: PatchtrainError, attempts: int) -> None:
    desk.open()
    desk.places["lb1"] = lb1 = desk.place("lb1", fails=error)
    with pytest.raises(MaintenanceFailed):
        desk.do(maintenance_mode, state="entered", run_id="night", places=[{"driver": "command", "place": "lb1"}],
                variables={"patch_retries": 2, "patch_retry_delay": 0})
    assert len(lb1.asked) == attempts


def test_the_gate_is_asked_again_where_the_host_was_lost(prepared: Any) -> None:
    prepared.places["web1"] = host = prepared.place("web1", fails=LOST)
    with pytest.raises(Lost):
        prepared.do(host_health_info, run_id="night", variables={"patch_retries": {"gate": 1}, "patch_retry_delay": 0})
    assert len(host.asked) == 2


@pytest.mark.parametrize("variables, due, why_not", [
    ({}, True, "no reboot before the installation"),
    ({"patch_reboot_before": True}, False, "no reboot is due"),
    ({"patch_reboot_before": True, "patch_reboot": "always"}, False, "no reboot is due"),
    ({"patch_reboot_before": True, "patch_reboot": "never"}, True, "patch_reboot is never"),
])
def test_no_reboot_comes_first_unless_one_is_due_and_allowed(prepared: Any, variables: Dict[str, Any], due: bool, why_not: str) -> None:
    prepared.book().assessed({"reboot": {"required": due, "reasons": ["kernel"] if due else []}})
    result = prepared.do(host_reboot, run_id="night", before=True, variables=variables)
    assert not result["rebooted"] and why_not in result["reason"]


def test_a_reboot_that_is_due_comes_first_and_once(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared.book().assessed({"reboot": {"required": True, "reasons": ["kernel"]}})
    back = Rebooted("new", 1.0, 2)
    monkeypatch.setattr(host_reboot, "reboot", lambda remote, timeout, known: back)
    args: Dict[str, Any] = {"run_id": "night", "variables": {"patch_reboot_before": True}}
    assert prepared.do(host_reboot, before=True, **args)["rebooted"]
    assert prepared.book().reboot_due() == [] and prepared.book().touched()
    assert not prepared.do(host_reboot, before=True, **args)["rebooted"], "of a run that is gone on with"
    rolled(prepared, Host(updates_install=[dict(done(), reboot={"required": True, "reasons": ["again"]})]))
    assert prepared.book().reboot_due() == ["again"], "the installation may want another"


@pytest.mark.parametrize("more, seconds", [
    ({}, 2 * 300 + 3900 + 600 + 300), ({"patch_retries": 1, "patch_retry_delay": 10}, 2 * (2 * 300 + 3900 + 300) + 600 + 40),
    ({"patch_retries": {"install": 2}, "patch_retry_delay": 0, "patch_rounds": 2}, 2 * 300 + 6 * 3900 + 3600 + 600 + 300),
    ({"patch_reboot_before": True}, 2 * 300 + 3900 + 2 * 600 + 300),
    ({"patch_maintenance": [{"driver": "command", "timeout": 20}, {"driver": "command"}]}, 2 * 320 + 3900 + 600 + 300)])
def test_how_long_a_stop_takes_at_most_knows_of_them(desk: Any, more: Dict[str, Any], seconds: float) -> None:
    assert limits(desk.open(**more)) == seconds
