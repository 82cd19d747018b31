# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hand on a run from another terminal, and what is told about it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_slot, patch_run
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import run_points, standing
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.controlling import StillAlive
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import NotAllowed, RunUnknown
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings


def control(desk: Any, state: str, **more: Any) -> Any:
    return desk.do(patch_run, state=state, **more)


def slot(desk: Any, host: str) -> Any:
    return desk.book(host=host).take_slot(Settings.from_variables({"patch_max_unavailable": 9}, host), ())


def test_a_paused_run_gives_no_slot_until_it_is_resumed(desk: Any) -> None:
    desk.open()
    assert control(desk, "paused", reason="lunch")["msg"] == "run night is paused: no further host is started until it is resumed"
    assert (slot(desk, "web1").kind, slot(desk, "web1").reason) == ("wait", "run night is paused")
    assert not control(desk, "paused")["changed"] and not control(desk, "paused", reason="lunch")["changed"]
    assert control(desk, "paused", reason="database migration")["changed"] and desk.run().reason == "database migration"
    told = control(desk, "info", run_id="night")["runs"][0]["events"]
    assert [(event["what"], event["text"]) for event in told] == [("opened", ""), ("paused", "lunch"), ("paused", "database migration")]
    assert control(desk, "resumed")["changed"]
    assert slot(desk, "web1").granted


def test_a_stopped_run_says_whom_it_still_finishes_and_for_how_long(desk: Any) -> None:
    desk.open(patch_drain_timeout=60, patch_install_timeout=600)
    desk.drained()
    said = control(desk, "stopped", reason="enough")["msg"]
    assert said.startswith("run night is stopping: no further host is started; web1 is brought to an end first, which by the limits of their steps takes ")
    assert said.endswith(" min at most, hooks aside")
    assert slot(desk, "web2").kind == "refused"
    with pytest.raises(NotAllowed, match="is stopping and can't become running"):
        control(desk, "resumed")


@pytest.mark.parametrize("state", ["stopped", "paused"])
def test_of_a_run_whose_controller_is_gone_nobody_is_said_to_bring_hosts_to_an_end(desk: Any, state: str) -> None:
    desk.open(owner=desk.gone)
    assert control(desk, state)["msg"].endswith(
        "; its controller is gone, so that nobody works on it: the same start with -e patch_run_name=night goes on with it")
    desk.open("day", owner=desk.gone)
    desk.drained("day").state("installing")
    said = control(desk, state, run_id="day")["msg"]
    assert "nobody works on it and web1 is not brought back: the same start with -e patch_run_name=day" in said and "at most" not in said


def test_check_mode_changes_nothing(desk: Any) -> None:
    desk.open()
    assert control(desk, "paused", check=True)["msg"] == "check mode: run night stays running"
    assert desk.run().state == "running"


def test_the_only_unfinished_run_needs_no_name(desk: Any) -> None:
    with pytest.raises(BadInput, match="which run[?] no run is unfinished"):
        control(desk, "paused")
    desk.open()
    desk.open("day", targets=["web2"])
    with pytest.raises(BadInput, match="2 are unfinished: .*unfinished are day, night"):
        control(desk, "paused")
    assert control(desk, "paused", run_id="day")["run_id"] == "day"
    with pytest.raises(RunUnknown):
        control(desk, "paused", run_id="dusk")


def test_info_says_who_is_out_why_and_what_to_do_next(desk: Any) -> None:
    desk.open(owner=desk.other, inventory=["/etc/hosts.yml"], deployment_file="/etc/web.yml")
    book = desk.drained()
    text = control(desk, "info")["text"]
    assert "Run night (deployment web) is running" in text and "2 hosts: 1 drained, 1 waiting" in text
    assert "web1  drained, out for 0 s, run night (enter: ok)" in text and "next: wait: run night works on it" in text
    book.state("installing")
    book.failed("failed", "Install: broke", True)
    found = control(desk, "info", run_id="night")
    assert found["out_of_service"][0]["reason"] == "Install: broke"
    assert found["out_of_service"][0]["next"] == "ansible-playbook -i /etc/hosts.yml fleetops.patchtrain.restore -e @/etc/web.yml --limit web1"


