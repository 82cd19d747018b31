# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A parent plus a few packages, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import KEY, manifest, package, update

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.compare import releases
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.derive import NotTheParent, derive

DIGEST = "d" * 64


def planned(*changes: tuple[str, str | None, str | None]) -> dict[str, Any]:
    updates = [dict(update("", cves=("CVE-7",)), name=name, arch="amd64", installed=old, candidate=new) for name, old, new in changes if old and new]
    return {KEY: {"plan": {"changes": [{"name": n, "arch": "amd64", "from": f, "to": t} for n, f, t in changes]},
                  "assessment": {"manager": "apt", "updates": updates}}}


def test_what_is_planned_moves_with_its_dependencies_and_the_rest_stays() -> None:
    parent = manifest(package("a", "1"), package("b", "1"), package("gone", "1"))
    child = derive(DIGEST, parent, planned(("a", "1", "2"), ("new", None, "1"), ("gone", "1", None)))
    assert child["parent"] == DIGEST
    assert {(c["name"], c["change"], c["from"], c["to"]) for c in releases(parent, child)} == {
        ("a", "up", "1", "2"), ("new", "added", None, "1"), ("gone", "removed", "1", None)}
    assert next(c for c in releases(parent, child) if c["name"] == "a")["cves"] == ["CVE-7"]


def test_a_golden_host_at_another_level_is_refused() -> None:
    with pytest.raises(NotTheParent, match="has a 1.5, and the parent does not"):
        derive(DIGEST, manifest(package("a", "1")), planned(("a", "1.5", "2")))


def test_what_would_change_nothing_is_no_release() -> None:
    with pytest.raises(BadInput, match="nothing of what is named"):
        derive(DIGEST, manifest(package("a", "1")), planned())


def test_what_the_parent_says_nothing_of_is_left_alone() -> None:
    with pytest.raises(BadInput, match="nothing of what is named"):
        derive(DIGEST, manifest(package("a", "1"), exclude=("agent*",)), planned(("agent-x", "1", "2")))
