# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's plan on a terminal: what it comes to in a few lines, and a row for each host."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

from .hosts import Data, count, number, records, section, word
from .text import cleaned, fit, pad, width
from .units import duration, plural, stamp
from .words import STATES, label

_LEAST_WIDTH = 60
_HEADS = ("#", "HOST", "SET", "UPDATES", "DRAIN", "REBOOT", "START", "END", "NOTE")
_NUMBERS = ("#", "UPDATES")
_WIDEST = {"HOST": 26, "SET": 14}
_DAY = 86400
_MOST_NAMES = 6
_MOST_REASON = 6
_SLOT_TIMEOUT = "patch_slot_timeout"
_CANARIES = "patch_canaries"


def render_plan(plan: Data, columns: int = 80, most: int = 100) -> str:
    """For a terminal of so many columns; of more than ``most`` hosts the rest is only counted. Printable characters only."""
    known = cleaned(shortened(plan, most))
    wide = max(_LEAST_WIDTH, columns)
    head = [line for told in headline(known) for line in textwrap.wrap(told, wide, subsequent_indent="  ")]
    return "\n".join([*head, *_table(known, wide), *_moves(known, wide), *_others(known, wide)])


def shortened(plan: Data, most: int) -> Data:
    """The plan with no more hosts than are told, those in the roll and those not; of all there are ``rolled`` and, by state, ``others``."""
    everyone = records(plan, "hosts")
    turn, others = rolled(plan), [host for host in everyone if "waited_s" not in host]
    told = [host for host in others if word(host, "reason")] + [host for host in others if not word(host, "reason")]
    counted = Counter(word(host, "state") for host in others)
    return dict(plan, order=[], hosts=[*turn[:most], *told[:most]], rolled=len(turn), others=dict(counted), with_sets=any(host.get("set") for host in turn),
                told=sum(bool(word(host, "reason")) for host in others))


def headline(plan: Data) -> list[str]:
    """What the plan comes to; expects a shortened and cleaned one."""
    hosts = count(plan, "rolled")
    begins, ends = number(plan, "begins_at"), number(plan, "ends_at")
    what = "%s to change on %s" % (plural(count(plan, "packages"), "package"), plural(hosts, "host"))
    lines = ["Plan of run %s: %s" % (word(plan, "run_id"), what)]
    if word(plan, "run_name"):
        lines.append("In check mode a run has a name of its own: this is what a new run %s would do" % word(plan, "run_name"))
    if not hosts or begins is None or ends is None:
        return lines + _scope(plan)
    assumed = count(plan, "assumed")
    lines.append("Begins %s, ends about %s: %s, at most %s out of service at once%s" % (
        stamp(begins), _clock(ends, begins, ends), duration(ends - begins) or "no time", plural(count(plan, "peak"), "host"),
        "; for %s there is no history, so that their times are assumed" % plural(assumed, "host") if assumed else ""))
    return [*lines, *_window(plan), *_given_up(plan), _forks(plan), *_bottleneck(plan), *_scope(plan)]


def rolled(plan: Data) -> list[Data]:
    """The hosts that get their turn, in order."""
    return [host for host in records(plan, "hosts") if "waited_s" in host]


def note(host: Data) -> str:
    """What is to be said of a host beside its times."""
    state, why = word(host, "state"), word(host, "waits_for")
    never = {_SLOT_TIMEOUT: "not started: waits longer than " + why, _CANARIES: "not started: no canary is patched, or one failed"}.get(
        why, "never: %s is used up%s" % (why, _by_whom(host)))
    first = {"deferred": "deferred: no time left in the window", "not_started": never}.get(state, "")
    parts = [first, "is %s" % word(host, "goes_on") if word(host, "goes_on") else "", "canary" if host.get("canary") else "",
             "assumed" if host.get("assumed") and not first else "", "waits for %s" % why if why and not first else "", word(host, "reason"),
             *("now: %s" % word(place, "problem") for place in records(host, "places") if word(place, "problem"))]
    return ", ".join(part for part in parts if part)


def _by_whom(host: Data) -> str:
    stuck = [str(name) for name in host.get("stuck") or ()]
    more = " and %d more" % (len(stuck) - _MOST_NAMES) if len(stuck) > _MOST_NAMES else ""
    return ", only a person can bring back %s%s" % (", ".join(stuck[:_MOST_NAMES]), more) if stuck else ""


def moves(host: Data) -> list[str]:
    """What its drain would do at each of its places, as they were asked before anything is touched."""
    return ["%s at %s: %s" % (word(place, "driver"), word(place, "place"), _would(place)) for place in records(host, "places")]


def _would(place: Data) -> str:
    if not place.get("asked"):
        return "not asked, as there was no time left"
    if word(place, "problem"):
        return word(place, "problem")
    if not place.get("would_change"):
        return "is %s there already, and stays so" % (word(place, "prior_state") or "out of service")
    told = ["moves %s to %s" % (word(one, "what"), word(one, "to")) for one in records(place, "moves")]
    return "; ".join([*told, *("would run %s" % line for line in place.get("would") or ())]) or "would be taken out of service"


def _moves(plan: Data, wide: int) -> list[str]:
    told = [(word(host, "name"), line) for host in rolled(plan) for line in moves(host)] if plan.get("tells_moves") else []
    lines = [textwrap.wrap("%s: %s" % one, wide, initial_indent="  ", subsequent_indent="    ", max_lines=_MOST_REASON, placeholder=" ...") for one in told]
    return ["", "What the drains would do:", *(part for line in lines for part in line)] if lines else []


