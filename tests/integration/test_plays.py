# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays of all shapes do with the controller's side: strategies, batches, ends of plays. No host is touched."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from canned import Canned


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    return Canned(tmp_path / "fleet")


def test_hosts_that_go_their_own_way_share_one_run(fleet: Canned) -> None:
    done = fleet.play(fleet.role(strategy="host_pinned"), patch_max_unavailable=4)
    assert done.rc == 0, done.text
    assert fleet.runs() == ["succeeded"]
    assert fleet.ask("SELECT count(*) FROM package_changes") == [(4,)], "each host was installed"


def test_a_role_that_is_included_twice_is_two_runs(fleet: Canned) -> None:
    tasks = [{"ansible.builtin.include_role": {"name": "fleetops.patchtrain.patch"}, "vars": {"patch_deployment": name}} for name in ("first", "second")]
    done = fleet.play(fleet.role(tasks=tasks, serial=2))
    assert done.rc == 0, done.text
    assert fleet.ask("SELECT deployment, state FROM runs ORDER BY id") == [("first", "succeeded"), ("second", "succeeded")]
    assert fleet.ask("SELECT count(*) FROM package_changes") == [(8,)]


def test_what_stayed_out_is_restored_without_its_deployment_and_not_in_check_mode(fleet: Canned) -> None:
    fleet.say(h1={"install": "dpkg broke"})
    for _again in (1, 2):
        fleet.play(patch_hosts="h1")
    assert (fleet.out(), fleet.slots(), fleet.states()) == (["h1"], ["h1", "h1"], {"h1": "failed"})
    checked = fleet.play("fleetops.patchtrain.restore", "--check", patch_maintenance=[])
    assert checked.rc == 0, checked.text
    assert (fleet.out(), fleet.slots()) == (["h1"], ["h1", "h1"])
    done = fleet.play("fleetops.patchtrain.restore", patch_maintenance=[])
    assert done.rc == 0, done.text
    assert (fleet.out(), fleet.slots(), fleet.states(), fleet.runs()) == ([], [], {"h1": "failed"}, ["failed", "failed"])


def test_a_host_in_the_middle_of_its_installation_is_left_alone(fleet: Canned) -> None:
    fleet.write("install.hold", "")
    process = fleet.start("fleetops.patchtrain.patch", patch_hosts="h1")
    deadline = time.monotonic() + 60
    while not (fleet.folder / "install.reached").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    done = fleet.play("fleetops.patchtrain.restore", "--limit", "h1")
    assert done.rc != 0 and "still works on h1 (installing)" in done.text
    assert fleet.out() == ["h1"]
    (fleet.folder / "install.hold").unlink()
    assert fleet.finish(process).rc == 0
    assert (fleet.out(), fleet.states()) == ([], {"h1": "succeeded"})


def test_drain_and_restore_around_ones_own_work_leave_no_run_behind(fleet: Canned) -> None:
    entries = [{"ansible.builtin.import_role": {"name": "fleetops.patchtrain.patch", "tasks_from": entry}} for entry in ("drain", "restore")]
    play = fleet.role(serial=2, tasks=[entries[0], {"ansible.builtin.command": "ls %s/out" % fleet.folder, "register": "seen"}, entries[1]])
    checked = fleet.play(play, "--check")
    assert checked.rc == 0, checked.text
    assert fleet.ask("SELECT count(*) FROM steps") == [(0,)]
    done = fleet.play(play)
    assert done.rc == 0, done.text
    assert (fleet.out(), fleet.slots(), fleet.runs()[-1]) == ([], [], "succeeded")
    assert fleet.ask("SELECT count(*) FROM runs WHERE finished_at IS NULL") == [(0,)]
    assert set(fleet.states().values()) == {"succeeded"}


def test_a_host_that_is_unreachable_before_the_role_is_recorded(fleet: Canned) -> None:
    fleet.inventory({"h1": {}, "h2": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}, "h3": {}})
    fleet.play(fleet.role(serial=2, gather_facts=True), patch_max_unavailable=2)
    assert fleet.states() == {"h1": "succeeded", "h2": "unreachable", "h3": "succeeded"}
    assert fleet.runs() == ["failed"]


