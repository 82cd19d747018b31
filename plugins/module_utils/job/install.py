# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The transaction itself, from the lock to the last look at the host. It runs inside a job and always ends in one result,
whose shape is the same for success and failure.

Until ``apply`` begins nothing but metadata, downloads and a repair has changed the host, and whatever stands in the way ends the
job there. From then on the package manager is left alone until it is done, and what counts is what is seen afterwards.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Callable, Dict, List, Optional, Sequence

from ..clock import Clock, Deadline
from ..errors import (
    BadInput, CommandFailed, CommandTimeout, LockTimeout, PatchtrainError, TransactionDiffers, TransactionImpossible, TransactionInterrupted,
)
from ..packages.manager import PackageManager
from ..packages.records import Outcome, Package, Plan, Selection, Transaction, Wanted
from ..packages.resolve import plan as resolve_plan
from ..packages.selection import Fixed
from ..assessment import assess
from ..reboot import pending_reboot
from ..release.advice import NOTHING, Advice
from ..release.host import advice as advice_of
from ..runner import Runner
from . import outcome, space
from .files import Document
from .journal import Journal
from .lock import exclusive
from .request import REPAIR, Request, from_spec
from .result import document
from .state import Job
from .stop import StopRequest
from .transcript import last_error, reasons

_SHORT = 8
_NOT_BEGUN = (LockTimeout, CommandTimeout)
"""How a limit passes before packages change."""


