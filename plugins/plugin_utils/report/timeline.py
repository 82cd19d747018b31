# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was out of service when: lanes, simultaneous hosts, peak and axis. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .hosts import Stretch

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


@dataclass(frozen=True)
class Peak:
    """The most hosts that were out at once, and the first time that this was so."""

    count: int
    start: float
    end: float


@dataclass(frozen=True)
class Axis:
    """From where to where time runs, as positions in percent."""

    start: float
    end: float

    def at(self, time: float) -> float:
        share = (time - self.start) / (self.end - self.start)
        return round(100 * min(1.0, max(0.0, share)), 3)

    def width(self, start: float, end: float) -> float:
        """Never so small that nothing is seen."""
        return max(0.25, round(self.at(end) - self.at(start), 3))

    def ticks(self, most: int = 6) -> list[float]:
        """Round times between start and end, at most so many."""
        span = self.end - self.start
        step = next((one for one in _STEPS if span / one <= most - 1), span / (most - 1))
        first = -(-self.start // step) * step
        return [first + index * step for index in range(most) if first + index * step <= self.end]


def axis(stretches: Sequence[Stretch], start: float | None, end: float | None) -> Axis:
    """Around all stretches and, where it is known, the run."""
    begins = [one.start for one in stretches] + ([] if start is None else [start])
    ends = [one.end for one in stretches] + ([] if end is None else [end])
    first, last = min(begins, default=0.0), max(ends, default=1.0)
    return Axis(first, max(last, first + 1))


def anchor(position: float, text: str) -> str:
    """How a label is held to its mark, so that on a telephone too it does not leave the picture."""
    half = 1.3 * len(text)
    return "start" if position < half else "end" if position > 100 - half else "middle"


def concurrency(stretches: Iterable[Stretch]) -> list[tuple[float, int]]:
    """How many are out from each moment on. One that comes back as another leaves doesn't count twice."""
    changes: dict[float, int] = {}
    for one in stretches:
        if one.end > one.start:
            changes[one.start] = changes.get(one.start, 0) + 1
            changes[one.end] = changes.get(one.end, 0) - 1
    level, levels = 0, []
    for time in sorted(changes):
        if changes[time]:
            level += changes[time]
            levels.append((time, level))
    return levels


def peak(levels: Sequence[tuple[float, int]]) -> Peak | None:
    if not levels:
        return None
    most = max(count for _time, count in levels)
    index = next(i for i, (_time, count) in enumerate(levels) if count == most)
    end = levels[index + 1][0] if index + 1 < len(levels) else levels[index][0]
    return Peak(most, levels[index][0], end)


def lanes(stretches: Iterable[Stretch]) -> list[list[Stretch]]:
    """As few rows as possible, in which no two stretches overlap: one for each slot that was in use."""
    rows: list[list[Stretch]] = []
    for one in sorted(stretches, key=lambda one: (one.start, one.end, one.host)):
        free = next((row for row in rows if row[-1].end <= one.start), None)
        if free is None:
            rows.append([one])
        else:
            free.append(one)
    return rows
