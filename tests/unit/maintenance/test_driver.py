# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all drivers share: options, the registry, undoing, and the module around them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, MaintenanceFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils import options as option_checks
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import NOTHING_BEGUN, Result, Undo, undoing
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.registry import DRIVERS, kind_of, make
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import asked
from ansible_collections.fleetops.patchtrain.plugins.modules import maintenance_mode
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2))


@given(st.sampled_from(sorted(DRIVERS)), st.data())
def test_no_options_are_refused_in_any_other_way_than_by_one_line(driver, data):
    names = st.sampled_from(sorted(kind_of(driver).options))
    given_options = data.draw(st.dictionaries(names | st.text(max_size=5), ANYTHING, max_size=4))
    try:
        option_checks.checked("driver " + driver, kind_of(driver).options, given_options)
    except BadInput as error:
        assert "\n" not in error.message and error.message.startswith("driver %s" % driver)


def test_an_unknown_driver_is_named_with_those_there_are(context):
    with pytest.raises(BadInput, match="there is no driver 'f5'; there are: command, "):
        make("f5", "web1", {}, context)


def test_every_driver_file_is_in_the_registry():
    folder = Path(maintenance_mode.__file__).parents[1] / "module_utils" / "maintenance"
    shared = {"__init__", "driver", "registry", "foresee", "asked", "calling"}
    assert {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_") or path.stem == "__init__"} - shared == set(DRIVERS)


@pytest.mark.parametrize("check, value, result", [
    (option_checks.boolean, "yes", True), (option_checks.boolean, False, False), (option_checks.whole_number, "2", 2),
    (option_checks.seconds, "0.5", 0.5), (option_checks.words, "a", ("a",)), (option_checks.words, ["a", "b"], ("a", "b"))])
def test_text_from_templates_is_understood(check, value, result):
    assert check(value) == result


@pytest.mark.parametrize("check, value", [
    (option_checks.boolean, "maybe"), (option_checks.boolean, 1), (option_checks.whole_number, -1), (option_checks.whole_number, "1.5"),
    (option_checks.whole_number, True), (option_checks.seconds, "inf"), (option_checks.seconds, True), (option_checks.words, []),
    (option_checks.words, [""]), (option_checks.words, 5), (option_checks.one_of("a"), "b")])
def test_values_that_are_refused(check, value):
    with pytest.raises(ValueError):
        check(value)


def fail():
    raise MaintenanceFailed("it broke", detail={"why": "x"})


def test_undoing_keeps_the_data_of_the_failure():
    done = []
    with pytest.raises(MaintenanceFailed) as caught:
        undoing(fail, Undo(lambda: done.append("undone"), "as before"), "in_service")
    assert (caught.value.message, done) == ("it broke; undone: as before", ["undone"])
    assert caught.value.data == {"detail": {"why": "x"}, "cause": "MaintenanceFailed", "prior_state": "in_service", "undone": True,
                                 "undo_error": None}


def test_nothing_begun_is_neither_undone_nor_not():
    with pytest.raises(MaintenanceFailed, match="it broke; nothing had been changed") as caught:
        undoing(fail, NOTHING_BEGUN, "draining")
    assert caught.value.data["undone"] is None


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), SystemExit(1), ZeroDivisionError()])
def test_what_nobody_foresaw_is_undone_too(problem):
    done = []

    def break_off():
        raise problem

    with pytest.raises(type(problem)):
        undoing(break_off, Undo(lambda: done.append("undone"), ""), "in_service")
    assert done == ["undone"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("problem", [MaintenanceFailed("it broke"), ZeroDivisionError()])
def test_undoing_is_not_ended_by_who_wants_the_work_to_end(number, problem):
    done = []

    def told(signum, frame):
        raise SystemExit("told to end")

    def break_off():
        raise problem

    def put_back():
        os.kill(os.getpid(), number)
        done.append("undone")
    before = signal.signal(number, told)
    try:
        with pytest.raises((MaintenanceFailed, ZeroDivisionError)):
            undoing(break_off, Undo(put_back, ""), "in_service")
        assert (done, signal.getsignal(number)) == (["undone"], told)
    finally:
        signal.signal(number, before)


def test_what_works_is_not_undone():
    assert undoing(lambda: 5, Undo(fail, ""), "in_service") == 5


def test_a_result_as_the_module_gives_it():
    assert Result(True, "entered", "in_service", {"a": (1,)}).to_dict() == {
        "changed": True, "state": "entered", "prior_state": "in_service", "detail": {"a": [1]}}


# The module, as a host runs it


def run_module(arguments, check_mode=False, python=sys.executable):
    return finish(start_module(arguments, check_mode, python))


def start_module(arguments, check_mode=False, python=sys.executable):
    name = "ansible_collections.fleetops.patchtrain.plugins.modules.maintenance_mode"
    profile = "from ansible.module_utils.testing import patch_module_args\n"
    program = "import json, sys\n%swith patch_module_args(json.load(sys.stdin)): import %s as m; m.main()\n" % (profile, name)
    environment = dict(os.environ, PYTHONPATH=str(ROOT / ".cache" / "collections"))
    process = subprocess.Popen([python, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=environment)
    process.stdin.write(json.dumps(dict(arguments, _ansible_check_mode=check_mode)))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process):
    out, err = process.communicate(timeout=30)
    assert out, err
    return json.loads(out)


def haproxy_arguments(balancer, state="entered", **options):
    options.setdefault("socket", str(balancer.socket))
    return {"driver": "haproxy", "state": state, "host": "web1", "timeout": 20, "options": options}


def test_the_module_enters_and_leaves(balancer):
    entered = run_module(haproxy_arguments(balancer, poll=0.02))
    assert (entered["changed"], entered["state"], entered["prior_state"], entered["undone"]) == (True, "entered", "in_service", None)
    assert balancer.server("shop/web1").word == "maintenance"
    left = run_module(dict(haproxy_arguments(balancer, "left", poll=0.02), prior_state=entered["prior_state"]))
    assert (left["changed"], left["state"], balancer.server("shop/web1").word) == (True, "left", "in_service")


def test_the_modules_check_mode_changes_nothing(balancer):
    before = balancer.states()
    result = run_module(haproxy_arguments(balancer, backend="shop"), check_mode=True)
    assert result["changed"] and result["detail"]["would"] == ["set server shop/web1 state drain", "set server shop/web1 state maint"]
    assert balancer.states() == before


def test_the_module_that_is_told_to_end_undoes_what_it_began(balancer):
    with balancer.session_at("shop/web1"):
        process = start_module(haproxy_arguments(balancer, poll=0.02))
        while balancer.server("api/web1").word == "in_service":
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGTERM)
        result = finish(process)
        assert balancer.server("shop/web1").word == balancer.server("api/web1").word == "in_service"
    assert result["failed"] and result["undone"] is True and result["changed"] is False and result["state"] == "left"
    assert result["msg"].startswith("told to end by signal 15; undone:")


