# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""dnf's program: how it is asked, how its failures are read, and who stands in its way. Nothing here changes the host."""

from __future__ import annotations

from typing import FrozenSet, List, Optional, Sequence

from ...clock import Clock, Deadline
from ...errors import CommandFailed, LockTimeout
from ...runner import DEFAULT_LIMIT, Completed, Runner
from ..rpm import locks
from ..rpm.load import database_path, found
from . import parse
from .capability import Capability, Dialect, capabilities, dialect, version
from .config import Config

CONFIG = "/etc/dnf/dnf.conf"
MODULES = "/etc/dnf/modules.d"

# dnf waits for its locks for ever, and says so only to a person.
SETTINGS = ("--setopt=exit_on_lock=True", "--setopt=strict=True")
LOCKED = 200

# Many hosts are configured to leave out a source that does not answer, silently: what is not seen would pass for up to date.
ALL_SOURCES = ("--setopt=skip_if_unavailable=False", "--setopt=*.skip_if_unavailable=False")

# What was refreshed is what counts, however old it is.
KEEP_METADATA = ("--setopt=metadata_expire=never", "--setopt=*.metadata_expire=never")


class Tool:
    """dnf on this host; what it can do is asked once."""

    def __init__(self, runner: Runner, clock: Clock) -> None:
        self.runner = runner
        self.clock = clock
        self._dialect: Optional[Dialect] = None
        self._capabilities: Optional[FrozenSet[Capability]] = None
        self._database: Optional[str] = None

    @property
    def dialect(self) -> Dialect:
        if self._dialect is None:
            self._dialect = dialect(version(self.runner.run(["dnf", "--version"]).check().stdout))
        return self._dialect

    def has(self, capability: Capability) -> bool:
        if self._capabilities is None:
            self._capabilities = capabilities(self.runner.run(["dnf", "--help"]).check().stdout)
        return capability in self._capabilities

    def config(self) -> Config:
        return Config(self.runner.read(CONFIG) or "", CONFIG)

    def cache(self) -> str:
        return self.config().text("main", "cachedir", "/var/cache/dnf").rstrip("/")

    def ask(self, args: Sequence[str], ok: Sequence[int] = (0,), limit: float = DEFAULT_LIMIT) -> Completed:
        """A question that is answered from the metadata on this host, once nobody is in the way."""
        return checked(self.unlocked(["dnf", "-q", "-C"] + list(SETTINGS) + list(args), limit), ok)

    def resolve(self, args: Sequence[str], limit: float = DEFAULT_LIMIT) -> Completed:
        """What dnf says that it would do; its return code is the same for an answer and for a failure."""
        return self.unlocked(["dnf", "-v", "-C", "--assumeno"] + list(SETTINGS) + list(ALL_SOURCES) + list(args), limit)

    def query(self, args: Sequence[str], record: str, strict: bool = True) -> str:
        """Packages, one record a line, excluded ones among them. Where it is not ``strict``, what is not in the cache is left out."""
        words = (list(ALL_SOURCES) if strict else []) + ["--disableexcludes=all", "repoquery", "--qf", record + self.dialect.record_end]
        return self.ask(words + list(args)).stdout

    def unlocked(self, argv: Sequence[str], limit: float) -> Completed:
        """Run it once nobody is in the way, at most ``limit`` seconds in all."""
        deadline = Deadline(limit, self.clock)
        while True:
            done = self.runner.run(argv, limit=max(deadline.left, 1.0))
            if done.rc != LOCKED:
                return done
            self.wait(deadline.left)
            if deadline.passed:
                raise LockTimeout("dnf found its lock taken again and again for %g s" % limit, limit=limit)
            deadline.pause(0.1)

    def holder(self) -> Optional[locks.Holder]:
        if self._database is None:
            self._database = database_path(self.runner)
        cache, state = self.cache(), self.config().text("main", "persistdir", "/var/lib/dnf").rstrip("/")
        files = [state + "/rpmdb_lock.pid", cache + "/metadata_lock.pid", cache + "/download_lock.pid"]
        return locks.holder(self.runner, files, self._database)

    def wait(self, limit: float) -> None:
        locks.wait(self.holder, limit, self.clock)

    def cached(self, tests: Sequence[str], show: str) -> List[str]:
        """Files of dnf's cache, as ``find`` shows them."""
        return found(self.runner, self.cache(), tests, show)


def checked(done: Completed, ok: Sequence[int] = (0,)) -> Completed:
    """Like ``Completed.check``, with all that dnf has to say: its last line is rarely the one that tells."""
    if done.rc in ok:
        return done
    if done.rc == LOCKED:
        raise LockTimeout("dnf was not alone: %s" % (parse.error(done.stderr) or done.stderr.strip().splitlines()[:1]))
    said = parse.error(done.stderr)
    if said:
        hint = " (refresh first)" if "no cache for" in said else ""
        raise CommandFailed("dnf ended with rc %d: %s%s" % (done.rc, said, hint), done.argv, rc=done.rc, stderr=done.stderr[-2000:])
    return done.check(ok)
