# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes when: canaries first, then the sets in turn. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...module_utils.errors import BadInput
from .budget import CANARIES


def interleave(hosts: Sequence[str], sets: Mapping[str, str] | None = None) -> list[str]:
    """One host of each set in turn, so that no set waits for another. Within a set the given order stays; sets come in
    the order of their first hosts; a host without a set belongs to one that has no name."""
    queues: dict[str, list[str]] = {}
    for host in dict.fromkeys(hosts):
        queues.setdefault((sets or {}).get(host, ""), []).append(host)
    longest = max(map(len, queues.values()), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues.values() if turn < len(queue)]


def pick_canaries(wanted: int | Sequence[str], hosts: Sequence[str], sets: Mapping[str, str] | None = None,
                  known: Collection[str] | None = None) -> list[str]:
    """The canaries among ``hosts``: the first ``wanted`` of the interleaved order, or the named ones in the order given.

    A named host that is not targeted this time is left out; one that is not in ``known`` (the inventory) is a mistake.
    """
    if isinstance(wanted, int):
        return interleave(hosts, sets)[:wanted]
    strangers = [name for name in wanted if name not in (hosts if known is None else known)]
    if strangers:
        raise BadInput("%s names %s, which is not in the inventory" % (CANARIES, ", ".join(strangers)), hosts=strangers)
    targets = set(hosts)
    return [name for name in dict.fromkeys(wanted) if name in targets]


def order(hosts: Sequence[str], canaries: Sequence[str] = (), sets: Mapping[str, str] | None = None) -> list[str]:
    """The plan's order of ``hosts``: ``canaries`` in their order, then all others interleaved."""
    first = list(dict.fromkeys(canaries))
    chosen = set(first)
    return first + interleave([host for host in hosts if host not in chosen], sets)


_ALIKE = 5.0
"""Seconds: hosts that differ by less keep the order they have."""


def longest_first(hosts: Sequence[str], seconds: Mapping[str, float]) -> list[str]:
    """Those first that take longest, so that none of them is left for the end, where others have nothing to do any more. A host of which nothing is known
    counts as one like the others."""
    known = [seconds[host] for host in hosts if host in seconds]
    usual = sum(known) / len(known) if known else 0.0
    return sorted(hosts, key=lambda host: -round(seconds.get(host, usual) / _ALIKE))
