# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts whose work can't go elsewhere, in real plays: left alone, told, and fed to another run. No host is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from canned import Canned

# Two places: an agent that is always willing, and after it a balancer that can keep a host.
BALANCER = """#!/bin/sh
f=$CANNED/out/$PATCHTRAIN_HOST
echo "$1" >> $f.asked
case $1 in
  enter) if [ -e $f.keep ]; then echo "no other server for $PATCHTRAIN_HOST"; exit 75; fi; touch $f;;
  verify) [ -e $f ];;
  leave) rm -f $f;;
  prior) [ -e $f ] && echo maintenance || echo in_service;;
esac
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    found = Canned(tmp_path / "fleet")
    found.balancer.write_text(BALANCER)
    found.maintenance[0]["options"]["blocked_rc"] = 75
    agent = found.write("agent.sh", BALANCER.replace("$PATCHTRAIN_HOST\n", "$PATCHTRAIN_HOST.agent\n", 1))
    agent.chmod(0o755)
    options = {word: [str(agent), word] for word in ("enter", "verify", "leave", "prior")}
    found.maintenance.insert(0, {"driver": "command", "options": dict(options, poll=0.1)})
    return found


def kept(fleet: Canned, *hosts: str) -> None:
    for host in hosts:
        fleet.write("out/%s.keep" % host, "")


def asked(fleet: Canned, host: str) -> list[str]:
    return (fleet.folder / "out" / (host + ".asked")).read_text().split()


def page(fleet: Canned) -> Any:
    return json.loads(max(fleet.folder.glob("state/patchtrain/reports/*/report.json"), key=lambda path: path.stat().st_mtime).read_text())


def test_a_blocked_host_is_left_alone_told_and_fed_to_another_run(fleet: Canned) -> None:
    kept(fleet, "h1", "h3")
    done = fleet.play(patch_run_name="first")
    assert fleet.states() == {"h1": "blocked", "h2": "succeeded", "h3": "blocked", "h4": "succeeded"}, "patch_max_failed is 0, and the roll went on"
    assert done.rc != 0 and "h1 blocked: Enter maintenance mode: " in done.text and fleet.runs() == ["failed"]
    assert (fleet.out(), fleet.slots()) == ([], []), "the agent's drain was undone, the slot returned"
    # When the roll is planned, whether it is still so, and by the driver itself.
    assert asked(fleet, "h1") == ["prior", "prior", "prior", "enter", "leave"] and asked(fleet, "h1.agent")[-1] == "leave"
    row = next(host for host in page(fleet)["hosts"] if host["name"] == "h1")
    assert row["state"] == "blocked" and "no other server for h1" in row["reason"] and "the places before it were brought back" in row["reason"]

    told = fleet.play("fleetops.patchtrain.control", patch_run_name="first")
    assert "blocked: h3, because of Enter maintenance mode" in told.text and "-e patch_from_blocked=first" in told.text, told.text

    (fleet.folder / "out" / "h1.keep").unlink()
    again = fleet.play(patch_from_blocked="first", patch_fail_on=["failed"])
    assert again.rc == 0, again.text
    assert fleet.ask("SELECT host, state FROM run_hosts WHERE run_id = 2 ORDER BY host") == [("h1", "succeeded"), ("h3", "blocked")]
    assert "2 of 4 hosts ended blocked in run first" in again.text
    none = fleet.play(patch_hosts="h2,h4", patch_from_blocked="first")
    assert none.rc != 0 and "of run first h1, h3 are blocked, and none of them is among the 2 hosts of this play" in " ".join(none.text.split())
    assert len(fleet.runs()) == 2


def test_in_a_play_of_ones_own_a_blocked_host_fails_alone(fleet: Canned) -> None:
    kept(fleet, "h2")
    done = fleet.play(fleet.role(strategy="host_pinned"), patch_max_unavailable=4)
    assert done.rc != 0 and fleet.states()["h2"] == "blocked" and sorted(fleet.states().values())[1:] == ["succeeded"] * 3
    again = fleet.play(fleet.role(serial=1), patch_from_blocked=fleet.ask("SELECT name FROM runs")[0][0])
    assert fleet.ask("SELECT host, state FROM run_hosts WHERE run_id = 2") == [("h2", "blocked")], again.text


def test_a_host_that_is_blocked_but_can_not_be_brought_back_has_failed(fleet: Canned) -> None:
    kept(fleet, "h1")
    fleet.balancer.write_text(BALANCER.replace("leave) rm -f $f;;", "leave) exit 1;;"))
    fleet.play(patch_hosts="h1")
    assert (fleet.states(), fleet.slots()) == ({"h1": "failed"}, ["h1"])


@pytest.mark.parametrize("variable, wrong", [("ansible_host", "{{ nowhere }}"), ("ansible_become", "perhaps")])
def test_a_place_with_a_wrong_variable_blocks_its_hosts_and_no_others(fleet: Canned, variable: str, wrong: str) -> None:
    fleet.inventory({host: {"mine": [dict(fleet.maintenance[0], place=place)]} for host, place in (("h1", "lb1"), ("h2", "lb2"))},
                    lb1={variable: wrong}, lb2={})
    done = fleet.play(patch_maintenance="{{ mine }}")
    assert done.rc != 0 and fleet.states() == {"h1": "blocked", "h2": "succeeded"}, done.text
    assert "command at lb1: lb1 can't be asked as a place" in fleet.ask("SELECT reason FROM run_hosts WHERE host = 'h1'")[0][0]
