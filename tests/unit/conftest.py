# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ledgers for tests that ask what is done with one. How a ledger is made is asked in ``ledger/test_engine.py``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # What needs no ledger need not import what ledgers need.
    from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger

    path = tmp_path_factory.mktemp("ledgers") / "made.db"
    Ledger.open(str(path))
    return path


@pytest.fixture
def empty_ledger(made_ledger: Path) -> Path:
    """A ledger without runs, in a folder of its own. It is a copy, because to make one takes longer than most tests take with
    theirs, and each has the same path, by which SQLAlchemy knows what it has compiled already."""
    folder = made_ledger.parent / "empty"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return Path(shutil.copy(made_ledger, folder / "ledger.db"))
