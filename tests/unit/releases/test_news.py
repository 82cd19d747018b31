# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream has that a release has not."""

from __future__ import annotations

from typing import Any

from builders import manifest, package, snapshot, update

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.news import news

RELEASE = manifest(package("a", "1"), package("b", "1"), package("c", "1"))


def look(*pending: dict[str, Any]) -> dict[str, Any]:
    host = snapshot(package("a", "2", updates=[update("2", cves=("CVE-2",))]), package("b", "1"), package("c", "0"), package("mine", "7"))
    return {"snapshot": host, "assessment": {"manager": "apt", "updates": list(pending)}}


def pending(name: str, old: str, new: str, classification: str = "bugfix") -> dict[str, Any]:
    return dict(update("", classification), name=name, arch="amd64", installed=old, candidate=new)


def test_what_is_installed_there_and_what_is_pending_both_count() -> None:
    found = news(RELEASE, [look(pending("a", "2", "3"), pending("b", "1", "2"), pending("mine", "7", "8"))], now=1000.0)
    assert [(p["name"], p["release_version"], p["upstream_version"], p["classification"]) for p in found["packages"]] == [
        ("a", "1", "3", "security"), ("b", "1", "2", "bugfix")]
    assert found["counts"] == {"bugfix": 1, "security": 1} and found["packages"][0]["cves"] == ["CVE-2"]


def test_a_version_gets_older_from_look_to_look() -> None:
    first = news(RELEASE, [look(pending("b", "1", "2"))], now=1000.0)
    second = news(RELEASE, [look(pending("b", "1", "2"), pending("c", "0", "2", "security"))], now=1500.0, before=first)
    assert second["oldest_age_s"] == {"bugfix": 500.0, "security": 500.0} and second["asked_at"] == 1500.0
    assert {p["name"]: p["first_seen"] for p in second["packages"]} == {"a": 1000.0, "b": 1000.0, "c": 1500.0}


def test_nothing_newer_is_nothing() -> None:
    found = news(manifest(package("b", "1")), [look()], now=1.0)
    assert (found["packages"], found["counts"], found["oldest_age_s"]) == ([], {}, {})
