# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run within its window: which occurrence it belongs to is decided once, when it opens, and is on record from then on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional

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


def windowed(settings: Settings, known: Mapping[str, Settings], directory: str, now: float, enforced: bool) -> Windowed:
    """Raises ``WindowClosed`` where the window is not open and the deployment does not wait for it; not in check mode (``enforced`` false)."""
    window = load_window(settings.patch_window, directory)
    if window is None:
        return Windowed("", {})
    if window.per_host:
        for host, own in known.items():
            in_zone(window, own.patch_timezone, host)
        each = per_zone(window, {host: own.patch_timezone for host, own in known.items()}, now)
    else:
        each = {"": occurrence(window, now)}
    whole = fleet_occurrence(each.values(), now)
    if whole is None or (enforced and not whole.is_open(now) and not window.wait):
        raise WindowClosed(told(whole, now) + ("; with patch_window.wait the run waits for it" if whole else ""))
    return Windowed(window_run_name(settings.patch_deployment, whole), {"occurrence": {host: _record(one) for host, one in each.items()}})


def of_host(record: Mapping[str, Any], host: str) -> Optional[Occurrence]:
    """The occurrence of a host in a run's settings; None where the run has no window."""
    each = record.get("occurrence") or {}
    found = each.get(host) or each.get("")
    if not found:
        return None
    return Occurrence(found["starts_at"], found["ends_at"], found["opens_at"], found["closes_at"], found["local"], zone_of(found["zone"], "patch_window"))


def _record(of: Optional[Occurrence]) -> Optional[Dict[str, Any]]:
    if of is None:
        return None
    return {"starts_at": of.starts_at, "ends_at": of.ends_at, "opens_at": of.opens_at, "closes_at": of.closes_at, "local": of.local, "zone": str(of.zone)}
