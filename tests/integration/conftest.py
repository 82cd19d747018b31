# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for the whole session, one fresh fleet for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_fleet import HOME, Fleet


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    keeper = Fleet(tmp_path_factory.mktemp("keeper"))
    keeper.lab("up", "--topology", "web")
    yield HOME
    keeper.lab("down")


@pytest.fixture
def fleet(laboratory: Path, tmp_path: Path) -> Fleet:
    """All hosts as on their first day, with updates pending, all servers up at the load balancer."""
    found = Fleet(tmp_path / "state")
    found.lab("mend", *found.boots())
    found.lab("upstream", "advanced")
    found.lab("reset")
    found.all_up()
    return found