def test_a_run_whose_controller_is_gone_is_told_how_it_goes_on(desk: Any) -> None:
    desk.open(owner=desk.gone, inventory=["/etc/hosts.yml"], deployment_file="/etc/web.yml")
    desk.drained()
    found = control(desk, "info")
    assert found["runs"][0]["controller_gone"] and "which is GONE" in found["text"]
    assert found["out_of_service"][0]["next"] == (
        "ansible-playbook -i /etc/hosts.yml fleetops.patchtrain.patch -e @/etc/web.yml -e patch_run_name=night")


def test_who_else_has_its_hosts_out_is_told_beside_its_own(desk: Any) -> None:
    desk.open(owner=desk.other)
    desk.open("day", targets=["web1"], owner=desk.other)
    desk.drained("day").failed("failed", "Install: broke", True)
    found = control(desk, "info", run_id="night")
    assert found["out_of_service"] == [] and [host["run"] for host in found["by_other_runs"]] == ["day"]
    assert "Out of service by this run: no host\nOf its hosts, out of service by other runs: 1\n  web1  failed" in found["text"]
    assert control(desk, "info", run_id="day")["by_other_runs"] == []
    assert "by other runs" not in control(desk, "info")["text"], "without a name all are told"


@pytest.mark.parametrize(("owner", "deployment", "targets", "told"), [
    ("gone", "web", ["web2"], True), ("gone", "other", ["web1"], True), ("gone", "other", ["web2"], False), ("living", "web", ["web1"], False)])
def test_the_next_run_is_told_of_one_left_in_the_middle(desk: Any, owner: str, deployment: str, targets: Any, told: bool) -> None:
    desk.open(owner=getattr(desk, owner), deployment_file="/etc/web.yml")
    desk.drained()
    lines = standing.left_behind(desk.ledger, desk.open("day", targets, patch_deployment=deployment))
    assert len(lines) == told
    assert not told or "web1 out of service" in lines[0] and lines[0].endswith(
        "Go on with it: ansible-playbook fleetops.patchtrain.patch -e @/etc/web.yml -e patch_run_name=night")


