# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of a process to one SQLite ledger: each lives as long as one ``with``, or all that comes within ``kept`` has the same.

Opening and closing one takes longer than most of what is asked over it. It is never used by a process that inherited it by a fork, nor for a second
transaction inside of another one, nor after anything has failed.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from ._sqlalchemy import sa

_depth: dict[int, int] = {}
_all: weakref.WeakSet[Connections] = weakref.WeakSet()


@contextmanager
def kept() -> Iterator[None]:
    """Around all that a task does: which ledger it uses need not be known yet. Connections are opened when they are needed, and closed at the end."""
    mine = os.getpid()
    _depth[mine] = _depth.get(mine, 0) + 1
    try:
        yield
    finally:
        _depth[mine] -= 1
        if not _depth[mine]:
            del _depth[mine]
            for connections in list(_all):
                connections.close()


class Written(NamedTuple):
    """The same until anybody has written. ``others`` starts anywhere with each connection."""

    connection: int
    mine: int
    others: int

    @property
    def and_once_more(self) -> Written:
        """As it is after one transaction of this process, if nobody else has written."""
        return self._replace(mine=self.mine + 1)


class Connections:
    """Of one engine. A server has only so many connections, and hosts wait long: none is kept there."""

    def __init__(self, engine: sa.Engine, keeps: bool = True) -> None:
        self.engine = engine
        self._keeps = keeps and engine.dialect.name == "sqlite"
        self._kept: dict[int, sa.Connection] = {}
        self._opened = self._written = 0
        _all.add(self)

    @contextmanager
    def transaction(self, options: Mapping[str, Any], writes: bool) -> Iterator[sa.Connection]:
        """A connection in a transaction, which is committed when it is left well."""
        connection = self._idle()
        if connection is None:
            with self.engine.connect().execution_options(**options) as other, other.begin():
                yield other
            return
        self._written += writes
        try:
            with connection.execution_options(**options).begin():
                yield connection
        except BaseException:
            # What it was left in is not known, least of all where a signal came in between.
            self.close()
            raise

    def written(self) -> Written | None:
        """None where it can't be told for next to nothing."""
        connection = self._idle()
        if connection is None:
            return None
        driver: Any = connection.connection.driver_connection
        try:
            return Written(self._opened, self._written, int(driver.execute("PRAGMA data_version").fetchone()[0]))
        except sqlite3.Error:
            return None  # whoever reads what can't be told here learns why

    @property
    def is_kept(self) -> bool:
        """Whether what was found out of this ledger's file a moment ago needs no second look: this process has it open."""
        return os.getpid() in self._kept

    def close(self) -> None:
        """The one that this process keeps; the next is another."""
        connection = self._kept.pop(os.getpid(), None)
        if connection is not None:
            connection.close()

    def _idle(self) -> sa.Connection | None:
        mine = os.getpid()
        if mine not in _depth or not self._keeps:
            return None
        if mine not in self._kept:
            self._kept[mine], self._opened = self.engine.connect(), self._opened + 1
        return None if self._kept[mine].in_transaction() else self._kept[mine]
