# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL has to be told, whatever its own defaults are."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import engine, events
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.connections import kept
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import LedgerBusy, LedgerForeign, LedgerMissing, LedgerUnavailable

PATIENCE = 60.0
REPEATABLE = "options=-c%20default_transaction_isolation%3Drepeatable%5C%20read%20-c%20default_transaction_read_only%3Don"
pytestmark = pytest.mark.parametrize("target", ["postgresql"], indirect=True)


@pytest.fixture
def locked(ledger: Ledger) -> Iterator[threading.Event]:
    """Another writer, until the event is set."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger.write() as c:
            events.append(c, "note", "first")
            inside.set()
            leave.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(PATIENCE)
    yield leave
    leave.set()
    thread.join(PATIENCE)


def test_a_writer_sees_what_was_written_while_it_waited_whatever_the_default_is(target: str, locked: threading.Event) -> None:
    seen: list[int] = []

    def look() -> None:
        with Ledger.open("%s?%s" % (target, REPEATABLE)).write() as c:
            seen.append(events.count(c))
            events.append(c, "note", "second")

    thread = threading.Thread(target=look)
    thread.start()
    _wait_for_a_lock(target)
    locked.set()
    thread.join(PATIENCE)
    assert seen == [1]


def _wait_for_a_lock(target: str) -> None:
    watching = sa.create_engine(target, isolation_level="AUTOCOMMIT")
    with watching.connect() as c:
        until = time.monotonic() + PATIENCE / 2
        while not c.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").scalar():
            assert time.monotonic() < until
    watching.dispose()


def test_a_reader_sees_one_moment(ledger: Ledger) -> None:
    with ledger.read() as c:
        before = events.count(c)
        with ledger.write() as other:
            events.append(other, "note")
        assert events.count(c) == before
    with ledger.read() as c:
        assert events.count(c) == before + 1


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable, match="read-only transaction"), ledger.read() as c:
        events.append(c, "note")


def test_a_lock_that_others_keep_is_a_failure_with_a_name(ledger: Ledger, locked: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_LIMIT", 0.05)
    with pytest.raises(LedgerBusy, match="was kept locked by others for 0.05 s"), ledger.write():
        pass


def test_the_address_needs_no_driver(target: str) -> None:
    ledger = Ledger.open(target.replace("+psycopg", ""))
    with ledger.read() as c:
        assert c.dialect.driver == "psycopg" and events.count(c) == 0


def test_somebody_elses_database_is_refused_and_not_touched(target: str) -> None:
    theirs = sa.create_engine(target)
    with theirs.begin() as c:
        c.exec_driver_sql("CREATE TABLE shop (x int)")
    with pytest.raises(LedgerForeign, match="is not a ledger of fleetops.patchtrain"):
        Ledger.open(target)
    assert sa.inspect(theirs).get_table_names() == ["shop"]


def test_a_server_that_does_not_answer_is_one_line_without_the_password(target: str) -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger.open(re.sub(r"//.*", "//u:hunter2@127.0.0.1:1/d", target))
    assert "127.0.0.1" in str(caught.value) and "hunter2" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_driver_is_named_with_the_command_that_helps(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    engine._connections.cache_clear()
    with pytest.raises(LedgerMissing, match=r"-m pip install 'psycopg\[binary\]>=3.1'"):
        Ledger.open(target)


def test_a_cycle_keeps_no_connection_of_a_server(target: str) -> None:
    """Hundreds of hosts wait for hours, and a server has a hundred connections."""
    ledger, counting = Ledger.open(target), sa.create_engine(target, isolation_level="AUTOCOMMIT")
    question = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    with counting.connect() as c:
        before = c.execute(question).scalar_one()
        with kept():
            with ledger.read() as looking:
                assert events.count(looking) == 0 and ledger.written() is None
            _await(lambda: c.execute(question).scalar_one() == before)
        with ledger.watching(events.latest("note")) as news:
            assert news() is None
            _await(lambda: c.execute(question).scalar_one() == before)
    counting.dispose()


def _await(wanted: Callable[[], bool]) -> None:
    """A server notices a moment later that a connection has gone."""
    ends = time.monotonic() + 10
    while not wanted():
        assert time.monotonic() < ends


def test_a_server_is_asked_for_news_now_and_then(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.open(target)
    with ledger.watching(events.latest("note")) as news:
        assert news() is None
        with ledger.write() as c:
            events.append(c, "note", "something")
        assert news() is None, "it is not asked again at once"
        monkeypatch.setattr(engine, "_SERVER_PACE", 0.0)
        assert news() is not None
