# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Pacemaker cluster of two nodes: its service is asked from outside while its nodes are emptied, patched and rebooted."""

from __future__ import annotations

import http.client
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

pytestmark = [pytest.mark.lab]

NAME = "test-pacemaker"
NODES = ("ha1", "ha2")
PEER = "{{ groups['ha'] | difference([inventory_hostname]) | first }}"
TRAIN = {"patch_hosts": "ha", "patch_max_unavailable": 1, "patch_health_ignore": ["*8090*"],
         "patch_maintenance": [{"driver": "pacemaker", "place": PEER, "timeout": 60}],
         "patch_health_checks": [{"cluster": "pacemaker", "timeout": 20}]}


class Outside:
    """A client of the cluster's service, several times a second: which node answered, and when none did."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: list[str] = []

    def __enter__(self) -> Outside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            try:
                self.seen.append(fetch(self._url, 1).split()[-1])
            except (OSError, http.client.HTTPException, Failed):
                self.seen.append("")

    def answers(self) -> list[str]:
        """Who answered, one after another; silence too, as an empty name."""
        return [node for at, node in enumerate(self.seen) if at == 0 or node != self.seen[at - 1]]

    def idle_silences(self) -> int:
        """Silences with the same node before and after them: the service was away and had not moved."""
        told = self.answers()
        return sum(1 for at, node in enumerate(told) if not node and 0 < at < len(told) - 1 and told[at - 1] == told[at + 1])


class Cluster(Fleet):
    """The lab with the cluster, seen without the driver's help."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, NAME)
        self.deployment.update(TRAIN)

    @property
    def url(self) -> str:
        return front(loaded(lab_paths(self.name)).subnet)

    def node(self) -> str:
        """Where the service answers, empty for nowhere."""
        try:
            return fetch(self.url, 1).split()[-1]
        except (OSError, http.client.HTTPException, Failed):
            return ""

    def standby(self, node: str) -> bool:
        said = self.sh(self.other(node), "crm_attribute --type nodes --node=%s --name=standby --query --quiet --default=off" % node)
        return said.strip() == "on"

    @staticmethod
    def other(node: str) -> str:
        return NODES[1 - NODES.index(node)]

    def whole(self) -> bool:
        health = module(self, "ha1", "host_health_info", checks=[{"cluster": "pacemaker"}], settle=0.1, limit=5, fail=False)
        return bool(health.get("healthy")) and self.node() != ""

    def fresh(self) -> None:
        """Both nodes as on their first day: a node with an old disk would tell the other what to forget."""
        self.lab("mend", *self.boots())
        self.lab("upstream", "advanced")
        self.lab("reset")
        wait_for(self.whole, "the cluster to be whole")

    def mode(self, state: str, node: str, at: str = "", check: bool = False, **more: Any) -> dict[str, Any]:
        options = {"driver": "pacemaker", "host": node, "timeout": 60, **more}
        return module(self, at or self.other(node), "maintenance_mode", state=state, check=check, **options)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keeper = Cluster(tmp_path_factory.mktemp("keeper"))
    keeper.lab("up", "--topology", "pacemaker")
    yield
    keeper.lab("down")


@pytest.fixture
def cluster(standing: None, tmp_path: Path) -> Cluster:
    found = Cluster(tmp_path / "state")
    found.fresh()
    return found


def test_a_node_is_emptied_and_comes_back_and_a_standby_of_others_is_kept(cluster: Cluster) -> None:
    node = cluster.node()
    other = cluster.other(node)
    would = cluster.mode("entered", node, check=True)
    assert would["changed"] and {move["resource"] for move in would["detail"]["moves"]} == {"front-address", "front-service"}, would
    assert not cluster.standby(node) and cluster.node() == node
    entered = cluster.mode("entered", node)
    assert (entered["changed"], entered["prior_state"]) == (True, "in_service"), entered
    assert cluster.standby(node) and cluster.node() == other
    left = cluster.mode("left", node, at=node)
    assert left["changed"] and not cluster.standby(node), left
    for tool in ("pcs node standby %s", "crm node standby %s"):
        cluster.sh("ha1", tool % node)
        found = cluster.mode("entered", node, at=node)
        assert (found["changed"], found["prior_state"]) == (False, "standby"), found
        kept = cluster.mode("left", node, prior_state=found["prior_state"])
        assert not kept["changed"] and cluster.standby(node), kept
        assert cluster.mode("left", node)["changed"] and not cluster.standby(node)
    # Now the service is at the other node, and the first one may not have it.
    cluster.sh("ha1", "crm_resource --ban --resource front --node %s" % node)
    blocked = cluster.mode("entered", other)
    assert blocked["failed"] and blocked["error"]["blocked"] and "constraint cli-ban-front-on-%s" % node in blocked["msg"], blocked
    assert not cluster.standby(other) and cluster.node() == other


