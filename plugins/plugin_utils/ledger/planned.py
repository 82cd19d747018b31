# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of, and what it predicted; the prediction stays beside what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import events, schema
from ._sqlalchemy import sa

PLANNED = "planned"
_SOME = 200
_KERNEL = re.compile(r"linux-image|kernel(?:-(?:core|base|modules|extra|default|PAE|pae|debug|rt|uek|azure|64k|16k|zfcpdump|preempt|vanilla))*\Z")
"""What is booted. Headers, tools and firmware are named after a kernel and bring none."""


@dataclass(frozen=True)
class Facts:
    """Of one host as it was prepared: how many packages change, the names of those among them that are kernels, and whether a reboot is due anyway."""

    changes: int = 0
    kernels: tuple[str, ...] = ()
    reboot_due: bool = False


@dataclass(frozen=True)
class Predicted:
    """When a host will be out of service; ``start`` None: it will not."""

    start: float | None
    end: float | None
    state: str
    assumed: bool


def facts(c: sa.Connection, run_id: int) -> dict[str, Facts]:
    """By host. Documents are read a few at a time, because a fleet's do not fit into memory together."""
    due = _reboots_due(c, run_id)
    found = {}
    t = schema.run_hosts
    for row in _rows(c, sa.select(t.c.host, t.c.plan).where(t.c.run_id == run_id, t.c.plan.is_not(None))):
        names = [str(change["name"]) for change in (row.plan or {}).get("changes", ())]
        kernels = tuple(name for name in names if _KERNEL.match(name))
        found[row.host] = Facts(len(names), kernels, due.get(row.host, False))
    return found


def _reboots_due(c: sa.Connection, run_id: int) -> dict[str, bool]:
    t = schema.assessments
    query = sa.select(t.c.host, t.c.document).where(t.c.run_id == run_id).order_by(t.c.id)
    return {row.host: bool((row.document.get("reboot") or {}).get("required")) for row in _rows(c, query)}


def _rows(c: sa.Connection, query: sa.Select[Any]) -> sa.CursorResult[Any]:
    return c.execute(query, execution_options={"yield_per": _SOME})


def record(c: sa.Connection, run_id: int, told: Mapping[str, Any], hosts: Mapping[str, Predicted], actor: str = "", at: float | None = None) -> None:
    """Keep what was predicted of the roll as a whole and of each host. A run that is gone on with has several plans."""
    each = {host: [one.start, one.end, one.state, one.assumed] for host, one in hosts.items()}
    events.append(c, PLANNED, run_id=run_id, actor=actor, detail=dict(told, hosts=each), at=at)


def of_run(c: sa.Connection, run_id: int) -> tuple[dict[str, Any], dict[str, Predicted]]:
    """What was predicted last of the roll, and of each host; both empty where it was never planned."""
    told: dict[str, Any] = {}
    hosts: dict[str, Predicted] = {}
    for event in events.of_run(c, run_id, action=PLANNED):
        told = dict(event.detail or {})
        hosts.update({host: Predicted(*one) for host, one in told.pop("hosts", {}).items()})
    return told, hosts
