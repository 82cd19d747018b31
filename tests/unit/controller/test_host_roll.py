# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's whole cycle in one task: the same steps in the same order, and each failure where it belongs."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
import sqlalchemy as sa

from ansible_collections.fleetops.patchtrain.plugins.action import host_roll, updates_install
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import calling, patient, walked
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import packages

CHANGE = {"name": "a", "arch": "all", "from": "1", "to": "2", "classification": "security"}
PLACES = [{"driver": "command", "place": "lb1", "host": "web1", "timeout": 5.0, "options": {}}]
INSTALLED = {"changed": True, "finished": True, "reboot": {"required": False, "reasons": []}, "packages": [dict(CHANGE, result="installed", reason="")]}


@pytest.fixture
def ready(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A host that is prepared; its installation and its gate end well."""
    desk.open()
    desk.prepare(changes=[CHANGE])
    desk.places["web1"] = desk.place("web1", answer={"changed": True, "packages": [], "plan": {"changes": [CHANGE]}, "differences": [], "checks": []})
    monkeypatch.setattr(patient, "install", lambda *args: dict(INSTALLED))
    return desk


def rolled(desk: Any, **more: Any) -> Dict[str, Any]:
    result: Dict[str, Any] = desk.do(host_roll, run_id="night", **dict({"places": PLACES}, **more))
    return result


def names(desk: Any) -> List[str]:
    return [step.step for step in desk.steps()]


def test_a_host_goes_through_its_cycle(ready: Any) -> None:
    result = rolled(ready)
    assert (result["granted"], result["changed"], result["host_state"]) == (True, True, "succeeded")
    assert names(ready) == ["confirm", "enter", "install", "gate", "leave", "release"]
    assert ready.state().state == "succeeded" and ready.slots() == []


def test_packages_are_on_record_as_they_were_classified_when_they_were_planned(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is out of service the host is not asked for it."""
    asked: List[Any] = []
    said = dict(INSTALLED, packages=[dict(CHANGE, classification="unknown", result="installed", reason="")])
    monkeypatch.setattr(patient, "install", lambda remote, begin, args, *limits: asked.append(args) or said)
    rolled(ready)
    with ready.ledger.read() as c:
        found = packages.of_host(c, ready.run().id, "web1")
    assert ([package.classification for package in found], asked[0]["assess"]) == (["security"], False)


def test_check_mode_tells_packages_as_they_were_classified_when_they_were_planned(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"packages": [dict(CHANGE, classification="unknown", result="pending", reason="would be changed")], "plan": {"changes": [CHANGE]}}
    monkeypatch.setattr(calling, "ask", lambda *args, **more: said)
    told = ready.do(updates_install, check=True, planned=True, run_id="night")
    assert (told["changed"], [package["classification"] for package in told["packages"]]) == (False, ["security"])



@pytest.mark.parametrize("release, looks", [(None, False), ("d" * 64, True)])
def test_a_host_that_is_attached_to_a_release_is_looked_at_by_its_installation(ready: Any, monkeypatch: pytest.MonkeyPatch, release: Any, looks: bool) -> None:
    """How it stands to that is not to be told by what was seen before."""
    asked: List[Any] = []
    ready.book().assessed({"release": release, "updates": [], "counts": {}})
    monkeypatch.setattr(patient, "install", lambda remote, begin, args, *limits: asked.append(args) or dict(INSTALLED))
    rolled(ready)
    assert asked[0]["assess"] is looks


def test_a_host_that_gets_no_slot_is_not_touched(ready: Any) -> None:
    ready.book().without_turn("deferred", "no time")
    result = rolled(ready)
    assert (result["granted"], result["host_state"]) == (False, "deferred")
    assert "enter" not in names(ready)


def test_a_failed_drain_is_recorded_and_undone_within_the_task(ready: Any) -> None:
    lb1 = ready.places["lb1"] = ready.place("lb1", answer={"failed": True, "msg": "no such server"})
    result = rolled(ready)
    assert (result["failed"], result["recorded"], result["host_state"]) == (True, True, "failed")
    assert result["msg"].startswith("failed: Enter maintenance mode: command at lb1: no such server")
    assert lb1.asked and ready.slots() == [] and "install" not in names(ready)


class Restarted:
    """A load balancer that is restarted after the drain, and has no peer left when it is asked again."""

    takes_input = False

    def __init__(self) -> None:
        self.name, self.said = "lb1", []

    def module(self, _name: str, args: Any, _seconds: float, check: Any = None) -> Any:
        if not check:
            self.said.append(args["state"])
        if self.said == ["entered", "entered"]:
            return {"failed": True, "msg": "no peer is left", "error": {"kind": "CannotMove", "blocked": True}}
        return {"changed": True, "prior_state": "in_service"}


def test_a_drain_that_is_lost_and_is_refused_now_leaves_the_host_blocked(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walked, "_FRESH", 0.0)
    lb1 = ready.places["lb1"] = Restarted()
    result = rolled(ready, places=[dict(PLACES[0], driver="haproxy")])
    assert (result["failed"], result["recorded"], result["host_state"]) == (True, True, "blocked")
    assert (ready.state().state, ready.slots(), lb1.said) == ("blocked", [], ["entered", "entered", "left"])
    assert "no peer is left" in ready.state().reason and "the drain was undone" in ready.state().reason
    assert "install" not in names(ready)


def test_a_fault_of_ours_is_recorded_too(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise ValueError("of ours")

    monkeypatch.setattr(updates_install.ActionModule, "_recorded", broken)
    result = rolled(ready)
    assert result["failed"] and "a fault in this collection: ValueError: of ours" in ready.state().reason
    assert "Traceback" in result["exception"] and ready.slots() == []


@pytest.mark.parametrize("cut", [KeyboardInterrupt, SystemExit])
def test_who_is_cut_records_nothing(ready: Any, monkeypatch: pytest.MonkeyPatch, cut: Any) -> None:
    def install(*args: Any) -> Any:
        raise cut

    monkeypatch.setattr(patient, "install", install)
    with pytest.raises(cut):
        rolled(ready)
    assert ready.state().state == "installing" and ready.slots() == [("night", "web1")]


def test_whose_controller_was_killed_begins_no_further_step(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes on with the run begins where the ledger says, and nobody else may be at the host then."""
    mine = os.getppid()

    def install(*args: Any) -> Any:
        monkeypatch.setattr(os, "getppid", lambda: 1)
        return dict(INSTALLED)

    def gone(rc: int) -> Any:
        raise SystemExit(rc)

    monkeypatch.setattr(patient, "install", install)
    monkeypatch.setattr(os, "_exit", gone)
    with pytest.raises(SystemExit):
        rolled(ready)
    monkeypatch.setattr(os, "getppid", lambda: mine)
    assert names(ready)[-1] == "install" and ready.slots() == [("night", "web1")]


def test_a_reboot_before_is_asked_for_only_where_the_deployment_wants_it(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: List[Any] = []
    monkeypatch.setattr(host_roll.host_reboot.ActionModule, "act", lambda self: seen.append(self.argument("before")) or {"rebooted": False})
    rolled(ready)
    assert seen == [None]


def test_what_another_controller_writes_meanwhile_is_seen_at_the_next_step(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has brought the host back by force while it was installing: it is not to be brought back twice."""
    def install(*args: Any) -> Any:
        with contextlib.closing(sqlite3.connect(ready.target)) as other, other:
            other.execute("UPDATE steps SET undone_at = 1 WHERE step = 'enter'")
        return dict(INSTALLED)

    monkeypatch.setattr(patient, "install", install)
    lb1 = ready.places["lb1"] = ready.place("lb1")
    assert rolled(ready)["host_state"] == "succeeded"
    assert [state for state, check in lb1.asked if not check] == ["entered"] and "leave" not in names(ready)


def test_a_cycle_asks_the_ledger_for_nothing_twice(ready: Any) -> None:
    """What only this task writes is read again only where it has written it."""
    said: List[str] = []
    with ready.listening(said):
        rolled(ready)
    of_steps = [statement for statement in said if statement.startswith("SELECT steps.")]
    written = [statement for statement in said if statement.startswith(("INSERT INTO steps", "UPDATE steps"))]
    assert len(of_steps) <= len(written)
    assert len([statement for statement in said if statement.startswith("SELECT run_hosts.plan")]) <= 2


def test_what_a_cycle_asks_of_the_ledger_was_made_before_the_fork(ready: Any) -> None:
    """But for what became of packages, however many they are."""
    made: List[str] = []
    engine = ready.ledger._connections.engine

    def making(_connection: Any, statement: Any, *_more: Any) -> None:
        made.append(str(getattr(statement, "table", statement)))

    sa.event.listen(engine, "before_execute", making)
    done = rolled(ready)
    sa.event.remove(engine, "before_execute", making)
    assert (done["host_state"], made) == ("succeeded", ["package_changes"])


LOADED = """
import sys
sys.path.insert(0, %r)
import conftest
from ansible_collections.fleetops.patchtrain.plugins.action import host_assess, host_roll, patch_run
print(sorted({"sqlalchemy.dialects.postgresql", "icalendar", "recurring_ical_events", "dateutil"} & set(sys.modules)))
"""


def test_the_controller_loads_nothing_for_what_most_deployments_have_not() -> None:
    ended = subprocess.run([sys.executable, "-c", LOADED % str(Path(__file__).resolve().parents[2])], capture_output=True, text=True, check=False)
    assert ended.stdout == "[]\n", ended.stderr