def test_a_module_that_crashes_on_a_host_is_told_by_its_last_word(fleet: Canned) -> None:
    fleet.say(h1={"crash": "the disk is on fire"})
    done = fleet.play(patch_hosts="h1,h2", patch_max_unavailable=2)
    assert fleet.states() == {"h1": "blocked", "h2": "succeeded"}, done.text
    (reason,) = fleet.ask("SELECT reason FROM run_hosts WHERE host = 'h1'")[0]
    assert "the disk is on fire" in reason


def test_what_a_host_says_can_not_write_on_the_terminal(fleet: Canned) -> None:
    fleet.say(h1={"install": "dpkg: \x1b]0;mine\x07 \u202ebroke"})
    hook = fleet.write("hook.yml", "- ansible.builtin.fail: {msg: \"not \\e[2J reached\"}\n")
    done = fleet.play(patch_hosts="h1", patch_run_hook_after=str(hook))
    assert fleet.states() == {"h1": "failed"} and "dpkg: \\x1b]0;mine\\x07 \\u202ebroke" in done.text, done.text
    warned = done.text[done.text.index("[WARNING]: hook after of run"):]
    assert "not \\x1b[2J reached" in " ".join(warned.split()[:40]), warned
    assert "\x1b" not in done.text.partition("Hook of the run, after]")[0]
    # By itself, the module's own result is the task's.
    task = {"fleetops.patchtrain.updates_install": {"exclude": ["{{ inventory_hostname }}"]}}
    alone = fleet.play(str(fleet.write("alone.yml", [{"hosts": "h1", "gather_facts": False, "tasks": [task]}])))
    assert "x1b]0;mine" in alone.text and "\x1b" not in alone.text, alone.text


def test_a_failure_that_is_fatal_for_the_play_ends_its_run(fleet: Canned) -> None:
    fleet.say(h1={"obstacle": "no space"})
    fleet.play(fleet.role(serial=2, any_errors_fatal=True))
    assert fleet.states() == {"h1": "blocked", "h2": "succeeded", "h3": "not_started", "h4": "not_started"}
    assert fleet.runs() == ["failed"] and list(fleet.folder.glob("state/patchtrain/reports/*/report.html"))


def test_a_hook_whose_role_is_missing_fails_its_host_and_not_the_playbook(fleet: Canned) -> None:
    hook = fleet.write("hook.yml", "- ansible.builtin.include_role: {name: \"{{ 'no_such_role' }}\"}\n  when: inventory_hostname == 'h1'\n")
    done = fleet.play(patch_hosts="h1,h2", patch_hook_after_drain=str(hook), patch_max_unavailable=2)
    assert fleet.states() == {"h1": "failed", "h2": "succeeded"} and fleet.runs() == ["failed"], done.text
    assert (fleet.out(), fleet.slots()) == ([], ["h1"]), "the drain was undone; of the hook nobody knows"


@pytest.mark.parametrize("text", ["- name: b\n  block:\n  - ping:\n  wehn: false\n", "- ansible.builtin.import_role: {name: no_such_role}\n"])
def test_a_hook_that_would_end_the_playbook_refuses_the_run(fleet: Canned, text: str) -> None:
    done = fleet.play(patch_hosts="h1", patch_hook_after_drain=str(fleet.write("hook.yml", text)))
    assert done.rc != 0 and "hook.yml" in done.text
    assert fleet.runs() == [] and fleet.out() == []


@pytest.mark.parametrize("hosts", ["h1,h2", ["h1", "h2"]])
def test_the_pattern_of_hosts_is_a_string_or_a_list(fleet: Canned, hosts: Any) -> None:
    done = fleet.play("fleetops.patchtrain.patch", patch_hosts=hosts, patch_max_unavailable=2)
    assert done.rc == 0, done.text
    assert fleet.states() == {"h1": "succeeded", "h2": "succeeded"} and fleet.runs() == ["succeeded"]


@pytest.mark.parametrize("wrong, line", [({"patch_reboots": "never"}, "patch_reboots is not a setting: did you mean patch_reboot?"),
                                         ({"patch_classifications": 3}, "patch_classifications is 3 (host h1): use a list of texts")])
