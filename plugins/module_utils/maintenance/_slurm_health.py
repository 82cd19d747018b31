# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a Slurm cluster could do this node's work and more, as it is seen from the node itself."""

from __future__ import annotations

from typing import Dict, List

from ..runner import Runner
from ..text import first_line
from ._slurm_api import Api, Node


def cluster_problems(runner: Runner, name: str, reason: str, min_peers: int, try_job: bool) -> List[str]:
    """One line for each thing that is wrong. The node itself may be drained for ``reason``, which is ours: it is in maintenance."""
    api = Api(runner, read_only=True)
    nodes = {node.name: node for node in api.nodes()}
    if name not in nodes:
        return ["Slurm has no node %s" % name]
    found = _of_node(nodes[name], reason)
    states = api.partitions()
    for partition in nodes[name].partitions:
        wrong = _of_partition(partition, states, [node for node in nodes.values() if node.name != name and partition in node.partitions], min_peers)
        found += wrong or (api.start_problems(partition) if try_job else [])
    return found


def _of_node(node: Node, reason: str) -> List[str]:
    """What would keep it from being brought back."""
    if not node.responds or node.base == "UNKNOWN":
        return ["node %s does not answer Slurm: it is %s" % (node.name, node.state)]
    if node.drained and node.reason == reason:
        return []
    good = node.works and not node.drained and "FAIL" not in node.flags
    return [] if good else ["node %s is %s%s" % (node.name, node.state, " (%s)" % first_line(node.reason) if node.reason else "")]


def _of_partition(name: str, states: Dict[str, str], others: List[Node], min_peers: int) -> List[str]:
    if states.get(name) != "UP":
        return ["partition %s is %s" % (name, states.get(name, "not known"))]
    usable = [node for node in others if node.usable]
    if len(usable) >= min_peers:
        return []
    bad = ", ".join("%s is %s" % (node.name, node.state) for node in others if not node.usable) or "there are no more"
    return ["partition %s has %d other usable nodes, min_peers wants %d: %s" % (name, len(usable), min_peers, bad)]
