# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Time as logic sees it: injected, so that tests pass hours without sleeping."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable


_FASTER = 10
"""The first look follows after this part of the interval."""

_LATE = 5
"""What has taken so many seconds is looked at every second, at most, until the interval is reached."""


@dataclass(frozen=True)
class Clock:
    """``now`` counts seconds and never goes back; it is no time of day."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Deadline:
    """A limit of ``seconds`` from now."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.seconds = seconds
        self._clock = clock
        self._begun = clock.now()

    @property
    def elapsed(self) -> float:
        return self._clock.now() - self._begun

    @property
    def left(self) -> float:
        """Seconds that remain, never below zero."""
        return max(0.0, self.seconds - self.elapsed)

    @property
    def passed(self) -> bool:
        return self.elapsed >= self.seconds

    def pause(self, seconds: float) -> None:
        """Sleep, but never past the limit."""
        self._clock.sleep(min(seconds, self.left))

    def until(self, satisfied: Callable[[], bool], every: float, soon: bool = False) -> bool:
        """Poll until ``satisfied`` or the limit; a last look is taken at the limit itself. With ``soon`` the first looks follow faster, so that what
        takes a moment is not waited for much longer than it takes."""
        while not satisfied():
            if self.passed:
                return False
            self.pause(min(every, max(every / _FASTER, self.elapsed / _LATE)) if soon else every)
        return True
