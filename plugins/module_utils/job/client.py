# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a module does with a job: start it or come back to it, wait, and tell."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Optional

from ..errors import BadInput, CommandTimeout, PatchtrainError
from ..packages.records import Plan, Transaction
from . import bundle, outcome, program, unit
from .files import Document
from .request import Request
from .state import DEFAULT_ROOT, State

SHAPE: Document = {
    "finished": True, "failed": False, "changed": False, "packages": [], "plan": outcome.plan_document(Plan(Transaction())),
    "diff": {"before": "", "after": ""}, "reboot": {"required": None, "reasons": []}, "leftover_config": [], "repaired": None,
    "log": "", "log_path": "", "boot_id": "", "job": None, "status": None, "assessment": None,
}
"""A result in which nothing happened."""


@dataclass(frozen=True)
class Order:
    """``wait`` 0 waits until the end, which then has to come within ``limit``; otherwise what is known after ``wait`` is told."""

    request: Request
    run_id: Optional[str] = None
    step: str = "install"
    wait: float = 0.0
    limit: float = 3600.0
    root: str = DEFAULT_ROOT


def perform(host: unit.Host, order: Order) -> Document:
    require_root()
    run_id = order.run_id or str(uuid.uuid4())
    job = unit.start(host, State(order.root), run_id, order.step, order.request.to_spec(), bundle.build(program.main))
    seen = unit.watch(host, job, order.wait or order.limit, lambda gone: program.lost(host.runner, gone))
    if not seen["finished"] and not order.wait:
        raise CommandTimeout(
            "the job is still in phase %s after %g s and goes on; repeat with run_id %s to come back to it" % (
                seen["status"]["phase"], order.limit, run_id), [job.unit], limit=order.limit, job=seen["job"], status=seen["status"])
    return told(seen, run_id)


def told(seen: Document, run_id: str) -> Document:
    """The result of a module from what was seen of its job."""
    result = dict(SHAPE, finished=seen["finished"], run_id=run_id)
    result.update(seen.get("result", {"log": seen["status"]["tail"]}))
    return dict(result, job=seen["job"], status=seen["status"])


def broken(error: PatchtrainError) -> Document:
    """The result of a module that could not do what was asked."""
    return dict(SHAPE, failed=True, **error.as_result())


def require_root() -> None:
    if os.geteuid() != 0:
        raise BadInput("packages can't be changed by uid %d: run this as root (become: true)" % os.geteuid(), uid=os.geteuid())
