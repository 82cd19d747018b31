# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host waits for its slot: quietly, and in the plan's order.

Asking whether there is a slot costs the ledger some queries, so a host asks again when a slot was returned or a run's state has changed, which is one
small query over a connection that stays open, and every ``PATIENCE`` seconds, because windows, checks and dead controllers leave no word. Of those that hear
the same news the first in the plan's order asks first.
"""

from __future__ import annotations

import time
from typing import Any, Callable

from .book import HostBook

PATIENCE = 4.0
"""Seconds after which a host asks again in any case."""

WAY = 0.5
"""Seconds for which a host leaves a slot to one that comes before it."""

_LISTEN = 0.1
_SPACING = 0.03
_NEXT = 4
"""So many of those that wait are ready to go at any time, or as many as are on their way."""


class Waiting:
    """One host that waits. ``near`` is whether its turn may be next."""

    def __init__(self, book: HostBook, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._book, self._clock, self._sleep = book, clock, sleep
        self._ahead, self._under_way = book.ahead()
        self._heard: Any = book.news()

    @property
    def near(self) -> bool:
        return self._ahead < max(_NEXT, self._under_way)

    def pause(self, most: float = PATIENCE) -> None:
        """Until there may be a slot for this host."""
        ends = self._clock() + most
        with self._book.listening() as news:
            while self._clock() < ends:
                said = news()
                if said != self._heard:
                    self._heard = said
                    break
                self._sleep(_LISTEN)
        self._ahead, self._under_way = self._book.ahead()
        self._sleep(min(self._ahead, 2 * _NEXT) * _SPACING)
