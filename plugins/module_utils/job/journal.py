# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a job tells the world while it works: its phase, and the log that the tools write into."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import IO, Callable, Optional, Type

from ..errors import PatchtrainError
from .state import Job

PHASES = ("lock", "repair", "refresh", "plan", "space", "verify", "download", "apply", "look", "done")
TAIL_LINES = 200
_TAIL_BYTES = 64 * 1024


class Journal:
    """Writes one job's status and log. As a context it closes the log at its end.

    The log may end early: ``trouble`` says why, where it could not be written. The status must not, until packages change: what is not
    known to have begun can't be found again. From then on (``resolute``) nothing of this ends the job."""

    def __init__(self, job: Job, clock: Callable[[], float] = time.time) -> None:
        self._job = job
        self._clock = clock
        self.now = ""
        self.trouble: Optional[str] = None
        self._resolute = False
        # Written line by line, because the tools write to the same file by themselves, and their lines have to come after ours.
        number = os.open(job.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.log: IO[str] = os.fdopen(number, "a", encoding="utf-8", errors="replace", buffering=1)

    def phase(self, name: str, total: Optional[int] = None) -> None:
        self.now = name
        self.say(name)
        try:
            self._job.write_status({"phase": name, "since": self._clock(), "total": total})
        except OSError as error:
            self._note(error)
            if not self._resolute:
                raise PatchtrainError("the job's phase can't be written to %s: %s" % (self._job.path, error.strerror)) from error

    def resolute(self) -> None:
        self._resolute = True

    def say(self, line: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        try:
            self.log.write("== %s %s\n" % (stamp, line))
        except OSError as error:
            self._note(error)

    def tail(self) -> str:
        """The log's end, with what is known to be missing of it."""
        return "\n".join([tail(self._job.log)] + (["== this log is not complete: %s" % self.trouble] if self.trouble else []))

    def _note(self, error: OSError) -> None:
        self.trouble = self.trouble or str(error.strerror or error)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        try:
            self.log.close()
        except OSError as failure:
            self._note(failure)


def tail(path: str, lines: int = TAIL_LINES) -> str:
    """The end of a log, at most ``lines`` lines of it; empty where there is none yet."""
    try:
        with open(path, "rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - _TAIL_BYTES))
            text = handle.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
