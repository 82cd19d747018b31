# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that lies on a prepared host is asked first, and the module where it gives no answer."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import calling
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost

MODULE = "fleetops.patchtrain.host_health_info"
LAID = {"program": "/var/lib/patchtrain/programs/ab.zip", "python": "/usr/bin/python3", "held_units": []}


class Host:
    name, checking, environment = "web1", False, {"https_proxy": "http://proxy:3128"}

    def __init__(self, rc: int = 0, stdout: str = '{"healthy": true}\n', stderr: str = "", takes_input: bool = True) -> None:
        self.takes_input, self.said = takes_input, {"rc": rc, "stdout": stdout, "stderr": stderr}
        self.asked: List[Any] = []

    def command(self, argv: Any, seconds: float, stdin: Optional[str] = None) -> Dict[str, Any]:
        self.asked.append((argv, json.loads(stdin or "")))
        return self.said

    def module(self, name: str, args: Any, seconds: float, check: Optional[bool] = None) -> Dict[str, Any]:
        self.asked.append(("module", check))
        return {"healthy": "by the module"}


def ask(desk: Any, host: Host, laid: Any = LAID, **more: Any) -> Any:
    desk.open()
    if laid:
        with desk.book().step("prepare") as step:
            step.detail = laid
    return calling.ask(host, desk.book().laid(), MODULE, {"settle": 1.0}, 60.0, **more)["healthy"]  # type: ignore[arg-type]


@pytest.mark.parametrize("check", [None, True])
def test_the_program_does_what_the_module_would(desk: Any, check: Any) -> None:
    host = Host(stdout='a banner\n{"healthy": true}\n')
    assert ask(desk, host, check=check) is True
    asked = {"options": {"settle": 1.0}, "check_mode": bool(check), "environment": {"https_proxy": "http://proxy:3128"}}
    assert host.asked == [(["/usr/bin/python3", "-I", "-S", "-B", LAID["program"], "call", "host_health_info"], asked)]


@pytest.mark.parametrize("host", [
    Host(rc=2, stdout=""), Host(rc=127), Host(rc=126), Host(rc=1, stdout="", stderr="sudo: a password is required"), Host(takes_input=False)])
def test_the_module_is_sent_where_the_program_can_not_do_it(desk: Any, host: Host) -> None:
    assert ask(desk, host, check=True) == "by the module"
    assert host.asked[-1] == ("module", True)


@pytest.mark.parametrize("host, why", [
    (Host(rc=137, stdout="", stderr="Killed\n"), "rc 137: Killed"), (Host(stdout=""), "rc 0: no reason"), (Host(stdout="no JSON"), "rc 0: no reason"),
    (Host(rc=1, stdout="", stderr="Traceback:\nValueError: x\n"), "rc 1: ValueError: x"),
    (Host(rc=1, stdout="", stderr="FileNotFoundError: [Errno 2] No such file or directory: 'a'"), "rc 1: FileNotFoundError")])
def test_what_broke_off_is_not_done_again(desk: Any, host: Host, why: str) -> None:
    """A drain that was begun would be taken for what was found."""
    desk.open()
    found = calling.ask(host, LAID, MODULE, {}, 60.0)  # type: ignore[arg-type]
    assert found["failed"] and found["msg"].startswith("%s broke off with %s" % (MODULE, why)) and len(host.asked) == 1


def test_what_a_shell_says_beside_an_answer_does_not_count(desk: Any) -> None:
    host = Host(stderr="bash: warning: setlocale: LC_ALL: cannot change locale (xx): No such file or directory\n")
    assert ask(desk, host) is True and len(host.asked) == 1


def test_a_host_without_a_program_gets_the_module(desk: Any) -> None:
    host = Host()
    assert ask(desk, host, laid=None) == "by the module" and host.asked == [("module", None)]


def test_a_host_that_is_lost_is_lost(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*args: Any, **more: Any) -> Any:
        raise Lost("web1 can't be reached")

    monkeypatch.setattr(Host, "command", gone)
    with pytest.raises(Lost):
        ask(desk, Host())
