# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Who holds the locks: files in which dnf and zypper leave their process id, and rpm's own record lock."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from ...clock import Clock, Deadline
from ...errors import LockTimeout
from ...runner import Runner
from . import load

_LOOK_AGAIN = 1.0


class Holder(NamedTuple):
    path: str
    pid: int
    command: str

    def __str__(self) -> str:
        return "%s is held by process %d (%s)" % (self.path, self.pid, self.command)


Look = Callable[[], Optional[Holder]]


def holder(runner: Runner, pid_files: Sequence[str], database: str) -> Optional[Holder]:
    """The first lock that somebody holds; ``database`` is the directory of rpm's."""
    for path in pid_files:
        pid = _pid(runner.read(path) or "")
        # As the tools themselves see it: whoever has that number now holds the lock.
        if pid and runner.read("/proc/%d/stat" % pid) is not None:
            return Holder(path, pid, _command(runner, pid))
    return _of_rpm(runner, database + "/.rpm.lock")


def _pid(text: str) -> int:
    word = text.strip()
    return int(word) if word.isdigit() and len(word) < 10 else 0


def _command(runner: Runner, pid: int) -> str:
    return (runner.read("/proc/%d/comm" % pid) or "unknown").strip()


def _of_rpm(runner: Runner, path: str) -> Optional[Holder]:
    held = written(runner.read("/proc/locks") or "")
    inode = load.inode(runner, path) if held else None
    return next((Holder(path, pid, _command(runner, pid)) for number, pid in held if number == inode), None)


def written(text: str) -> List[Tuple[int, int]]:
    """Inode and process of every exclusive record lock in ``/proc/locks``. Devices are not compared: those of an overlay or of
    a btrfs volume are not the ones that ``stat`` tells. A process that only waits is marked by an arrow."""
    lines = [line.split() for line in text.splitlines()]
    return [(int(parts[5].rsplit(":", 1)[1]), int(parts[4])) for parts in lines
            if len(parts) >= 8 and parts[1] == "POSIX" and parts[3] == "WRITE"]


def wait(look: Look, limit: float, clock: Clock) -> None:
    """Until nobody holds a lock; ``LockTimeout`` names who does."""
    found: List[Optional[Holder]] = []

    def is_free() -> bool:
        found[:] = [look()]
        return found[0] is None

    if not Deadline(limit, clock).until(is_free, _LOOK_AGAIN):
        raise LockTimeout("%s, for longer than %g s" % (found[0], limit), holder=str(found[0]), limit=limit)
