# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows: when hosts may be touched. Pure: everything follows from the window and ``now`` (seconds since the epoch), so that a clock that
jumps, back or forward, is answered as if it had always been right.

A window opens at a wall-clock time of its zone. Where clocks go forward over that time, it opens as much later as they jump (02:30 becomes
03:30, as RFC 5545 has it); where clocks go back over it, so that the time comes twice, it opens at the first. Its duration is elapsed time: four
hours stay four hours in both nights. It is open from its opening until just before its closing. Freezes cut an occurrence; what is left of it, in one
piece or several, is usable. Where occurrences overlap, the one that opened last counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

from ...module_utils.errors import BadInput
from .calendars import Freeze, Frozen
from .estimate import Estimate
from .names import default_run_name
from .windows_rule import Rule

WINDOW = "patch_window"
HOST_ZONE = "host"
_HORIZON = 10 * 366 * 86400.0
_LOOKED_AT = 1000
_TOLD = 3


@dataclass(frozen=True)
class Window:
    """``zone`` None: every host's own, see ``in_zone``; ``per_host`` stays true then. ``wait``: whether one waits for it to open."""

    rule: Rule
    duration_s: float
    zone: ZoneInfo | None
    freezes: tuple[Freeze, ...] = ()
    wait: bool = False
    per_host: bool = False


@dataclass(frozen=True)
class Occurrence:
    """The window opens nominally from ``starts_at`` to ``ends_at``; ``opens_at`` and ``closes_at`` are the usable piece of that, which is open or the
    next to open. ``local`` is the nominal opening as a wall clock shows it, without a zone. ``frozen`` are the freezes that cut this
    occurrence, or took the place of an opening before it."""

    starts_at: float
    ends_at: float
    opens_at: float
    closes_at: float
    local: str
    zone: ZoneInfo
    per_host: bool = False
    frozen: tuple[Frozen, ...] = ()

    def is_open(self, now: float) -> bool:
        return self.opens_at <= now < self.closes_at


def in_zone(window: Window, timezone_name: str, host: str) -> Window:
    """The window as it is for one host; ``timezone_name`` is the host's ``patch_timezone`` and matters only where the window asks for it."""
    if not window.per_host:
        return window
    if not timezone_name:
        raise BadInput("host %s has no patch_timezone, and patch_window.timezone is %s: give it one, for example Europe/Berlin" % (host, HOST_ZONE),
                       name="patch_timezone", host=host)
    return replace(window, zone=zone_of(timezone_name, "patch_timezone (host %s)" % host))


