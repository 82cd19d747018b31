# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The raw facts of a host's health: four short programs, the rest is files and two system calls."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Protocol, Sequence, Tuple

from ..errors import CommandFailed
from ..runner import Completed, Runner
from ..text import last_line

LIMIT = 30.0
_NOT_BOOTED = ("has not been booted with systemd", "running in chroot")


class Space(NamedTuple):
    """Free and usable amounts, as an ordinary user sees them; ``inodes`` zero where the file system counts none."""

    free: int
    blocks: int
    inodes_free: int
    inodes: int


class System(Protocol):
    """What is asked of the kernel by system calls."""

    def space(self, path: str) -> Optional[Space]:
        """None where it can't be asked."""

    def clock_synchronized(self) -> Optional[bool]:
        """Whether something keeps the clock right, as the kernel sees it; None where it does not say."""

    def epoch(self) -> float: ...
    def ticks(self) -> int: ...


@dataclass(frozen=True)
class Systemd:
    """``problem`` is one line when systemd runs here and does not answer."""

    manager: str = ""
    units: str = ""
    restarts: str = ""
    problem: str = ""


def systemd(runner: Runner) -> Optional[Systemd]:
    """What systemd says; None where another init runs."""
    if not runner.which("systemctl"):
        return None
    shown = _systemctl(runner, "show", "--property=SystemState,NJobs")
    if shown.rc:
        complaint = (shown.stderr + shown.stdout).lower()
        return None if any(words in complaint for words in _NOT_BOOTED) else Systemd(problem=last_line(shown.stderr or shown.stdout))
    units = _systemctl(runner, "list-units", "--all", "--full", "--plain", "--no-legend", "--state=failed,activating").check()
    restarts = _systemctl(runner, "show", "--property=Id,NRestarts", "*.service").check()
    return Systemd(shown.stdout, units.stdout, restarts.stdout)


def systemd_jobs(runner: Runner) -> str:
    return _systemctl(runner, "list-jobs", "--full", "--no-legend").check().stdout


def systemd_job_units(runner: Runner, names: Sequence[str]) -> str:
    return _systemctl(runner, "show", "--property=Id,Type,TriggeredBy", "--", *names).check().stdout


def _systemctl(runner: Runner, *words: str) -> Completed:
    return runner.run(("systemctl", "--no-pager", "--no-ask-password") + words, limit=LIMIT)


def sockets(runner: Runner) -> Tuple[str, List[Tuple[str, str]]]:
    """The text of ``ss``, else of the kernel's tables with their protocols."""
    if runner.which("ss"):
        done = runner.run(("ss", "-Hlntup"), limit=LIMIT)
        if not done.rc:
            return done.stdout, []
    tables = [(name[:3], runner.read("/proc/net/" + name)) for name in ("tcp", "tcp6", "udp", "udp6")]
    if tables[0][1] is None:
        raise CommandFailed("neither ss nor /proc/net/tcp tells which sockets listen on this host", ["ss", "-Hlntup"])
    return "", [(protocol, text) for protocol, text in tables if text is not None]


class _Timex(ctypes.Structure):
    """The beginning of the kernel's ``struct timex``, with room for all that follows."""

    _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
                ("esterror", ctypes.c_long), ("rest", ctypes.c_char * 512)]


_MAXERROR_UNSYNCHRONIZED = 16000000


class RealSystem:
    """A ``System`` for the machine it runs on."""

    def space(self, path: str) -> Optional[Space]:
        try:
            found = os.statvfs(path)
        except OSError:
            # Hidden from this user, or unmounted since it was listed: not known, and said so.
            return None
        used = found.f_blocks - found.f_bfree
        return Space(found.f_bavail, used + found.f_bavail, found.f_favail, found.f_files)

    def clock_synchronized(self) -> Optional[bool]:
        """As timedatectl decides: by the largest error that the kernel knows of, whatever daemon keeps it small."""
        try:
            timex = _Timex()
            if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
                return None
        except (OSError, AttributeError):
            return None
        return int(timex.maxerror) < _MAXERROR_UNSYNCHRONIZED

    def epoch(self) -> float:
        return time.time()

    def ticks(self) -> int:
        return os.sysconf("SC_CLK_TCK")