def test_what_an_undoing_starts_can_be_told_to_end(tmp_path):
    """A daemon that a command starts keeps what was ignored when it began, and would ignore its own stop."""
    began, ignored = tmp_path / "began", tmp_path / "ignored"
    process = start_module({"driver": "command", "state": "entered", "host": "web1", "timeout": 20, "options": {
        "enter": ["sh", "-c", 'touch "$0"; exec sleep 60', str(began)], "verify": ["true"],
        "leave": ["sh", "-c", 'grep SigIgn /proc/$$/status > "$0"', str(ignored)]}})
    while not began.exists():
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGTERM)
    assert finish(process)["undone"] is True
    assert int(ignored.read_text().split()[1], 16) & (1 << signal.SIGTERM - 1 | 1 << signal.SIGHUP - 1) == 0


def test_the_modules_failure_has_the_shape_of_its_success(balancer):
    result = run_module(haproxy_arguments(balancer, socket="/nowhere/admin.sock"))
    assert result["failed"] and "can't be used: No such file or directory" in result["msg"]
    assert {key: result[key] for key in ("changed", "state", "prior_state", "detail", "undone")} == {
        "changed": False, "state": "unknown", "prior_state": "", "detail": {}, "undone": None}
    assert result["error"]["kind"] == "MaintenanceFailed"


@pytest.mark.parametrize("changes, message", [
    ({"driver": "f5"}, "there is no driver 'f5'; there are: command, "),
    ({"timeout": 0}, "timeout 0 is no number of seconds above zero"),
    ({"host": "web1;quit"}, "can't be a server's name in haproxy"),
    ({"options": {"sokcet": "/x"}}, "driver haproxy has no option 'sokcet'"),
])
def test_the_modules_bad_input_is_one_line(balancer, changes, message):
    with pytest.raises(BadInput, match=message):
        asked.work(dict({"prior_state": "in_service"}, **dict(haproxy_arguments(balancer), **changes)), False)
