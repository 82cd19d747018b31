# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host's turn may come now, before any budget is asked: its window, the canaries' soak, and what the deployment wants to be asked
each time."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Sequence

from ..module_utils.clock import Clock
from ..module_utils.health.checks import parse_checks, run_checks
from ..module_utils.runner import SystemRunner
from .book import HostBook
from .ledger.rows import RunHost
from .scheduling import estimate
from .scheduling.budget import CANARIES, Decision
from .scheduling.canaries import why_not
from .scheduling.states import HOST_FINAL
from .scheduling.windows import fits, told, why_not_fit
from .settings import Settings
from .windowing import of_host, why_never, within

_ASK_AGAIN = 5.0
_CHECKS = 60.0
WINDOW, SOAK, BLOCKER = "patch_window", "patch_canary_soak", "patch_blocker_checks"


class Turn:
    """One host that waits. What stands against its turn is a ``Decision``: ``wait``, ``deferred`` or ``refused``; None where nothing does. ``batch``
    are the hosts of its play's batch: no other can get on before that is through."""

    def __init__(self, book: HostBook, settings: Settings, batch: Sequence[str] = ()) -> None:
        self._batch = batch
        self._ready: Optional[float] = None
        self._book, self._settings = book, settings
        self._window = of_host(book.settings, book.host)
        self._need = self._needed() if self._window else None
        self._checks = parse_checks(settings.patch_blocker_checks)
        self._asked = float("-inf")
        self._blocked = ""

    def take(self, now: float, in_step: Sequence[str]) -> Decision:
        """Asks for the slot where nothing stands against it. What a host waits for does not hide that its turn can't come any more."""
        objection = self.objection(now, in_step)
        if objection is None:
            return self._book.take_slot(self._settings, in_step)
        return (self._book.refused_slot(self._settings, in_step) if objection.kind == "wait" else None) or objection

    def may_be_next(self, now: float, in_step: Sequence[str]) -> bool:
        """Whether nothing but other hosts stands against it, so that it is worth to ask the host itself: one that another run has may be rebooting."""
        return self.objection(now, in_step) is None and self._book.refused_slot(self._settings, in_step) is None

    def objection(self, now: float, in_step: Sequence[str] = ()) -> Optional[Decision]:
        blocked = self._blocker()
        said = [one for one in (self._by_window(now, blocked), self._by_canaries(now, in_step)) if one]
        # That its turn can't come any more is not hidden by a window that opens later.
        return next((one for one in said if one.kind != "wait"), said[0] if said else Decision("wait", blocked, BLOCKER) if blocked else None)

    def _by_window(self, now: float, blocked: str) -> Optional[Decision]:
        window, need = self._window, self._need
        if window is None or need is None:
            never = within(self._book.settings, self._book.host)[1] < now
            return Decision("deferred", why_never(self._book.settings, self._book.host, now), WINDOW) if never else None
        if now < window.opens_at:
            return Decision("wait", told(window, now), WINDOW)
        if fits(window.closes_at, now, need.seconds):
            return None
        return Decision("deferred", why_not_fit(window, now, need) + ("; it was held up: %s" % blocked if blocked else ""), WINDOW)

    def _by_canaries(self, now: float, in_step: Sequence[str]) -> Optional[Decision]:
        """The canaries have come to their end, at least one of them well, and were back in service for a while, before the others go."""
        soak = self._settings.patch_canary_soak
        if self._ready is None:
            canaries = self._book.canaries() if soak or self._book.settings.get("patch_canaries") else []
            under_way = [host for host in canaries if host.state not in HOST_FINAL]
            if under_way:
                return self._behind(under_way, in_step)
            unproven = why_not({host.host: host.state for host in canaries})
            if unproven:
                return Decision("refused", unproven, CANARIES)
            self._ready = max((host.changed_at for host in canaries), default=float("-inf"))
        if now >= self._ready + soak:
            return None
        return Decision("wait", "the canaries are watched for %g s more" % round(self._ready + soak - now), SOAK)

    def _behind(self, canaries: Sequence[RunHost], in_step: Sequence[str]) -> Decision:
        """Waits for them, where they can come to their end meanwhile."""
        told = "%s: %s must come to an end before other hosts are started" % (CANARIES, ", ".join("%s (%s)" % (host.host, host.state) for host in canaries))
        if not in_step and all(host.host in (self._batch or [host.host]) for host in canaries):
            return Decision("wait", told, CANARIES)
        return Decision("refused", told + ", and can't before this batch does: let them be a batch before the others, as the playbook "
                        "fleetops.patchtrain.patch does" + (", or use strategy host_pinned" if in_step else ""), CANARIES)

    def _blocker(self) -> str:
        """What the deployment's own checks say on the controller; asked every few seconds, however often a host asks for its turn."""
        if self._checks and time.monotonic() >= self._asked + _ASK_AGAIN:
            results: List[Dict[str, Any]] = run_checks(self._checks, SystemRunner(), _CHECKS, Clock())
            self._asked = time.monotonic()
            wrong = ["%s: %s" % (check["name"], check["message"]) for check in results if not check["ok"]]
            self._blocked = "%s says no: %s" % (BLOCKER, "; ".join(wrong)) if wrong else ""
        return self._blocked

    def _needed(self) -> estimate.Estimate:
        plan = self._book.plan() or {"changes": []}
        settings = self._settings
        return estimate.need(estimate.History(self._book.past()), self._book.host, len(plan["changes"]), settings.patch_estimate_default,
                             settings.patch_estimate_reboot, settings.patch_reboot != "never")
