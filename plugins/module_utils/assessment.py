# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a host lacks: the document of ``updates_info`` and of every assessment."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from .errors import LockTimeout, NotEnoughSpace, NotReadable, PatchtrainError
from .job import space
from .packages.detect import platform
from .packages.manager import PackageManager, Rules
from .packages.records import Selection, Update, counts
from .reboot import kernel as kernels
from .reboot import pending_reboot
from .release import host as release_host
from .release.advice import NOTHING, Advice
from .release.attached import ROOT
from .release.host import Target
from .runner import Runner

Obstacle = Dict[str, str]
Found = Tuple[str, str]
"""A kind of obstacle and its message, which is empty where there is none."""

_PRIVILEGE = "privilege"

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def assess(runner: Runner, manager: PackageManager, rules: Rules, selection: Selection,
           measure: space.Measure = space.measure, root: str = ROOT) -> Dict[str, Any]:
    """The assessment, from the metadata that the host has."""
    should, damage = _release(runner, root)
    updates = _updates(manager, rules, selection, should)
    interrupted = manager.interrupted()
    kernel = kernels(runner)
    documents = [update.to_dict() for update in updates]
    return {
        "platform": platform(runner, manager).to_dict(), "manager": manager.name, "metadata_age_s": manager.metadata_age(),
        "updates": documents, "counts": counts(documents), "reboot": pending_reboot(runner, manager).to_dict(),
        "interrupted": interrupted, "release": should.digest if should else None,
        "drift": release_host.differences(runner, manager, should, kernel) if should else [], "boot_id": (runner.read(BOOT_ID) or "").strip(),
        "kernel": kernel, "obstacles": _together(obstacles(runner, manager, updates, interrupted, measure), damage)}


def _release(runner: Runner, root: str) -> Tuple[Optional[Target], List[Obstacle]]:
    """The release that the host is attached to. One that is damaged stands in the way; where only root may look, there may be none."""
    try:
        return release_host.target(runner, root), []
    except NotReadable:
        return None, [{"kind": _PRIVILEGE, "message": "whether the host is attached to a release is not known"}]
    except PatchtrainError as error:
        return None, [{"kind": "release", "message": error.message}]


def _together(found: List[Obstacle], more: Sequence[Obstacle]) -> List[Obstacle]:
    """One of each kind."""
    said = {obstacle["kind"]: obstacle["message"] for obstacle in found}
    for obstacle in more:
        known = said.get(obstacle["kind"])
        said[obstacle["kind"]] = "%s; %s" % (known, obstacle["message"]) if known else obstacle["message"]
    return [{"kind": kind, "message": message} for kind, message in said.items()]


def advice(runner: Runner, manager: PackageManager, root: str) -> Advice:
    """What the release that the host is attached to knows of updates; nothing where there is none, or where only root may look."""
    try:
        return release_host.advice(runner, manager, root)
    except NotReadable:
        return NOTHING


def _updates(manager: PackageManager, rules: Rules, selection: Selection, should: Optional[Target]) -> List[Update]:
    """A release's repository does not say all that the release's manifest knows of them."""
    updates = manager.updates(rules, selection)
    if should is None:
        return updates
    known = release_host.advice_of(manager, should)
    return [known.update(update) for update in updates]


def obstacles(runner: Runner, manager: PackageManager, updates: Sequence[Update], interrupted: Optional[str],
              measure: space.Measure) -> List[Obstacle]:
    """What stands in the way of patching, most of it for a person to clear. Each kind at most once."""
    found = [_interruption(interrupted), _lock(manager), _room(updates, measure), _sources(manager), _privilege(runner)]
    return [{"kind": kind, "message": message} for kind, message in found if message]


def _interruption(interrupted: Optional[str]) -> Found:
    return "interrupted", "an installation was interrupted and is repaired by the next one: %s" % interrupted if interrupted else ""


def _lock(manager: PackageManager) -> Found:
    try:
        manager.wait_for_lock(0)
    except LockTimeout as error:
        return "lock", error.message
    return "lock", ""


def _room(updates: Sequence[Update], measure: space.Measure) -> Found:
    """Only what is too full for anything; what a plan needs is its own matter."""
    boot = {"/boot": space.KERNEL} if any(space.brings_kernel(update.name) for update in updates) else {}
    try:
        space.check(boot, measure)
    except NotEnoughSpace as error:
        return "space", error.message
    return "space", ""


def _sources(manager: PackageManager) -> Found:
    bad = [source.id for source in manager.sources() if source.enabled and not source.usable]
    if not bad:
        return "sources", ""
    return "sources", "no metadata that %s accepts from: %s; refresh it, or correct or disable the source" % (manager.name, ", ".join(bad))


def _privilege(runner: Runner) -> Found:
    uid = runner.run(["id", "-u"]).check().stdout.strip()
    return _PRIVILEGE, "" if uid == "0" else "uid %s is not root, and only root installs packages (become: true)" % uid
