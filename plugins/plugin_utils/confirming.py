# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a host is drained: what was prepared is still what would be installed, and the host still answers.

It is asked while the host waits for its slot, so that nobody waits for the answer, and again only where the answer has become old.
"""

from __future__ import annotations

import math
import time
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from ..module_utils.errors import PatchtrainError
from . import calling, patient
from .assessing import seen
from .book import HostBook
from .installing import MODULE, arguments, classified
from .prepared import raise_if_failed, what_it_means
from .remote import Remote
from .settings import Settings

FRESH = 120.0
"""Seconds for which an answer is good."""

JUST = 10.0
"""Seconds for which a preparation needs no confirmation: the host has said the same, and more."""


class NotPrepared(PatchtrainError):
    """No plan of this host is on record, which is not the same as an empty one."""


def prepared_plan(book: HostBook) -> Dict[str, Any]:
    """What is to be installed, with nothing in it where nothing is."""
    plan = book.plan()
    if plan is None:
        raise NotPrepared("%s was not prepared in run %s, so what to install is not known" % (book.host, book.run), run=book.run)
    return plan


def confirm(book: HostBook, settings: Settings, remote: Remote, given: Mapping[str, Any]) -> Dict[str, Any]:
    """Ask the host now. Nothing is asked where nothing is to be installed, or an installation was begun before."""
    plan = prepared_plan(book)
    if not plan["changes"]:
        return {"msg": "nothing to install"}
    if book.installation() is not None:
        return {"msg": "an installation was begun before, by this run"}
    with book.step("confirm"):
        result = calling.ask(remote, book.laid(), MODULE, dict(given, **arguments(book, settings, plan)), patient.POLL + patient.MARGIN, check=True)
        raise_if_failed(result)
    return dict(result, changed=False, packages=classified(result["packages"], plan), msg="%d packages to change, as prepared" % len(result["packages"]))


class Spared(NamedTuple):
    """Where a host ends that does not have to be drained any more, and why."""

    state: str
    reason: str


def spared(book: HostBook, settings: Settings, remote: Remote, confirmed: Mapping[str, Any]) -> Optional[Spared]:
    """By what the host has confirmed: all that was planned is there, as another run or a person installed it meanwhile, and no reboot is left to be
    done. None where there is work, or where this run or one before it has taken the host out of service: it has to come back."""
    plan = confirmed.get("plan")
    if plan is None or plan["changes"] or book.entered() or book.drain_hooks() or book.earlier():
        return None
    known = {"reboot": confirmed.get("reboot") or {}, "interrupted": confirmed.get("repaired"), "metadata_age_s": 0.0}
    state, reason = what_it_means(known, 0, settings.patch_reboot)
    if state == "waiting":
        return None
    # What is on record of the host is from before; no metadata is fetched for it.
    book.assessed(seen(remote, settings, refresh=False)["assessment"])
    return Spared(state, "; ".join(part for part in ("what was planned was installed meanwhile, not by this run", reason) if part))


class Confirmation:
    """Of one host that waits for its slot, and need not be asked for ``good_for`` seconds. ``ask`` raises where the host does not confirm, and says where the
    host can be spared its turn."""

    def __init__(self, ask: Callable[[], Optional[Spared]], good_for: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._due_at = clock() + good_for if good_for else -math.inf
        self._asked = False
        self.spared: Optional[Spared] = None

    @property
    def is_due(self) -> bool:
        return self._clock() > self._due_at

    def forget(self) -> None:
        """Another run works on the host meanwhile: what was answered says nothing any more."""
        self._due_at = -math.inf

    def renew(self) -> None:
        """See to it that the last answer is not old."""
        if self.is_due:
            self.spared = self._ask()
            self._due_at, self._asked = self._clock() + FRESH, True

    def waits(self) -> None:
        """Whoever has to wait is asked meanwhile, and not when its slot is there."""
        if not self._asked:
            self.forget()


def good_for(book: HostBook, now: float) -> float:
    """Seconds for which what the host said when it was prepared needs no confirmation."""
    prepared = book.last_step("prepare")
    age = math.inf if prepared is None or prepared.finished_at is None else now - prepared.finished_at
    return JUST - age if 0 <= age < JUST else 0.0
