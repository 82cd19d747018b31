# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run gives a host other sources before it can know what they bring. A host on which it then installs nothing has those again that it
was found with: else it would be at one level and see another, and a later rollback would look for its versions in the wrong place."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from ..module_utils.errors import PatchtrainError
from . import attaching
from .assessing import seen
from .book import PUT_BACK, HostBook
from .ledger.engine import Ledger
from .remote import Remote
from .settings import Settings


def put_back(book: HostBook, ledger: Ledger, remote: Remote, settings: Settings) -> str:
    """Why the host has not its former sources, to be told with the reason of its end; empty where it has."""
    moved = book.moved_sources()
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
    moved = book.moved_sources()
    return "" if moved is None else "it has %s now" % _sources(moved["now"])


def _sources(document: Optional[Mapping[str, Any]]) -> str:
    return "the source of release %s" % document["digest"][:12] if document else "sources of its own"
