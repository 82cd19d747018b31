# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the lab's Pacemaker cluster."""

from __future__ import annotations

from xml.etree import ElementTree

from patchlab import cluster
from patchlab.topology import TOPOLOGIES

SUBNET = "10.64.1.0/24"


def test_every_node_knows_all_nodes() -> None:
    nodes = [(spec.name, spec.number) for spec in TOPOLOGIES["pacemaker"]]
    told = cluster.node_files(SUBNET, nodes)["etc/corosync/corosync.conf"]
    assert "name: ha1\n        nodeid: 1\n        ring0_addr: 10.64.1.11" in told
    assert "name: ha2\n        nodeid: 2\n        ring0_addr: 10.64.1.12" in told
    assert told.count("{") == told.count("}")


def test_the_address_that_moves_is_the_one_that_clients_ask() -> None:
    resources = ElementTree.fromstring(cluster.node_files(SUBNET, [("ha1", 1)])["etc/patchlab-cluster.xml"])
    addresses = [pair.get("value") for pair in resources.iter("nvpair") if pair.get("name") == "ip"]
    assert addresses == [cluster.floating(SUBNET)] and cluster.front(SUBNET) == f"http://{addresses[0]}:{cluster.PORT}/"


def test_the_service_listens_where_clients_ask() -> None:
    files = dict(cluster.FILES)
    assert f"PORT = {cluster.PORT}\n" in files["usr/local/lib/patchlab-ha.py"]
    assert ElementTree.fromstring(files["var/lib/pacemaker/cib/cib.xml"]).tag == "cib"
