# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run within its window: which occurrence it belongs to is decided once, when it opens, and is on record from then on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from ..module_utils.errors import PatchtrainError
from .scheduling.windows import Occurrence, fleet_occurrence, in_zone, occurrence, per_zone, told, window_run_name, zone_of
from .settings import Settings
from .window_files import load_window


class WindowClosed(PatchtrainError):
    """Nothing is started outside of the window; the message says when it opens."""


@dataclass(frozen=True)
class Windowed:
    """What a run is within its window: its default name, and the occurrence of each host for the record. Empty without a window."""

    name: str
    record: Dict[str, Any]


def windowed(settings: Settings, zones: Mapping[str, str], directory: str, now: float, enforced: bool) -> Windowed:
    """``zones`` is the ``patch_timezone`` of each target, read only where the window is in each host's own zone.

    Raises ``WindowClosed`` where the window is not open and the deployment does not wait for it; not in check mode (``enforced`` false)."""
    window = load_window(settings.patch_window, directory)
    if window is None:
        return Windowed("", {})
    if window.per_host:
        for host, zone in zones.items():
            in_zone(window, zone, host)
        each = per_zone(window, zones, now)
    else:
        each = {"": occurrence(window, now)}
    whole = fleet_occurrence(each.values(), now)
    if whole is None or (enforced and not whole.is_open(now) and not window.wait):
        raise WindowClosed(told(whole, now) + ("; with patch_window.wait the run waits for it" if whole else ""))
    return Windowed(window_run_name(settings.patch_deployment, whole), {"occurrence": {host: _of_run(one, whole, now) for host, one in each.items()}})


def _of_run(one: Optional[Occurrence], whole: Occurrence, now: float) -> Optional[Dict[str, Any]]:
    """A host whose zone has this occurrence behind it is not waited for until the next one, which is another run's."""
    if one is None or one.local <= whole.local or one.is_open(now):
        return _record(one)
    return {"over": "for this host the window's occurrence of %s is over: %s" % (whole.local, told(one, now))}


def of_host(record: Mapping[str, Any], host: str) -> Optional[Occurrence]:
    """The occurrence of a host in a run's settings; None where the run has no window, and where the window does not open for the host any more:
    ``within`` tells them apart."""
    each = record.get("occurrence") or {}
    found = each.get(host) or each.get("")
    if not found or "over" in found:
        return None
    return Occurrence(found["starts_at"], found["ends_at"], found["opens_at"], found["closes_at"], found["local"], zone_of(found["zone"], "patch_window"))


def why_never(record: Mapping[str, Any], host: str, now: float) -> str:
    """Of a host that the run's window does not open for any more."""
    found = (record.get("occurrence") or {}).get(host) or {}
    return str(found.get("over") or told(None, now))


def within(record: Mapping[str, Any], host: str) -> Tuple[float, float]:
    """From when to when a host may be touched; at any time where the run has no window, never where that does not open for the host any more."""
    if "occurrence" not in record:
        return -math.inf, math.inf
    found = of_host(record, host)
    return (found.opens_at, found.closes_at) if found else (-math.inf, -math.inf)


def _record(of: Optional[Occurrence]) -> Optional[Dict[str, Any]]:
    if of is None:
        return None
    return {"starts_at": of.starts_at, "ends_at": of.ends_at, "opens_at": of.opens_at, "closes_at": of.closes_at, "local": of.local, "zone": str(of.zone)}
