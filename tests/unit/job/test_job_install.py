# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction, step by step, on a host that is one JSON file."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Union

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandTimeout, JobLost, LockTimeout
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import outcome
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.install import Installation, complete, planned
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.journal import Journal
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.request import REPAIR, Request
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.result import autopsy
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.space import Room
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.state import Job, State
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.stop import StopRequest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import (
    Change, Package, Plan, Reboot, Replaced, Selection, Transaction, Wanted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner

Do = Callable[..., Dict[str, Any]]
GIB = 1 << 30


class Hours:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def job(tmp_path: Path) -> Job:
    state = State(str(tmp_path / "state"))
    state.prepare()
    state.create("abc", {}, b"")
    return state.job("abc")


@pytest.fixture
def do(host: Any, job: Job) -> Do:
    def run(free: int = GIB, now: Union[float, List[float]] = 0.0, **asked: Any) -> Dict[str, Any]:
        """``now`` as a list can be changed while it runs."""
        Path(job.file("spec.json")).write_text(json.dumps(Request(**asked).to_spec()))
        hours = Hours()
        with Journal(job) as journal:
            return Installation(SystemRunner(), host.manager, job, journal, StopRequest(), measure=lambda path: Room("/", free, None),
                                now=lambda: now[0] if isinstance(now, list) else now, clock=Clock(hours.now, hours.sleep)).run()
    return run


def results(result: Dict[str, Any]) -> Dict[str, str]:
    return {package["name"]: package["result"] for package in result["packages"]}


def digest(host: Any, **asked: Any) -> str:
    request = Request(**asked)
    return planned(host.manager, request, host.manager.installed()).digest


EXACT = Selection(packages=(Wanted("a", "amd64", "2"), Wanted("b", "amd64", "2")))


def test_updates_are_installed_and_seen(host: Any, do: Do, job: Job) -> None:
    host.set(leftover=["/etc/old.dpkg-dist"])
    result = do()
    assert results(result) == {"a": "installed", "b": "installed", "c": "installed"}
    assert host.versions() == {"a": "2", "b": "2", "c": "2"}
    assert (result["failed"], result["changed"], result["finished"], result["repaired"]) == (False, True, True, None)
    assert result["leftover_config"] == ["/etc/new.dpkg-dist"]
    assert result["diff"]["before"].splitlines() == ["a amd64 1", "b amd64 1", "c amd64 1"]
    assert result["log_path"] == job.log
    assert "Setting up c (2)" in result["log"]
    assert job.status() == {"phase": "done", "since": job.status()["since"], "total": None}


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_pending_is_not_looked_at_where_that_can_wait_but_after_a_failure(host: Any, do: Do, monkeypatch: pytest.MonkeyPatch,
                                                                                   fails: bool) -> None:
    host.set(lies=["b"] if fails else [])
    monkeypatch.setattr(host.manager, "reboot", lambda: Reboot(True, ("package: a",)))
    result = do(assess=False)
    assert (result["failed"], result["assessment"] is not None) == (fails, fails)
    assert result["reboot"] == {"required": True, "reasons": ["package: a"]}
    assert {p["name"]: p["result"] for p in result["packages"]}["a"] == "installed"


def test_of_an_exact_list_what_is_pending_is_asked_only_where_it_is_wanted(host: Any, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[Any] = []
    real = host.manager.updates
    monkeypatch.setattr(host.manager, "updates", lambda *of: asked.append(of) or real(*of))
    result = do(assess=False, selection=EXACT)
    assert (results(result), asked) == ({"a": "installed", "b": "installed"}, [])
    assert {package["classification"] for package in result["packages"]} == {"unknown"}
    host.set(held=["c"])
    held = do(assess=False, selection=Selection(packages=(Wanted("c", "amd64", "2"),)))
    assert (results(held), held["failed"]) == ({"c": "held"}, False), "what was held meanwhile stays"
    assert not asked and do(assess=False) and asked


def test_a_second_time_nothing_changes(host: Any, do: Do) -> None:
    do()
    again = do()
    assert (again["changed"], again["packages"], again["plan"]["changes"]) == (False, [], [])
    assert host.all()["applied"] == 1


def test_install_reasons_stay_and_new_dependencies_are_automatic(host: Any, do: Do) -> None:
    host.set(needs={"a": ["new"]})
    assert results(do())["new"] == "installed"
    assert {name: reason for name, (_version, reason) in host.all()["installed"].items()} == {
        "a": "manual", "b": "automatic", "c": "manual", "new": "automatic"}


def reasons(host: Any) -> Dict[str, str]:
    return {name: reason for name, (_version, reason) in host.all()["installed"].items()}


@pytest.mark.parametrize("arch", ["", "amd64"])
def test_a_new_package_that_somebody_named_is_manual_and_what_it_needs_is_not(host: Any, do: Do, arch: str) -> None:
    host.set(needs={"new": ["more"]}, available={"new": "1", "more": "1"})
    do(selection=Selection(packages=(Wanted("new", arch, "1"), Wanted("b", "", "1"))))
    assert reasons(host) == {"a": "manual", "b": "automatic", "c": "manual", "new": "manual", "more": "automatic"}


def test_a_recorded_transaction_names_all_its_packages_and_so_says_nothing_of_their_reasons(host: Any, do: Do) -> None:
    exact = Selection(packages=(Wanted("new", "amd64", "1"),))
    do(selection=exact, expect_digest=digest(host, selection=exact))
    assert reasons(host)["new"] == "automatic"


def test_a_lost_job_leaves_the_reasons_that_a_whole_one_would(host: Any, job: Job) -> None:
    Path(job.file("spec.json")).write_text(json.dumps(Request(selection=Selection(packages=(Wanted("new", "", "1"),))).to_spec()))
    changes = (Change("heir", "all", None, "1"), Change("new", "all", None, "1"), Change("old", "amd64", "1", None))
    plan = Plan(Transaction(changes, replaced=(Replaced("old", "amd64", "heir", "all"),)))
    before = [Package("old", "amd64", "1", reason="manual")]
    job.write_plan(dict(outcome.plan_document(plan), before=[package.to_dict() for package in before]))
    job.write_status({"phase": "apply", "since": 0, "total": 3})
    host.set(installed={"new": ["1", "automatic"], "heir": ["1", "automatic"]})
    autopsy(SystemRunner(), lambda wanted: host.manager, job, JobLost("it is gone"))
    assert reasons(host) == {"new": "manual", "heir": "manual"}


def test_a_tool_that_lies_is_not_believed(host: Any, do: Do) -> None:
    host.set(lies=["b"])
    result = do()
    assert results(result) == {"a": "installed", "b": "failed", "c": "installed"}
    assert result["failed"]
    assert result["msg"] == "1 of 3 packages failed: b (has version 1; the package manager named no reason)"


def test_a_package_that_fails_is_named_with_the_tool_s_reason_and_the_others_are_done(host: Any, do: Do) -> None:
    host.set(broken={"b": "the post-installation script failed"})
    result = do()
    assert results(result) == {"a": "installed", "b": "failed", "c": "installed"}
    assert result["msg"] == "1 of 3 packages failed: b (the post-installation script failed)"
    assert result["changed"]


def test_a_package_whose_script_failed_is_named_though_it_is_there(host: Any, do: Do) -> None:
    host.set(scripts={"b": "its %post script failed"})
    result = do()
    assert results(result) == {"a": "installed", "b": "failed", "c": "installed"}
    assert result["msg"] == "1 of 3 packages failed: b (2 is installed, but its %post script failed)"


def test_what_a_failure_left_half_done_is_finished(host: Any, do: Do) -> None:
    host.set(broken={"b": "bad"}, half=["c"], interrupted="c is unpacked")
    host.manager.interrupted = lambda: host.all()["interrupted"] if host.all()["applied"] else None
    result = do()
    assert results(result) == {"a": "installed", "b": "failed", "c": "installed"}
    assert result["repaired"] == "c is unpacked", "it is told that not the transaction itself brought it there"


def test_what_stays_half_done_is_failed_though_it_has_its_version(host: Any, do: Do) -> None:
    host.set(broken={"b": "bad"}, half=["c"], interrupted="c is unpacked", mends=False)
    host.manager.interrupted = lambda: host.all()["interrupted"] if host.all()["applied"] else None
    result = do()
    assert results(result) == {"a": "installed", "b": "failed", "c": "failed"} and result["repaired"] is None


def test_a_transaction_that_is_not_whole_in_the_end_is_a_failure_whatever_the_tool_said(host: Any, do: Do) -> None:
    host.manager.interrupted = lambda: "z is unpacked" if host.all()["applied"] else None
    result = do()
    assert set(results(result).values()) == {"installed"}
    assert (result["failed"], result["error"]["kind"]) == (True, "TransactionInterrupted")


def test_an_interrupted_transaction_is_repaired_first(host: Any, do: Do) -> None:
    host.set(interrupted="dpkg was cut", half=["c"])
    result = do()
    assert result["repaired"] == "dpkg was cut"
    assert results(result) == {"a": "installed", "b": "installed", "c": "installed"}
    assert host.all()["repaired"] == 1


def test_a_repair_that_fails_ends_the_job_before_anything_else(host: Any, do: Do) -> None:
    host.set(interrupted="dpkg was cut", mends=False)
    result = do()
    assert result["error"]["kind"] == "TransactionInterrupted"
    assert result["msg"] == "can't be mended: dpkg was cut (c: its script failed)"
    assert result["repaired"] is None
    assert host.all()["applied"] == 0
    assert set(result) >= {"packages", "plan", "reboot", "log", "log_path", "leftover_config", "repaired", "finished", "job", "boot_id"}


def test_a_job_that_only_repairs(host: Any, do: Do) -> None:
    host.set(interrupted="dpkg was cut")
    result = do(kind=REPAIR)
    assert (result["repaired"], result["changed"], result["failed"], host.all()["applied"]) == ("dpkg was cut", True, False, 0)


def test_too_little_space_is_named_and_nothing_is_touched(host: Any, do: Do) -> None:
    result = do(free=1000)
    assert result["error"]["kind"] == "NotEnoughSpace"
    assert results(result) == {"a": "pending", "b": "pending", "c": "pending"}
    assert (host.all()["applied"], host.all()["downloaded"], result["changed"]) == (0, [], False)


def test_the_recorded_transaction_is_done(host: Any, do: Do) -> None:
    result = do(selection=EXACT, expect_digest=digest(host, selection=EXACT))
    assert results(result) == {"a": "installed", "b": "installed"}
    assert host.versions()["c"] == "1"


def test_a_transaction_that_differs_is_refused_by_name(host: Any, do: Do) -> None:
    recorded = digest(host, selection=EXACT)
    host.set(needs={"a": ["new"]})
    result = do(selection=EXACT, expect_digest=recorded)
    assert result["error"]["kind"] == "TransactionDiffers"
    assert "new 1 would come in addition" in result["msg"]
    assert (host.all()["applied"], result["changed"]) == (0, False)


def test_a_recorded_transaction_that_was_done_in_part_is_finished(host: Any, do: Do) -> None:
    recorded = digest(host, selection=EXACT)
    host.set(installed=dict(host.all()["installed"], b=["2", "automatic"]))
    result = do(selection=EXACT, expect_digest=recorded)
    assert (result["failed"], results(result)) == (False, {"a": "installed"})


def test_criteria_that_come_to_something_else_are_refused(host: Any, do: Do) -> None:
    recorded = digest(host)
    host.set(available={"a": "3"})
    result = do(expect_digest=recorded)
    assert result["error"]["kind"] == "TransactionDiffers"
    assert "a 1 to 3" in result["msg"]


def test_an_exact_list_is_done_as_a_whole_or_not_at_all(host: Any, do: Do) -> None:
    host.set(problem="E: Version '2' for 'b' was not found")
    result = do(selection=EXACT)
    assert result["error"]["kind"] == "TransactionImpossible"
    assert result["msg"].startswith("what is asked for can't be installed: a 2 (E: Version '2' for 'b' was not found)")
    assert host.all()["applied"] == 0


def test_nothing_begins_after_the_deadline(host: Any, do: Do) -> None:
    result = do(deadline=100.0, now=100.0)
    assert set(results(result).values()) == {"deferred"}
    assert (result["failed"], host.all()["applied"]) == (False, 0)
    assert "1970-01-01T00:01:40Z" in result["packages"][0]["reason"]


def test_before_the_deadline_it_begins(host: Any, do: Do) -> None:
    assert set(results(do(deadline=100.0, now=99.0)).values()) == {"installed"}


class Busy:
    """The package manager's lock, which somebody holds from the second look on until ``free``."""

    def __init__(self, now: List[float], free: float) -> None:
        self.now, self.free = now, free
        self.limits: List[float] = []

    def wait(self, limit: float) -> None:
        self.limits.append(limit)
        if len(self.limits) > 1:
            begun = self.now[0]
            self.now[0] = min(self.free, begun + limit)
            if self.free > begun + limit:
                raise LockTimeout("the lock is held by process 7 (apt-get), for longer than %g s" % limit)


@pytest.mark.parametrize(("free", "deadline", "waits"), [(1000.0, 100.0, 100.0), (101.0, 101.0, 101.0)])
def test_a_lock_that_is_held_past_the_deadline_defers_the_transaction(
        host: Any, do: Do, monkeypatch: pytest.MonkeyPatch, free: float, deadline: float, waits: float) -> None:
    now = [0.0]
    busy = Busy(now, free)
    monkeypatch.setattr(host.manager, "wait_for_lock", busy.wait)
    result = do(deadline=deadline, now=now)
    assert (set(results(result).values()), result["failed"], host.all()["applied"]) == ({"deferred"}, False, 0)
    assert busy.limits[1] == waits


def test_a_lock_that_is_held_too_long_before_the_deadline_is_a_failure(host: Any, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    busy = Busy(now, 1000.0)
    monkeypatch.setattr(host.manager, "wait_for_lock", busy.wait)
    result = do(deadline=900.0, now=now, lock_timeout=50.0)
    assert (set(results(result).values()), result["error"]["kind"], host.all()["applied"]) == ({"pending"}, "LockTimeout", 0)
    assert busy.limits[1] == 50.0


@pytest.mark.parametrize("error", [LockTimeout("the lock is held by process 7 (apt-get)"), CommandTimeout("still fetching", ["apt-get"])])
@pytest.mark.parametrize(("deadline", "expected"), [(100.0, "deferred"), (None, "pending")])
def test_a_limit_that_passes_at_the_last_moment(
        host: Any, do: Do, monkeypatch: pytest.MonkeyPatch, deadline: Optional[float], expected: str, error: Exception) -> None:
    now, limits = [60.0], []

    def apply(wanted: Any, selection: Any, limit: float, *rest: Any, **more: Any) -> None:
        limits.append(limit)
        now[0] += limit
        raise error
    monkeypatch.setattr(host.manager, "apply", apply)
    result = do(deadline=deadline, now=now)
    assert (set(results(result).values()), result["failed"]) == ({expected}, expected == "pending")
    assert limits == [40.0 if deadline else 3600.0]


def test_a_lock_that_is_missed_after_the_transaction_does_not_undo_what_is_seen(host: Any, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    real = host.manager.apply

    def apply(*args: Any, **more: Any) -> None:
        real(*args, **more)
        raise LockTimeout("dnf's history can't be asked")
    monkeypatch.setattr(host.manager, "apply", apply)
    result = do(deadline=100.0)
    assert (set(results(result).values()), result["changed"], result["error"]["kind"]) == ({"installed"}, True, "LockTimeout")


def test_downloading_alone_changes_the_cache_once(host: Any, do: Do) -> None:
    first, again = do(download_only=True), do(download_only=True)
    assert set(results(first).values()) == {"pending"}
    assert (first["changed"], again["changed"], host.all()["applied"]) == (True, False, 0)
    assert first["diff"] == {"before": "", "after": ""}


def test_metadata_is_refreshed_only_when_asked(host: Any, do: Do) -> None:
    do()
    assert not host.all()["refreshed"]
    do(refresh=True)
    assert host.all()["refreshed"]


def test_held_packages_stay_and_are_listed(host: Any, do: Do) -> None:
    host.set(held=["b"])
    result = do()
    assert results(result) == {"a": "installed", "b": "held", "c": "installed"}
    assert host.versions()["b"] == "1"


def test_one_job_at_a_time(host: Any, do: Do, tmp_path: Path) -> None:
    with open(tmp_path / "state" / "transaction.lock", "w") as other:
        other.write("job 1234")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        result = do(lock_timeout=5.0)
    assert result["error"]["kind"] == "LockTimeout"
    assert result["msg"] == "job 1234 was still at work after 5 s"
    assert host.all()["applied"] == 0
    assert do(lock_timeout=5.0)["changed"], "the lock is free again when its holder is gone"
    assert (tmp_path / "state" / "transaction.lock").read_text() == "job abc"


def test_a_package_without_an_architecture_has_the_installed_one(host: Any, do: Do) -> None:
    assert results(do(selection=Selection(packages=(Wanted("a", "", "2"),)))) == {"a": "installed"}


@pytest.mark.parametrize(("there", "meant"), [
    ("amd64 i386", "amd64"), ("i386 amd64", "amd64"), ("i386", "i386"), ("all i386", "all"), ("i386 noarch", "noarch"), ("all amd64", "amd64"),
    ("armhf i386", "armhf"), ("", "amd64")])
def test_of_several_architectures_the_host_s_own_is_meant(there: str, meant: str) -> None:
    request = Request(selection=Selection(packages=(Wanted("libc6", "", "2"),)))
    installed = [Package("libc6", arch, "1") for arch in there.split()]
    assert complete(request, installed, "amd64").selection.packages == (Wanted("libc6", meant, "2"),)
