# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Everything that a run has to know of a host, and has to do there, before the host may be taken out of service; one
execution does it all.

``assess`` changes nothing but the metadata cache, and works without root as far as the host lets it: what stands in the way of
patching is an obstacle in the assessment. ``download`` makes the host ready: an interrupted transaction is repaired first (nothing
can be planned before), the host's own updaters are held off, the packages are fetched; there an obstacle is a failure.
"""

from __future__ import annotations

import os
import sys
import uuid
from dataclasses import dataclass
from typing import List, Optional, Sequence

from ..assessment import advice, assess
from ..errors import PatchtrainError, TransactionInterrupted
from ..health.probe import probe
from ..packages.manager import PackageManager
from ..packages.records import Package, Plan
from . import calling, client, outcome, space
from .converge import keeps_kernel, plan_to_release, whole
from .files import Document
from .hold import hold, release
from .install import carrying, complete, listing, planned, wanted_of
from .request import REPAIR, Request
from .state import DEFAULT_ROOT, State
from .unit import Host

ASSESS, DOWNLOAD = "assess", "download"

SHAPE: Document = {
    "failed": False, "changed": False, "assessment": None, "plan": None, "health": None, "held_units": [], "repaired": None,
    "downloaded": False, "let_go": None, "program": None, "python": sys.executable,
}

_OBSTACLES = {"TransactionInterrupted": "interrupted", "LockTimeout": "lock", "NotEnoughSpace": "space"}


@dataclass(frozen=True)
class Preparation:
    """``hold_until`` 0 holds nothing off; ``let_go`` lets go what the run held off, first of all. ``touch`` False is check mode."""

    request: Request
    stage: str = ASSESS
    refresh_timeout: float = 300.0
    health: bool = True
    hold_until: float = 0.0
    run_id: Optional[str] = None
    touch: bool = True
    root: str = DEFAULT_ROOT
    let_go: bool = False
    plan: bool = True

    @property
    def makes_ready(self) -> bool:
        return self.touch and self.stage == DOWNLOAD


def prepare(host: Host, manager: PackageManager, order: Preparation) -> Document:
    """What is known of the host, and its plan. A failure does not hide what was done and seen before it."""
    result = dict(SHAPE)
    if order.makes_ready:
        client.require_root()
        result["repaired"] = _repaired(host, manager, order)
    try:
        if order.let_go and order.touch:
            result["let_go"] = release(host.runner, order.run_id or "")
        _look_and_fetch(host, manager, order, result)
    except PatchtrainError as error:
        result.update(failed=True, **error.as_result())
        _let_go(host, order, result)
    result["changed"] = bool(result["repaired"] or result["held_units"] or result["downloaded"])
    return result


def _let_go(host: Host, order: Preparation, result: Document) -> None:
    """What failed is no reason to keep the host's own updaters off, also those that an earlier try of this run held; another try holds them again."""
    if not (order.makes_ready and order.hold_until and host.systemd):
        return
    try:
        release(host.runner, order.run_id or "")
        result["held_units"] = []
    except (PatchtrainError, OSError) as error:
        result["msg"] += "; the host's own updaters stay held off until their hold ends: %s" % error


def _look_and_fetch(host: Host, manager: PackageManager, order: Preparation, result: Document) -> None:
    found = _refreshed(manager, order)
    assessment = assess(host.runner, manager, order.request.rules, order.request.selection, root=order.root)
    failure = _probed(host, order, result, found)
    if order.plan and (failure is None or not order.makes_ready):
        try:
            _plan_and_fetch(host, manager, order, result)
        except PatchtrainError as error:
            failure = error
            found.append({"kind": _OBSTACLES.get(error.kind, "plan"), "message": error.message})
    result["assessment"] = _with_obstacles(assessment, found)
    if failure is not None and order.makes_ready:
        raise failure


def _probed(host: Host, order: Preparation, result: Document, found: List[Document]) -> Optional[PatchtrainError]:
    """Without the host's health from before, nobody could say afterwards whether it is worse."""
    try:
        result["health"] = probe(host.runner) if order.health else None
    except PatchtrainError as error:
        found.append({"kind": "health", "message": "the host's health is not known: %s" % error.message})
        return error
    return None


def _with_obstacles(assessment: Document, found: List[Document]) -> Document:
    """What the assessment says of itself is not said twice."""
    known = {obstacle["kind"] for obstacle in assessment["obstacles"]}
    return dict(assessment, obstacles=assessment["obstacles"] + [obstacle for obstacle in found if obstacle["kind"] not in known])


def broken(error: PatchtrainError) -> Document:
    return dict(SHAPE, failed=True, **error.as_result())


def _repaired(host: Host, manager: PackageManager, order: Preparation) -> Optional[str]:
    """As a job, because a repair too must not end with the connection. Who repairs an interrupted host twice does no harm, so
    each repair is a step of its own."""
    # A transaction that is being made at this moment looks like one that was cut.
    manager.wait_for_lock(order.request.lock_timeout)
    if manager.interrupted() is None:
        return None
    request = Request(kind=REPAIR, manager=order.request.manager, timeout=order.request.timeout,
                      lock_timeout=order.request.lock_timeout, environment=order.request.environment)
    step = "repair-%s" % uuid.uuid4()
    done = client.perform(host, client.Order(request, order.run_id, step, limit=request.timeout, root=order.root))
    if done["failed"]:
        raise TransactionInterrupted(done["msg"], log=done["log"], job=done["job"])
    repaired: Optional[str] = done["repaired"]
    return repaired


def _refreshed(manager: PackageManager, order: Preparation) -> List[Document]:
    """Fresh metadata, or why it is not."""
    if not order.request.refresh or not order.touch:
        return []
    if os.geteuid() != 0:
        return [{"kind": "privilege", "message": "the metadata was not refreshed: uid %d is not root (become: true)" % os.geteuid()}]
    manager.refresh(order.refresh_timeout)
    return []


def _plan_and_fetch(host: Host, manager: PackageManager, order: Preparation, result: Document) -> None:
    installed = manager.installed(sources=False)
    plan = _plan(host, manager, order, installed)
    result["plan"] = outcome.plan_document(plan)
    if not plan.transaction.changes:
        return
    space.check(space.needs(plan.transaction, manager.cache_paths()), space.measure)
    if order.makes_ready:
        if order.hold_until and host.systemd:
            result["held_units"] = hold(host.runner, manager.updater_units(), order.run_id or "", order.hold_until)
        result["program"] = State(order.root).keep_program(calling.main)
        result["downloaded"] = _downloaded(manager, order.request, plan)


def _plan(host: Host, manager: PackageManager, order: Preparation, installed: Sequence[Package]) -> Plan:
    if order.request.release is not None:
        return plan_to_release(host.runner, manager, order.request, installed, order.root)
    known = advice(host.runner, manager, order.root)
    plan = planned(manager, complete(order.request, installed, manager.arch()), installed, advice=known)
    if order.request.selection.packages is None:
        return plan
    return keeps_kernel(host.runner, whole(plan, "what is asked for can't be installed"))


def _downloaded(manager: PackageManager, request: Request, plan: Plan) -> bool:
    cached = listing(manager.cache_paths())
    manager.download(wanted_of(plan), carrying(plan, request.selection), request.timeout)
    return listing(manager.cache_paths()) != cached
