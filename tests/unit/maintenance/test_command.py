# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command driver: with scripted commands for the logic, with real ones for what they get."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (BadInput, CannotMove, CommandTimeout, MaintenanceFailed, ToolMissing)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.command import KIND
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.registry import make
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner


class Scripted:
    """A runner on which each program ends as ``endings`` say, one after another; the last one repeats."""

    def __init__(self, **endings) -> None:
        self._endings = {name: list(found) for name, found in endings.items()}
        self.ran, self.limits, self.now = [], [], 0.0

    def run(self, argv, limit=0, stdin="", env=None, log=None):
        name = argv[0]
        self.ran.append(name)
        self.limits.append(limit)
        assert env == {"PATCHTRAIN_HOST": "web1"}
        endings = self._endings.get(name, [0])
        ending = endings.pop(0) if len(endings) > 1 else endings[0]
        if isinstance(ending, Exception):
            raise ending
        rc, out = ending if isinstance(ending, tuple) else (ending, "")
        return Completed(tuple(argv), rc, out, "%s says\nno: \x1b[31m%d" % (name, rc) if rc else "")

    def sleep(self, seconds):
        self.now += seconds

    def clock(self):
        return Clock(now=lambda: self.now, sleep=self.sleep)


def driver(runner, check_mode=False, **more):
    options = dict({"enter": ["enter"], "verify": ["verify"], "leave": ["leave"]}, **more)
    return make("command", "web1", options, Context(runner, runner.clock(), check_mode))


def test_entering_runs_and_verifies_until_it_is_so():
    runner = Scripted(verify=[1, 1, 0])
    result = driver(runner).enter(60)
    assert (result.changed, result.state, result.prior_state) == (True, "entered", "in_service")
    assert runner.ran == ["enter", "verify", "verify", "verify"]
    assert runner.now == 4.0


def test_a_failed_enter_is_undone_by_leave():
    runner = Scripted(enter=[3])
    with pytest.raises(MaintenanceFailed) as caught:
        driver(runner).enter(60)
    assert caught.value.message == "the enter command enter ended with rc 3 and said: no: ?[31m3; undone: leave was run"
    assert (runner.ran, caught.value.data["undone"], caught.value.data["rc"]) == (["enter", "leave"], True, 3)


def test_a_verification_that_never_comes_is_undone_by_leave():
    runner = Scripted(verify=[1])
    said = "not verified within 10 s: the verify command verify ended with rc 1.*undone: leave was run"
    with pytest.raises(MaintenanceFailed, match=said):
        driver(runner).enter(10)
    assert runner.ran == ["enter"] + ["verify"] * 6 + ["leave"]


@pytest.mark.parametrize("problem", [CommandTimeout("enter did not end within 60 s", ["enter"]), ToolMissing("enter can't be run")])
def test_every_way_in_which_enter_fails_is_undone(problem):
    runner = Scripted(enter=[problem])
    with pytest.raises(MaintenanceFailed) as caught:
        driver(runner).enter(60)
    assert runner.ran == ["enter", "leave"]
    assert caught.value.data["cause"] == problem.kind


def test_an_undo_that_fails_is_told_as_well():
    with pytest.raises(MaintenanceFailed) as caught:
        driver(Scripted(enter=[3], leave=[4])).enter(60)
    assert "ended with rc 3" in caught.value.message
    assert "UNDOING IT FAILED TOO: the leave command leave ended with rc 4" in caught.value.message
    assert caught.value.data["undone"] is False


def test_a_host_found_out_of_service_is_only_verified():
    runner = Scripted(prior=[(0, "maintenance\n")])
    result = driver(runner, prior=["prior"]).enter(60)
    assert (result.changed, result.prior_state, runner.ran) == (False, "maintenance", ["prior", "verify"])
    left = driver(runner, prior=["prior"]).leave("maintenance", 60)
    assert (left.changed, runner.ran[2:]) == (False, [])
    assert left.detail["note"] == "left as found: it was maintenance before"


def test_a_host_found_out_of_service_that_still_works_is_a_failure_without_an_undo():
    runner = Scripted(prior=[(0, "maintenance\n")], verify=[1])
    with pytest.raises(MaintenanceFailed, match="nothing had been changed") as caught:
        driver(runner, prior=["prior"]).enter(10)
    assert "leave" not in runner.ran
    assert (caught.value.data["undone"], caught.value.data["prior_state"]) == (None, "maintenance")


