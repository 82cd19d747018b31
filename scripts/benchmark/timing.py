# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of two things that are done in turns, their ratio, and how they are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], object]
_HEAD = ("measured", "against", "ratio")


class Wrong(Exception):
    """What was measured did not do what it should: its time says nothing."""


@dataclass(frozen=True)
class Row:
    """``seconds`` of what is measured and of what it is measured against, both in this run."""

    name: str
    against: str
    seconds: float
    against_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.against_seconds


def timed(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(rounds: int, *works: Work) -> list[float]:
    """The best time of each. They take turns, so that whatever else this machine does meets all of them."""
    times = [[timed(work) for work in works] for _round in range(rounds)]
    return [min(column) for column in zip(*times)]


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Wrong("%s: %r, and %r was expected" % (what, found, wanted))


def table(rows: Sequence[Row]) -> str:
    """For a person; pure."""
    cells = [_HEAD, *((row.name, row.against, shown(row.ratio)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
    return "\n".join("%s  %s  %s" % (name.ljust(widths[0]), against.ljust(widths[1]), ratio.rjust(widths[2])) for name, against, ratio in cells)


def shown(ratio: float) -> str:
    """Three digits that count; a measured thing is not known better."""
    return "%.0f" % ratio if ratio >= 99.5 else "%.3g" % ratio


def document(rows: Sequence[Row], sizes: dict[str, int], tools: dict[str, str]) -> dict[str, object]:
    """For a program; pure. The seconds are of one machine in one run, and mean something only beside each other."""
    return {"format": 1, "sizes": sizes, "tools": tools, "rows": [
        {"measured": row.name, "against": row.against, "ratio": round(row.ratio, 4), "seconds": round(row.seconds, 6),
         "against_seconds": round(row.against_seconds, 6)} for row in rows]}
