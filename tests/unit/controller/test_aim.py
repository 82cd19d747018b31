# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's sources in a run: those of its release first; on the way back first those that it had before; and as found where nothing came of it."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import host_assess, maintenance_slot
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import digest as digest_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, packages, releases
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import Decision
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.turns import Turn

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
        self.obstacle = ""
        self.fails = ""
        self.changes: List[str] = []
        self.asked: List[str] = []
        self.beside: List[Any] = []
        self.run = 0

    def module(self, name: str, args: Dict[str, Any], seconds: float, check: Any = None) -> Dict[str, Any]:
        if name.endswith("software_source"):
            before, now = self.attached, args.get("digest", "")
            self.beside.append(args.get("passthrough"))
            self.asked.append("%s %s" % (args["state"], now[:6]))
            self.attached = self.attached if check else now
            return {"changed": before != now, "previous": {"digest": before} if before else None, "attached": {"digest": now} if now else None}
        self.asked.append("look: %s" % ",".join("%s=%s" % (p["name"], p["version"]) for p in args.get("packages", ())))
        if self.fails and args.get("packages"):
            return {"failed": True, "msg": self.fails, "error": {"kind": "TransactionImpossible"}}
        obstacles = [{"kind": "space", "message": self.obstacle}] if self.obstacle else []
        return {"assessment": {"release": self.attached, "obstacles": obstacles, "metadata_age_s": 1}, "health": {},
                "plan": {"changes": self.changes, "left_out": [], "digest": "d"}}


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


@pytest.mark.parametrize("found, check, beside", [
    ({"digest": OLD, "passthrough": ["vendor*"]}, False, ["vendor*"]), ({"digest": OLD, "passthrough": ["vendor*"]}, True, ["vendor*"]),
    ({"digest": OLD, "passthrough": []}, False, []), (None, False, ["new*"])])
def test_who_goes_back_sees_beside_its_release_what_it_saw_then(desk: Any, host: Host, found: Any, check: bool, beside: Any) -> None:
    """Of a run by an older version it is not on record."""
    with desk.book("night").step("put sources back", undo=None):
        pass
    with desk.book("night").step("attach", undo=None) as step:
        step.detail = {"previous": OLD, "digest": NEW, **({"found": found} if found else {})}
    host.checking = check
    desk.open("back", ["web1"])
    desk.do(host_assess, check=check, variables={"patch_rollback": "night", "patch_passthrough": ["new*"]}, run_id="back")
    assert host.beside == [beside]


def test_packages_follow_their_sources(desk: Any, host: Host) -> None:
    with desk.ledger.write() as c:
        packages.record(c, host.run, "web1", [CHANGED])
    back(desk)
    assert host.asked == ["attached " + OLD[:6], "look: a=1"]


def test_what_was_put_back_and_given_again_by_a_run_that_was_gone_on_with_is_taken_back(desk: Any, host: Host) -> None:
    book = desk.book("night")
    with book.step("put sources back", undo=None):
        pass
    with book.step("attach", undo=None) as step:
        step.detail = {"previous": OLD, "digest": NEW}
    with desk.ledger.write() as c:
        packages.record(c, desk.run("night").id, "web1", [CHANGED])
    host.attached = NEW
    back(desk)
    assert host.asked == ["attached " + OLD[:6], "look: a=1"]


def test_who_was_never_attached_is_left_alone(desk: Any, host: Host) -> None:
    desk.open("other", ["web1"])
    desk.open("back", ["web1"])
    result = desk.do(host_assess, variables={"patch_rollback": "other"}, run_id="back")
    assert result["host_state"] == "up_to_date" and host.asked == []


# --- hosts on which nothing was installed have the sources again that they were found with


def run_of(desk: Any, run: str, **variables: Any) -> Any:
    """A run that brings the host, which is at the old release, to the new one."""
    desk.open(run, ["web1"], host_releases={"web1": NEW})
    return desk.do(host_assess, variables=variables, run_id=run)