class Installation:
    """One job's work. ``measure`` looks at file systems, ``now`` at the time of day, ``clock`` counts limits."""

    def __init__(self, runner: Runner, manager: PackageManager, job: Job, journal: Journal, stop: StopRequest,
                 measure: space.Measure = space.measure, now: Callable[[], float] = time.time, clock: Clock = Clock()) -> None:  # noqa: B008
        self._runner, self._manager, self._job, self._journal, self._stop = runner, manager, job, journal, stop
        self._measure, self._now, self._clock = measure, now, clock
        self._root = os.path.dirname(os.path.dirname(job.path))
        self._request: Request = from_spec(job.spec())
        self._plan = Plan(Transaction())
        self._before: List[Package] = []
        self._leftover: List[str] = []
        self._downloaded = False
        self._repaired: Optional[str] = None
        self._begun = False
        self._after: Optional[outcome.Seen] = None

    def run(self) -> Document:
        outcomes: Optional[List[Outcome]] = None
        error: Optional[PatchtrainError] = None
        try:
            outcomes = self._alone()
        except PatchtrainError as failure:
            error = failure
        return self._result(outcomes, error)

    def _alone(self) -> List[Outcome]:
        request = self._request
        self._journal.phase("lock")
        deadline = Deadline(request.lock_timeout, self._clock)
        with exclusive(_lock_file(self._job), "job " + self._job.id, deadline):
            self._manager.wait_for_lock(round(deadline.left, 1))
            self._repair()
            if request.kind == REPAIR:
                return []
            self._decide()
            if self._plan.transaction.changes:
                self._check()
            return self._act()

    def _repair(self) -> None:
        cut = self._manager.interrupted()
        if cut is None:
            return
        self._journal.phase("repair")
        self._journal.say(cut)
        begin = os.path.getsize(self._job.log)
        with self._stop.held():
            try:
                self._manager.repair(self._request.timeout, self._journal.log)
            except TransactionInterrupted as failure:
                said = reasons(_from(self._job.log, begin))
                why = _some(["%s: %s" % item for item in sorted(said.items())]) or "no package named a reason"
                raise TransactionInterrupted("%s (%s)" % (failure.message, why), **failure.data) from failure
        self._repaired = cut

    def _decide(self) -> None:
        request, manager = self._request, self._manager
        if request.release is not None:
            raise BadInput("a job installs a release as the exact list that host_assess planned: pass packages and expect_digest", option="release")
        if request.refresh:
            self._journal.phase("refresh")
            manager.refresh(request.timeout)
        self._journal.phase("plan")
        self._before = manager.installed(sources=False)
        self._request = complete(request, self._before, manager.arch())
        self._plan = make_plan(manager, self._request, self._before, advice=advice_of(self._runner, manager, self._root))
        self._leftover = manager.leftover_config()
        self._job.write_plan(dict(outcome.plan_document(self._plan), before=[p.to_dict() for p in self._before]))
        possible(self._plan)

    def _check(self) -> None:
        self._journal.phase("space")
        space.check(space.needs(self._plan.transaction, self._manager.cache_paths()), self._measure)
        self._journal.phase("verify")
        verify(self._plan, self._request, self._before)

    def _act(self) -> List[Outcome]:
        plan, request = self._plan, self._request
        if not plan.transaction.changes:
            return list(plan.left_out)
        self._download()
        if request.download_only:
            return outcome.same_for_all(plan, "pending", "downloaded only")
        try:
            # Somebody else may have begun to work meanwhile, and may still be at it when it is too late for us.
            self._manager.wait_for_lock(self._within(request.lock_timeout))
            return self._deferred() if self._is_late() else self._apply()
        except _NOT_BEGUN:
            if self._begun or not self._is_late():
                raise
            return self._deferred()

    def _is_late(self) -> bool:
        return self._within(1.0) == 0.0

    def _within(self, seconds: float) -> float:
        """So many seconds, but none after the deadline."""
        deadline = self._request.deadline
        return seconds if deadline is None else max(0.0, min(seconds, deadline - self._now()))

    def _deferred(self) -> List[Outcome]:
        return outcome.same_for_all(self._plan, "deferred", "the deadline %s has passed" % _stamp(self._request.deadline or 0.0))

    def _download(self) -> None:
        """Before the deadline is looked at, so that a slow source can't push the transaction past it."""
        if self._plan.transaction.download_size or self._request.download_only:
            self._journal.phase("download")
            cached = listing(self._manager.cache_paths())
            self._manager.download(wanted_of(self._plan), carrying(self._plan, self._request.selection), self._request.timeout)
            self._downloaded = listing(self._manager.cache_paths()) != cached

    def _apply(self) -> List[Outcome]:
        self._stop.hold()
        self._begun = True
        self._journal.phase("apply", len(self._plan.transaction.changes))
        self._journal.resolute()
        begin = os.path.getsize(self._job.log)
        failure = self._tried()
        self._journal.phase("look", len(self._plan.transaction.changes))
        for line in self._manager.restore_reasons(outcome.owed(self._request, self._plan, self._before)):
            self._journal.say("install reason restored: " + line)
        said = _from(self._job.log, begin)
        otherwise = (failure.message if failure else last_error(said)) or "the package manager named no reason"
        # rpm leaves a package installed whose script failed, and never runs the script again.
        scripts: Dict[str, str] = failure.data.get("scripts", {}) if failure else {}
        return outcome.judged(self._plan, self._seen_now(), reasons(said), otherwise, scripts)

    def _tried(self) -> Optional[CommandFailed]:
        """Apply, and keep what the tool complained about."""
        request, manager, log = self._request, self._manager, self._journal.log
        try:
            manager.apply(wanted_of(self._plan), carrying(self._plan, request.selection), self._within(request.timeout), log,
                          keep_config=request.keep_config)
        except _NOT_BEGUN:
            # Nearly always before anything changed; what is seen decides.
            self._begun = outcome.difference(outcome.seen(self._before), self._seen_now())
            raise
        except CommandFailed as failure:
            self._journal.say(failure.message)
            self._heal()
            return failure
        return None

    def _heal(self) -> None:
        """After a failure other packages of the transaction are often left unpacked, and all of them where the package manager was
        killed: they are finished, as far as they can be."""
        cut = self._manager.interrupted()
        if cut is None:
            return
        self._journal.say("finishing what was left half done")
        try:
            self._manager.repair(self._request.timeout, self._journal.log)
        except PatchtrainError as failure:
            self._journal.say("that did not mend it: " + failure.message)
            return
        self._repaired = cut

    def _seen_now(self) -> outcome.Seen:
        """What is there after the transaction; asked once, for some package managers take their time."""
        if self._after is None:
            self._after = outcome.seen(self._manager.versions())
        return self._after

    def _result(self, outcomes: Optional[List[Outcome]], error: Optional[PatchtrainError]) -> Document:
        if outcomes is None:
            outcomes = self._unfinished(error)
        result = document(self._runner, self._job, self._plan, outcomes, error)
        result["repaired"] = self._repaired
        result["changed"] = self._changed()
        self._look(result)
        self._journal.phase("done")
        # Last, so that the tail holds all that was said.
        result["log"] = self._journal.tail()
        return result

    def _unfinished(self, error: Optional[PatchtrainError]) -> List[Outcome]:
        reason = error.message if error else ""
        if self._begun:
            return outcome.judged(self._plan, self._seen_now(), {}, reason, {})
        return outcome.same_for_all(self._plan, "pending", reason)

    def _changed(self) -> bool:
        if self._repaired is not None or self._downloaded:
            return True
        return self._begun and outcome.difference(outcome.seen(self._before), self._seen_now())

    def _look(self, result: Document) -> None:
        """How the host is left. A host that can't say this after a transaction is a failure too, unless there was a graver one."""
        if self._request.kind == REPAIR:
            return
        try:
            self._look_closely(result)
        except PatchtrainError as error:
            self._journal.say(error.message)
            if not result["failed"]:
                result.update(failed=True, **error.as_result())

    def _look_closely(self, result: Document) -> None:
        left = self._assessed(result) if self._request.assess or result["failed"] else self._seen_briefly(result)
        if self._begun:
            result["leftover_config"] = sorted(set(self._manager.leftover_config()) - set(self._leftover))
            if left is not None:
                raise TransactionInterrupted("all packages have their versions, and yet the transaction is not whole: %s" % left)

    def _assessed(self, result: Document) -> Optional[str]:
        """What is left half done."""
        result["assessment"] = assess(self._runner, self._manager, self._request.rules, self._request.selection, root=self._root)
        result["reboot"] = result["assessment"]["reboot"]
        left: Optional[str] = result["assessment"]["interrupted"]
        return left

    def _seen_briefly(self, result: Document) -> Optional[str]:
        """The same, without what is pending now: some package managers take seconds for it, and the host may be out of service."""
        result["reboot"] = pending_reboot(self._runner, self._manager).to_dict()
        return self._manager.interrupted()


