# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan touches nothing, and what it predicted is kept."""

from __future__ import annotations

import pytest
from lab_fleet import WEB, Fleet

pytestmark = [pytest.mark.lab]


def test_a_plan_touches_nothing_and_then_stands_beside_what_became_of_it(fleet: Fleet) -> None:
    boots = fleet.boots()
    planned = fleet.play("fleetops.patchtrain.plan", patch_run_name="night", patch_max_unavailable=1, patch_estimate_default=60)
    assert planned.rc == 0, planned.text[-3000:]
    assert "packages to change on 4 hosts" in planned.text and "Bottleneck: patch_max_unavailable" in planned.text
    assert fleet.boots() == boots and {fleet.version(host, "patchlab-web") for host in WEB} == {"1.0"}
    assert all(status.startswith("UP") for status in fleet.balancer().values())
    pages = list((fleet.state / "patchtrain" / "reports").glob("*/plan.html"))
    assert len(pages) == 1 and "night" not in pages[0].parent.name, "a look does not use up the name of the run"
    done = fleet.play(patch_run_name="night", patch_max_unavailable=1, patch_estimate_default=60)
    assert done.rc == 0 and set(done.states().values()) == {"succeeded"}, done.text[-3000:]
    hosts = [host for host in done.model["hosts"] if host["name"] in WEB] if done.model else []
    assert all(host["predicted"]["assumed"] and host["predicted"]["state"] == "patched" for host in hosts)
    assert done.model and done.model["run"]["predicted"]["bottleneck"] == "patch_max_unavailable"


def test_who_does_not_fit_into_the_window_is_told_beforehand(fleet: Fleet) -> None:
    planned = fleet.play("fleetops.patchtrain.plan", patch_estimate_default=90000, patch_reboot="never",
                         patch_window={"start": "00:00", "recurrence": "FREQ=DAILY", "duration": "24h", "timezone": "UTC"})
    assert planned.rc == 0, planned.text[-3000:]
    assert "4 hosts do not fit and are deferred" in " ".join(planned.text.split())
