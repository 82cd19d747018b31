# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health gate of a host: no worse than a run found it, and through the deployment's own checks."""

from __future__ import annotations

from typing import Any, Dict

from ..module_utils.errors import PatchtrainError
from . import calling
from .book import HostBook
from .remote import Remote
from .settings import Settings

MODULE = "fleetops.patchtrain.host_health_info"
MARGIN = 60.0


class NotHealthy(PatchtrainError):
    """The health gate was not passed; the message names what is worse than before."""


def gate(book: HostBook, settings: Settings, remote: Remote, forced: str = "") -> Dict[str, Any]:
    """One look at the host against the health that the book's run recorded, and a step of that run; ``forced`` is why the verdict does not count."""
    with book.step("gate") as step:
        result = _asked(book, settings, remote)
        step.detail = {key: result.get(key) for key in ("differences", "checks", "seconds", "samples")}
        if result.get("failed") and forced:
            step.detail["forced"] = forced
            result.update(failed=False, forced=forced)
        if result.get("failed"):
            raise NotHealthy("not healthy: %s" % result.get("msg"), differences=result.get("differences", []), checks=result.get("checks", []))
    return result


def _asked(book: HostBook, settings: Settings, remote: Remote) -> Dict[str, Any]:
    args = {"baseline": book.baseline(), "ignore": settings.patch_health_ignore, "settle": settings.patch_health_settle,
            "limit": settings.patch_health_timeout, "checks": settings.patch_health_checks}
    return calling.ask(remote, book.laid(), MODULE, args, settings.patch_health_timeout + MARGIN)
