# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The exact transaction that a request would come to, without touching the host."""

from __future__ import annotations

from ..assessment import advice
from ..packages.manager import PackageManager
from ..reboot import pending_reboot
from ..release.attached import ROOT
from ..runner import Runner
from . import client, outcome
from .files import Document
from .install import complete, planned, verify
from .life import boot_id
from .request import Request


def preview(runner: Runner, manager: PackageManager, request: Request, root: str = ROOT) -> Document:
    installed = manager.installed(sources=False)
    request = complete(request, installed, manager.arch())
    plan = planned(manager, request, installed, advice=advice(runner, manager, root))
    verify(plan, request, installed)
    outcomes = outcome.same_for_all(plan, "pending", "would be downloaded" if request.download_only else "would be changed")
    diff = {"before": "", "after": ""} if request.download_only else outcome.diff(outcomes, ("pending",))
    cut = manager.interrupted()
    return dict(
        client.SHAPE, changed=bool(plan.transaction.changes or cut), repaired=cut, packages=[o.to_dict() for o in outcomes], plan=outcome.plan_document(plan),
        diff=diff, reboot=pending_reboot(runner, manager).to_dict(), boot_id=boot_id(runner))
