# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection for all that a task does, and when it is not used."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import connections, events
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.connections import kept
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import LedgerForeign


def driver(c: Any) -> Any:
    return c.connection.driver_connection


def by_read(ledger: Ledger) -> Any:
    with ledger.read() as c:
        return driver(c)


def noted(ledger: Ledger) -> int:
    with ledger.read() as c:
        return events.count(c)


def note(ledger: Ledger) -> None:
    with ledger.write() as c:
        events.append(c, "note")


def by_another(path: Path) -> None:
    """At once, or not at all."""
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other, other:
        other.execute("INSERT INTO events (at, actor, action, text) VALUES (1, '', 'note', '')")


def test_all_of_a_task_goes_over_one_connection(empty_ledger: Path) -> None:
    ledger = Ledger.open(str(empty_ledger))
    with kept():
        first = by_read(ledger)
        note(ledger)
        assert by_read(Ledger.open(str(empty_ledger))) is first and noted(ledger) == 1
        with kept():
            assert by_read(ledger) is first
        assert by_read(ledger) is first
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        first.execute("SELECT 1")
    assert by_read(ledger) is not first


def test_a_transaction_within_another_has_its_own(empty_ledger: Path) -> None:
    ledger = Ledger.open(str(empty_ledger))
    with kept(), ledger.write() as c:
        events.append(c, "note")
        assert by_read(ledger) is not driver(c) and noted(ledger) == 0
    assert noted(ledger) == 1


@pytest.mark.parametrize("cut", [ZeroDivisionError, KeyboardInterrupt])
def test_after_a_failure_nothing_of_it_is_left(empty_ledger: Path, cut: type[BaseException]) -> None:
    ledger = Ledger.open(str(empty_ledger))
    with kept():
        first = by_read(ledger)
        with pytest.raises(cut), ledger.write() as c:
            events.append(c, "note")
            raise cut
        by_another(empty_ledger)
        assert by_read(ledger) is not first and noted(ledger) == 1


def test_a_connection_is_not_used_over_a_fork(empty_ledger: Path) -> None:
    ledger = Ledger.open(str(empty_ledger))
    with kept():
        mine = by_read(ledger)
        pid = os.fork()
        if not pid:
            with contextlib.suppress(BaseException):
                alone = by_read(ledger) is not mine
                with kept():
                    note(ledger)
                    os._exit(0 if alone and by_read(ledger) is not mine else 3)
            os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert by_read(ledger) is mine and noted(ledger) == 1


def test_it_is_told_when_anybody_has_written(empty_ledger: Path) -> None:
    ledger = Ledger.open(str(empty_ledger))
    assert ledger.written() is None
    with kept():
        before = ledger.written()
        noted(ledger)
        assert before is not None and ledger.written() == before
        note(ledger)
        after = ledger.written()
        assert after != before
        by_another(empty_ledger)
        assert ledger.written() not in (before, after)
        with ledger.read():
            assert ledger.written() is None


def test_what_was_told_over_a_lost_connection_is_not_believed_any_more(empty_ledger: Path) -> None:
    ledger = Ledger.open(str(empty_ledger))
    with kept():
        before = ledger.written()
        with contextlib.suppress(ZeroDivisionError), ledger.read():
            raise ZeroDivisionError
        by_another(empty_ledger)
        assert ledger.written() != before


def test_a_ledger_that_a_task_makes_is_whole_before_it_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with kept():
        Ledger.open(str(path))
        with contextlib.closing(sqlite3.connect(shutil.copy(path, tmp_path / "copy.db"))) as copy:
            assert copy.execute("SELECT count(*) FROM meta").fetchone() == (2,)
    assert sorted(found.name for found in tmp_path.iterdir()) == ["copy.db", "ledger.db"]


def test_what_was_refused_once_is_refused_again(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE runs (id)")
    with kept():
        for _ in range(2):
            with pytest.raises(LedgerForeign):
                Ledger.open(str(path))


def test_nothing_is_left_open_at_the_end(empty_ledger: Path) -> None:
    ledger = Ledger.open(str(empty_ledger))
    with contextlib.suppress(ZeroDivisionError), kept():
        by_read(ledger)
        raise ZeroDivisionError
    assert not connections._depth and not ledger._connections.is_kept
