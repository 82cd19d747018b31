# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a ledger and its transactions.

A connection lives as long as one ``with``, or as one task (``connections``): Ansible forks for every task, and no connection may be shared over a fork (nor
may a process fork inside a ``with``: the child would wait for locks that it believes to be its own). What writes holds
the database for itself from its first read on, because a slot that is counted in one transaction and taken in another is
taken by several at once. SQLite has one lock for that; PostgreSQL gets one by an advisory lock.
"""

from __future__ import annotations

import functools
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from . import place, schema
from ._sqlalchemy import require, sa
from .connections import Connections, Written, kept
from .errors import LedgerBusy, LedgerError, LedgerForeign, LedgerMissing, LedgerNewer, LedgerUnavailable, LedgerUnsafe
from .migrations import MIGRATIONS

BUSY_LIMIT = 30.0
_SERVER_PACE = 1.0
_LOCK = 0x70617463  # of PostgreSQL's advisory locks: any number that is ours alone
_BEGIN = "patchtrain_begin"
_SQLITE: tuple[dict[str, Any], dict[str, Any]] = ({_BEGIN: "BEGIN"}, {_BEGIN: "BEGIN IMMEDIATE"})
# A reader sees one moment. A writer has to see what the one before it wrote, though it asked for the lock earlier. Neither may
# hang on what the server's default is.
_POSTGRESQL: tuple[dict[str, Any], dict[str, Any]] = (
    {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}, {"isolation_level": "READ COMMITTED", "postgresql_readonly": False})
# A server that went silent is a failure within these, as everything else that goes silent.
_LIBPQ = {"connect_timeout": 30, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30000}
_LIBPQ_DRIVERS = ("psycopg", "psycopg2")
_LOCKED = "55P03"  # lock_not_available; what the server says about it is in the server's language
_ADDRESSES = "a path, or for example postgresql+psycopg://user@host/database"


class Ledger:
    """``read`` and ``write`` give a connection in a transaction; leaving them well commits it."""

    def __init__(self, connections: Connections, name: str) -> None:
        self._dialect = connections.engine.dialect.name
        self._for_readers, self._for_writers = _POSTGRESQL if self._dialect == "postgresql" else _SQLITE
        self._connections = connections
        self.name = name

    @classmethod
    def open(cls, target: str | None = None) -> Ledger:
        """The ledger at a path or SQLAlchemy URL (default: ``place.default_target``), made where there is none."""
        require()
        target = target or place.default_target(os.environ)
        if place.is_url(target):
            return _open(_parse(target))
        path = os.path.abspath(os.path.expanduser(target))
        return _open(sa.URL.create("sqlite", database=path))

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view; writers are not kept waiting."""
        with self._failures(), self._connections.transaction(self._for_readers, writes=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """The only writer there is, until left. Keep it short, and never around anything but the ledger."""
        with self._failures(), self._connections.transaction(self._for_writers, writes=True) as connection:
            if self._dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL lock_timeout = %d" % int(BUSY_LIMIT * 1000))
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%d)" % _LOCK)
            yield connection

    def written(self) -> Written | None:
        """A value that stays the same until anybody has written; None where that can't be told for next to nothing."""
        with self._failures():
            return self._connections.written()

    @contextmanager
    def watching(self, query: Callable[[sa.Connection], Any]) -> Iterator[Callable[[], Any]]:
        """For who waits for a change: the query's one value, as often as one likes. SQLite is asked over a connection that stays open. A server is asked
        once in ``_SERVER_PACE`` seconds, each time over a new one: many wait for long, and it has only so many connections."""
        if self._dialect != "sqlite":
            yield self._now_and_then(query)
            return
        seen: list[Any] = []

        def ask() -> Any:
            now = self.written()
            if now is None or [now] != seen[:1]:
                with self.read() as connection:
                    seen[:] = [now, query(connection)]
            return seen[1]

        with kept():
            yield ask

    def _now_and_then(self, query: Callable[[sa.Connection], Any]) -> Callable[[], Any]:
        seen: list[Any] = []

        def ask() -> Any:
            if not seen or time.monotonic() - seen[0] > _SERVER_PACE:
                with self.read() as connection:
                    seen[:] = [time.monotonic(), query(connection)]
            return seen[1]

        return ask

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._failure(error) from error

    def _failure(self, error: sa.exc.DBAPIError) -> LedgerError:
        said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
        state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
        if "database is locked" in said or state == _LOCKED:
            return LedgerBusy("the ledger %s was kept locked by others for %g s" % (self.name, BUSY_LIMIT), ledger=self.name)
        if "file is not a database" in said:
            return LedgerForeign("%s is not a ledger, not even a database: name another path" % self.name, ledger=self.name)
        return LedgerUnavailable("the ledger %s can't be used: %s" % (self.name, said), ledger=self.name)


