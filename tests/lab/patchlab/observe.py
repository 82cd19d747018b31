# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``lab traffic`` and ``lab watch``: run until ended, then write what was seen."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from .addresses import host_address
from .errors import LabError
from .paths import LabPaths
from .state import loaded, write_json
from .topology import members, topology
from .traffic import Traffic
from .watch import Watch


def addresses(paths: LabPaths, group: str) -> dict[str, str]:
    """The hosts of a group and their addresses."""
    state = loaded(paths)
    return {spec.name: host_address(state.subnet, spec.number) for spec in members(topology(state.topology), group)}


def front(paths: LabPaths) -> str:
    """Where clients find the service."""
    balancers = list(addresses(paths, "lb").values())
    if not balancers:
        raise LabError(f"lab {paths.name} has no load balancer; ask a host: --url http://ADDRESS:8080/")
    return f"http://{balancers[0]}/"


def watcher(paths: LabPaths, interval: float = 0.2) -> Watch:
    """A watcher of all hosts of the group ``fleet``."""
    balancers = list(addresses(paths, "lb").values())
    return Watch(addresses(paths, "fleet"), balancers[0] if balancers else None, interval=interval)


_LOOK = 0.5


def _wait(over: threading.Event, seconds: float | None) -> None:
    """In short waits: a signal that comes right before one that has no end is handled by Python only after it."""
    ends = math.inf if seconds is None else time.monotonic() + seconds
    while not over.is_set() and time.monotonic() < ends:
        over.wait(min(_LOOK, max(0.0, ends - time.monotonic())))


def run_until_ended(observer: Traffic | Watch, out: Path | None, seconds: float | None) -> dict[str, Any]:
    """Until SIGTERM, SIGINT, or the time is over; the result goes to ``out`` or to stdout."""
    over = threading.Event()

    def finish(number: int, frame: FrameType | None) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, finish)
    observer.start()
    _wait(over, seconds)
    result = observer.stop()
    if out is None:
        print(json.dumps(result, indent=1))
    else:
        write_json(out, result)
    return result