def _window(plan: Data) -> list[str]:
    window = section(plan, "window")
    if not window:
        return []
    late = count(window, "deferred")
    each = "; each host has its own time zone" if window.get("per_host") else ""
    fit_in = plural(late, "host does not fit and is", "hosts do not fit and are") + " deferred" if late else "all hosts fit"
    return ["Window: %s%s; %s" % (word(window, "text"), each, fit_in)]


def _given_up(plan: Data) -> list[str]:
    many = count(plan, "given_up")
    told = "%s for a slot than %s allows and %s not started: raise it, or the budget" % (
        plural(many, "host waits longer", "hosts wait longer"), _SLOT_TIMEOUT, "is" if many == 1 else "are")
    return ["Waiting: " + told] if many else []


def _forks(plan: Data) -> str:
    forks, needed = count(plan, "forks"), count(plan, "forks_needed")
    best, ends = number(plan, "best_end") or 0.0, number(plan, "ends_at") or 0.0
    text = "Forks: %d, and %s needed (a host that waits for its slot keeps a fork)" % (forks, "%d is" % needed if needed == 1 else "%d are" % needed)
    sooner = ends - best
    return text + (": with --forks %d the roll would end %s sooner" % (needed, duration(sooner)) if needed > forks and sooner >= 1 else "")


def _bottleneck(plan: Data) -> list[str]:
    name, waits = word(plan, "bottleneck"), section(plan, "waits")
    if not name:
        return ["Bottleneck: none, no host waits"]
    told = ", ".join("%s %s" % (one, duration(number(waits, one))) for one in sorted(waits, key=lambda one: (-(number(waits, one) or 0), one)))
    return ["Bottleneck: %s (time that hosts wait, added up: %s)" % (name, told)]


def _scope(plan: Data) -> list[str]:
    scope = section(plan, "left_out")
    left_out = section(scope, "left_out")
    return ["%s left out by patch_scope %r" % (plural(len(left_out), "host is", "hosts are"), word(scope, "expression"))] if left_out else []


def _table(plan: Data, wide: int) -> list[str]:
    """Columns as wide as they must be; the note takes what is left and is cut. Sets are only shown where there are any."""
    hosts = rolled(plan)
    if not hosts:
        return []
    begins, ends = number(plan, "begins_at") or 0.0, number(plan, "ends_at") or 0.0
    rows = [_HEADS, *(_cells(position, host, begins, ends) for position, host in enumerate(hosts, 1))]
    shown = [column for column, head in enumerate(_HEADS) if head != "SET" or plan.get("with_sets")]
    widths = {column: min(_WIDEST.get(_HEADS[column], wide), max(width(row[column]) for row in rows)) for column in shown[:-1]}
    return ["", *(fit(_line(row, widths), wide) for row in rows), *_rest(count(plan, "rolled") - len(hosts))]


def _line(row: Sequence[str], widths: Mapping[int, int]) -> str:
    return " ".join([*(pad(row[column], size, _HEADS[column] in _NUMBERS) for column, size in widths.items()), row[-1]]).rstrip()


def _cells(position: int, host: Data, begins: float, ends: float) -> Sequence[str]:
    start, end = number(host, "start"), number(host, "end")
    times = ("-", "-") if start is None or end is None else (_clock(start, begins, ends), _clock(end, begins, ends))
    return (str(position), word(host, "name"), word(host, "set"), str(count(host, "changes")), "yes" if host.get("drain") else "no",
            word(host, "reboot"), *times, note(host))


def _clock(at: float, begins: float, ends: float) -> str:
    """With the day only where the roll has several, and with seconds only where it is short."""
    style = "day" if ends - begins > _DAY else "second" if ends - begins < 3600 else "minute"
    return stamp(at, style).removesuffix(" UTC") or "-"


def _rest(many: int) -> list[str]:
    return ["... and %s more" % plural(many, "host")] if many > 0 else []


def _others(plan: Data, wide: int) -> list[str]:
    """Who gets no turn: those that need a person by name, all others counted."""
    states = section(plan, "others")
    if not states:
        return []
    lines = ["", "Not in the roll: " + ", ".join("%d %s" % (count(states, state), label(STATES, state).lower()) for state in states)]
    told = [host for host in records(plan, "hosts") if "waited_s" not in host and word(host, "reason")]
    lines += [part for (state, reason), names in _alike(told).items() for part in _told_once(names, state, reason, wide)]
    return [part for line in [*lines, *_rest(count(plan, "told") - len(told))] for part in (textwrap.wrap(line, wide, subsequent_indent="    ") or [""])]


def _alike(hosts: Sequence[Data]) -> dict[tuple[str, str], list[str]]:
    """Names of hosts with one state and one reason: of a fleet with one wrong key, each would say the same dozen lines."""
    found: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        found.setdefault((word(host, "state"), word(host, "reason")), []).append(word(host, "name"))
    return found


def _told_once(names: Sequence[str], state: str, reason: str, wide: int) -> list[str]:
    more = " and %d more" % (len(names) - _MOST_NAMES) if len(names) > _MOST_NAMES else ""
    line = "  %s%s %s: %s" % (", ".join(names[:_MOST_NAMES]), more, label(STATES, state).lower(), reason)
    return textwrap.wrap(line, wide, initial_indent="  ", subsequent_indent="    ", max_lines=_MOST_REASON, placeholder=" ...")
