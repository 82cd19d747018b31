# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own updaters, which are held off from its preparation on: let go by whichever action ends its part in the run. With it goes the look at what the
host lacks now, which its installation left to when the host is back in service."""

from __future__ import annotations

from ..module_utils.errors import PatchtrainError
from . import assessing
from .book import HostBook
from .remote import Remote, RemoteError
from .settings import Settings

LIMIT = 60.0
"""Seconds that the host may take for it."""

_STAY = "the host's own updaters stay held off until their hold ends: %s"
_NOT_SEEN = "what is pending now was not looked at: %s"


def let_go(book: HostBook, remote: Remote) -> str:
    """What is to be told of it, empty where nothing is. A hold ends by itself, so that failing here is no failure, but a note."""
    held = book.laid()
    if not held or not held.get("held_units"):
        return ""
    try:
        with book.step("release") as step:
            said = remote.command([held["python"], "-I", "-S", held["program"], "release", book.run], LIMIT)
            step.message = _STAY % (str(said["stderr"]).strip() or "rc %s" % said["rc"]) if said["rc"] else ""
    except RemoteError as error:
        return _STAY % error.message
    return step.message


def afterwards(book: HostBook, remote: Remote, settings: Settings) -> str:
    """The same of a host that is back in service, and the look that is owed; one execution does both."""
    if not book.owes_a_look():
        return let_go(book, remote)
    held = bool((book.laid() or {}).get("held_units"))
    with book.step("release") as step:
        step.message = _looked(book, remote, settings, held)
    return step.message


def _looked(book: HostBook, remote: Remote, settings: Settings, held: bool) -> str:
    try:
        found = assessing.probe(remote, settings, "assess", book.laid(), refresh=False, health=False, plan=False, let_go=held, run_id=book.run)
    except PatchtrainError as error:
        return "; ".join([_STAY % error.message] * held + [_NOT_SEEN % error.message])
    notes = [_STAY % found.get("msg")] if held and found.get("let_go") is None else []
    if found.get("failed") or not found.get("assessment"):
        return "; ".join(notes or [_NOT_SEEN % found.get("msg")])
    book.assessed(found["assessment"])
    return "; ".join(notes)
