# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process works on a run, and whether it still lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Read = Callable[[str], str | None]


_NAMESPACE = "/proc/self/ns/pid"


def _read(path: str) -> str | None:
    try:
        if path == _NAMESPACE:
            return os.readlink(path)
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return None


@dataclass(frozen=True)
class Owner:
    """``started`` is the kernel's tick at which the process began, so that a number used again is not the same process. ``machine`` tells
    machines of one name apart, ``namespace`` containers of one machine: only who shares it sees the process by its number."""

    host: str
    pid: int
    started: int
    boot_id: str
    machine: str = ""
    namespace: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


NOBODY = Owner("", 0, 0, "")


def owner_of(pid: int | None = None, read: Read = _read) -> Owner:
    """The owner that this machine's process ``pid`` (default: this one) is."""
    pid = os.getpid() if pid is None else pid
    return Owner(socket.gethostname(), pid, _ticks(pid, read) or 0, (read("/proc/sys/kernel/random/boot_id") or "").strip(), _machine(read),
                 read(_NAMESPACE) or "")


def is_gone(owner: Mapping[str, Any], lease_left: float | None = None, read: Read = _read) -> bool:
    """Whether that process is known to be gone. One of another machine, or of another container, can't be seen: it lives as long as
    its lease, and without one it is taken to live. A run that was declared to be nobody's is ``NOBODY``'s."""
    if owner.get("pid") == 0:
        return True
    if not owner.get("pid"):
        return False
    if owner.get("host") != socket.gethostname() or not _here(owner, read):
        return lease_left is not None and lease_left <= 0
    boot_id = (read("/proc/sys/kernel/random/boot_id") or "").strip()
    if not boot_id:
        return False
    return bool(boot_id != owner.get("boot_id") or _ticks(int(owner["pid"]), read) != owner.get("started"))


def _here(owner: Mapping[str, Any], read: Read) -> bool:
    """What an older version did not record tells nothing apart."""
    return owner.get("machine", "") in ("", _machine(read)) and owner.get("namespace", "") in ("", read(_NAMESPACE) or "")


def _machine(read: Read) -> str:
    return (read("/etc/machine-id") or "").strip()


def _ticks(pid: int, read: Read) -> int | None:
    stat = read("/proc/%d/stat" % pid)
    if stat is None:
        return None
    # The program's name, in parentheses, may hold spaces and parentheses itself.
    return int(stat.rpartition(")")[2].split()[19])
