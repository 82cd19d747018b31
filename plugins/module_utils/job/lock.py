# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""One job at a time on a host: the package manager's own locks are not held between looking and doing."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import Iterator

from ..clock import Deadline
from ..errors import LockTimeout

_POLL = 0.2


@contextmanager
def exclusive(path: str, owner: str, deadline: Deadline) -> Iterator[None]:
    """Hold the lock file ``path`` for this block; ``owner`` is what others are told who have to wait too long. The system takes
    the lock back from a process that dies."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(number, "r+", encoding="utf-8") as handle:
        if not deadline.until(lambda: _taken(handle.fileno()), _POLL):
            holder = handle.read().strip() or "another job"
            raise LockTimeout("%s was still at work after %g s" % (holder, deadline.seconds), holder=holder)
        handle.truncate(0)
        handle.write(owner)
        handle.flush()
        yield


def _taken(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
