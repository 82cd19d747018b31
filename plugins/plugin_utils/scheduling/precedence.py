# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host that could have a slot takes it from one that comes before it in the plan's order. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from .budget import Decision, Host, Request, decide

ORDER = "order"
"""What a decision names where another host comes first."""


@dataclass(frozen=True)
class Claim:
    """A host that asks. ``request`` is its question as it would be if these hosts were out of service too; the answer to hosts with the same
    ``alike`` is the same."""

    host: str
    alike: Hashable
    request: Callable[[Sequence[Host]], Request]


def first_served(mine: Claim, earlier: Iterable[Claim], run: str) -> tuple[str, ...]:
    """Of those that come earlier the ones that could go now, and after which there would be no room for this host; empty where it takes nothing from
    them. An earlier one that has to wait for other hosts anyway does not keep this one back."""
    reserved: list[Host] = []
    waits: set[Hashable] = set()
    for claim in earlier:
        if claim.alike in waits:
            continue
        if not decide(claim.request(reserved)).granted:
            waits.add(claim.alike)
            continue
        reserved.append(Host(claim.host, run, "waiting"))
        if not decide(mine.request(reserved)).granted:
            return tuple(host.name for host in reserved)
    return ()


def gives_way(first: Sequence[str]) -> Decision:
    return Decision("wait", "%s comes first in the plan's order" % first[-1], ORDER)
