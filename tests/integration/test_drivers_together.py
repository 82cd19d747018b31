# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a real Pacemaker cluster that are servers of a real HAProxy, too: two drivers on one host, and two hosts at one moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_fleet import Fleet, wait_for
from lab_modules import module
from patchlab.cluster import front
from patchlab.paths import lab_paths
from patchlab.state import loaded
from patchlab.traffic import Failed, fetch

# One lab, so one worker, one test after another.
pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.xdist_group("lab")]

NAME = "test-together"
NODES = ("ha1", "ha2")
PEER = "{{ groups['ha'] | difference([inventory_hostname]) | first }}"
SOCKET = "/run/haproxy/nodes.sock"
TRAIN: dict[str, Any] = {
    "patch_hosts": "ha", "patch_max_unavailable": 1, "patch_reboot": "always", "patch_health_ignore": ["*8090*"],
    "patch_maintenance": [{"driver": "haproxy", "place": "lb1", "timeout": 60, "options": {"socket": SOCKET}},
                          {"driver": "pacemaker", "place": PEER, "timeout": 90}],
    "patch_health_checks": [{"cluster": "pacemaker", "timeout": 30}]}
WALK = [("enter", "lb1"), ("enter", "peer"), ("leave", "peer"), ("leave", "lb1")]


class Together(Fleet):
    """The cluster and the balancer before it, seen without the drivers' help."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, NAME)
        self.deployment.update(TRAIN)

    def balance(self) -> None:
        """A HAProxy beside the lab's own, whose servers are the nodes."""
        servers = "".join("    server %s %s:22 check inter 500ms fall 2 rise 2\n" % (node, self.address(node)) for node in NODES)
        config = ("global\n    stats socket %s level admin\n    pidfile /run/nodes.pid\ndefaults\n    mode tcp\n    timeout connect 1s\n"
                  "    timeout client 9s\n    timeout server 9s\nlisten nodes\n    bind 127.0.0.1:8181\n%s" % (SOCKET, servers))
        self.sh("lb1", "test -e /run/nodes.pid && kill $(cat /run/nodes.pid); cat > /run/nodes.cfg <<'EOF'\n%sEOF\nhaproxy -D -f /run/nodes.cfg" % config)

    def served(self) -> dict[str, str]:
        rows = self.sh("lb1", "echo 'show stat' | socat - %s | cut -d, -f2,18" % SOCKET, check=False).split()
        return {name: status for name, _comma, status in (row.partition(",") for row in rows) if name in NODES}

    def node(self) -> str:
        """Where the cluster's service answers, empty for nowhere."""
        try:
            return fetch(front(loaded(lab_paths(self.name)).subnet), 1).split()[-1]
        except (OSError, Failed):
            return ""

    def standby(self) -> list[str]:
        query = "crm_attribute --type nodes --node=%s --name=standby --query --quiet --default=off"
        return [node for node in NODES if self.sh("ha1", query % node) == "on"]

    def whole(self) -> bool:
        health = module(self, "ha1", "host_health_info", checks=[{"cluster": "pacemaker"}], settle=0.1, limit=5, fail=False)
        up = all(status.startswith("UP") for status in self.served().values())
        return bool(health.get("healthy")) and self.node() != "" and up and len(self.served()) == len(NODES)


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keeper = Together(tmp_path_factory.mktemp("keeper"))
    keeper.lab("up", "--topology", "balanced")
    yield
    keeper.lab("down")


@pytest.fixture
def together(laboratory: None, tmp_path: Path) -> Together:
    found = Together(tmp_path / "state")
    found.lab("upstream", "advanced")
    found.lab("reset")
    found.balance()
    wait_for(found.whole, "cluster and balancer to be whole", 120)
    return found


def walked(done: Any, host: str) -> list[tuple[str, str]]:
    steps = [step for step in done.host(host)["steps"] if step["step"] in ("enter", "leave")]
    return [(step["step"], "lb1" if step["place"] == "lb1" else "peer") for step in steps]


def test_two_drivers_are_entered_in_order_undone_in_reverse_and_left_in_reverse(together: Together) -> None:
    node = together.node()
    other = NODES[1 - NODES.index(node)]
    together.sh(node, "crm_resource --ban --resource front --node %s" % other)
    before = together.boots()
    blocked = together.play("fleetops.patchtrain.patch", "--limit", node, patch_run_name="first")
    assert blocked.rc != 0 and blocked.states()[node] == "blocked", blocked.text[-4000:]
    reason = blocked.host(node)["reason"]
    assert "constraint cli-ban-front-on-%s" % other in reason and "brought back" in reason, reason
    assert walked(blocked, node) == [("enter", "lb1"), ("leave", "lb1")], "the cluster was only asked, and so is not left"
    assert together.whole() and together.standby() == [] and together.node() == node and together.boots() == before
    together.sh(node, "crm_resource --clear --resource front")
    done = together.play(patch_run_name="second")
    assert done.rc == 0 and done.states() == dict.fromkeys(NODES, "succeeded"), done.text[-4000:]
    assert {name: walked(done, name) for name in NODES} == dict.fromkeys(NODES, WALK)
    wait_for(together.whole, "cluster and balancer to be whole")
    assert together.standby() == [] and {name: count - before[name] for name, count in together.boots().items()} == {"lb1": 0, "ha1": 1, "ha2": 1}


def test_two_runs_that_take_both_nodes_at_one_moment_never_get_both(together: Together) -> None:
    """Each asks before it begins, and again once it has begun: at most one stays out, and the service answers."""
    told: dict[str, dict[str, Any]] = {}

    def enter(node: str) -> None:
        told[node] = module(together, NODES[1 - NODES.index(node)], "maintenance_mode", driver="pacemaker", host=node, state="entered", timeout=90)

    threads = [threading.Thread(target=enter, args=(node,)) for node in NODES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out = [node for node in NODES if not told[node]["failed"]]
    assert len(out) <= 1 and together.standby() == out, told
    for node in set(NODES) - set(out):
        assert told[node]["error"]["blocked"] and told[node]["undone"] is not False and "usable peers" in told[node]["msg"], told
    wait_for(lambda: together.node() in set(NODES) - set(out), "the service to answer at a node that is in service")
