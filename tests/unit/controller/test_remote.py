# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on this side, and what a host's complaints mean."""

from __future__ import annotations

import signal
import time

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import remote


def test_the_limit_ends_what_hangs() -> None:
    before = signal.getitimer(signal.ITIMER_REAL)[0]
    with pytest.raises(remote._LimitPassed), remote.limit(0.05):
        time.sleep(30)
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (before > 0)


def test_an_alarm_that_was_set_stays_in_force() -> None:
    fired = []
    before = signal.signal(signal.SIGALRM, lambda signum, frame: fired.append(signum))
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with remote.limit(30):
            pass
        signal.pause()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert fired == [signal.SIGALRM]


@pytest.mark.parametrize("result, obstacle", [
    ({"failed": True, "module_stdout": "sudo: a password is required\n", "msg": "MODULE FAILURE"}, "sudo"),
    ({"failed": True, "module_stdout": "", "module_stderr": "/bin/sh: 1: /usr/bin/python3: not found", "msg": "x"}, "python"),
    ({"failed": True, "module_stdout": "", "module_stderr": "OSError: [Errno 28] No space left on device", "msg": "x"}, "space"),
    ({"failed": True, "module_stdout": "strange", "module_stderr": "", "msg": "MODULE FAILURE"}, "execution"),
])
def test_what_kept_a_module_from_running_is_named(result: dict, obstacle: str) -> None:
    found = remote.why_nothing_ran(result)
    assert found and found[0] == obstacle and "\n" not in found[1]


def test_a_module_that_ran_and_failed_is_its_own_affair() -> None:
    assert remote.why_nothing_ran({"failed": True, "msg": "no", "error": {"kind": "NotEnoughSpace"}}) is None
    assert remote.why_nothing_ran({"changed": True}) is None


def test_ssh_is_quoted_by_the_line_that_tells() -> None:
    said = "Failed to connect to the host via ssh: OpenSSH_9.2p1\ndebug1: x\nssh: connect to host 10.0.0.1 port 22: Connection refused"
    assert remote._telling_line(said) == "ssh: connect to host 10.0.0.1 port 22: Connection refused"


@pytest.mark.parametrize("stdout, stderr, said", [
    ("", "tar: no\n", "tar: no"),
    ("tar: it is so\n", "Shared connection to h closed.\r\n", "tar: it is so"),
    ("tar: a: Cannot write: No space left on device\ntar: Exiting with failure status\n", "Shared connection to h closed.", "tar: a: Cannot write: "
     "No space left on device"),
    ("", "", "it said nothing"),
])
def test_why_a_program_failed(stdout: str, stderr: str, said: str) -> None:
    assert remote._said({"rc": 2, "stdout": stdout, "stderr": stderr}) == said
