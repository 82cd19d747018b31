# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host waits for its slot: quietly, and in the plan's order.

Asking whether there is a slot costs the ledger some queries, so a host asks again when a slot was returned or a run's state has changed, which is one
small query over a connection that stays open, and every ``PATIENCE`` seconds, because windows, checks and dead controllers leave no word. Of those that hear
the same news the first in the plan's order asks first. Where it is the run's own limit that a host waits for, the first in the order listens most often, and
where many come before it, a slot that is returned is theirs: it does not ask at each of them, and the more rarely the more they are, so that a thousand hosts
ask little more often than twenty.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Collection, Dict, Optional, TypeVar

from .book import HostBook
from .ledger.errors import LedgerUnavailable

T = TypeVar("T")

PATIENCE = 4.0
"""Seconds after which a host asks again in any case."""

WAY = 0.5
"""Seconds for which a host leaves a slot to one that comes before it."""

OUTAGE = 300.0
"""Seconds for which who waits bears that the ledger can't be used: a database is restarted within them."""

RARELY = 30.0
"""The same for one before which very many come."""

_SHARE = 0.1
"""Seconds more for each of those."""

_RETRY = 2.0
_LISTEN = 0.1
_LISTEN_FAR = 1.0
_SPACING = 0.03
_NEXT = 4
"""So many of those that wait are ready to go at any time, or as many as are on their way."""


class Waiting:
    """One host that waits. ``near`` is whether its turn may be next."""

    def __init__(self, book: HostBook, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._book, self._clock, self._sleep = book, clock, sleep
        self._ahead, self._under_way = book.ahead()
        self._heard: Dict[bool, Any] = {slots: book.news(slots) for slots in (True, False)}

    @property
    def near(self) -> bool:
        return self._ahead < max(_NEXT, self._under_way)

    def pause(self, most: float = PATIENCE, for_limit: bool = False) -> None:
        """Until there may be a slot for this host; ``for_limit`` is whether it is the run's own limit that it waits for."""
        slots = self.near or not for_limit
        # Of the run's own slots the next one is for the first in the order; whose turn it is for another budget is not told by that.
        pace = _LISTEN_FAR if not slots else min(_LISTEN * max(self._ahead, 1), _LISTEN_FAR) if for_limit else _LISTEN
        ends = self._clock() + (most if slots else max(most, min(RARELY, self._ahead * _SHARE)))
        with self._book.listening(slots) as news:
            while (left := ends - self._clock()) > 0:
                said = news()
                if said != self._heard[slots]:
                    self._heard[slots] = said
                    break
                self._sleep(min(pace, left))
        self._ahead, self._under_way = self._book.ahead()
        self._sleep(min(self._ahead, 2 * _NEXT) * _SPACING)


class Limit:
    """Seconds that a host waits for others; waits for what is named in ``free`` are not counted."""

    def __init__(self, seconds: float, free: Collection[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._left, self._free, self._clock = seconds, free, clock
        self._none = not seconds
        self._begun = self._seen = clock()
        self._counts = True

    def waits_for(self, name: str) -> None:
        """From now on it waits for this."""
        now = self._clock()
        self._left -= now - self._seen if self._counts else 0.0
        self._seen, self._counts = now, name not in self._free

    @property
    def passed(self) -> bool:
        """Never while it waits for what is not counted; where no wait is wanted, at once."""
        return self._none or (self._counts and self._left < 0)

    @property
    def waited(self) -> float:
        """Seconds in all."""
        return self._clock() - self._begun


class Outage:
    """A time in which the ledger can't be used."""

    def __init__(self, warn: Callable[[str], Any], clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._warn, self._clock, self._sleep = warn, clock, sleep
        self._since: Optional[float] = None

    def borne(self, work: Callable[[], T]) -> T:
        """What ``work`` returns, begun again until the ledger can be used; it has to be harmless to begin again."""
        while True:
            try:
                done = work()
            except LedgerUnavailable as error:
                self._bear(error)
            else:
                self._since = None
                return done

    def _bear(self, error: LedgerUnavailable) -> None:
        """Wait a moment; the error is raised where it lasts."""
        if self._since is None:
            self._since = self._clock()
            self._warn("%s; it is tried again for %g s" % (error.message, OUTAGE))
        if self._clock() - self._since > OUTAGE:
            raise error
        self._sleep(_RETRY)
