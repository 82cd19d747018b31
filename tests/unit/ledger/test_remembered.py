# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read once is believed until anybody else has written, and not a moment longer."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.connections import kept
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.remembered import Remembered


class Notes:
    """How many notes there are, remembered, and how often that was read."""

    def __init__(self, path: Path) -> None:
        self.path, self.reads = path, 0
        self.ledger = Ledger.open(str(path))
        self.remembered = Remembered(self.ledger)

    def told(self) -> int:
        return self.remembered.told("notes", self._count)

    def _count(self, c: Any) -> int:
        self.reads += 1
        return events.count(c)

    def write(self, *changes: str) -> None:
        with self.remembered.writing(*changes) as c:
            events.append(c, "note")

    def by_another(self) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as other, other:
            other.execute("INSERT INTO events (at, actor, action, text) VALUES (1, '', 'note', '')")


@pytest.fixture
def notes(empty_ledger: Path) -> Iterator[Notes]:
    with kept():
        yield Notes(empty_ledger)


def test_it_is_read_once(notes: Notes) -> None:
    assert [notes.told() for _ in range(3)] == [0, 0, 0] and notes.reads == 1


def test_what_another_has_written_is_seen_at_once(notes: Notes) -> None:
    found = [notes.told()]
    for _ in range(2):
        notes.by_another()
        found += [notes.told(), notes.told()]
    assert found == [0, 1, 1, 2, 2] and notes.reads == 3


def test_of_its_own_writes_only_what_they_change_is_read_again(notes: Notes) -> None:
    notes.told()
    notes.write("something else")
    assert notes.told() == 0 and notes.reads == 1, "it was said that the notes are what they were"
    notes.write("notes")
    assert notes.told() == 2 and notes.reads == 2


def test_who_has_written_before_or_after_its_own_write_is_not_missed(notes: Notes) -> None:
    notes.told()
    notes.by_another()
    notes.write("something else")
    assert notes.told() == 2
    notes.write("something else")
    notes.by_another()
    assert notes.told() == 4


def test_who_writes_while_its_own_write_waits_is_not_missed(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at who has written and the lock there is a moment."""
    notes.told()
    write = notes.ledger.write

    def waits() -> Any:
        notes.by_another()
        return write()

    monkeypatch.setattr(notes.ledger, "write", waits)
    notes.write("something else")
    assert notes.told() == 2


def test_another_of_the_same_process_is_another(notes: Notes) -> None:
    notes.told()
    with Ledger.open(str(notes.path)).write() as c:
        events.append(c, "note")
    assert notes.told() == 1


def test_a_write_that_failed_changed_nothing(notes: Notes) -> None:
    notes.told()
    with contextlib.suppress(ZeroDivisionError), notes.remembered.writing("something else") as c:
        events.append(c, "note")
        raise ZeroDivisionError
    notes.by_another()
    assert notes.told() == 1


def test_within_a_transaction_nothing_is_believed(notes: Notes) -> None:
    notes.told()
    with notes.ledger.read():
        notes.by_another()
        assert notes.told() == 1


def test_without_a_kept_connection_everything_is_read(empty_ledger: Path) -> None:
    notes = Notes(empty_ledger)
    assert [notes.told() for _ in range(3)] == [0, 0, 0] and notes.reads == 3
    notes.write("something else")
    assert notes.told() == 1
