# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The train itself: a fleet is patched behind its load balancer, watched from outside Ansible."""

from __future__ import annotations

import sqlite3

import pytest
from lab_fleet import WEB, Fleet
from patchlab.traffic import Traffic
from patchlab.watch import Watch

pytestmark = [pytest.mark.lab]

ROLE = """
- hosts: web
  gather_facts: false
  serial: 2
  tasks:
    - ansible.builtin.import_role:
        name: fleetops.patchtrain.patch
"""


def watch(fleet: Fleet) -> Watch:
    return Watch({host: fleet.address(host) for host in WEB}, fleet.address("lb1"))


def test_a_fleet_is_patched_under_traffic_and_then_has_nothing_to_do(fleet: Fleet) -> None:
    before = fleet.boots()
    with Traffic("http://%s/" % fleet.address("lb1")) as traffic, watch(fleet) as seen:
        done = fleet.play(patch_max_unavailable=1, patch_canaries=1, patch_change_id="CHG-7")
    assert done.rc == 0, done.text[-3000:]
    assert set(done.states().values()) == {"succeeded"}
    assert traffic.result()["failed"] == 0 and traffic.result()["served"] > 100
    assert seen.result()["most_out"] <= 1
    assert {fleet.version(host, "patchlab-web") for host in WEB} == {"1.1"}
    assert all(host["compliance"]["status"] == "compliant" or "from sources" in str(host["compliance"]) for host in done.model["hosts"])
    after = fleet.boots()
    assert all(after[host] == before[host] + 1 for host in WEB), "one update wants a reboot"
    assert all(after[host] == before[host] for host in ("lb1", "dnf1", "zypper1")), "only the targets are touched"
    assert done.model["run"]["change_id"] == "CHG-7" and done.model["run"]["actor"]
    again = fleet.play(patch_max_unavailable=1)
    assert again.rc == 0 and set(again.states().values()) == {"up_to_date"}
    assert fleet.boots() == after
    assert not any(step["step"] == "enter" for host in again.model["hosts"] for step in host["steps"]), "nobody is drained for nothing"


def test_check_mode_shows_the_plan_and_touches_nothing(fleet: Fleet) -> None:
    done = fleet.play("fleetops.patchtrain.patch", "--check")
    assert done.rc == 0, done.text[-3000:]
    assert "packages to change" in done.text
    assert {fleet.version(host, "patchlab-web") for host in WEB} == {"1.0"}
    assert all(status.startswith("UP") for status in fleet.balancer().values())


def test_assess_is_read_only_and_names_what_stands_in_the_way(fleet: Fleet) -> None:
    fleet.sh("web2", "echo 'ops ALL=(ALL) ALL' > /etc/sudoers.d/ops; chmod 440 /etc/sudoers.d/*; rm -f /etc/sudoers.d/[!o]*; true")
    fleet.lab("stop", "web4")
    packages = fleet.sh("web1", "dpkg-query -W")
    done = fleet.play("fleetops.patchtrain.assess", patch_hosts="fleet")
    assert done.rc == 0, done.text[-3000:]
    assert done.host("web1")["compliance"]["status"] == "non_compliant"
    assert done.host("web2")["assessment"]["obstacles"][0]["kind"] == "sudo"
    assert done.host("web4")["assessment"]["obstacles"][0]["kind"] == "unreachable"
    assert {done.host(host)["compliance"]["status"] for host in ("web2", "web4")} == {"unknown"}
    assert fleet.sh("web1", "dpkg-query -W") == packages
    fleet.lab("start", "web4")


def test_the_role_in_a_serial_play_of_ones_own(fleet: Fleet) -> None:
    fleet.state.mkdir(parents=True)
    (fleet.state / "mine.yml").write_text(ROLE)
    fleet.deployment.pop("patch_max_unavailable")
    with watch(fleet) as seen:
        done = fleet.play(str(fleet.state / "mine.yml"))
    assert done.rc == 0, done.text[-3000:]
    assert set(done.states().values()) == {"succeeded"}
    assert seen.result()["most_out"] == 2
    with sqlite3.connect(fleet.state / "patchtrain" / "ledger.db") as ledger:
        assert ledger.execute("SELECT count(*), min(state) FROM runs").fetchone() == (1, "succeeded")


def test_a_play_of_ones_own_whose_batch_fails_ends_its_run(fleet: Fleet) -> None:
    fleet.state.mkdir(parents=True)
    (fleet.state / "mine.yml").write_text(ROLE.replace("serial: 2", "serial: 1"))
    fleet.deployment.pop("patch_max_unavailable")
    checks = [{"name": "never there", "url": "http://127.0.0.1:9/"}]
    done = fleet.play(str(fleet.state / "mine.yml"), patch_max_failed=3, patch_health_checks=checks, patch_health_timeout=4)
    assert done.rc != 0, done.text[-3000:]
    assert done.states() == {"web1": "failed", "web2": "not_started", "web3": "not_started", "web4": "not_started"}
    with sqlite3.connect(fleet.state / "patchtrain" / "ledger.db") as ledger:
        assert ledger.execute("SELECT state FROM runs").fetchall() == [("failed",)]


def test_a_limit_still_ends_with_a_report(fleet: Fleet) -> None:
    done = fleet.play("fleetops.patchtrain.patch", "--limit", "web3")
    assert done.rc == 0 and done.states() == {"web3": "succeeded"}, done.text[-3000:]
    assert fleet.version("web1", "patchlab-web") == "1.0"
