# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that goes back: first the sources that it had before, then the packages."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import host_assess
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import digest as digest_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, packages, releases

CHANGED = {"name": "a", "arch": "all", "from": "1", "to": "2", "result": "installed"}


def manifest(version: str) -> Dict[str, Any]:
    package = {"name": "a", "arch": "all", "version": version, "reason": "manual", "updates": []}
    return {"format": 1, "parent": None, "exclude": [], "platforms": {"debian-12-amd64-apt": {"packages": [package], "kernel": None, "streams": []}}}


OLD, NEW = (digest_of(manifest(version)) for version in ("1", "2"))


class Host:
    """Answers as ``software_source`` and ``host_assess`` do, and remembers what it was asked."""

    checking = False

    def __init__(self, attached: str) -> None:
        self.attached = attached
        self.asked: List[str] = []
        self.run = 0

    def module(self, name: str, args: Dict[str, Any], seconds: float, check: Any = None) -> Dict[str, Any]:
        if name.endswith("software_source"):
            before, now = self.attached, args.get("digest", "")
            self.asked.append("%s %s" % (args["state"], now[:6]))
            self.attached = self.attached if check else now
            return {"changed": before != now, "previous": {"digest": before} if before else None, "attached": {"digest": now} if now else None}
        self.asked.append("look: %s" % ",".join("%s=%s" % (p["name"], p["version"]) for p in args.get("packages", ())))
        return {"assessment": {"release": self.attached, "obstacles": []}, "plan": {"changes": [], "left_out": [], "digest": "d"}, "health": {}}


@pytest.fixture
def host(desk: Any) -> Host:
    """It was at the old release, and the run ``night`` attached it to the new one."""
    with desk.ledger.write() as c:
        for name, version in (("gl-1", "1"), ("gl-2", "2")):
            releases.add(c, name, manifest(version), {}, "alice")
            releases.publish(c, digest_of(manifest(version)), "repo1", "/srv/p", "http://repo1/p", ["KEY"], "f" * 64, "alice")
    run = desk.open("night", ["web1"])
    with desk.book("night").step("attach", undo=None) as step:
        step.detail = {"previous": OLD, "digest": NEW, "hidden": 1}
    host = Host(NEW)
    host.run = run.id
    desk.places["web1"] = host
    return host


def back(desk: Any) -> Any:
    desk.open("back", ["web1"])
    return desk.do(host_assess, variables={"patch_rollback": "night"}, run_id="back")


def test_who_was_attached_and_changed_nothing_gets_its_former_release_back(desk: Any, host: Host) -> None:
    result = back(desk)
    assert (result["host_state"], result["reason"]) == ("up_to_date", "run night changed no package here")
    assert host.asked == ["attached " + OLD[:6], "look: "]
    with desk.ledger.read() as c:
        assert assessments.latest(c, ["web1"])["web1"].document["release"] == OLD, "what is known of it is as it is now"


def test_packages_follow_their_sources(desk: Any, host: Host) -> None:
    with desk.ledger.write() as c:
        packages.record(c, host.run, "web1", [CHANGED])
    back(desk)
    assert host.asked == ["attached " + OLD[:6], "look: a=1"]


def test_who_was_never_attached_is_left_alone(desk: Any, host: Host) -> None:
    desk.open("other", ["web1"])
    desk.open("back", ["web1"])
    result = desk.do(host_assess, variables={"patch_rollback": "other"}, run_id="back")
    assert result["host_state"] == "up_to_date" and host.asked == []
