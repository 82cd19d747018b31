# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task with ``no_log`` said when it failed is nowhere to be read: neither on the terminal, nor in the ledger, nor on the page."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_slot, run_hook
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import closing, run_points
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from tests.conftest import collection_path

SECRET = "SECRET123"
HIDDEN = "Ask the balancer: its output is hidden (no_log)"
FAILURE = {"failed": True, "msg": "token=%s rejected" % SECRET, "_ansible_no_log": True}

PLAY = """\
- hosts: web1
  connection: local
  gather_facts: false
  tasks:
    - block:
        - name: Ask the balancer
          ansible.builtin.fail: {msg: "token={{ lookup('env', 'TOLD') }} rejected"}
          no_log: true
      rescue:
        - fleetops.patchtrain.maintenance_slot:
            state: failed
            run_id: night
            failed_task: "{{ ansible_failed_task.name | default('a hook') }}"
            failure: "{{ ansible_failed_result | default({}) }}"
        - fleetops.patchtrain.run_hook:
            state: ended
            point: after
            run_id: night
            failed_task: "{{ ansible_failed_task.name | default('a task') }}"
            failure: "{{ ansible_failed_result | default({'msg': 'no reason given'}, true) }}"
"""


def test_of_a_failure_that_is_not_to_be_seen_the_task_s_name_is_recorded(desk: Any) -> None:
    desk.open()
    desk.prepare()
    assert desk.do(maintenance_slot, state="failed", run_id="night", failed_task="Ask the balancer", failure=FAILURE)["reason"] == HIDDEN
    assert desk.state().reason == HIDDEN


def test_so_it_is_of_a_hook_of_the_run(desk: Any) -> None:
    desk.open()
    run_points.claim(desk.ledger, "night", "before", desk.living, "alice")
    told = desk.do(run_hook, state="ended", point="before", run_id="night", failed_task="Ask the balancer", failure=FAILURE)
    assert told == {"outcome": "failed", "msg": HIDDEN}


@pytest.fixture
def played(desk: Any, tmp_path: Path) -> str:
    """All that is printed of what records the failure, at its most talkative. What precedes it is Ansible's own: core 2.19 tells the failed task's
    message in a line of its own, ``no_log`` or not."""
    desk.open(patch_run_hook_after="after.yml")
    desk.prepare()
    run_points.claim(desk.ledger, "night", "after", desk.living, "alice")
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    env = dict(os.environ, TOLD=SECRET, ANSIBLE_COLLECTIONS_PATH=str(collection_path()), ANSIBLE_DISPLAY_ARGS_TO_STDOUT="1", ANSIBLE_NOCOLOR="1",
               ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"), ANSIBLE_HOME=str(tmp_path / "home"))
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvvvv", "-i", "web1,", "-e", "patch_ledger=" + desk.target, str(play)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert SECRET in done.stdout + done.stderr, "it was a secret that the task told"
    return done.stdout.partition("TASK [fleetops.patchtrain.maintenance_slot")[2] + done.stderr.partition("hook after of run")[2]


def test_neither_terminal_nor_ledger_nor_page_has_it(desk: Any, played: str, tmp_path: Path) -> None:
    report = closing.report_run(desk.ledger, "night", Settings.from_variables({"patch_report_dir": str(tmp_path / "reports")}, "-"))
    written = b"".join(path.read_bytes() for folder in (tmp_path / "reports",) for path in folder.rglob("*") if path.is_file())
    ledger = b"".join(path.read_bytes() for path in Path(desk.target).parent.glob("ledger.db*"))
    assert "TASK [fleetops.patchtrain.run_hook" in played and HIDDEN in played
    assert HIDDEN.encode() in ledger and HIDDEN.encode() in written
    assert SECRET not in played and SECRET not in report["text"]
    assert SECRET.encode() not in ledger and SECRET.encode() not in written
