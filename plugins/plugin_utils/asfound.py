# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run gives a host other sources before it can know what they bring. A host on which it then installs nothing has those again that it
was found with: else it would be at one level and see another, and a later rollback would look for its versions in the wrong place."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ..module_utils.errors import PatchtrainError
from . import attaching
from .assessing import seen
from .book import PUT_BACK, HostBook
from .ledger.engine import Ledger
from .remote import Remote
from .settings import Settings


def put_back(book: HostBook, ledger: Ledger, remote: Remote, settings: Settings) -> str:
    """Why the host has not its former sources, to be told with the reason of its end; empty where it has."""
    moved = _moved(book)
    if moved is None:
        return ""
    found = moved["found"]
    try:
        with book.step(PUT_BACK, undo=None) as step:
            step.detail = {"digest": found["digest"] if found else None}
            attaching.give(ledger, remote, settings, found)
    except PatchtrainError as error:
        return "%s, and could not be given back %s, with which it was found: %s" % (still_has(book), _sources(found), error.message)
    book.assessed(seen(remote, settings)["assessment"])
    return ""


def still_has(book: HostBook) -> str:
    """What the host sees where nobody could put that back; empty where the run gave it nothing."""
    moved = _moved(book)
    return "" if moved is None else "it has %s now" % _sources(moved["now"])


def _moved(book: HostBook) -> Optional[Dict[str, Any]]:
    """``found`` and ``now``: what the host was attached to before this run and is since; None where that is the same, or put back."""
    moved = None
    for step in (step for step in book.walked() if step.outcome == "ok"):
        detail = step.detail or {}
        if step.step == "attach" and "now" in detail:
            # Of a run that is gone on with, the first saw the host as it was.
            moved = {"found": (moved or detail)["found"], "now": detail["now"]}
        elif step.step == PUT_BACK:
            moved = None
    return moved if moved and moved["found"] != moved["now"] else None


def _sources(document: Optional[Mapping[str, Any]]) -> str:
    return "the source of release %s" % document["digest"][:12] if document else "sources of its own"
