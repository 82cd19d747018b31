# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Transactions that were cut: how to see them, and how to finish them."""

from __future__ import annotations

from typing import IO, List, Optional, Sequence

from ...errors import TransactionInterrupted
from ...runner import Runner
from ..records import Wanted
from . import apply, load, parse
from .names import specs

_SHOWN = 5


def diagnosis(runner: Runner) -> Optional[str]:
    """One line on what is broken. dpkg's own ``--audit`` also complains about what no cut transaction leaves behind."""
    broken = _broken(runner)
    if broken:
        more = ["and %d more" % (len(broken) - _SHOWN)] if len(broken) > _SHOWN else []
        return "dpkg was interrupted: %s" % ", ".join(["%s is %s" % (e.name, e.status) for e in broken[:_SHOWN]] + more)
    if load.found(runner, load.UPDATES, ["-maxdepth", "1", "-type", "f", "-name", "[0-9]*"]):
        return "dpkg was interrupted: its journal in %s was not worked off" % load.UPDATES
    return _unmet(runner)


def _broken(runner: Runner) -> List[parse.Entry]:
    return [entry for entry in parse.status(load.status(runner)) if entry.broken]


def _unmet(runner: Runner) -> Optional[str]:
    done = load.check(runner)
    if not done.rc:
        return None
    unmet = parse.unmet(done.stdout)
    if not unmet:
        load.checked(done)
    return "installed packages lack what they depend on: %s" % "; ".join(unmet)


def repair(runner: Runner, native: str, archives: str, log: IO[str]) -> None:
    """Configure, reinstall what was cut while its files were replaced, then let apt complete dependencies without removing
    anything. Each step may fail for what a later one mends: what counts is how the host looks in the end."""
    apply.configure(runner, log)
    for entry in _broken(runner):
        if entry.flag == "reinstreq":
            _reinstall(runner, entry, native, archives, log)
    apply.fix_broken(runner, log)
    left = diagnosis(runner)
    if left:
        raise TransactionInterrupted("the interrupted transaction could not be repaired: %s" % left, left=left)


def _reinstall(runner: Runner, entry: parse.Entry, native: str, archives: str, log: IO[str]) -> None:
    spec = specs([Wanted(entry.name, entry.arch, entry.version)], native)[0]
    if apply.reinstall(runner, spec, log).rc == 0:
        return
    # The version that was installed has left its source: what was being installed is still in the cache.
    for archive in _cached(runner, entry, archives):
        if apply.unpack(runner, archive, log).rc == 0:
            return


def _cached(runner: Runner, entry: parse.Entry, archives: str) -> Sequence[str]:
    """Archives of this package, the newest download first."""
    tests = ["-maxdepth", "1", "-type", "f", "-name", "%s_*_%s.deb" % (entry.name, entry.arch)]
    found = load.found(runner, archives, tests, "%T@ %p\\n")
    return [path for _time, path in sorted((line.split(" ", 1) for line in found), key=lambda item: -float(item[0]))]
