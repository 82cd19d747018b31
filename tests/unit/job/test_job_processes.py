# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as real processes without systemd: started once, attached to, stopped, killed, waited for."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CommandFailed, NotEnoughSpace
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import program, unit
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.bundle import ISOLATED
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.life import lives
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.request import Request
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.state import Job, State, job_id
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Selection
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner

pytestmark = pytest.mark.tools

LIMIT = 20.0
Start = Callable[..., Job]


def until(satisfied: Callable[[], Any]) -> Any:
    end = time.monotonic() + LIMIT
    while not satisfied():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)
    return satisfied()


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(str(tmp_path / "state"))


@pytest.fixture
def here() -> unit.Host:
    return unit.Host(SystemRunner(), sys.executable, systemd=False)


@pytest.fixture
def start(here: unit.Host, state: State, fake_program: bytes, host: Any) -> Iterator[Start]:
    """Starts jobs on the fake host; what still runs at the end is let go and waited for."""
    def begin(run: str = "run", step: str = "install", **asked: Any) -> Job:
        return unit.start(here, state, run, step, Request(**asked).to_spec(), fake_program)
    yield begin
    host.gate.touch()
    for identity in os.listdir(state.jobs) if os.path.isdir(state.jobs) else []:
        begun = state.job(identity).begun()
        until(lambda begun=begun: begun is None or not lives(SystemRunner(), begun))


def watch(here: unit.Host, job: Job, limit: float = LIMIT) -> Dict[str, Any]:
    return unit.watch(here, job, limit, lambda gone: program.lost(here.runner, gone))


