# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From settings and the recorded plan to the arguments of the host-side modules; from what a host said to what it means."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..module_utils.errors import PatchtrainError
from ..module_utils.packages.records import counts
from .settings import Settings


class HostFailed(PatchtrainError):
    """What a module on the host says went wrong, with its own kind of error as ``cause``."""


class NotAtRelease(PatchtrainError):
    """The installation ended well, and the host still is not what the release says."""


_NOT_IN_THE_WAY = ("interrupted", "lock", "sources")
"""Obstacles that the installation itself removes, waits for, or plans without: what only an unusable source has is left out."""


def selection_arguments(settings: Settings) -> Dict[str, Any]:
    """Which updates are asked for, as every host-side module takes it."""
    args = {
        "manager": settings.patch_package_manager, "classifications": settings.patch_classifications, "include": settings.patch_include,
        "exclude": settings.patch_exclude, "security_level": settings.patch_security_level,
        "allow_downgrade": settings.patch_allow_downgrade, "allow_removals": settings.patch_allow_removals,
        "lock_timeout": settings.patch_lock_timeout}
    patterns = {"security_patterns": settings.patch_security_patterns, "known_patterns": settings.patch_known_patterns}
    return dict(args, **{name: value for name, value in patterns.items() if value})


def arguments_of_plan(plan: Mapping[str, Any]) -> Dict[str, Any]:
    """The exact packages of a recorded plan, and its digest. Criteria do not count beside an exact list."""
    wanted = [{"name": change["name"], "arch": change["arch"], "version": change["to"]} for change in plan["changes"] if change["to"]]
    return {"packages": wanted, "expect_digest": plan["digest"]}


def at_the_release(assessment: Mapping[str, Any], digest: Optional[str]) -> None:
    """After an installation: ``NotAtRelease`` unless the host says that all its packages are the release's. The kernel is looked at
    later, after a reboot."""
    if digest is None:
        return
    if assessment.get("release") != digest:
        raise NotAtRelease("the host is attached to %s, and the run brings it to release %s" % (assessment.get("release") or "no release", digest[:12]))
    wrong = ["%s is %s instead of %s" % (d["name"], d["is"], d["should"]) for d in assessment.get("drift", []) if d["kind"] == "version"]
    if wrong:
        raise NotAtRelease("%d packages are not the release's: %s" % (len(wrong), "; ".join(wrong[:5])), packages=wrong)


def without(assessment: Mapping[str, Any], result: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    """The assessment that this installation leaves behind, where nobody has looked; None where it has installed nothing, and where it failed: how it left
    the host is not known then, least of all of a job that was lost."""
    if result.get("failed"):
        return None
    done = {(package["name"], package["arch"]) for package in result.get("packages", ()) if package["result"] == "installed"}
    if not done or "updates" not in assessment:
        return None
    updates = [update for update in assessment["updates"] if (update["name"], update["arch"]) not in done]
    return dict(assessment, updates=updates, counts=counts(updates), reboot=result["reboot"], interrupted=None)


def obstacles_in_the_way(assessment: Mapping[str, Any]) -> List[str]:
    """What would keep this host from being patched, as lines for a person."""
    return [found["message"] for found in assessment.get("obstacles", []) if found["kind"] not in _NOT_IN_THE_WAY]


def what_it_means(assessment: Mapping[str, Any], changes: int, setting: str) -> Tuple[str, str]:
    """The host's state after prepare, and why: ``waiting`` for its turn in the roll, or one that ends here."""
    obstacles = obstacles_in_the_way(assessment)
    reboot = assessment.get("reboot", {})
    reasons = ", ".join(reboot.get("reasons", [])) or "pending"
    if obstacles:
        return "blocked", "; ".join(obstacles)
    if changes:
        return "waiting", ""
    if assessment.get("interrupted"):
        # Only in check mode: else it was repaired before anything was planned.
        return "waiting", "an interrupted installation would be repaired: %s" % assessment["interrupted"]
    if assessment.get("metadata_age_s") is None:
        return "blocked", "the host's package metadata was never fetched: set patch_refresh to true"
    if setting == "always":
        return "waiting", "nothing to install; patch_reboot is always"
    if not reboot.get("required"):
        return "up_to_date", ""
    if setting == "never":
        return "reboot_pending", "a reboot is due (%s) and patch_reboot is never" % reasons
    return "waiting", "nothing to install, but a reboot is due: %s" % reasons


def raise_if_failed(result: Mapping[str, Any]) -> None:
    """A failed module result as the failure that it is."""
    if result.get("failed"):
        raise HostFailed(str(result.get("msg", "no reason given")), cause=result.get("error"))
