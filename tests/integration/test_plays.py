# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays of all shapes do with the controller's side: strategies, batches, ends of plays. No host is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from canned import Canned


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    return Canned(tmp_path / "fleet")


def test_hosts_that_go_their_own_way_share_one_run(fleet: Canned) -> None:
    done = fleet.play(fleet.role(strategy="host_pinned"), patch_max_unavailable=4)
    assert done.rc == 0, done.text
    assert fleet.runs() == ["succeeded"]
    assert fleet.ask("SELECT count(*) FROM package_changes") == [(4,)], "each host was installed"


def test_a_role_that_is_included_twice_is_two_runs(fleet: Canned) -> None:
    tasks = [{"ansible.builtin.include_role": {"name": "fleetops.patchtrain.patch"}, "vars": {"patch_deployment": name}} for name in ("first", "second")]
    done = fleet.play(fleet.role(tasks=tasks, serial=2))
    assert done.rc == 0, done.text
    assert fleet.ask("SELECT deployment, state FROM runs ORDER BY id") == [("first", "succeeded"), ("second", "succeeded")]
    assert fleet.ask("SELECT count(*) FROM package_changes") == [(8,)]
