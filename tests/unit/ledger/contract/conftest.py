# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ledger must do on every database. Each test gets an empty one.

SQLite always; PostgreSQL too where its programs are: a server of our own, or the database that ``PATCHTRAIN_TEST_POSTGRESQL`` names
by its URL and that may be emptied. What races is tried on both in `make test`, the rest on PostgreSQL in `make test-all`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from patchlab.postgresql import programs, server

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts, runs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.place import is_url

NAMED = os.environ.get("PATCHTRAIN_TEST_POSTGRESQL", "")
RACES = "test_processes.py"
OpenRun = Callable[..., Any]


def _emptied(url: str) -> str:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        database = getattr(item, "callspec", None) and item.callspec.params.get("target")  # type: ignore[attr-defined]
        if database == "postgresql" and item.path.name != RACES:
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    pytest.importorskip("psycopg")
    if NAMED:
        yield NAMED
        return
    if programs() is None:
        pytest.skip("PostgreSQL's programs are not installed")
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest) -> str:
    """Where nobody has made a ledger yet."""
    if request.param == "postgresql":
        return _emptied(request.getfixturevalue("postgresql"))
    path: Path = request.getfixturevalue("empty_ledger")
    path.unlink()
    return str(path)


@pytest.fixture
def ledger(request: pytest.FixtureRequest, target: str) -> Iterator[Ledger]:
    if not is_url(target):
        shutil.copy(request.getfixturevalue("made_ledger"), target)
    yield Ledger.open(target)


@pytest.fixture
def open_run(ledger: Ledger) -> OpenRun:
    """Opens a run and returns it: ``open_run("night", ["web1", "web2"], canaries=["web1"])``."""

    def opened(name: str = "night", targets: Any = ("web1", "web2"), canaries: Any = (), at: float = 1000.0, **more: Any) -> Any:
        new = runs.NewRun(name, "web", more.pop("owner", owner_of()), [runs.Target(h, h in canaries) for h in targets], **more)
        with ledger.write() as c:
            return runs.open_run(c, new, at)[0]

    return opened


@pytest.fixture
def walk(ledger: Ledger) -> Callable[..., None]:
    """Takes a host through states: ``walk(run, "web1", "draining", "failed")``."""

    def walked(run: Any, host: str, *states: str, at: float = 1001.0) -> None:
        for state in states:
            with ledger.write() as c:
                hosts.set_state(c, run.id, host, state, at=at)

    return walked
