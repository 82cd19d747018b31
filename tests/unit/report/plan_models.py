# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans as ``patch_run`` makes them."""

from __future__ import annotations

from typing import Any

BEGIN = 1795215600.0
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e"


def row(number: int, start: float | None = None, state: str = "patched", **more: Any) -> dict[str, Any]:
    end = None if start is None else start + 150
    return {"name": "web%02d.example.org" % number, "state": state, "goes_on": "", "set": "abc"[number % 3], "canary": number == 1, "changes": 3 * number,
            "drain": True, "reboot": ("yes", "no", "maybe")[number % 3], "start": start, "end": end, "assumed": number % 2 == 0,
            "basis": "from 4 like installations of this host", "waits_for": "cluster of b" if start and start > BEGIN else "",
            "waited_s": (start or BEGIN) - BEGIN, "reason": "", **more}


def plan(many: int = 12, **more: Any) -> dict[str, Any]:
    rows = [row(number, BEGIN + 160 * ((number - 1) // 3)) for number in range(1, many + 1)]
    ends = max((one["end"] for one in rows), default=BEGIN)
    return {
        "run_id": "web-20261121T013000Z-4f2a", "deployment": "web", "made_at": BEGIN - 60, "begins_at": BEGIN, "ends_at": ends, "best_end": ends - 100,
        "order": [one["name"] for one in rows], "serial": ["100%"], "peak": 3, "forks": 5, "forks_needed": 8, "bottleneck": "forks",
        "waits": {"cluster": 2760.0, "forks": 5000.0}, "packages": 234, "assumed": 6, "counts": {"patched": many}, "left_out": {},
        "window": {"text": "the window is open until 2026-11-21 06:00 UTC, for 3 h", "opens_at": BEGIN - 900, "closes_at": ends - 200, "per_host": False,
                   "holds": True, "deferred": 0},
        "hosts": [*rows, {"name": "web90", "state": "up_to_date", "reason": ""}, {"name": "web91", "state": "blocked", "reason": "no sudo"}], **more}


def hostile() -> dict[str, Any]:
    made = plan(2, deployment=HOSTILE, run_id=HOSTILE, bottleneck=HOSTILE, waits={HOSTILE: 10.0})
    made["hosts"][0].update(name=HOSTILE, set=HOSTILE, reason=HOSTILE, waits_for=HOSTILE, basis=HOSTILE, reboot=HOSTILE)
    made["hosts"].append({"name": HOSTILE, "state": HOSTILE, "reason": HOSTILE})
    return made