@pytest.mark.full
def test_both_nodes_are_patched_and_rebooted_and_the_service_answers_but_for_its_moves(cluster: Cluster) -> None:
    before = cluster.boots()
    with Outside(cluster.url) as outside:
        done = cluster.play()
    assert done.rc == 0, done.text[-4000:]
    assert done.states() == dict.fromkeys(NODES, "succeeded")
    assert cluster.boots() == {node: count + 1 for node, count in before.items()}
    assert {cluster.version(node, "patchlab-web") for node in NODES} == {"1.1"}
    assert outside.idle_silences() == 0, outside.answers()
    assert {"ha1", "ha2"} <= set(outside.answers())
    assert not any(cluster.standby(node) for node in NODES) and cluster.whole()


@pytest.mark.full
def test_a_controller_that_is_killed_while_the_node_is_empty_is_followed_by_one_that_brings_it_back(cluster: Cluster) -> None:
    node = cluster.node()
    process = cluster.start("fleetops.patchtrain.patch", "--limit", node, patch_run_name="night")
    wait_for(lambda: cluster.node() == cluster.other(node), "the service to move")
    process.kill()
    process.communicate()
    done = cluster.play("fleetops.patchtrain.patch", "--limit", node, patch_run_name="night")
    assert done.rc == 0 and done.states()[node] == "succeeded", done.text[-4000:]
    assert not cluster.standby(node) and cluster.whole() and cluster.version(node, "patchlab-web") == "1.1"


@pytest.mark.full
def test_a_resource_that_fails_on_the_other_node_is_brought_back_and_nothing_is_patched(cluster: Cluster) -> None:
    node = cluster.node()
    cluster.sh(cluster.other(node), "touch /etc/patchlab-ha.fail")
    before = cluster.boots()
    done = cluster.play("fleetops.patchtrain.patch", "--limit", node)
    assert done.rc != 0 and "resource front-service can't move: start of front-service on %s failed" % cluster.other(node) in done.text, done.text[-4000:]
    assert cluster.boots() == before and cluster.version(node, "patchlab-web") == "1.0"
    assert not cluster.standby(node) and cluster.node() == node
    # It is remembered: now the cluster's own rules say so before anything is touched.
    again = cluster.mode("entered", node)
    assert again["error"]["blocked"] and again["undone"] is None, again


@pytest.mark.full
def test_a_peer_that_dies_during_the_evacuation_gets_the_node_back_into_service(cluster: Cluster) -> None:
    node = cluster.node()
    peer = cluster.other(node)
    # Slow enough for the peer to die in the middle: the service does not end by itself.
    cluster.sh(node, "mkdir -p /etc/systemd/system/patchlab-ha.service.d && printf '[Service]\\nExecStop=/bin/sleep 15\\nTimeoutStopSec=20\\n'"
                     " > /etc/systemd/system/patchlab-ha.service.d/slow.conf && systemctl daemon-reload")
    outcome: list[dict[str, Any]] = []
    working = threading.Thread(target=lambda: outcome.append(cluster.mode("entered", node, at=node, timeout=60)))
    working.start()
    wait_for(lambda: cluster.sh(node, "crm_attribute --type nodes --node=%s --name=standby --query --quiet --default=off" % node) == "on", "the standby")
    cluster.lab("stop", peer)
    working.join()
    assert outcome[0]["failed"] and outcome[0]["error"]["blocked"] and outcome[0]["undone"] is True, outcome
    assert "%s is " % peer in outcome[0]["msg"] and cluster.node() == node
    cluster.lab("start", peer)


@pytest.mark.full
def test_a_node_whose_cluster_services_do_not_start_stays_out_and_is_named(cluster: Cluster) -> None:
    node = cluster.node()
    assert cluster.mode("entered", node)["changed"]
    cluster.sh(node, "systemctl stop pacemaker corosync")
    left = cluster.mode("left", node, timeout=5)
    assert left["failed"] and "%s did not join the cluster within 5 s: it is offline" % node in left["msg"], left
    assert cluster.standby(node) and cluster.node() == cluster.other(node)
    cluster.sh(node, "systemctl start corosync pacemaker")
    assert cluster.mode("left", node, at=node)["changed"]
