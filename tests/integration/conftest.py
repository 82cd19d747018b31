# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for the whole session, one fresh fleet for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_fleet import HOME, Fleet
from lab_release import ReleaseFleet, standing


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


@pytest.fixture(scope="session")
def train_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with standing(tmp_path_factory.mktemp("keeper"), "train") as shape:
        yield shape


@pytest.fixture
def train(train_lab: str, tmp_path: Path) -> ReleaseFleet:
    """Golden hosts at v1, a fleet at three levels behind a load balancer, a repository host, and one that joins later."""
    found = ReleaseFleet(tmp_path / "state", train_lab)
    found.first_day()
    return found


@pytest.fixture(scope="session")
def apt_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with standing(tmp_path_factory.mktemp("keeper"), "release1") as shape:
        yield shape


@pytest.fixture
def releases(apt_lab: str, tmp_path: Path) -> ReleaseFleet:
    """The smallest lab that has releases: a golden apt host at v1, one apt host, a repository host."""
    found = ReleaseFleet(tmp_path / "state", apt_lab)
    found.first_day()
    return found


@pytest.fixture(scope="session")
def rpm_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with standing(tmp_path_factory.mktemp("keeper"), "release2") as shape:
        yield shape


@pytest.fixture
def rpm_releases(rpm_lab: str, tmp_path: Path) -> ReleaseFleet:
    """The same for dnf and zypper."""
    found = ReleaseFleet(tmp_path / "state", rpm_lab)
    found.first_day()
    return found
