# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the process that began a job is still there. A pid alone says little: it is given again, and after a restart
of the host it is somebody else's; with its start time and the boot it belongs to one process only."""

from __future__ import annotations

import os
from typing import Optional

from ..runner import Runner
from .files import Document

BOOT_ID = "/proc/sys/kernel/random/boot_id"
_STATE, _STARTED = 0, 19
_DEAD = ("Z", "X")


def boot_id(runner: Runner) -> str:
    return (runner.read(BOOT_ID) or "").strip()


def this_process(runner: Runner) -> Document:
    """What identifies the caller, as it is kept in a job's ``begun.json``."""
    return {"pid": os.getpid(), "started": _started(runner, os.getpid()), "boot_id": boot_id(runner)}


def lives(runner: Runner, process: Document) -> bool:
    if process.get("boot_id") != boot_id(runner):
        return False
    started = _started(runner, int(process.get("pid", 0)))
    return started is not None and started == process.get("started")


def _started(runner: Runner, pid: int) -> Optional[str]:
    """The start time of a process in clock ticks since the boot; None where it is gone or only waits to be reaped."""
    text = runner.read("/proc/%d/stat" % pid)
    if not text:
        return None
    # The program's name stands in parentheses and may itself hold spaces and parentheses.
    words = text.rpartition(")")[2].split()
    return None if words[_STATE] in _DEAD else words[_STARTED]
