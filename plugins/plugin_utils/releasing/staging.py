# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases go through stages: approved, promoted, put back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

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

    def allowed(c: Any) -> tuple[Release, bool]:
        releases.needed_publication(c, release.digest)
        against = _against(c, order, releases.get(c, release.name), stage, before)
        if against and not order.excused():
            raise NotPromoted("%s can't be promoted to %s: %s; or give force and a reason (release_force, release_reason)" % (
                release.name, stage, shortened(against)), objections=against)
        return release, bool(against)

    return _moved(order, stage, allowed)


def put_back(order: Order) -> Result:
    stage = check_release_name(order.needed("stage"), "stage")
    if not order.args["reason"]:
        raise BadInput("release: state=put_back needs a reason (release_reason in playbooks), which is recorded")

    def earlier(c: Any) -> tuple[Release, bool]:
        release = stages.before(c, stage)
        releases.needed_publication(c, release.digest)
        return release, False

    return _moved(order, stage, earlier)


def _moved(order: Order, stage: str, decide: Callable[[Any], tuple[Release, bool]]) -> Result:
    """``decide`` tells the release, and whether it is forced. It is asked in the transaction that moves the stage: others may move and delete
    meanwhile, too."""
    with order.ledger.read() if order.checking else order.ledger.write() as c:
        release, forced = decide(c)
        was = stages.current(c, stage)
        changed = was is None or was.release != release.name
        if changed and not order.checking:
            stages.move(c, stage, release, order.actor, forced, order.args["reason"])
    return {"changed": changed, "name": release.name, "digest": release.digest, "stage": stage, "previous": was.release if was else None,
            "msg": "%s: %s -> %s" % (stage, was.release if was else "nothing", release.name)}


def _against(c: Any, order: Order, release: Release, stage: str, before: str | None) -> list[str]:
    found = []
    if release.approved_at is None and (before is not None or len(order.args["stages"]) == 1):
        found.append("it is a candidate: approve it first (playbook approve)")
    if before is not None:
        there = stages.current(c, before)
        if there is None or there.digest != release.digest:
            found.append("the stage before it, %s, has %s" % (before, there.release if there else "no release"))
    return found + (_gate(c, order, release) if order.args["gate"] else [])


def _gate(c: Any, order: Order, release: Release) -> list[str]:
    gate, now = order.args["gate"], time.time()
    seen = {host: [(a.at, a.document) for a in assessments.history(c, host, now - gate["hours"] * 3600, _HISTORY)] for host in gate["hosts"]}
    held = {slot.host: "out of service since run %s" % slot.run for slot in slots.holders(c, gate["hosts"])}
    return objections(seen, release.digest, gate["hours"], gate["max_age"], now, held)
