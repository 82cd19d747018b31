# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the canaries of a run have shown: the others go only once one of them is known to be well with what they get. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .budget import CANARIES
from .states import HOST_FAILED, HOST_WORKING

_WELL = ("succeeded", "up_to_date", "reboot_pending")
_SHOWN = 10


def needed(states: Mapping[str, str]) -> frozenset[str] | None:
    """Of these canaries, by their states, one has to be patched before any other host goes. None where that is so already, or where there is no
    canary; empty where none can be any more, or one has failed."""
    found = set(states.values())
    if any(state in HOST_FAILED for state in found):
        return frozenset()
    if not states or any(state in _WELL for state in found):
        return None
    return frozenset(host for host, state in states.items() if state in HOST_WORKING)


def why_not(states: Mapping[str, str]) -> str:
    """Why no other host goes though no canary has failed: all have come to an end, and none was patched. Empty where that is not so."""
    if any(state in HOST_FAILED for state in states.values()) or needed(states) != frozenset():
        return ""
    told = ["%s %s" % one for one in states.items()]
    more = " and %d more" % (len(told) - _SHOWN) if len(told) > _SHOWN else ""
    return "%s: no canary was patched, so no further host is started: %s%s: mend that, name other canaries (%s), or run without" % (
        CANARIES, ", ".join(told[:_SHOWN]), more, CANARIES)


def others_for(canaries: Sequence[str], states: Mapping[str, str], waiting: Sequence[str]) -> list[str]:
    """As many canaries as ``canaries``: the first of those that wait for a turn, in place of those that have none. One that has failed stays: it is
    what canaries are for. The same where nobody waits."""
    failed = [host for host in canaries if states[host] in HOST_FAILED]
    return failed + list(waiting[:len(canaries) - len(failed)]) if waiting else list(canaries)
