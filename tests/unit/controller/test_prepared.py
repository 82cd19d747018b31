# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an assessment means for a host's turn."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.prepared import what_it_means

REBOOT = {"required": True, "reasons": ["package: linux-image"]}
NONE = {"required": False, "reasons": []}


@pytest.mark.parametrize("found, changes, setting, state", [
    ({"reboot": NONE}, 0, "if_required", "up_to_date"),
    ({"reboot": NONE}, 3, "if_required", "waiting"),
    ({"reboot": REBOOT}, 0, "never", "reboot_pending"),
    ({"reboot": REBOOT}, 0, "if_required", "waiting"),
    ({"reboot": NONE}, 0, "always", "waiting"),
    ({"reboot": NONE, "interrupted": "half-configured: foo"}, 0, "if_required", "waiting"),
    ({"reboot": NONE, "metadata_age_s": None}, 0, "if_required", "blocked"),
    ({"reboot": NONE, "obstacles": [{"kind": "space", "message": "/boot is full"}]}, 3, "if_required", "blocked"),
    ({"reboot": NONE, "obstacles": [{"kind": "interrupted", "message": "dpkg was cut"}]}, 3, "if_required", "waiting"),
])
def test_the_state_after_prepare(found: dict[str, Any], changes: int, setting: str, state: str) -> None:
    assert what_it_means({"metadata_age_s": 10.0, "obstacles": [], **found}, changes, setting)[0] == state
