# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that are tried again: how often, after which failures, each attempt on record.

Only what can pass by itself is tried again unless the deployment names more: somebody else's lock, a source or a place that does not answer. A package
whose script failed, and a host that is less healthy than before, would be so again.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Iterator, Mapping, Optional, TypeVar

from ..module_utils.errors import PatchtrainError
from .book import HostBook
from .settings import Settings

T = TypeVar("T")

_REASONS = (("LockTimeout", "lock"), ("Lost", "lost"), ("CommandTimeout", "timeout"), ("NotHealthy", "health"), ("PackagesFailed", "packages"))
_NESTED = ("cause", "error", "result")
_FETCHING = ("prepare", "install")
CHANGED = "packages_changed"
"""In the data of a failure: that packages were changed before it, so that it is more than a source that does not answer."""


def retrying(book: HostBook, settings: Settings, step: str, work: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """What ``work`` returns, tried again after failures of ``patch_retry_on`` as often as ``patch_retries`` says."""
    tried, most = 0, allowed(settings, step)
    while True:
        try:
            return work()
        except PatchtrainError as error:
            reason = why(error, step)
            if tried >= most or reason not in settings.patch_retry_on:
                raise
            tried += 1
            with book.step("retry %s" % step) as note:
                note.message = "%d of %d, because of %s: %s" % (tried, most, reason, error.message)
                sleep(settings.patch_retry_delay)


def allowed(settings: Settings, step: str) -> int:
    wanted = settings.patch_retries
    return wanted.get(step, 0) if isinstance(wanted, dict) else wanted


def why(error: PatchtrainError, step: str) -> Optional[str]:
    """The reason of a failure, as ``patch_retry_on`` names it; None for one that is never tried again."""
    kinds = {error.kind, *_kinds(error.data)}
    if error.data.get(CHANGED):
        return "packages"
    reason = next((reason for kind, reason in _REASONS if kind in kinds), None)
    if step == "install" and reason == "lost":
        return None  # it was attached to again for patch_reconnect_timeout
    if reason is None and step in _FETCHING and "CommandFailed" in kinds:
        return "fetch"
    return reason


def _kinds(data: Mapping[str, Any]) -> Iterator[str]:
    """A failure at a place, or on a host, is wrapped in that of the step."""
    if data.get("kind"):
        yield str(data["kind"])
    for key in _NESTED:
        if isinstance(data.get(key), Mapping):
            yield from _kinds(data[key])
