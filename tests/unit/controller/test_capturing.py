# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of golden hosts, beside what they have."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import digest as digest_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import releases
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing.capturing import stuck

MANIFEST = {"format": 1, "parent": None, "exclude": [], "platforms": {}}


def test_a_golden_host_that_somebody_attached_is_named(desk: Any) -> None:
    with desk.ledger.write() as c:
        releases.add(c, "gl-1", MANIFEST, {}, "alice")
    told = stuck(desk.ledger, {"gold1": {"attached": None}, "gold2": {"attached": digest_of(MANIFEST)}, "gold3": {"attached": "e" * 64}})
    assert "gold1" not in told
    assert "gold2 is attached to release gl-1 and sees nothing newer: detach it" in told and "gold3 is attached to release eeeeeeeeeeee and" in told
