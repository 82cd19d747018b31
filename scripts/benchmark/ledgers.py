# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger against bare sqlite3, with the same rows, the same journal and as many transactions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, hosts, runs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import owner_of

from . import fleet
from .fleet import Document, Sizes
from .timing import Row, expect, in_turns

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE run_hosts (run_id INTEGER, host TEXT, position INTEGER, canary INTEGER, state TEXT, came_from TEXT, reason TEXT, changed_at REAL,
                        PRIMARY KEY (run_id, host));
CREATE TABLE assessments (id INTEGER PRIMARY KEY, host TEXT, at REAL, document TEXT);
CREATE INDEX assessments_of_host ON assessments (host, at);
"""


@dataclass
class Kept:
    """The product's ledger. Each assessment has a transaction of its own, as the action that brings it has."""

    ledger: Ledger
    names: Sequence[str]
    documents: Sequence[Document]
    opened: int = 0

    def open_run(self) -> None:
        self.opened += 1
        new = runs.NewRun("bench-%d" % self.opened, "bench", owner_of(), [runs.Target(name) for name in self.names])
        with self.ledger.write() as c:
            runs.open_run(c, new)

    def record(self) -> None:
        for name, document in zip(self.names, self.documents):
            with self.ledger.write() as c:
                assessments.record(c, name, document)

    def read(self) -> int:
        with self.ledger.read() as c:
            return len(assessments.latest(c))

    def hosts(self) -> int:
        with self.ledger.read() as c:
            return len(hosts.all_of(c, 1))


@dataclass
class Bare:
    """The least that a program would do for the same."""

    path: Path
    names: Sequence[str]
    documents: Sequence[Document]
    opened: int = 0

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as c:
            yield c

    def make(self) -> None:
        with self._connection() as c:
            c.executescript(_SCHEMA)

    def open_run(self) -> None:
        self.opened += 1
        rows = [(self.opened, name, position, 0, "waiting", "", "", 0.0) for position, name in enumerate(self.names)]
        with self._connection() as c:
            c.execute("BEGIN IMMEDIATE")
            c.executemany("INSERT INTO run_hosts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            c.execute("COMMIT")

    def record(self) -> None:
        for number, (name, document) in enumerate(zip(self.names, self.documents)):
            with self._connection() as c:
                c.execute("BEGIN IMMEDIATE")
                c.execute("INSERT INTO assessments (host, at, document) VALUES (?, ?, ?)", (name, float(number), json.dumps(document)))
                c.execute("COMMIT")

    def read(self) -> int:
        with self._connection() as c:
            newest = c.execute("SELECT host, document FROM assessments WHERE id IN (SELECT max(id) FROM assessments GROUP BY host)")
            return len({host: json.loads(text) for host, text in newest})

    def hosts(self) -> int:
        with self._connection() as c:
            return len(c.execute("SELECT * FROM run_hosts WHERE run_id = 1 ORDER BY position").fetchall())


def measure(top: Path, sizes: Sizes) -> list[Row]:
    top.mkdir(mode=0o700)
    names = ["host-%04d.patchtrain.invalid" % number for number in range(sizes.run_hosts)]
    documents = [fleet.assessment(number) for number in range(sizes.run_hosts)]
    ours, bare = Kept(Ledger.open(str(top / "ledger.db")), names, documents), Bare(top / "bare.db", names, documents)
    bare.make()
    opened = in_turns(sizes.rounds, ours.open_run, bare.open_run)
    # The longest of all, and no round is like another anyway: the tables grow.
    written = in_turns((sizes.rounds + 1) // 2, ours.record, bare.record)
    for what, found in (("hosts", (ours.hosts(), bare.hosts())), ("assessments", (ours.read(), bare.read()))):
        expect("%s in both" % what, found, (len(names), len(names)))
    read = in_turns(sizes.rounds, ours.read, bare.read)
    count = len(names)
    return [Row("open a run of %d hosts" % count, "sqlite3", *opened), Row("write %d assessments" % count, "sqlite3", *written),
            Row("read the newest of %d hosts' assessments" % count, "sqlite3", *read)]
