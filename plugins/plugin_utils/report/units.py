# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times, durations and numbers as people read them. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

_DAY = 86400


def _utc(epoch: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(epoch, tz=timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def iso(epoch: float | None) -> str:
    """``2026-11-03T02:15:00Z``; empty where there is no such time."""
    moment = None if epoch is None else _utc(epoch)
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


_PATTERNS = {"day": "%d %b %H:%M UTC", "minute": "%H:%M UTC", "second": "%H:%M:%S UTC"}


def stamp(epoch: float | None, style: str = "") -> str:
    """For a reader without a script that knows the local zone."""
    moment = None if epoch is None else _utc(epoch)
    return "" if moment is None else moment.strftime(_PATTERNS.get(style, "%Y-%m-%d %H:%M UTC"))


def duration(seconds: float | None) -> str:
    """``43 s``, ``2 min 5 s``, ``1 h 3 min``, ``2 d 4 h``."""
    if seconds is None:
        return ""
    if 0 < seconds < 1:
        return "<1 s"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _pair(whole // 60, "min", whole % 60, "s")
    if whole < _DAY:
        return _pair(whole // 3600, "h", whole % 3600 // 60, "min")
    return _pair(whole // _DAY, "d", whole % _DAY // 3600, "h")


def _pair(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big} {big_unit} {small} {small_unit}" if small else f"{big} {big_unit}"


def age(seconds: float | None) -> str:
    """``3 h ago``, in one unit: ages are compared at a glance."""
    if seconds is None:
        return "never"
    whole = max(0, int(seconds))
    if whole < 60:
        return "just now"
    for size, unit in ((_DAY, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} ago"
    return "just now"


def span(seconds: float) -> str:
    """A length of time in words, rounded down to what matters: ``5 days``."""
    for size, what in ((_DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return plural(int(seconds // size), what)
    return plural(max(0, int(seconds)), "second")


def percent(value: float | None) -> str:
    """``100 %`` only where nothing is missing, ``0 %`` only where nothing is there."""
    if value is None:
        return "n/a"
    if 99 < value < 100:
        return f"{min(value, 99.9):.1f} %"
    return f"{max(value, 0.1):.1f} %" if 0 < value < 1 else f"{round(value)} %"


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
