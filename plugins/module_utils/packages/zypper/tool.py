# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""zypper's program: how it is asked, how its failures are read, and who stands in its way. Nothing here changes the host."""

from __future__ import annotations

from enum import Enum
from typing import FrozenSet, List, Optional, Sequence

from ...clock import Clock, Deadline
from ...errors import CommandFailed, LockTimeout, ParseFailed
from ...runner import DEFAULT_LIMIT, Completed, Runner
from ...text import last_line
from ..records import Selection
from ..rpm import locks
from ..rpm.load import database_path
from . import parse

PID_FILES = ("/run/zypp.pid", "/var/run/zypp.pid")
CACHE = "/var/cache/zypp"
AUTOMATIC = "/var/lib/zypp/AutoInstalled"
HISTORY = "/var/log/zypp/history"

# zypper's return codes that say more than "failed".
LOCKED, NO_SOURCES, COMMIT_FAILED, REBOOT, AGAIN, NOT_FOUND, SKIPPED, SCRIPT_FAILED = 7, 6, 8, 102, 103, 104, 106, 107
UNSOLVED = 4


class Capability(Enum):
    """What not every zypper has; the value is the command that shows it."""

    NEEDS_REBOOTING = "needs-rebooting"


class Tool:
    """zypper on this host; what it can do is asked once."""

    def __init__(self, runner: Runner, clock: Clock) -> None:
        self.runner = runner
        self.clock = clock
        self._capabilities: Optional[FrozenSet[Capability]] = None
        self._database: Optional[str] = None

    def has(self, capability: Capability) -> bool:
        if self._capabilities is None:
            words = self.runner.run(["zypper", "help"]).check().stdout.split()
            self._capabilities = frozenset(c for c in Capability if c.value in words)
        return capability in self._capabilities

    def ask(self, args: Sequence[str], ok: Sequence[int] = (0,), limit: float = DEFAULT_LIMIT) -> Completed:
        """A question that is answered from the metadata on this host, once nobody is in the way."""
        return checked(self.run(args, limit), ok)

    def run(self, args: Sequence[str], limit: float = DEFAULT_LIMIT) -> Completed:
        argv = ["zypper", "--xmlout", "--non-interactive", "--no-refresh"] + list(args)
        deadline = Deadline(limit, self.clock)
        while True:
            done = self.runner.run(argv, limit=max(deadline.left, 1.0))
            if done.rc != LOCKED:
                return done
            self.wait(deadline.left)
            if deadline.passed:
                raise LockTimeout("zypper found its lock taken again and again for %g s" % limit, limit=limit)
            deadline.pause(0.1)

    def holder(self) -> Optional[locks.Holder]:
        if self._database is None:
            self._database = database_path(self.runner)
        return locks.holder(self.runner, PID_FILES, self._database)

    def wait(self, limit: float) -> None:
        locks.wait(self.holder, limit, self.clock)


def install_args(specs: Sequence[str], selection: Selection, extra: Sequence[str] = ()) -> List[str]:
    """An exact installation: nothing that is merely recommended comes along."""
    options = ["--no-recommends", "--auto-agree-with-licenses"] + list(extra)
    options += ["--oldpackage", "--allow-downgrade"] if selection.allow_downgrade else []
    options += ["--force-resolution"] if selection.allow_removals else ["--no-force-resolution"]
    return ["install"] + options + ["--"] + list(specs)


def checked(done: Completed, ok: Sequence[int] = (0,)) -> Completed:
    """Like ``Completed.check``, with zypper's own words; a source that it skipped is a failure though it went on without."""
    if done.rc in ok:
        return done
    hint = " (refresh first)" if done.rc == SKIPPED else ""
    raise CommandFailed("zypper ended with rc %d: %s%s" % (done.rc, said(done), hint), done.argv, rc=done.rc, stderr=done.stderr[-2000:])


def said(done: Completed) -> str:
    try:
        text = parse.problem(done.stdout) or parse.errors(done.stdout)
    except ParseFailed:
        text = ""
    return text or last_line(done.stderr or done.stdout)
