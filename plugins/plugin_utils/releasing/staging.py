# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases go through stages: approved, promoted, put back."""

from __future__ import annotations

import time

from ...module_utils.errors import BadInput, PatchtrainError
from ..ledger import assessments, releases, slots, stages
from ..ledger.rows import Release
from ..releases.gate import check_order, objections
from ..scheduling.names import check_release_name
from .gather import shortened
from .order import Order, Result

_HISTORY = 400


class NotPromoted(PatchtrainError):
    """A rule of the stages stands against it."""


def approved(order: Order) -> Result:
    release = order.release()
    if order.checking:
        return {"changed": release.approved_at is None, "name": release.name, "digest": release.digest, "msg": "would be approved"}
    with order.ledger.write() as c:
        release, new = releases.approve(c, release.name, order.args["approver"] or order.actor, order.args["evidence"])
    return {"changed": new, "name": release.name, "digest": release.digest, "msg": "%s is approved by %s" % (release.name, release.approver)}


def promoted(order: Order) -> Result:
    release, stage = order.release(), check_release_name(order.needed("stage"), "stage")
    before = check_order(stage, order.args["stages"])
    with order.ledger.read() as c:
        releases.needed_publication(c, release.digest)
    against = _against(order, release, stage, before)
    if against and not order.excused():
        raise NotPromoted("%s can't be promoted to %s: %s; or give force and a reason (release_force, release_reason)" % (
            release.name, stage, shortened(against)), objections=against)
    return _moved(order, stage, release, bool(against))


def put_back(order: Order) -> Result:
    stage = check_release_name(order.needed("stage"), "stage")
    if not order.args["reason"]:
        raise BadInput("release: state=put_back needs a reason (release_reason in playbooks), which is recorded")
    with order.ledger.read() as c:
        release = stages.before(c, stage)
    return _moved(order, stage, release, False)


def _moved(order: Order, stage: str, release: Release, forced: bool) -> Result:
    with order.ledger.read() as c:
        was = stages.current(c, stage)
    changed = was is None or was.release != release.name
    if changed and not order.checking:
        with order.ledger.write() as c:
            stages.move(c, stage, release, order.actor, forced, order.args["reason"])
    return {"changed": changed, "name": release.name, "digest": release.digest, "stage": stage, "previous": was.release if was else None,
            "msg": "%s: %s -> %s" % (stage, was.release if was else "nothing", release.name)}


def _against(order: Order, release: Release, stage: str, before: str | None) -> list[str]:
    found = []
    if release.approved_at is None and (before is not None or len(order.args["stages"]) == 1):
        found.append("it is a candidate: approve it first (playbook approve)")
    if before is not None:
        with order.ledger.read() as c:
            there = stages.current(c, before)
        if there is None or there.digest != release.digest:
            found.append("the stage before it, %s, has %s" % (before, there.release if there else "no release"))
    return found + (_gate(order, release) if order.args["gate"] else [])


def _gate(order: Order, release: Release) -> list[str]:
    gate, now = order.args["gate"], time.time()
    with order.ledger.read() as c:
        seen = {host: [(a.at, a.document) for a in assessments.history(c, host, now - gate["hours"] * 3600, _HISTORY)] for host in gate["hosts"]}
        held = {slot.host: "out of service since run %s" % slot.run for slot in slots.holders(c, gate["hosts"])}
    return objections(seen, release.digest, gate["hours"], gate["max_age"], now, held)