def complete(request: Request, installed: Sequence[Package], native: str) -> Request:
    """A package that is named without an architecture has the one that is installed, or the host's, which is meant also where several are."""
    selection = request.selection
    if selection.packages is None:
        return request
    own = (native, "all", "noarch")
    nearest_last = sorted(((own.index(p.arch) if p.arch in own else len(own), p.arch, p.name) for p in installed), reverse=True)
    archs = {name: arch for _distance, arch, name in nearest_last}
    packages = tuple(replace(w, arch=w.arch or archs.get(w.name, native)) for w in selection.packages)
    return replace(request, selection=replace(selection, packages=packages))


def make_plan(manager: PackageManager, request: Request, installed: Sequence[Package], fixed: Optional[Fixed] = None,
              advice: Advice = NOTHING) -> Plan:
    """The transaction that a request comes to on this host now, or the manager's problem with it. ``advice`` is what the release that
    the host is attached to knows of updates."""
    selection = request.selection
    # An exact list needs no look at what is pending, but for the classification of what is in it, which who does not want that look knows.
    looks = request.assess or selection.packages is None
    updates = [advice.update(update) for update in manager.updates(request.rules, selection)] if looks else []
    plan = resolve_plan(updates, selection, manager.holds(), installed, lambda wanted: manager.simulate(wanted, selection), fixed)
    return advice.plan(plan, updates)


def possible(plan: Plan) -> Plan:
    """An exact list is done as a whole or not at all: the plan, unless one of its packages can't be had."""
    impossible = ["%s %s (%s)" % (left.name, left.to, left.reason) for left in plan.left_out if left.result == "failed"]
    if impossible:
        raise TransactionImpossible("what is asked for can't be installed: %s" % _some(impossible), packages=impossible)
    return plan


def planned(manager: PackageManager, request: Request, installed: Sequence[Package], fixed: Optional[Fixed] = None,
            advice: Advice = NOTHING) -> Plan:
    """A plan that can be carried out. Where an interrupted transaction stands in the way, that is what is told."""
    try:
        plan = make_plan(manager, request, installed, fixed, advice)
    except PatchtrainError as error:
        _blame_interruption(manager, error.message)
        raise
    stuck = [left.reason for left in plan.left_out if left.result in ("pending", "failed")]
    if stuck:
        _blame_interruption(manager, stuck[0])
    return possible(plan)


def _blame_interruption(manager: PackageManager, symptom: str) -> None:
    cut = manager.interrupted()
    if cut is not None:
        raise TransactionInterrupted(
            "no plan can be made before an interrupted transaction is repaired, which a run does: %s (%s)" % (cut, symptom))


def verify(plan: Plan, request: Request, installed: Sequence[Package]) -> None:
    """Raise ``TransactionDiffers`` when a plan is not what was recorded."""
    if request.expect_digest is None or plan.digest == request.expect_digest:
        return
    recorded = request.selection.packages
    if recorded is None:
        now = ["%s %s to %s" % (c.name, c.from_, c.to) for c in plan.transaction.changes]
        raise TransactionDiffers("the transaction is not the recorded one; now it is: %s" % _some(now), digest=plan.digest)
    lines = outcome.deviations(plan, recorded, outcome.seen(installed))
    if lines:
        raise TransactionDiffers("the transaction is not the recorded one: %s" % _some(lines), digest=plan.digest, differences=lines)


def wanted_of(plan: Plan) -> List[Wanted]:
    return [Wanted(c.name, c.arch, c.to) for c in plan.transaction.changes if c.to is not None]


def carrying(plan: Plan, selection: Selection) -> Selection:
    """The selection with which the tool does this plan, whose removals were looked at when it was made."""
    return replace(selection, allow_removals=True) if plan.transaction.erases else selection


def listing(paths: Sequence[str]) -> List[str]:
    """All files below some folders, to see whether something was downloaded."""
    return sorted(os.path.join(folder, name) for path in paths for folder, _folders, names in os.walk(path) for name in names)


def _lock_file(job: Job) -> str:
    return os.path.join(os.path.dirname(os.path.dirname(job.path)), "transaction.lock")


def _from(path: str, begin: int) -> str:
    with open(path, "rb") as handle:
        handle.seek(begin)
        return handle.read().decode("utf-8", "replace")


def _some(lines: Sequence[str]) -> str:
    return "; ".join(list(lines[:_SHORT]) + (["and %d more" % (len(lines) - _SHORT)] if len(lines) > _SHORT else []))


def _stamp(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