def _parse(target: str) -> sa.URL:
    try:
        url = sa.make_url(target)
    except (sa.exc.ArgumentError, ValueError):
        raise LedgerUnavailable("the ledger's address is not a database URL: use %s" % _ADDRESSES) from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise LedgerUnavailable("a ledger can't be kept in %s: use %s" % (url.get_backend_name(), _ADDRESSES))
    # Without a driver's name SQLAlchemy means one that is not ours.
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _open(url: sa.URL) -> Ledger:
    name = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        name = url.database or ""
        if not name or name == ":memory:" or name.startswith("file:"):
            raise LedgerUnsafe("a ledger in memory would be lost with its process: name a path")
        name = os.path.abspath(name)
        url = url.set(database=name)
    connections = _connections(url)
    if url.get_backend_name() == "sqlite":
        if connections.is_kept:
            return Ledger(connections, name)
        _make_file(url, name)
    ledger = Ledger(connections, name)
    _check(ledger)
    return ledger


@functools.lru_cache(maxsize=16)
def _connections(url: sa.URL) -> Connections:
    """One for each address in a process: what its engine has compiled serves again."""
    return Connections(_engine(url))


def _engine(url: sa.URL) -> sa.Engine:
    """It keeps no connection by itself, so that a fork may inherit it."""
    sqlite = url.get_backend_name() == "sqlite"
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": BUSY_LIMIT} if sqlite else _patience(url))
    except (ImportError, sa.exc.NoSuchModuleError) as error:
        help_ = ": %s -m pip install 'psycopg[binary]>=3.1'" % sys.executable if url.drivername == "postgresql+psycopg" else ""
        raise LedgerMissing("the ledger's database %s needs a Python driver that is not installed (%s)%s" % (url.drivername, error, help_)) from error
    if sqlite:
        sa.event.listen(engine, "connect", _connected)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _patience(url: sa.URL) -> dict[str, Any]:
    """libpq's limits, but for those that the address names itself."""
    return {name: value for name, value in _LIBPQ.items() if name not in url.query} if url.get_driver_name() in _LIBPQ_DRIVERS else {}


def _connected(connection: Any, record: Any) -> None:
    # The driver would begin transactions by itself, and at the first change only: too late for what was read before.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _make_file(url: sa.URL, path: str) -> None:
    """A SQLite file with all its tables, where there is none. It is made beside and then named, so that nobody ever sees half of one.

    An existing file is never opened but by SQLite: closing it would drop the locks that this process holds on it.
    """
    place.prepare_folder(path)
    if os.path.lexists(path):
        return
    beside = "%s.%d.new" % (path, os.getpid())
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            _fill_file(url.set(database=beside), path)
            os.link(beside, path)
        finally:
            os.unlink(beside)
    except FileExistsError:
        return  # another process was quicker
    except OSError as error:
        raise LedgerUnavailable("the ledger %s can't be made: %s" % (path, error.strerror), path=path) from error


def _fill_file(url: sa.URL, path: str) -> None:
    engine = _engine(url)
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode = WAL")  # outside a transaction, and stays with the file
    # It is closed before the file gets its name, whatever a task keeps: by then nothing may stand beside it.
    with Ledger(Connections(engine, keeps=False), path).write() as writer:
        _create(writer)


def _create(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection)
    connection.execute(sa.insert(schema.meta), [
        {"key": "product", "value": schema.PRODUCT}, {"key": "version", "value": str(schema.VERSION)}])


def _check(ledger: Ledger) -> None:
    """Refuse what is not ours or newer than we are; bring up what is older."""
    with ledger.read() as connection:
        found = _quick_version(connection) or _version(connection, ledger.name)
    if found == schema.VERSION:
        return
    with ledger.write() as connection:
        # Others may have done it since.
        found = _version(connection, ledger.name)
        if found is None:
            _create(connection)
        else:
            _migrate(connection, found)


def _quick_version(connection: sa.Connection) -> int | None:
    """Ours, where it is; None where somebody has to look closer."""
    if connection.dialect.name != "sqlite":
        return None
    driver: Any = connection.connection.driver_connection
    try:
        found = dict(driver.execute("SELECT key, value FROM meta").fetchall())
    except sqlite3.Error:
        return None
    return schema.VERSION if (found.get("product"), found.get("version")) == (schema.PRODUCT, str(schema.VERSION)) else None


def _version(connection: sa.Connection, name: str) -> int | None:
    """The schema's version; None where a database server has an empty database for us."""
    tables = set(sa.inspect(connection).get_table_names())
    if not tables and connection.dialect.name != "sqlite":
        return None
    values = {}
    if "meta" in tables and {c["name"] for c in sa.inspect(connection).get_columns("meta")} >= {"key", "value"}:
        values = {row.key: row.value for row in connection.execute(sa.select(schema.meta.c.key, schema.meta.c.value))}
    if values.get("product") != schema.PRODUCT or not values.get("version", "").isdigit():
        raise LedgerForeign("%s is not a ledger of %s: name another path or database" % (name, schema.PRODUCT), ledger=name)
    version = int(values["version"])
    if version > schema.VERSION:
        raise LedgerNewer("the ledger %s has schema %d, and this version of %s knows %d at most: update the collection on this controller"
                          % (name, version, schema.PRODUCT, schema.VERSION), ledger=name, version=version)
    return version


def _migrate(connection: sa.Connection, found: int) -> None:
    for version in range(found, schema.VERSION):
        MIGRATIONS[version](connection)
    connection.execute(sa.update(schema.meta).where(schema.meta.c.key == "version").values(value=str(schema.VERSION)))
