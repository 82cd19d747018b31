# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a host lacks: the document of ``updates_info`` and of every assessment."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .packages.detect import platform
from .packages.manager import PackageManager, Rules
from .packages.records import CLASSIFICATIONS, Selection, Update
from .reboot import kernel, pending_reboot
from .runner import Runner

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def assess(runner: Runner, manager: PackageManager, rules: Rules, selection: Selection) -> Dict[str, Any]:
    """The assessment, from the metadata that the host has."""
    updates = manager.updates(rules, selection)
    interrupted = manager.interrupted()
    return {
        "platform": platform(runner, manager).to_dict(), "manager": manager.name, "metadata_age_s": manager.metadata_age(),
        "updates": [update.to_dict() for update in updates], "counts": counts(updates), "reboot": pending_reboot(runner, manager).to_dict(),
        "interrupted": interrupted, "release": None, "drift": [], "boot_id": (runner.read(BOOT_ID) or "").strip(),
        "kernel": kernel(runner), "obstacles": _obstacles(interrupted)}


def counts(updates: Sequence[Update]) -> Dict[str, int]:
    """How many of each classification, how many are held, and how many there are."""
    found = {kind: sum(1 for update in updates if update.classification == kind) for kind in CLASSIFICATIONS}
    return dict(found, held=sum(1 for update in updates if update.held), total=len(updates))


def _obstacles(interrupted: Any) -> List[Dict[str, str]]:
    if not interrupted:
        return []
    return [{"kind": "interrupted", "message": "an installation was interrupted and is repaired by the next one: %s" % interrupted}]
