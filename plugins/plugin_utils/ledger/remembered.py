# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of a ledger, believed for as long as nobody else has written: who asks again learns what is new at once, and pays only where anything is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ._sqlalchemy import sa
from .connections import Written
from .engine import Ledger

T = TypeVar("T")


class Remembered:
    """Of one ledger, by names that its user gives. Where it can't be told who has written, everything is read each time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._as_of: Written | None = None
        self._known: dict[str, Any] = {}

    def told(self, what: str, query: Callable[[sa.Connection], T]) -> T:
        """What ``query`` finds; not to be changed by whoever gets it."""
        self._believe(self._ledger.written())
        if what not in self._known:
            with self._ledger.read() as c:
                self._known[what] = query(c)
        found: T = self._known[what]
        return found

    @contextmanager
    def writing(self, *changes: str) -> Iterator[sa.Connection]:
        """A transaction of ``write`` after which all but ``changes`` is what it was."""
        before = self._ledger.written()
        self._believe(before)
        with self._ledger.write() as c:
            yield c
        now = self._ledger.written()
        if before is not None and now == before.and_once_more:
            self._as_of = now
        for what in changes:
            self._known.pop(what, None)

    def _believe(self, now: Written | None) -> None:
        if now is None or now != self._as_of:
            self._known.clear()
        self._as_of = now
