# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of hosts and runs, and which may follow which. Pure."""

from __future__ import annotations

from collections.abc import Mapping

HOST_WORKING = ("waiting", "draining", "drained", "installing", "rebooting", "checking", "restoring")
HOST_FINAL = ("succeeded", "up_to_date", "reboot_pending", "deferred", "blocked", "failed", "unreachable", "not_started")
HOST_STATES = HOST_WORKING + HOST_FINAL

HOST_FAILED = ("failed", "unreachable")

RUN_UNFINISHED = ("running", "paused", "stopping")
RUN_FINAL = ("succeeded", "failed", "stopped")
RUN_STATES = RUN_UNFINISHED + RUN_FINAL

_HOST_NEXT: Mapping[str, tuple[str, ...]] = {
    "waiting": ("draining", *(s for s in HOST_FINAL if s != "succeeded")),
    # A drain that is undone ends in the state that says why: blocked (guests can't move), deferred (no time left), failed.
    "draining": ("drained", "blocked", "deferred", *HOST_FAILED),
    # A drain that is lost (a restarted load balancer) and can't be done again ends as one that could not be done.
    "drained": ("installing", "rebooting", "checking", "restoring", "blocked", "deferred", *HOST_FAILED),
    "installing": ("rebooting", "checking", "restoring", *HOST_FAILED),
    # Some package managers ask to be run again after a reboot.
    "rebooting": ("installing", "checking", *HOST_FAILED),
    "checking": ("restoring", *HOST_FAILED),
    # One that was left in the middle is checked again before it comes back.
    "restoring": ("checking", "succeeded", "up_to_date", "reboot_pending", "deferred", *HOST_FAILED),
    # A resumed run tries again what it never touched.
    "not_started": ("waiting",),
    "unreachable": ("waiting",),
    "deferred": ("waiting",),
}

_RUN_NEXT: Mapping[str, tuple[str, ...]] = {
    "running": ("paused", "stopping", *RUN_FINAL),
    "paused": ("running", "stopping", *RUN_FINAL),
    "stopping": RUN_FINAL,
}


def host_may_go(was: str, to: str) -> bool:
    """Whether a host of an unfinished run may go from one state to another; staying is always allowed.

    Any working state may fall back to ``draining``: a resumed run begins the host's cycle again, and its steps find what
    is done already.
    """
    if was == to:
        return True
    if to == "draining" and was in HOST_WORKING:
        return True
    return to in _HOST_NEXT.get(was, ())


def run_may_go(was: str, to: str) -> bool:
    """Whether a run may go from one state to another; staying is allowed while it is unfinished."""
    if was == to:
        return was in RUN_UNFINISHED
    return to in _RUN_NEXT.get(was, ())


def uses_up_failures(state: str, came_from: str) -> bool:
    """Whether a host counts against ``patch_max_failed``. One that was never reached is no failure of the run; it is counted
    apart, and as out of service."""
    return state == "failed" or (state == "unreachable" and came_from != "waiting")
