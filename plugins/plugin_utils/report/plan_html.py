# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's plan as one page with its Gantt picture: opens from a file, asks the network for nothing, has no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from . import units
from .hosts import Data, Stretch, count, number, records, section, word
from .page.parts import View
from .plan_text import headline, moves, note, rolled, shortened
from .text import cleaned
from .timeline import Axis, anchor, axis, concurrency, lanes, peak
from .units import duration, plural, stamp
from .words import STATES, label, tone

_PAGE = Path(__file__).parent / "page"
_MOST_NAMED = 150
_MOST_LANES = 60
_MOST_BARS = 5000
_MOST_ROWS = 1000
_HEIGHT = 100


@cache
def _own(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    jinja = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    jinja.filters.update(iso=units.iso, stamp=stamp, duration=duration, plural=plural)
    return jinja.from_string(_own("plan.html.j2"))


def render_plan_page(plan: Data) -> str:
    """The whole page. Nothing in the plan is trusted; nothing can be fetched or run, whatever slipped through."""
    known = cleaned(shortened(plan, _MOST_BARS))
    style = _own("page.css") + _own("plan.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _template().render(policy=policy, css=style, chart=_chart(known, _shown(plan, known)), **_view(known)) + "\n"


def _view(plan: Data) -> View:
    hosts = rolled(plan)
    window = section(plan, "window")
    late = number(window, "deferred")
    return {
        "title": word(plan, "deployment") or "Patch run", "name": word(plan, "run_id"), "made_at": number(plan, "made_at"),
        "verdict": ("%s deferred" % plural(int(late or 0), "host"), "warn") if late else ("Window holds", "ok") if window else None,
        "lines": headline(plan)[1:], "summary": headline(plan)[0],
        "rows": [_row(position, host) for position, host in enumerate(hosts[:_MOST_ROWS], 1)],
        "hosts": count(plan, "rolled"), "more": max(0, count(plan, "rolled") - _MOST_ROWS), "with_sets": plan.get("with_sets"),
        "others": [_other(host) for host in records(plan, "hosts") if "waited_s" not in host][:_MOST_ROWS]}


def _shown(plan: Data, known: Data) -> list[Data]:
    """The hosts of the picture; of so many that none is named, their times are enough."""
    if count(known, "rolled") <= _MOST_BARS:
        return rolled(known)
    return [{"start": number(host, "start"), "end": number(host, "end")} for host in rolled(plan)]


def _row(position: int, host: Data) -> View:
    return {"position": position, "name": word(host, "name"), "set": word(host, "set"), "changes": int(number(host, "changes") or 0),
            "drain": "yes" if host.get("drain") else "no", "reboot": word(host, "reboot"), "start": number(host, "start"), "end": number(host, "end"),
            "note": note(host), "moves": moves(host), "basis": word(host, "basis")}


def _other(host: Data) -> View:
    state = word(host, "state")
    return {"name": word(host, "name"), "label": label(STATES, state), "tone": tone(STATES, state), "reason": word(host, "reason")}


def _chart(plan: Data, hosts: Sequence[Data]) -> View | None:
    """None where nobody will be out of service. Positions are percents, so that it fits any width without a script."""
    begins = number(plan, "begins_at")
    out = [(host, one) for host in hosts if (one := _stretch(host)) is not None]
    if not out or begins is None:
        return None
    scale = axis([one for _host, one in out], begins, number(plan, "ends_at"))
    levels = concurrency(one for _host, one in out)
    top = peak(levels)
    most = top.count if top else 1
    return {"levels": _area(scale, levels, most), "peak": most, "ticks": _ticks(scale), "closes": _closes(plan, scale), **_bars(scale, begins, out)}


def _stretch(host: Data) -> Stretch | None:
    start, end = number(host, "start"), number(host, "end")
    return None if start is None or end is None else Stretch(word(host, "name"), start, max(start, end), False)


def _bars(scale: Axis, begins: float, out: Sequence[tuple[Data, Stretch]]) -> View:
    """A named row for each host of a fleet that can be looked at; of a larger one, a row for each place that is taken, or the curve alone."""
    if len(out) <= _MOST_NAMED:
        return {"named": [_named(scale, begins, host, one) for host, one in out], "packed": []}
    rows = lanes(one for _host, one in out) if len(out) <= _MOST_BARS else []
    return {"named": [], "packed": [[_bar(scale, one) for one in row] for row in rows] if len(rows) <= _MOST_LANES else []}


def _named(scale: Axis, begins: float, host: Data, one: Stretch) -> View:
    wait = None
    if one.start > begins and word(host, "waits_for"):
        wait = {"x": scale.at(begins), "width": scale.width(begins, one.start), "tip": f"{one.host} waits for {word(host, 'waits_for')}"}
    return {"name": one.host, "bar": _bar(scale, one), "wait": wait, "assumed": bool(host.get("assumed")), "seconds": one.seconds}


def _bar(scale: Axis, one: Stretch) -> View:
    return {"x": scale.at(one.start), "width": scale.width(one.start, one.end),
            "tip": f"{one.host}: {stamp(one.start, 'second')} to {stamp(one.end, 'second')}, {duration(one.seconds)}"}


def _area(scale: Axis, levels: Sequence[tuple[float, int]], most: int) -> str:
    """A path of steps in a box of 100 by 100, with no more steps than can be seen."""
    parts, last = [f"M0 {_HEIGHT}"], ""
    for time, out in levels:
        part = f"H{round(scale.at(time), 1)}V{round(_HEIGHT - _HEIGHT * out / most, 1)}"
        if part != last:
            parts.append(part)
        last = part
    return "".join([*parts, f"H100V{_HEIGHT}Z"])


def _closes(plan: Data, scale: Axis) -> float | None:
    """Where the window closes, if that is in the picture."""
    closes = number(section(plan, "window"), "closes_at")
    return scale.at(closes) if closes is not None and scale.start <= closes <= scale.end else None


def _ticks(scale: Axis) -> list[dict[str, Any]]:
    ticks = scale.ticks()
    style = "day" if scale.end - scale.start > 86400 else "second" if len(ticks) > 1 and ticks[1] - ticks[0] < 60 else "minute"
    told = [(scale.at(tick), stamp(tick, style).removesuffix(" UTC")) for tick in ticks]
    return [{"x": at, "text": text, "anchor": anchor(at, text)} for at, text in told]
