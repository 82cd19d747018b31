# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that are made once: what every task asks of the ledger.

Ansible forks for every task, and in each of them SQLAlchemy makes the text of each statement anew, which takes longer than SQLite takes to answer. So
what it would tell SQLite is made where the module is loaded, before any fork. A server's driver is left to SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ._sqlalchemy import installed, sa, sqlite
from .rows import Data

Process = Callable[[Any], Any]
_SQLITE = "sqlite"
_DIALECT = sqlite.dialect(paramstyle="named")


class Statement:
    """``make`` gives it for a dialect, by name; ``columns`` are those that it writes from values of their names. Values are given by name."""

    def __init__(self, make: Callable[[str], Any], *columns: str) -> None:
        self._make = make
        self._others: dict[str, Any] = {}
        self._text = _Text(make(_SQLITE), columns) if installed else None

    def all(self, c: sa.Connection, **values: Any) -> list[Data]:
        """The rows that are found, by the names of their columns."""
        if self._text and c.dialect.name == _SQLITE:
            return self._text.rows(c, values)
        return [dict(row._mapping) for row in c.execute(self._of(c), values)]

    def first(self, c: sa.Connection, **values: Any) -> Data | None:
        """The first of them."""
        found = self.all(c, **values)
        return found[0] if found else None

    def value(self, c: sa.Connection, **values: Any) -> Any:
        """What the first one has in its only column; None where there is none."""
        found = self.first(c, **values)
        return next(iter(found.values())) if found else None

    def change(self, c: sa.Connection, **values: Any) -> int:
        """How many rows it has changed."""
        if self._text and c.dialect.name == _SQLITE:
            return int(self._text.execute(c, values).rowcount)
        return int(c.execute(self._of(c), values).rowcount)

    def add(self, c: sa.Connection, **values: Any) -> int:
        """The number of the row that it has added."""
        if self._text and c.dialect.name == _SQLITE:
            return int(self._text.execute(c, values).lastrowid)
        return int(c.execute(self._of(c), values).inserted_primary_key[0])  # type: ignore[index]

    def _of(self, c: sa.Connection) -> Any:
        name = c.dialect.name
        if name not in self._others:
            self._others[name] = self._make(name)
        return self._others[name]


def this_host(query: Any, table: Any) -> Any:
    """Only the rows of one host in one run: ``b_run`` and ``b_host``."""
    return query.where(table.c.run_id == sa.bindparam("b_run"), table.c.host == sa.bindparam("b_host"))


def one_of(column: Any, values: Iterable[str]) -> Any:
    """As ``in_``, whose text SQLAlchemy makes only when it is told to whom."""
    return sa.or_(*(column == value for value in values))


class _Text:
    """What SQLAlchemy would tell SQLite, and how its types take and give values."""

    def __init__(self, statement: Any, columns: tuple[str, ...]) -> None:
        made = statement.compile(dialect=_DIALECT, column_keys=list(columns) or None)
        self._sql = str(made)
        self._to = {name: _process(bound.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)) for name, bound in made.binds.items()}
        needed = {name for name, bound in made.binds.items() if bound.required}
        self._fixed = {name: self._to.get(name, _same)(value) for name, value in made.params.items() if name not in needed}
        selected = statement.selected_columns if statement.is_select else ()
        self._from = [(column.key, _process(column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None))) for column in selected]

    def execute(self, c: sa.Connection, values: Data) -> Any:
        return c.exec_driver_sql(self._sql, {**self._fixed, **{name: self._to[name](value) for name, value in values.items()}})

    def rows(self, c: sa.Connection, values: Data) -> list[Data]:
        return [{name: process(value) for (name, process), value in zip(self._from, row)} for row in self.execute(c, values)]


def _same(value: Any) -> Any:
    return value


def _process(found: Process | None) -> Process:
    return found or _same
