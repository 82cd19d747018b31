# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Who holds dpkg's and apt's locks."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional

from ...runner import Runner

LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock")


class Holder(NamedTuple):
    path: str
    pid: int
    command: str

    def __str__(self) -> str:
        return "%s is held by process %d (%s)" % (self.path, self.pid, self.command)


def holder(runner: Runner) -> Optional[Holder]:
    """The first lock that somebody holds."""
    inodes = _inodes(runner)
    for inode, pid in locked(runner.read("/proc/locks") or ""):
        if inode in inodes:
            return Holder(inodes[inode], pid, (runner.read("/proc/%d/comm" % pid) or "unknown").strip())
    return None


class Lock(NamedTuple):
    inode: int
    pid: int


def locked(text: str) -> List[Lock]:
    """The exclusive record locks in ``/proc/locks``. Devices are not compared: those of an overlay or a btrfs volume
    are not the ones that ``stat`` tells."""
    found = []
    for line in text.splitlines():
        parts = line.split()
        # A process that only waits for a lock is marked by an arrow.
        if len(parts) >= 8 and parts[1] == "POSIX" and parts[3] == "WRITE":
            found.append(Lock(int(parts[5].rsplit(":", 1)[1]), int(parts[4])))
    return found


def _inodes(runner: Runner) -> Dict[int, str]:
    # rc 1 where one of the files is not there, as on a host on which apt never ran.
    lines = runner.run(["stat", "-c", "%i %n"] + list(LOCKS)).check((0, 1)).stdout.splitlines()
    return {int(inode): path for inode, _space, path in (line.partition(" ") for line in lines)}
