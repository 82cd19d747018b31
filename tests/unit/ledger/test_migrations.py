# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ledger of every earlier schema is brought up, with all that it held."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, runs, schema
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger

DATA = Path(__file__).parent / "data"


def tables(path: Path) -> dict[str, str]:
    found = sqlite3.connect(path).execute("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in found}


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_an_older_ledger_becomes_one_of_today(tmp_path: Path, version: int) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    connection = sqlite3.connect(old)
    connection.executescript((DATA / ("v%d.sql" % version)).read_text(encoding="utf-8"))
    connection.close()
    ledger = Ledger.open(str(old))
    Ledger.open(str(new))
    assert tables(old) == tables(new)
    with ledger.read() as c:
        assert runs.recent(c, 5) and assessments.latest(c)["web1"].at == 1000.5
