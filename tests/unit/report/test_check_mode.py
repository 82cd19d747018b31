# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in check mode is told as one: nobody has to do anything about hosts that were not to be started."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_text import render_text


def model(check: bool) -> dict[str, Any]:
    host = {"name": "web1", "state": "not_started", "reason": "check mode", "compliance": {"status": "unknown", "reasons": []}, "assessment": None,
            "packages": [], "out_of_service": [], "reboot": None, "steps": [], "log": ""}
    run = {"name": "night", "deployment": "web", "state": "succeeded", "settings": {"check": check}}
    return {"kind": "run", "generated_at": 1.0, "run": run, "summary": {}, "hosts": [host]}


def test_nobody_is_needed_after_a_check() -> None:
    checked, real = render_text(model(True)), render_text(model(False))
    assert "check mode: nothing was changed" in checked and "What needs a person" not in checked
    assert "nothing was changed" not in real and "What needs a person" in real
