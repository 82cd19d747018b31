# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a cluster's quorum would be without one of its nodes: by corosync's own count of votes, or by that of the nodes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Mapping, Optional, Tuple

from ..errors import ParseFailed
from ..text import first_line
from ._pacemaker_status import Cluster

_FIELD = re.compile(r"^(Total votes|Quorum): +([0-9]+)\b", re.MULTILINE)
_MEMBER = re.compile(r"^ +([0-9]+) +([0-9]+) ", re.MULTILINE)
DEVICE = "0"
"""The number under which corosync lists a quorum device."""


@dataclass(frozen=True)
class Votes:
    """``total`` has what a quorum device gives at this moment; ``of`` has the members' own, by the numbers of their nodes."""

    total: int
    needed: int
    of: Mapping[str, int]


def parse_votes(text: str) -> Votes:
    """An answer to ``corosync-quorumtool -s -i``."""
    fields = dict(_FIELD.findall(text))
    members = {number: int(votes) for number, votes in _MEMBER.findall(text)}
    if set(fields) != {"Total votes", "Quorum"} or sum(members.values()) != int(fields["Total votes"]):
        raise ParseFailed("corosync-quorumtool answered something without votes that add up: %s" % first_line(text))
    return Votes(int(fields["Total votes"]), int(fields["Quorum"]), {number: count for number, count in members.items() if number != DEVICE})


def quorum_without(cluster: Cluster, name: str, votes: Optional[Votes]) -> Tuple[int, int]:
    """The votes that are left once this node is away, and how many are needed. A remote node takes no vote with it. Where corosync's count is
    not known, each node has one: of two one is enough, because such clusters have ``two_node`` or a quorum device."""
    here = cluster.node(name)
    voters = [node for node in cluster.nodes if node.votes]
    if here and not here.votes:
        return 1, 1
    if votes:
        return votes.total - votes.of.get(here.number if here else "", 0), votes.needed
    if len(voters) <= 2:
        return 1, 1
    return sum(1 for node in voters if node.member and node.name != name), len(voters) // 2 + 1
