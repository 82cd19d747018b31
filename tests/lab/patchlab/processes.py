# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes by pid and start time: a number that was given to somebody else since is never mistaken for ours."""

from __future__ import annotations

import errno
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process of ours; ``started`` is the kernel's clock tick at which it began."""

    pid: int
    started: int

    def document(self) -> dict[str, int]:
        return asdict(self)


def of_pid(pid: int) -> Process | None:
    """The living process with this number, if there is one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[19]))


def alive(process: Process | None) -> bool:
    return process is not None and of_pid(process.pid) == process


def send(process: Process, number: signal.Signals) -> bool:
    """Send a signal to exactly this process; false when it is gone."""
    handle = _open(process)
    if handle is None:
        return False
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def wait_end(process: Process, limit: float) -> bool:
    """Wait until it has ended; false when the limit passed first."""
    handle = _open(process)
    if handle is None:
        return True
    try:
        waiter = select.poll()
        waiter.register(handle, select.POLLIN)
        return bool(waiter.poll(limit * 1000))
    finally:
        os.close(handle)


def end(process: Process | None, polite: float = 5.0) -> None:
    """SIGTERM, and SIGKILL when that was not enough."""
    if process is None or not send(process, signal.SIGTERM):
        return
    if not wait_end(process, polite):
        send(process, signal.SIGKILL)
        wait_end(process, 5.0)


def _open(process: Process) -> int | None:
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        # Its number is a thread's of another process by now.
        if error.errno not in (errno.ENOENT, errno.EINVAL):
            raise
        return None
    if alive(process):
        return handle
    os.close(handle)
    return None