def zone_of(name: str, path: str) -> ZoneInfo:
    """The time zone of this name, or ``BadInput``."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise BadInput("%s is %r: use a name from the time zone database, for example Europe/Berlin or UTC (where even that is unknown, the "
                       "controller's Python lacks tzdata)" % (path, name[:60]), name=path) from None


def occurrence(window: Window, now: float) -> Occurrence | None:
    """The piece of the window that is open at ``now``, else the next that will be; None where there is none in the next ten years."""
    met: set[Frozen] = set()
    best: Occurrence | None = None
    for nominal in islice(_nominals(window, now), _LOOKED_AT):
        if nominal.starts_at > now + _HORIZON or (best and nominal.starts_at > max(now, best.opens_at)):
            break
        cuts = _cuts(window, nominal)
        met.update(frozen for frozen in cuts if frozen.to_at > now)
        for piece in _pieces(nominal, cuts):
            if piece.closes_at > now and (best is None or _better(piece, best, now)):
                best = piece
    return replace(best, frozen=tuple(frozen for frozen in sorted(met) if frozen.from_at <= best.ends_at)) if best else None


def fleet_occurrence(occurrences: Iterable[Occurrence | None], now: float) -> Occurrence | None:
    """The occurrence of a run whose hosts have windows in different zones: of those open now the one with the earliest wall-clock opening, else
    the next to open. So a run that follows the sun has one name while the window goes around."""
    found = [one for one in occurrences if one]
    opened = [one for one in found if one.is_open(now)]
    if opened:
        return min(opened, key=lambda one: (one.local, one.opens_at))
    return min(found, key=lambda one: (one.opens_at, one.local), default=None)


def window_run_name(deployment: str, of: Occurrence) -> str:
    """The default name of a run within a window: the same for every start within one occurrence, another for the next. Where every host has its
    own zone it is the wall-clock time, which all of them share."""
    return "%s-%s" % (deployment, of.local) if of.per_host else default_run_name(deployment, of.starts_at)


def fits(closes_at: float, now: float, need_s: float) -> bool:
    """Whether what a host needs ends before the window does."""
    return now + need_s <= closes_at


def why_not_fit(of: Occurrence, now: float, needed: Estimate) -> str:
    """Why a host is deferred, in one line."""
    return "the window closes %s, in %s, and the host needs %s (%s)%s" % (
        _clock(of.closes_at, of.zone), span(of.closes_at - now), span(needed.seconds), needed.basis, _cut_short(of))


def told(of: Occurrence | None, now: float) -> str:
    """Whether the window is open, until when or from when on, and what froze it, in one line."""
    if of is None:
        return "the window is closed and does not open again within ten years, freezes counted"
    if of.is_open(now):
        return "the window is open until %s, for %s%s" % (_clock(of.closes_at, of.zone), span(of.closes_at - now), _cut_short(of))
    return "the window is closed and opens next %s, in %s%s" % (_clock(of.opens_at, of.zone), span(of.opens_at - now), _held_up(of))


def span(seconds: float) -> str:
    """A length of time for people, in its two largest units; rounded up, so that nothing is called no time at all."""
    left, words = max(math.ceil(seconds), 0), list[str]()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size and len(words) < 2:
            words.append("%d %s" % (left // size, unit))
        left %= size
    return " ".join(words) or "0 s"


def per_zone(window: Window, hosts: Mapping[str, str], now: float) -> dict[str, Occurrence | None]:
    """The occurrence of each host; ``hosts`` are their time zones by name. Asked once a zone, not once a host."""
    if not window.per_host:
        return dict.fromkeys(hosts, occurrence(window, now))
    known: dict[str, Occurrence | None] = {}
    for host, zone in hosts.items():
        if zone not in known:
            known[zone] = occurrence(in_zone(window, zone, host), now)
    return {host: known[zone] for host, zone in hosts.items()}


def _zone(window: Window) -> ZoneInfo:
    if window.zone is None:
        raise ValueError("this window is in each host's own zone: ask in_zone first")
    return window.zone


def _nominals(window: Window, now: float) -> Iterator[Occurrence]:
    """Occurrences without regard to freezes, from the first that may still be open. A day more than its duration covers any clock change."""
    zone = _zone(window)
    since = datetime.fromtimestamp(now - window.duration_s, timezone.utc).astimezone(zone).replace(tzinfo=None) - timedelta(days=1)
    for local in window.rule.since(since, zone):
        starts_at = local.replace(tzinfo=zone).timestamp()  # fold 0: the first of two, and after a gap the offset from before it
        ends_at = starts_at + window.duration_s
        if ends_at > now:
            yield Occurrence(starts_at, ends_at, starts_at, ends_at, local.strftime("%Y%m%dT%H%M%S"), zone, window.per_host)


def _cuts(window: Window, nominal: Occurrence) -> list[Frozen]:
    return sorted(frozen for freeze in window.freezes for frozen in freeze.between(nominal.starts_at, nominal.ends_at, nominal.zone))


def _pieces(nominal: Occurrence, cuts: Iterable[Frozen]) -> Iterator[Occurrence]:
    """What ``cuts``, in order, leave of an occurrence."""
    at = nominal.starts_at
    for cut in cuts:
        if cut.from_at > at:
            yield replace(nominal, opens_at=at, closes_at=cut.from_at)
        at = max(at, cut.to_at)
    if at < nominal.ends_at:
        yield replace(nominal, opens_at=at)


def _better(one: Occurrence, other: Occurrence, now: float) -> bool:
    if one.is_open(now) and other.is_open(now):
        return one.starts_at > other.starts_at
    return one.is_open(now) or (not other.is_open(now) and (one.opens_at, -one.starts_at) < (other.opens_at, -other.starts_at))


def _cut_short(of: Occurrence) -> str:
    """What ends a piece before its occurrence's end."""
    causes = [str(frozen) for frozen in of.frozen if frozen.from_at <= of.closes_at < frozen.to_at] if of.closes_at < of.ends_at else []
    return "; cut short by the freeze " + _some(causes) if causes else ""


def _held_up(of: Occurrence) -> str:
    causes = [str(frozen) for frozen in of.frozen if frozen.from_at < of.opens_at]
    return "; frozen before that by " + _some(causes) if causes else ""


def _some(causes: list[str]) -> str:
    unique = list(dict.fromkeys(causes))
    return ", ".join(unique[:_TOLD]) + (" and %d more" % (len(unique) - _TOLD) if len(unique) > _TOLD else "")


def _clock(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M %Z")
