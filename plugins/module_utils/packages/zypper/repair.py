# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Transactions that were cut: how to see them, and how to finish them.

Tried with zypper killed together with the rpm that it had started (it starts one for each package): the package that it was at is in
rpm's database twice. Installing the new version once more runs its scripts to their end and drops the old one; packages that
depend on it are updated with it. A package that was not there before leaves no trace when it is cut in its last script.
"""

from __future__ import annotations

from typing import IO, List, Optional

from ...errors import TransactionInterrupted
from ...runner import Runner
from ..rpm import database, load
from ..rpm.names import Nevra
from ..rpm.parse import Entry, by_key, several
from ..rpm.parse import database as entries_of
from . import apply, parse
from .tool import Tool

_SHOWN = 5


def diagnosis(tool: Tool) -> Optional[str]:
    """One line on what is broken. While somebody is at work nothing is."""
    if tool.holder() is not None:
        return None
    done = load.database(tool.runner)
    wrong = database.complaint(done)
    if wrong:
        return wrong
    twice = duplicates(tool.runner, entries_of(done.stdout))
    if not twice:
        return None
    named = sorted(str(entry.nevra) for versions in twice[:_SHOWN] for entry in versions)
    more = ["and %d more packages" % (len(twice) - _SHOWN)] if len(twice) > _SHOWN else []
    return "a transaction was cut: installed twice are %s" % ", ".join(named + more)


def duplicates(runner: Runner, entries: List[Entry]) -> List[List[Entry]]:
    """Packages that are there twice and should not, the version that came last as the last."""
    twice = [versions for versions in by_key(entries).values() if len(versions) > 1]
    if not twice:
        return []
    meant = several(load.provides(runner, sorted({versions[0].nevra.name for versions in twice})))
    return [versions for versions in twice if versions[0].nevra.name not in meant]


def repair(tool: Tool, log: IO[str]) -> None:
    if database.complaint(load.database(tool.runner)):
        database.rebuild(tool.runner)
    for versions in duplicates(tool.runner, database.entries(tool.runner)):
        _finish(tool, versions[-1].nevra, log)
    left = diagnosis(tool)
    if left:
        raise TransactionInterrupted("the interrupted transaction could not be repaired: %s; offer these packages by a source again, "
                                     "or mend it by hand (zypper verify)" % left, left=left)


def _finish(tool: Tool, nevra: Nevra, log: IO[str]) -> None:
    """Only where nothing else goes: a repair is no leave to remove packages."""
    args = apply.force("%s.%s=%s" % (nevra.name, nevra.arch, nevra.version))
    dry = tool.run([args[0], "--dry-run"] + args[1:])
    found = parse.summary(dry.stdout)
    removed = [] if found is None else [s.nevra.name for s in found.steps if s.does == "to-remove" and s.nevra.name != nevra.name]
    if found is None or removed:
        why = "that would remove %s" % ", ".join(removed) if removed else parse.problem(dry.stdout) or parse.errors(dry.stdout)
        log.write("%s can't be installed again: %s\n" % (nevra.name, why))
        return
    apply.install(tool.runner, args, log)