def test_of_a_host_that_only_a_person_can_bring_back_the_next_run_is_not_told_to_go_on(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained().failed("failed", "broke", True)
    assert standing.left_behind(desk.ledger, desk.open("day")) == []


def test_what_was_done_to_a_run_by_whom_in_which_job_and_for_which_change_can_be_looked_up(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained()
    night: Any = {"variables": {"patch_change_id": "CHG-7", "awx_user_name": "alice", "awx_job_id": 42}}
    control(desk, "paused", reason="database\x1b[2J", **night)
    control(desk, "disowned", **night)
    control(desk, "released", hosts=["web1"], reason="burnt down", **night)
    run_points.end(desk.ledger, "night", "after", "chat is down", "bob")
    found = control(desk, "info", run_id="night")
    beside = {"actor": "alice", "job_id": "42", "change_id": "CHG-7"}
    assert [{key: value for key, value in event.items() if key != "at"} for event in found["runs"][0]["events"]] == [
        {"what": "opened", "actor": "", "text": ""}, {"what": "paused", "text": "database\x1b[2J", **beside}, {"what": "disowned", "text": "", **beside},
        {"what": "slot of web1 returned", "text": "burnt down", **beside}, {"what": "hook after failed", "actor": "bob", "text": "chat is down"}]
    assert "paused (by alice, job 42, change CHG-7): database" in found["text"] and "\x1b" not in found["text"]
    assert "CHG-7" not in control(desk, "info")["text"]


def test_nothing_is_out(desk: Any) -> None:
    assert control(desk, "info")["text"] == "No run is unfinished.\nOut of service: no host"


def test_a_host_that_is_gone_for_good_gives_its_slot_back_with_a_reason(desk: Any) -> None:
    desk.open(owner=desk.other)
    desk.drained().state("installing")
    with pytest.raises(BadInput, match="which hosts are gone for good, and why"):
        control(desk, "released", hosts=["web1"])
    with pytest.raises(StillAlive, match="still works on web1 .installing."):
        control(desk, "released", hosts=["web1"], reason="burnt down")
    desk.book().failed("failed", "Install: broke", True)
    done = control(desk, "released", hosts=["web1", "web2"], reason="burnt down")
    assert done["returned"] == ["web1"] and done["msg"] == "returned: web1; held no slot: web2" and desk.slots() == []


def test_a_run_on_another_machine_is_disowned_by_force_alone(desk: Any) -> None:
    elsewhere = desk.other.__class__("elsewhere.example", 7, 7, "b")
    desk.open(owner=elsewhere)
    with pytest.raises(StillAlive, match="process 7 on elsewhere.example; if you know that it is gone"):
        control(desk, "disowned", run_id="night")
    assert "belongs to nobody now" in control(desk, "disowned", run_id="night", force=True)["msg"]
    assert control(desk, "info")["runs"][0]["controller_gone"]


def test_the_hosts_of_a_run_that_is_nobodys_are_restored_and_released(desk: Any) -> None:
    desk.open(owner=desk.other)
    desk.drained()
    desk.drained(host="web2")
    control(desk, "disowned", run_id="night", force=True)
    assert desk.do(maintenance_slot, state="found")["run_id"] == "night"
    assert control(desk, "released", hosts=["web2"], reason="burnt down")["returned"] == ["web2"]


def test_the_model_of_a_run_is_made_once_for_all_of_its_hosts(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made, model = [], standing.run_model
    monkeypatch.setattr(standing, "run_model", lambda ledger, name, *more: made.append(name) or model(ledger, name, *more))
    desk.open(owner=desk.gone)
    for host in ("web1", "web2"):
        desk.drained(host=host)
    assert len(control(desk, "info")["out_of_service"]) == 2 and made == ["night"]


def test_no_slot_is_released_where_one_of_the_hosts_is_refused(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained(host="web2")
    desk.open("day", owner=desk.other, patch_deployment="other")
    desk.drained("day")
    with pytest.raises(StillAlive):
        control(desk, "released", hosts=["web1", "web2"], reason="burnt down")
    assert sorted(desk.slots()) == [("day", "web1"), ("night", "web2")]


def test_only_the_slots_of_a_run_that_is_named_are_released(desk: Any) -> None:
    for run in ("night", "day"):
        desk.open(run, owner=desk.gone)
        desk.drained(run).failed("failed", "broke", True)
    done = control(desk, "released", run_id="day", hosts=["web1", "web2"], reason="burnt down")
    assert (done["returned"], done["msg"]) == (["web1"], "returned: web1; held no slot of run day: web2") and desk.slots() == [("night", "web1")]
    with pytest.raises(RunUnknown):
        control(desk, "released", run_id="dusk", hosts=["web1"], reason="burnt down")
    assert control(desk, "released", hosts=["web1"], reason="burnt down")["returned"] == ["web1"] and desk.slots() == []


def test_nothing_is_released_in_check_mode(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained()
    done = control(desk, "released", check=True, hosts=["web1"], reason="burnt down")
    assert done["msg"] == "check mode, these would be returned: web1"
    assert desk.slots() == [("night", "web1")]


def test_what_hosts_say_does_not_write_on_the_terminal(desk: Any) -> None:
    desk.open(owner=desk.gone)
    desk.drained()
    desk.book().failed("failed", "Install: \x1b]0;gotcha\x07\x1b[2J", True)
    told = control(desk, "info")["text"]
    assert "\x1b" not in told and r"Install: \x1b]0;gotcha" in told


def test_a_plan_is_no_run_that_could_be_meant(desk: Any) -> None:
    desk.open()
    for name in ("plan", "another"):
        desk.open(name, check=True)
    assert control(desk, "paused")["run_id"] == "night"
    assert control(desk, "stopped", run_id="plan")["run_id"] == "plan"
    desk.open("day")
    with pytest.raises(BadInput, match="which run. 2 are unfinished: .*; unfinished are day, night$"):
        control(desk, "resumed")