def test_a_command_can_say_that_the_hosts_work_can_not_go_elsewhere():
    runner = Scripted(enter=[75])
    with pytest.raises(CannotMove, match="undone: leave was run") as caught:
        driver(runner, blocked_rc=75).enter(60)
    assert (runner.ran, caught.value.data["undone"], caught.value.data["blocked"]) == (["enter", "leave"], True, True)
    for wrong in ({"leave": [1]}, {"enter": [74]}):
        with pytest.raises(MaintenanceFailed) as caught:
            driver(Scripted(**dict({"enter": [75]}, **wrong)), blocked_rc=75).enter(60)
        assert type(caught.value) is MaintenanceFailed, "what could not be undone, or failed otherwise, has failed"
    with pytest.raises(CannotMove):
        driver(Scripted(prior=[(75, "")]), check_mode=True, prior=["prior"], blocked_rc=75).enter(60)


@pytest.mark.parametrize("out", ["in_service\n", "", "  in_service "])
def test_prior_words_for_in_service(out):
    assert driver(Scripted(prior=[(0, out)]), prior=["prior"]).prior() == "in_service"


@pytest.mark.parametrize("out", ["one\ntwo\n", "\x1b[31mred\n", "<script>", "x" * 201])
def test_a_prior_state_that_is_no_word_is_a_failure(out):
    runner = Scripted(prior=[(0, out)])
    with pytest.raises(MaintenanceFailed, match="the prior command must print one line"):
        driver(runner, prior=["prior"]).enter(60)
    assert runner.ran == ["prior"]


def test_a_prior_command_that_fails_stops_everything():
    runner = Scripted(prior=[1])
    with pytest.raises(MaintenanceFailed, match="the prior command prior ended with rc 1"):
        driver(runner, prior=["prior"]).enter(60)
    assert runner.ran == ["prior"]


def test_leaving_is_verified_when_there_is_a_command_for_it():
    runner = Scripted(verify_left=[1, 0])
    assert driver(runner, verify_left=["verify_left"]).leave("in_service", 60).changed
    assert runner.ran == ["leave", "verify_left", "verify_left"]


def test_a_failed_leave_says_that_there_is_no_way_back():
    runner = Scripted(leave=[5])
    with pytest.raises(MaintenanceFailed, match="leave command leave ended with rc 5.*can't be undone") as caught:
        driver(runner).leave("in_service", 60)
    assert (runner.ran, caught.value.data["undone"]) == (["leave"], False)


def test_check_mode_only_asks_for_the_prior_state():
    runner = Scripted(prior=[(0, "in_service")])
    result = driver(runner, check_mode=True, prior=["prior"]).enter(60)
    assert result.changed and result.detail["would"] == [["enter"], ["verify"]]
    assert driver(runner, check_mode=True).leave("in_service", 60).detail["would"] == [["leave"]]
    assert runner.ran == ["prior"]


def test_in_check_mode_a_driver_that_wants_to_run_something_fails():
    runner = Scripted()
    with pytest.raises(MaintenanceFailed, match="check mode refused"):
        driver(runner, check_mode=True)._run("enter", 60)
    assert runner.ran == []


def test_what_remains_of_the_limit_is_the_commands_limit():
    runner = Scripted(verify=[1, 0])
    driver(runner).enter(60)
    assert runner.limits == [60, 60, 58]


@pytest.mark.parametrize("options, message", [
    ({"enter": "systemctl stop it"}, "driver command: option enter: 'systemctl stop it' is a string; give the command as a list of words"),
    ({"verify": []}, "driver command: option verify: [] is no command"),
    ({"leave": ["x", None]}, "option leave: ['x', None] is no command"),
    ({"leave": [""]}, "option leave: the first word, the program, is empty"),
    ({"enter": None}, "driver command needs the option enter"),
    ({"poll": 0}, "option poll: 0 is no number of seconds above zero"),
    ({"poll": "nan"}, "option poll: 'nan' is no number of seconds above zero"),
    ({"entre": ["x"]}, "driver command has no option 'entre'; it has: blocked_rc, enter, leave, poll, prior, verify, verify_left"),
])
def test_wrong_options_are_one_clear_line(options, message):
    with pytest.raises(BadInput) as caught:
        driver(Scripted(), **options)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_words_are_handed_over_as_they_are(tmp_path):
    """Real programs: nothing is expanded, split or executed on the way."""
    seen = tmp_path / "seen"
    program = "import os, sys; open(%r, 'w').write(repr((sys.argv[1:], os.environ['PATCHTRAIN_HOST'])))" % str(seen)
    words = ["$(touch /)", "; reboot", "`id`", "a b", "*", 7]
    options = {"enter": [sys.executable, "-c", program] + words, "verify": ["true"], "leave": ["true"]}
    make("command", "web1; reboot", options, Context(SystemRunner())).enter(30)
    assert seen.read_text() == repr((["$(touch /)", "; reboot", "`id`", "a b", "*", "7"], "web1; reboot"))


def test_the_kind_says_what_it_is():
    assert KIND.summary == "the user's own commands"
