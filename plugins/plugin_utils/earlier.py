# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that an earlier run left out of service, and that this run has patched, comes back for that run too.

This run found it in maintenance, so that to it this is how the host was before. How it was before the first drain stands in the earlier run's steps, and it
comes back as ``restore`` would bring it: healthy by what that run recorded, and only where nothing but our own steps took it out.
"""

from __future__ import annotations

from typing import Callable, List, Tuple

from ..module_utils.errors import MaintenanceFailed, PatchtrainError
from . import drain
from .book import HostBook

STEP = "leave for an earlier run"


class StillLeftOut(MaintenanceFailed):
    """The host is patched, and an earlier run's drain can't be undone safely."""


def stands(book: HostBook, state: str, reason: str, rolls: bool = True) -> Tuple[str, str]:
    """Where a host that lacks nothing really stands: it may be out of service by a run that nobody works on any more. With ``rolls`` it can have
    its turn in this run, and comes back in it."""
    others = book.earlier() if state in ("up_to_date", "reboot_pending") else []
    gone = next((other.run for other in others if other.is_abandoned), "")
    if gone:
        return "blocked", "nothing to install, but run %s left it out of service, and its controller is gone: go on with that run (-e patch_run_name=%s)" % (
            gone, gone)
    over = next((other.run for other in others if other.is_over), "")
    if over and rolls:
        return "waiting", "nothing to install, but run %s left it out of service" % over
    if over:
        return "blocked", "%s, but run %s left it out of service: bring it back (playbook fleetops.patchtrain.restore)" % (reason or "nothing to do", over)
    return state, reason


def examine(earlier: List[HostBook], book: HostBook, gate: Callable[[HostBook], object]) -> None:
    """Before anything is left: whether the host may come back for all of these runs."""
    for other in earlier:
        try:
            _refuse_unknown(other, book)
            gate(other)
        except PatchtrainError as error:
            raise _still(book, other, error) from error


def bring_back(earlier: List[HostBook], book: HostBook, reach: drain.Reach) -> None:
    """The latest run first, as they were entered one upon the other; each slot is returned at once."""
    for other in earlier:
        with book.step(STEP) as step:
            try:
                drain.leave(other, reach)
                other.returned("patched and brought back by run %s" % book.run, "")
            except PatchtrainError as error:
                raise _still(book, other, error) from error
            step.message = "run %s had left it out of service" % other.run


def _refuse_unknown(other: HostBook, book: HostBook) -> None:
    if not other.is_over:
        raise MaintenanceFailed("that run has not come to its end with it")
    for hook in other.drain_hooks():
        name = "patch_%s" % hook.replace(" ", "_")
        if hook not in book.drain_hooks() or other.settings.get(name) != book.settings.get(name):
            raise MaintenanceFailed("%s of that run was begun, and only a person can know what undoes it" % hook)


def _still(book: HostBook, other: HostBook, error: PatchtrainError) -> StillLeftOut:
    return StillLeftOut("%s is patched, but still in maintenance for run %s, which left it out of service: %s" % (book.host, other.run, error.message),
                        run=other.run, cause=error.as_result())
