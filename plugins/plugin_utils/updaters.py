# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own updaters, which are held off from its preparation on: let go by whichever action ends its part in the run."""

from __future__ import annotations

from .book import HostBook
from .remote import Remote, RemoteError

LIMIT = 60.0
"""Seconds that the host may take for it."""

_STAY = "the host's own updaters stay held off until their hold ends: %s"


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
