# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of who was out of service when. Pure; positions are percents, so that it fits any width without a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hosts import Data, Host, Stretch, horizon, number, records, section, word
from ..timeline import Axis, anchor, axis, concurrency, lanes, peak
from ..units import duration, stamp
from ..words import PHASES, phase
from .rows import still_out

View = dict[str, Any]
_MOST_NAMED = 30
_MOST_LANES = 60
_HEIGHT = 100


def chart(model: Data, hosts: Sequence[Host]) -> View | None:
    """None where nobody was out of service."""
    stretches = [one for host in hosts for one in host.stretches]
    if not stretches:
        return None
    run = section(model, "run")
    scale = axis(stretches, number(run, "started_at"), horizon(model))
    levels = concurrency(stretches)
    top = peak(levels)
    out = [host for host in hosts if host.stretches]
    back = sorted((host for host in out if host.out_since is None), key=lambda host: host.out_seconds)
    return {
        "peak": top,
        "limit": _limit(run),
        "ticks": _ticks(scale),
        "start": scale.start,
        "end": scale.end,
        "levels": _area(scale, levels, _ceiling(top.count if top else 1, _limit(run))),
        "ceiling": _ceiling(top.count if top else 1, _limit(run)),
        "hosts": len(out),
        "style": "day" if scale.end - scale.start > 86400 else "second",
        "still_out": sum(host.left_out for host in out),
        "out_now": sum(host.out_since is not None and not host.left_out for host in out),
        "longest": {"name": back[-1].name, "seconds": back[-1].out_seconds} if back else None,
        "median": back[len(back) // 2].out_seconds if back else None,
        **_rows(scale, out),
    }


def _limit(run: Data) -> int | None:
    """The number of hosts that might be out at once, where the run's setting is a number of hosts."""
    settings = section(run, "settings")
    value = settings.get("patch_max_unavailable", settings.get("max_unavailable"))
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _ceiling(most: int, limit: int | None) -> int:
    """The limit is only drawn where it does not flatten everything else."""
    return max(most, limit) if limit is not None and limit <= 3 * most else most


def _ticks(scale: Axis) -> list[View]:
    ticks = scale.ticks()
    fine = len(ticks) > 1 and ticks[1] - ticks[0] < 60
    days = scale.end - scale.start > 86400
    style = "day" if days else "second" if fine else "minute"
    told = [(scale.at(tick), tick, stamp(tick, style).removesuffix(" UTC")) for tick in ticks]
    return [{"x": at, "epoch": tick, "text": text, "style": style, "anchor": anchor(at, text)} for at, tick, text in told]


def _area(scale: Axis, levels: Sequence[tuple[float, int]], ceiling: int) -> str:
    """A path of steps in a box of 100 by 100."""
    parts = [f"M0 {_HEIGHT}"]
    for time, count in levels:
        parts.append(f"H{scale.at(time)}V{round(_HEIGHT - _HEIGHT * count / ceiling, 2)}")
    return "".join([*parts, f"H100V{_HEIGHT}Z"])


def _rows(scale: Axis, out: Sequence[Host]) -> View:
    """A named row for each host of a small fleet; for a large one, a row for each slot that was in use."""
    if len(out) <= _MOST_NAMED:
        ordered = sorted(out, key=lambda host: host.stretches[0].start)
        named = [_named(scale, host) for host in ordered]
        seen = {part["phase"] for lane in named for part in lane["phases"]}
        return {"named": named, "phases": [name for name in PHASES if name in seen], "packed": []}
    rows = lanes(one for host in out for one in host.stretches)
    packed = [[_bar(scale, one) for one in row] for row in rows] if len(rows) <= _MOST_LANES else []
    return {"named": [], "phases": [], "packed": packed}


def _named(scale: Axis, host: Host) -> View:
    return {"name": host.name, "seconds": host.out_seconds, "open": still_out(host),
            "bars": [_bar(scale, one) for one in host.stretches],
            "phases": [part for one in host.stretches for part in _phases(scale, host, one)]}


def _bar(scale: Axis, one: Stretch) -> View:
    return {"x": scale.at(one.start), "width": scale.width(one.start, one.end), "open": one.open, "tone": one.tone,
            "host": one.host, "from": one.start, "to": None if one.open else one.end,
            "tip": f"{one.host}: out for {duration(one.seconds)}{', not back yet' if one.open else ''}"}


def _phases(scale: Axis, host: Host, one: Stretch) -> list[View]:
    """The steps within a stretch, cut at its ends."""
    found = []
    for step in records(host.data, "steps"):
        begin, finish = number(step, "started_at"), number(step, "finished_at")
        start, end = max(one.start, begin or one.end), min(one.end, one.end if finish is None else finish)
        if end > start:
            found.append({"x": scale.at(start), "width": scale.width(start, end), "phase": phase(word(step, "step")),
                          "failed": word(step, "outcome") in ("failed", "timeout", "unreachable", "lost"),
                          "tip": f"{host.name}: {word(step, 'step')}, {duration(end - start)}"})
    return found
