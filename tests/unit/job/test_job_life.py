# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the process that began a job is still there."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import life
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner


class Proc(SystemRunner):
    """A host whose /proc is what the test says."""

    def __init__(self, **files: str) -> None:
        self._files = {"/proc/" + path.replace("__", "/"): text for path, text in files.items()}

    def read(self, path: str) -> "str | None":
        return self._files.get(path)


STAT = "77 (a ) b) %s 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %s 1000 200"
BEGUN = {"pid": 77, "started": "4711", "boot_id": "b"}


def host(state: str = "S", started: str = "4711", boot: str = "b\n") -> Proc:
    return Proc(**{"77__stat": STAT % (state, started), "sys__kernel__random__boot_id": boot})


def test_a_process_lives_while_pid_start_and_boot_are_the_same() -> None:
    assert life.lives(host(), BEGUN)
    assert not life.lives(host(started="4712"), BEGUN)
    assert not life.lives(host(boot="c"), BEGUN)
    assert not life.lives(Proc(sys__kernel__random__boot_id="b"), BEGUN)


def test_a_process_that_waits_to_be_reaped_is_dead() -> None:
    assert not life.lives(host(state="Z"), BEGUN)


def test_this_very_process_lives_and_a_child_that_ended_does_not() -> None:
    runner = SystemRunner()
    assert life.lives(runner, life.this_process(runner))
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    begun = {"pid": child.pid, "started": life._started(runner, child.pid), "boot_id": life.boot_id(runner)}
    assert begun["started"] != life._started(runner, os.getpid()) or child.pid != os.getpid()
    assert life.lives(runner, begun)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not life.lives(runner, begun), "a zombie counts as dead"
    child.communicate()
    assert not life.lives(runner, begun)
