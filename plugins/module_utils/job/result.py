# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The one shape of a job's result, also for a job that could not tell it itself."""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence, Tuple

from ..errors import JobLost, PatchtrainError
from ..packages.manager import PackageManager
from ..packages.records import Outcome, Package, Plan, Transaction
from ..runner import Runner
from . import outcome
from .files import Document
from .journal import tail
from .life import boot_id
from .request import Request, from_spec
from .state import Job

Find = Callable[[str], PackageManager]


def document(runner: Runner, job: Job, plan: Plan, outcomes: Sequence[Outcome], error: Optional[PatchtrainError]) -> Document:
    """The result of a job, whatever became of it."""
    result: Document = {
        "finished": True, "failed": False, "changed": False, "packages": [o.to_dict() for o in outcomes],
        "plan": outcome.plan_document(plan), "diff": outcome.diff(outcomes, ("installed",)),
        "reboot": {"required": None, "reasons": []}, "leftover_config": [], "repaired": None,
        "assessment": None, "log": "", "log_path": job.log, "boot_id": boot_id(runner),
        "job": {"id": job.id, "unit": job.unit, "directory": job.path},
    }
    failed = outcome.summary(outcomes)
    if failed is not None:
        result.update(failed=True, msg=failed, error={"kind": "PackagesFailed"})
    if error is not None:
        result.update(failed=True, **error.as_result())
    return result


def lost(runner: Runner, job: Job) -> JobLost:
    """How a job ended whose process is gone."""
    status = job.status() or {"phase": "begin"}
    begun = job.begun() or {}
    cause = "the host was restarted" if begun.get("boot_id") != boot_id(runner) else "its process was killed"
    return JobLost("the job was lost in phase %s: %s; the next one repairs what it left" % (status["phase"], cause), phase=status["phase"])


def autopsy(runner: Runner, find: Find, job: Job, error: PatchtrainError) -> Document:
    """The result of a job that ended without one, from what was planned and what is seen now."""
    plan, outcomes, changed = _remains(find, job, error)
    result = document(runner, job, plan, outcomes, error)
    result.update(changed=changed, log=tail(job.log))
    return result


def _remains(find: Find, job: Job, error: PatchtrainError) -> Tuple[Plan, List[Outcome], bool]:
    planned, phase = job.plan(), (job.status() or {}).get("phase")
    if planned is None:
        return Plan(Transaction()), [], phase == "repair"
    plan = outcome.plan_from(planned)
    if phase not in ("apply", "look", "done"):
        return plan, outcome.same_for_all(plan, "pending", error.message), False
    try:
        return plan, *_survey(find, from_spec(job.spec()), plan, [Package(**package) for package in planned["before"]], error)
    except PatchtrainError as blind:
        return plan, outcome.same_for_all(plan, "failed", "%s; and then: %s" % (error.message, blind.message)), True


def _survey(find: Find, request: Request, plan: Plan, before: Sequence[Package], error: PatchtrainError) -> Tuple[List[Outcome], bool]:
    manager = find(request.manager)
    manager.restore_reasons(outcome.owed(request, plan, before))
    now = outcome.seen(manager.versions())
    return outcome.judged(plan, now, {}, error.message, {}), outcome.difference(outcome.seen(before), now)