def waited(job: Job, limit: float) -> Dict[str, Any]:
    """As a controller waits that was cut off: one command, one line."""
    command = [sys.executable, *ISOLATED, job.program, "wait", job.path, "--limit", str(limit)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert said.stdout.count("\n") == 1
    seen: Dict[str, Any] = json.loads(said.stdout)
    return seen


def phase(job: Job) -> Optional[str]:
    return (job.status() or {}).get("phase")


def in_apply(host: Any, start: Start, **asked: Any) -> Job:
    """A job that stands in the middle of its transaction, with one of three packages done."""
    host.set(gate=str(host.gate))
    job = start(**asked)
    until(lambda: phase(job) == "apply" and host.versions()["a"] == "2")
    return job


def test_a_job_runs_in_a_session_of_its_own_and_tells_its_result(host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    begun = job.begun()
    assert begun is not None
    assert os.getsid(begun["pid"]) not in (os.getsid(0), begun["pid"]), "no session leader either, so no terminal can become its own"
    host.gate.touch()
    seen = watch(here, job)
    assert seen["finished"]
    assert seen["result"]["changed"]
    assert host.versions() == {"a": "2", "b": "2", "c": "2"}
    assert os.stat(job.log).st_mode & 0o777 == 0o600


def test_a_job_runs_on_the_oldest_python(
        host: Any, state: State, fake_program: bytes, here: unit.Host, oldest_python: str) -> None:
    job = unit.start(unit.Host(here.runner, oldest_python, False), state, "run", "install", Request().to_spec(), fake_program)
    result = watch(here, job)["result"]
    assert (result["failed"], result["changed"], host.versions()) == (False, True, {"a": "2", "b": "2", "c": "2"})


def test_waiting_tells_how_far_it_is(host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    seen = waited(job, 0)
    assert (seen["finished"], seen["status"]["phase"], seen["status"]["total"], seen["status"]["done"]) == (False, "apply", 3, 1)
    assert "Setting up a (2)" in seen["status"]["tail"]
    assert seen["job"]["directory"] == job.path
    host.gate.touch()
    assert waited(job, LIMIT)["result"]["packages"][0]["result"] == "installed"


def test_the_same_step_comes_back_to_its_job_and_to_its_stored_result(host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    assert start(deadline=1.0).begun() == job.begun()
    host.gate.touch()
    result = watch(here, job)["result"]
    host.set(available={"a": "3"})
    assert watch(here, start())["result"] == result
    # Even a launch too many does nothing.
    subprocess.run([sys.executable, *ISOLATED, job.program, "run", job.path], check=True)
    assert host.all()["applied"] == 1


def test_the_same_step_with_other_options_is_refused(start: Start) -> None:
    start(run="r $(id)\n")
    with pytest.raises(BadInput, match=r"another download_only, exclude: repeat its options, or name another step"):
        start(run="r $(id)\n", download_only=True, selection=Selection(exclude=("x",)))


def test_another_step_is_another_job(start: Start, here: unit.Host, host: Any) -> None:
    watch(here, start(step="one"))
    host.set(available={"a": "3"})
    watch(here, start(step="two"))
    assert host.all()["applied"] == 2


def _race(barrier: Any, root: str, spec: Dict[str, Any], data: bytes) -> None:
    barrier.wait()
    unit.start(unit.Host(SystemRunner(), sys.executable, False), State(root), "run", "install", spec, data)


def test_of_many_starters_one_begins(host: Any, start: Start, here: unit.Host, state: State, fake_program: bytes) -> None:
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(8)
    racers = [fork.Process(target=_race, args=(barrier, state.root, Request().to_spec(), fake_program)) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(LIMIT)
    assert [racer.exitcode for racer in racers] == [0] * 8
    assert watch(here, start())["finished"]
    assert host.all()["applied"] == 1
    assert len(os.listdir(state.jobs)) == 1


def test_a_job_whose_starter_died_is_begun_by_whoever_comes_next(
        host: Any, state: State, fake_program: bytes, start: Start) -> None:
    state.prepare()
    identity = job_id("run", "install")
    state.create(identity, Request().to_spec(), fake_program)
    assert waited(state.job(identity), LIMIT)["result"]["changed"]
    assert host.all()["applied"] == 1


def test_a_launch_that_fails_is_told_and_can_be_tried_again(
        here: unit.Host, start: Start, state: State, fake_program: bytes) -> None:
    class Refusing(SystemRunner):
        def run(self, argv: Any, **_: Any) -> Completed:
            return Completed(tuple(argv), 1, "", "Failed to start transient service unit: no.\n")

    hours: List[float] = [0.0]
    clock = unit.Clock(lambda: hours[0], lambda seconds: hours.__setitem__(0, hours[0] + seconds))
    refusing = unit.Host(Refusing(), sys.executable, systemd=True, clock=clock)
    with pytest.raises(CommandFailed, match="systemd-run ended with rc 1: Failed to start transient service unit: no."):
        unit.start(refusing, state, "run", "install", Request().to_spec(), fake_program)
    assert watch(here, start())["finished"]


def test_a_request_to_stop_waits_for_the_package_manager(host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    begun = job.begun()
    assert begun is not None
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(begun["pid"], number)
    assert not watch(here, job, 0.3)["finished"]
    host.gate.touch()
    result = watch(here, job)["result"]
    assert not result["failed"]
    assert host.versions() == {"a": "2", "b": "2", "c": "2"}


def test_a_request_to_stop_during_a_repair_waits_for_it_and_begins_nothing(host: Any, start: Start, here: unit.Host) -> None:
    host.set(gate=str(host.gate), interrupted="cut")
    job = start()
    until(lambda: phase(job) == "repair" and host.all()["repaired"])
    begun = job.begun()
    assert begun is not None
    os.kill(begun["pid"], signal.SIGTERM)
    host.gate.touch()
    result = watch(here, job)["result"]
    assert (result["error"]["kind"], host.all()["interrupted"], host.all()["applied"]) == ("JobStopped", None, 0)
    assert "in phase repair" in result["msg"]


def test_a_request_to_stop_before_the_transaction_ends_it_there(host: Any, start: Start, here: unit.Host, state: State) -> None:
    state.prepare()
    with open(os.path.join(state.root, "transaction.lock"), "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        job = start()
        until(lambda: phase(job) == "lock")
        begun = job.begun()
        assert begun is not None
        os.kill(begun["pid"], signal.SIGTERM)
        result = watch(here, job)["result"]
    assert result["error"]["kind"] == "JobStopped"
    assert result["msg"] == "SIGTERM asked the job to stop in phase lock, before it changed packages"
    assert host.all()["applied"] == 0


def test_a_killed_job_is_lost_with_what_is_seen_and_stays_so(host: Any, start: Start, here: unit.Host) -> None:
    host.set(installed=dict(host.all()["installed"], a=["1", "automatic"]))
    job = in_apply(host, start)
    begun = job.begun()
    assert begun is not None
    os.kill(begun["pid"], signal.SIGKILL)
    until(lambda: not lives(here.runner, begun))
    result = waited(job, LIMIT)["result"]
    assert (result["error"]["kind"], result["failed"], result["changed"]) == ("JobLost", True, True)
    assert "in phase apply: its process was killed" in result["msg"]
    assert {p["name"]: p["result"] for p in result["packages"]} == {"a": "installed", "b": "failed", "c": "failed"}
    assert waited(start(), 0)["result"] == result
    assert host.all()["applied"] == 1
    assert host.all()["installed"]["a"] == ["2", "automatic"], "install reasons survive the lost job"


@pytest.fixture
def full(host: Any, small: Path, state: State) -> State:
    """The state directory is on a file system that the transaction fills up."""
    host.set(fills=str(small))
    state.root, state.jobs = str(small / "state"), str(small / "state" / "jobs")
    return state


def test_a_transaction_that_fills_the_disk_has_its_result_all_the_same(full: State, host: Any, start: Start, here: unit.Host) -> None:
    result = watch(here, start())["result"]
    assert (result["failed"], {p["name"]: p["result"] for p in result["packages"]}) == (False, dict.fromkeys("abc", "installed"))
    assert "No space left on device" in result["log"].splitlines()[-1]
    assert result == watch(here, start())["result"], "it was stored"


def test_a_job_that_was_lost_on_a_full_disk_is_told_though_it_can_not_be_stored(
        full: State, host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    begun = job.begun()
    assert begun is not None
    os.kill(begun["pid"], signal.SIGKILL)
    os.unlink(job.file("reserve"))
    host.fill(full.root)
    seen = watch(here, job)
    assert (seen["finished"], seen["result"]["error"]["kind"]) == (True, "JobLost")
    assert not [name for name in os.listdir(job.path) if name.startswith(".new-")]


def test_a_job_for_which_there_is_no_room_is_a_failure_of_one_line(host: Any, small: Path) -> None:
    state = State(str(small / "state"))
    state.prepare()
    host.fill(str(small))
    with pytest.raises(NotEnoughSpace, match="state/jobs has no room for a job"):
        state.create("abc", {}, b"x" * 100000)


def test_a_restart_of_the_host_is_told_apart(host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    begun = job.begun()
    assert begun is not None
    os.kill(begun["pid"], signal.SIGKILL)
    Path(job.file("begun.json")).write_text(json.dumps(dict(begun, boot_id="another")))
    assert "the host was restarted" in watch(here, job)["result"]["msg"]


def test_the_next_job_after_a_lost_one_repairs_and_finishes(host: Any, start: Start, here: unit.Host) -> None:
    job = in_apply(host, start)
    begun = job.begun()
    assert begun is not None
    os.kill(begun["pid"], signal.SIGKILL)
    until(lambda: not lives(here.runner, begun))
    host.set(interrupted="a was cut", gate=None)
    result = watch(here, start(step="again"))["result"]
    assert (result["failed"], result["repaired"]) == (False, "a was cut")
    assert host.versions() == {"a": "2", "b": "2", "c": "2"}


def test_the_environment_that_was_asked_for_reaches_the_tools(host: Any, start: Start, here: unit.Host) -> None:
    watch(here, start(environment={"https_proxy": "http://proxy.example:3128"}))
    assert host.all()["proxy"] == "http://proxy.example:3128"


def test_a_fault_of_ours_ends_in_a_result_too(host: Any, start: Start, here: unit.Host) -> None:
    host.set(available=["no", "mapping"])
    result = watch(here, start())["result"]
    assert result["failed"]
    assert result["msg"].startswith("a fault in this collection: AttributeError")
    assert "Traceback" in result["log"]


def test_the_unit_survives_its_session_and_its_stop(here: unit.Host) -> None:
    command = unit._unit_command(Job("/var/lib/patchtrain/jobs/abc"))
    assert command[0] == "systemd-run"
    assert {"--collect", "--unit=patchtrain-abc.service", "--property=KillMode=process", "--property=TimeoutStopSec=1800"} <= set(command)
    assert not {"--wait", "--scope", "--pty", "--user"} & set(command)
