# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module alone, as somebody would call it: what it says, and that asking changes nothing."""

from __future__ import annotations

import pytest
from lab_fleet import Fleet
from lab_modules import module

pytestmark = [pytest.mark.lab]


@pytest.mark.parametrize("host", ["web1", "dnf1", "zypper1"])
def test_package_snapshot_info(fleet: Fleet, host: str) -> None:
    first, second = (module(fleet, host, "package_snapshot_info") for _ in range(2))
    assert first["packages"] == second["packages"], "the same host gives the same document"
    assert any(package["name"] == "patchlab-web" for package in first["packages"])
    assert first["kernel"]["applicable"] is False, "a container has no kernel of its own"


@pytest.mark.parametrize("host", ["web1", "dnf1", "zypper1"])
def test_updates_info_and_host_assess(fleet: Fleet, host: str) -> None:
    assessed = module(fleet, host, "host_assess")
    told = module(fleet, host, "updates_info")
    assert told["counts"]["security"] > 0 and not told["changed"], assessed
    update = next(update for update in told["updates"] if update["name"] == "patchlab-web")
    assert (update["installed"], update["candidate"]) != ("", "") and update["installed"] != update["candidate"]


def test_host_health_info(fleet: Fleet) -> None:
    before = module(fleet, "web1", "host_health_info")
    assert before["healthy"] and before["health"]["boot_id"]
    assert module(fleet, "web1", "host_health_info", baseline=before["health"], settle=0.5, limit=10)["healthy"]
    fleet.sh("web1", "systemctl stop patchlab-web")
    worse = module(fleet, "web1", "host_health_info", baseline=before["health"], settle=0.5, limit=2)
    assert worse["failed"] and any("8080" in difference["name"] for difference in worse["differences"]), worse


def test_host_reboot(fleet: Fleet) -> None:
    before = fleet.boots()["web2"]
    done = module(fleet, "web2", "host_reboot", timeout=60)
    assert done["rebooted"] and fleet.boots()["web2"] == before + 1, done


def test_maintenance_mode(fleet: Fleet) -> None:
    haproxy = {"driver": "haproxy", "host": "web1", "timeout": 10, "options": {"backend": "web"}}
    entered = module(fleet, "lb1", "maintenance_mode", state="entered", **haproxy)
    assert entered["changed"] and entered["prior_state"] == "in_service" and fleet.balancer()["web1"] == "MAINT"
    found = module(fleet, "lb1", "maintenance_mode", state="entered", **haproxy)
    assert not found["changed"] and found["prior_state"] == "maintenance", "somebody was there before"
    kept = module(fleet, "lb1", "maintenance_mode", state="left", prior_state=found["prior_state"], **haproxy)
    assert not kept["changed"] and fleet.balancer()["web1"] == "MAINT"
    left = module(fleet, "lb1", "maintenance_mode", state="left", **haproxy)
    assert left["changed"] and fleet.balancer()["web1"].startswith("UP")


def test_patch_report_and_patch_run(fleet: Fleet) -> None:
    """The controller's own: patch_run, maintenance_slot and hook_proof are exercised by the trains; their refusals here."""
    assert module(fleet, "web1", "patch_run", state="planned")["failed"]
    assert "no run" in module(fleet, "web1", "patch_run", state="planned", run_id="nobody")["msg"]
    assert module(fleet, "web1", "maintenance_slot", state="taken", run_id="nobody")["failed"]
    assert module(fleet, "web1", "hook_proof", state="ended", point="before_drain", source="/x", run_id="nobody")["failed"]
    assert module(fleet, "web1", "patch_report", run_id="nobody")["failed"]