def test_a_host_that_is_blocked_has_the_source_again_that_it_was_found_with(desk: Any, host: Host) -> None:
    host.attached, host.obstacle = OLD, "what is asked for can't be installed"
    result = run_of(desk, "next")
    assert (result["host_state"], result["reason"]) == ("blocked", "what is asked for can't be installed")
    assert host.asked == ["attached " + NEW[:6], "look: ", "attached " + OLD[:6], "look: "] and host.attached == OLD
    with desk.ledger.read() as c:
        assert assessments.latest(c, ["web1"])["web1"].document["release"] == OLD, "what is known of it is as it is now"


def test_a_rollback_that_is_blocked_leaves_the_host_on_its_release(desk: Any, host: Host) -> None:
    desk.open("first", ["web1"])
    with desk.book("first").step("attach", undo=None) as step:
        step.detail = {"previous": None, "digest": NEW, "hidden": 1}
    with desk.ledger.write() as c:
        packages.record(c, desk.run("first").id, "web1", [CHANGED])
    host.fails = "what is asked for can't be installed"
    desk.open("back", ["web1"])
    result = desk.do(host_assess, variables={"patch_rollback": "first"}, run_id="back")
    assert (result["host_state"], result["reason"]) == ("blocked", host.fails)
    assert host.asked == ["detached ", "look: a=1", "attached " + NEW[:6], "look: "] and host.attached == NEW


def test_what_could_not_be_put_back_is_said(desk: Any, host: Host) -> None:
    host.attached, host.obstacle = "e" * 64, "no space"
    reason = run_of(desk, "next")["reason"]
    assert reason.startswith("it has the source of release %s now, and could not be given back the source of release eeeeeeeeeeee" % NEW[:12])
    assert "not published" in reason and reason.endswith("; no space") and host.attached == NEW


@pytest.mark.parametrize("state, settings", [("not_started", {"patch_max_failed": 0}), ("deferred", {})])
def test_a_host_without_a_turn_has_the_source_again_that_it_was_found_with(desk: Any, host: Host, state: str, settings: Any,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    host.attached, host.changes = OLD, ["a"]
    assert run_of(desk, "next")["host_state"] == "waiting" and host.attached == NEW
    decision = Decision("deferred" if state == "deferred" else "refused", "no time", "patch_window")
    monkeypatch.setattr(Turn, "take", lambda *rest: decision)
    result = desk.do(maintenance_slot, state="taken", run_id="next")
    assert (result["host_state"], result["reason"]) == (state, "no time") and host.attached == OLD
    desk.open("back", ["web1"])
    del host.asked[:]
    assert desk.do(host_assess, variables={"patch_rollback": "next"}, run_id="back")["host_state"] == "up_to_date" and host.asked == []


def test_a_host_whose_drain_failed_has_the_source_again_that_it_was_found_with(desk: Any, host: Host) -> None:
    host.attached, host.changes = OLD, ["a"]
    run_of(desk, "next")
    desk.drained("next")
    result = desk.do(maintenance_slot, state="failed", run_id="next", failed_task="Drain", failure={"msg": "broke"})
    assert result["reason"] == "Drain: broke; the drain was undone" and host.attached == OLD


def test_a_host_on_which_something_was_installed_keeps_its_release(desk: Any, host: Host) -> None:
    host.attached, host.changes = OLD, ["a"]
    run_of(desk, "next")
    desk.drained("next").begin("install")
    desk.do(maintenance_slot, state="failed", run_id="next", failed_task="Install", failure={"msg": "broke"})
    assert host.attached == NEW


def test_a_host_at_the_release_s_level_keeps_it_without_a_turn(desk: Any, host: Host) -> None:
    host.attached = OLD
    assert run_of(desk, "next")["host_state"] == "up_to_date" and host.attached == NEW
