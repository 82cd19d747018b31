# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan touches nothing, and what it predicted is kept."""

from __future__ import annotations

from typing import Any

import pytest
from lab_fleet import HAPROXY, WEB, Fleet, wait_for

pytestmark = [pytest.mark.lab]


def test_a_plan_touches_nothing_and_then_stands_beside_what_became_of_it(fleet: Fleet) -> None:
    boots = fleet.boots()
    planned = fleet.play("fleetops.patchtrain.plan", patch_run_name="night", patch_max_unavailable=1, patch_estimate_default=60)
    assert planned.rc == 0, planned.text[-3000:]
    assert "packages to change on 4 hosts" in planned.text and "Bottleneck: patch_max_unavailable" in planned.text
    assert fleet.boots() == boots and {fleet.version(host, "patchlab-web") for host in WEB} == {"1.0"}
    assert all(status.startswith("UP") for status in fleet.balancer().values())
    pages = list((fleet.state / "patchtrain" / "reports").glob("*/plan.html"))
    assert len(pages) == 1 and "night" not in pages[0].parent.name, "a look does not use up the name of the run"
    done = fleet.play(patch_run_name="night", patch_max_unavailable=1, patch_estimate_default=60)
    assert done.rc == 0 and set(done.states().values()) == {"succeeded"}, done.text[-3000:]
    hosts = [host for host in done.model["hosts"] if host["name"] in WEB] if done.model else []
    assert all(host["predicted"]["assumed"] and host["predicted"]["state"] == "patched" for host in hosts)
    assert done.model and done.model["run"]["predicted"]["bottleneck"] == "patch_max_unavailable"


def test_who_does_not_fit_into_the_window_is_told_beforehand(fleet: Fleet) -> None:
    planned = fleet.play("fleetops.patchtrain.plan", patch_estimate_default=90000, patch_reboot="never",
                         patch_window={"start": "00:00", "recurrence": "FREQ=DAILY", "duration": "24h", "timezone": "UTC"})
    assert planned.rc == 0, planned.text[-3000:]
    assert "4 hosts do not fit and are deferred" in " ".join(planned.text.split())


# One name is misspelt for one host, and one host has a socket of its own that nobody listens on.
MISTAKEN: dict[str, Any] = {"driver": "haproxy", "place": "lb1", "timeout": 20, "options": {
    "backend": "{{ 'wbe' if inventory_hostname == 'web2' else 'web' }}",
    "socket": "{{ '/run/haproxy/nobody.sock' if inventory_hostname == 'web3' else '/run/haproxy/admin.sock' }}"}}


@pytest.mark.full
@pytest.mark.parametrize("playbook", ["fleetops.patchtrain.plan", "fleetops.patchtrain.patch"])
def test_wrong_places_are_told_of_their_hosts_before_anybody_is_drained(fleet: Fleet, playbook: str) -> None:
    done = fleet.play(playbook, "-vvv", patch_maintenance=[MISTAKEN], patch_max_unavailable=1, patch_include=["patchlab-*"])
    earnest = playbook.endswith("patch")
    assert done.rc == (2 if earnest else 0), done.text[-3000:]
    said = " ".join(done.text.split())
    assert "web2 blocked: haproxy at lb1: the haproxy at /run/haproxy/admin.sock has no backend wbe (or none with servers); it has: web" in said
    assert "web3 blocked: haproxy at lb1: " in said and "/run/haproxy/nobody.sock" in done.host("web3")["reason"]
    assert "mend its patch_maintenance, or what is there" in done.host("web2")["reason"]
    assert ("web1: haproxy at lb1: would run set server web/web1 state drain" in said) is not earnest
    assert said.count("/maintenance_info.py") == 1, "one execution for four hosts"
    states = done.states()
    assert (states["web2"], states["web3"]) == ("blocked", "blocked") and states["web1"] == states["web4"]
    assert (states["web1"] == "succeeded") is earnest
    assert {host: fleet.version(host, "patchlab-web") for host in WEB} == {
        "web1": "1.1" if earnest else "1.0", "web2": "1.0", "web3": "1.0", "web4": "1.1" if earnest else "1.0"}
    assert not [step for host in ("web2", "web3") for step in done.host(host)["steps"] if step["step"] in ("enter", "leave")]
    assert all(status.startswith("UP") for status in fleet.balancer().values())


@pytest.mark.full
def test_a_host_without_a_peer_is_told_and_one_that_is_out_already_too(fleet: Fleet) -> None:
    for host in ("web2", "web3", "web4"):
        fleet.sh("lb1", "echo 'set server web/%s state maint' | socat - /run/haproxy/admin.sock" % host)
    wait_for(lambda: fleet.balancer()["web4"] == "MAINT", "three to be out")
    done = fleet.play("fleetops.patchtrain.plan", patch_maintenance=HAPROXY, patch_include=["patchlab-*"])
    assert done.rc == 0 and done.states()["web1"] == "blocked", done.text[-3000:]
    assert "min_peers wants 1" in done.host("web1")["reason"] and "asked again at its turn" in done.host("web1")["reason"]
    assert "web4: haproxy at lb1: is maintenance there already, and stays so" in " ".join(done.text.split())
    assert fleet.balancer()["web1"].startswith("UP")