def test_a_wrong_setting_is_one_line_and_no_run(fleet: Canned, wrong: dict[str, Any], line: str) -> None:
    done = fleet.play("fleetops.patchtrain.patch", **wrong)
    assert done.rc != 0 and line in " ".join(done.text.split())
    assert "argument_spec_data" not in done.text and "Plan the roll" not in done.text


@pytest.mark.parametrize("words, line", [
    (["-e", "contrl=paused"], "contrl is not a setting: did you mean control?"),
    (["-e", "control=halt"], "state: halt is not known: use one of"),
    (["-e", "control=pause", "-e", "control_reason=database migration"], "-e: 'migration' belongs to no variable"),
    (["-e", "control=pause"], "which run? no run is unfinished")])
def test_control_says_in_one_line_what_it_did_not_understand(fleet: Canned, words: list[str], line: str) -> None:
    done = fleet.finish(fleet.start("fleetops.patchtrain.control", *words))
    assert done.rc != 0 and line in " ".join(done.text.split())


@pytest.mark.parametrize("named", [True, False])
def test_localhost_ends_the_run_in_the_ledger_that_only_the_hosts_name(fleet: Canned, named: bool) -> None:
    """As where all hosts are lost: it is the only one that is left of the last play."""
    ledger = fleet.folder / "fleet.db" if named else fleet.folder / "state" / "patchtrain" / "ledger.db"
    fleet.inventory({"h1": {"patch_ledger": str(ledger)} if named else {}})
    after = fleet.write("after.yml", "- ansible.builtin.copy: {dest: %s/told, content: '{{ patch_run_summary.state }}'}\n" % fleet.folder)
    plays = [{"hosts": hosts, "gather_facts": False, "tasks": [
        {"ansible.builtin.import_role": {"name": "fleetops.patchtrain.patch", "tasks_from": entry}} for entry in entries]}
        for hosts, entries in (("web", ["prepare", "plan"]), ("localhost", ["finish"]))]
    done = fleet.play(str(fleet.write("own.yml", plays)), "-vv", patch_run_hook_after=str(after))
    assert "h1 not_started" in done.text and done.rc != 0
    with sqlite3.connect(ledger) as connection:
        assert connection.execute("SELECT state FROM runs").fetchall() == [("failed",)], done.text
    assert (fleet.folder / "state" / "patchtrain" / "ledger.db").exists() != named and (fleet.folder / "told").read_text() == "failed"


@pytest.mark.parametrize("canaries, states", [
    (1, {"h1": "blocked", "h2": "succeeded", "h3": "succeeded", "h4": "succeeded"}),
    (["h1"], {"h1": "blocked", "h2": "not_started", "h3": "not_started", "h4": "not_started"}),
    (["h1", "h2"], {"h1": "blocked", "h2": "succeeded", "h3": "succeeded", "h4": "succeeded"})])
def test_the_fleet_goes_after_a_canary_that_was_patched(fleet: Canned, canaries: Any, states: dict[str, str]) -> None:
    fleet.say(h1={"obstacle": "no space"})
    done = fleet.play(patch_canaries=canaries, patch_max_unavailable=4)
    assert fleet.states() == states, done.text
    assert fleet.ask("SELECT host FROM run_hosts WHERE canary ORDER BY position") == [(host,) for host in (["h2"] if canaries == 1 else canaries)]
    first, others = fleet.ask("SELECT min(id), max(id) FROM slots WHERE host = 'h2' UNION ALL SELECT min(id), max(id) FROM slots WHERE host > 'h2'")
    assert first[0] is None or first[1] < others[0], "h2 went before the others"
    if states["h2"] == "not_started":
        assert "no canary was patched, so no further host is started: h1 blocked: mend that" in " ".join(done.text.split())


def test_in_a_play_of_ones_own_the_fleet_goes_after_a_canary_that_was_patched_too(fleet: Canned) -> None:
    fleet.say(h1={"obstacle": "no space"})
    done = fleet.play(fleet.role(serial=[1, "100%"]), patch_canaries=1, patch_max_unavailable=4, patch_fail_host=False)
    assert fleet.states() == {"h1": "blocked", "h2": "not_started", "h3": "not_started", "h4": "not_started"}, done.text
