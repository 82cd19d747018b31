# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A request to stop (SIGTERM: the unit is stopped, or the host goes down) ends a job at once while nothing has been changed yet,
and is put off to the end as soon as packages change: a package manager that is cut in the middle leaves a broken host."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from types import FrameType
from typing import Iterator, Optional


class Stopped(Exception):
    """The job was asked to stop before it began to change packages."""


class StopRequest:
    """Remembers the first request; raises ``Stopped`` for it, unless or until nothing is held."""

    def __init__(self) -> None:
        self.by: Optional[str] = None
        self._held = False

    def listen(self) -> None:
        # Not SIG_IGN, which every daemon that a package starts would inherit.
        signal.signal(signal.SIGHUP, _nothing)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._received)

    def hold(self) -> None:
        """From here to the end of the process nothing stops the job any more."""
        self._held = True
        self._raise_if_requested()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put requests off to the end of this block."""
        self._held = True
        self._raise_if_requested()
        yield
        self._held = False
        self._raise_if_requested()

    def _received(self, number: int, _frame: Optional[FrameType]) -> None:
        first, self.by = self.by is None, signal.Signals(number).name
        if first and not self._held:
            raise Stopped(self.by)

    def _raise_if_requested(self) -> None:
        if self.by is not None:
            raise Stopped(self.by)


def _nothing(_number: int, _frame: Optional[FrameType]) -> None:
    """A connection that is cut does not concern the job."""
