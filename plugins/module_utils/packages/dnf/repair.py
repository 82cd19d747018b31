# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Transactions that were cut: how to see them, and how to finish them.

Tried with dnf killed in an install script: its history has a transaction without an end, and the package that it was at is in rpm's
database twice, while packages that depend on the old version are not yet updated. ``dnf remove --duplicates`` installs the new version
again, so that its scripts run to their end, drops the old one and updates the dependants with it. Where the package was new, only the
history tells, and installing it again is the remedy.
"""

from __future__ import annotations

from typing import IO, List, Optional, Sequence

from ...errors import TransactionInterrupted
from ..rpm import database, load
from ..rpm.names import Nevra, with_epoch
from ..rpm.parse import Entry, by_key
from ..rpm.parse import database as entries_of
from . import apply, parse
from .tool import Tool, checked

_SHOWN = 5


def diagnosis(tool: Tool) -> Optional[str]:
    """One line on what is broken. While somebody is at work nothing is."""
    if tool.holder() is not None:
        return None
    done = load.database(tool.runner)
    wrong = database.complaint(done)
    if wrong:
        return wrong
    entries = entries_of(done.stdout)
    twice = duplicates(tool, entries)
    if twice:
        more = ["and %d more" % (len(twice) - _SHOWN)] if len(twice) > _SHOWN else []
        return "a transaction was cut: installed twice are %s" % ", ".join([str(n) for n in twice[:_SHOWN]] + more)
    package = suspect(tool, entries)
    return "a transaction was cut while it installed %s" % str(package) if package else None


def duplicates(tool: Tool, entries: Sequence[Entry]) -> List[Nevra]:
    """Packages that are there twice and should not; dnf knows of which ones several are meant to be."""
    if all(len(versions) == 1 for versions in by_key(entries).values()):
        return []
    return parse.duplicates(tool.query(["--duplicates"], parse.AVAILABLE))


def suspect(tool: Tool, entries: Sequence[Entry]) -> Optional[Nevra]:
    """The package that a cut transaction installed last: its scripts may not have run to their end."""
    history = last(tool)
    if history is None or not history.cut:
        return None
    there = [entry for entry in entries if entry.nevra in history.brought]
    return max(there, key=lambda entry: entry.order).nevra if there else None


def last(tool: Tool) -> Optional[parse.Last]:
    # rc 1 where there was no transaction yet.
    done = tool.ask(["history", "info"], ok=(0, 1))
    if done.rc and "No transactions" not in done.stdout + done.stderr:
        checked(done)
    return parse.last(done.stdout)


def repair(tool: Tool, log: IO[str]) -> None:
    if database.complaint(load.database(tool.runner)):
        database.rebuild(tool.runner)
    entries = database.entries(tool.runner)
    if duplicates(tool, entries):
        _finish(tool, ["remove", "--duplicates"], log)
    else:
        package = suspect(tool, entries)
        if package is not None:
            _finish(tool, ["reinstall", "--", with_epoch(package)], log)
    left = diagnosis(tool)
    if left:
        raise TransactionInterrupted("the interrupted transaction could not be repaired: %s; offer these packages by a source again, "
                                     "or mend it by hand (dnf check)" % left, left=left)


def _finish(tool: Tool, args: Sequence[str], log: IO[str]) -> None:
    """From the cache, where a cut transaction leaves what it had fetched; else from the sources."""
    if apply.transact(tool, args, log).rc:
        apply.transact(tool, args, log, cached=False)
