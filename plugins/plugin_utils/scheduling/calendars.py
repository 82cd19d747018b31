# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezes: times in which nothing is touched, written inline or read from iCalendar text. Pure: whoever calls has read the files.

An event of a calendar freezes from its start to its end. One of whole days, and one whose times belong to no zone, is in the zone of the
window. Cancelled events freeze nothing; whether an event shows as busy or free makes no difference, since calendars of holidays are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from ...module_utils.errors import BadInput
from ._libraries import CALENDARS, needed

_DAY = timedelta(days=1)
_ANY_YEAR = 2026


@dataclass(frozen=True, order=True)
class Frozen:
    """A stretch of time, in seconds since the epoch, in which nothing is touched; ``source`` is the calendar or ``patch_window.freeze[N]``."""

    from_at: float
    to_at: float
    reason: str
    source: str

    def __str__(self) -> str:
        return "%s (%s)" % (self.reason, self.source) if self.reason else self.source


class Freeze(Protocol):
    def between(self, start: float, stop: float, zone: ZoneInfo) -> list[Frozen]:
        """All that touches the time from ``start`` to ``stop``, whole, in order."""


@dataclass(frozen=True)
class Inline:
    """``until`` is where it ends, not part of it. Times without a zone are local to the window."""

    since: datetime
    until: datetime
    reason: str
    source: str

    def between(self, start: float, stop: float, zone: ZoneInfo) -> list[Frozen]:
        return _touching([Frozen(earliest(self.since, zone), latest(self.until, zone), self.reason, self.source)], start, stop)


@dataclass(frozen=True)
class Calendar:
    """Events of one iCalendar text; ``source`` is the name by which people know it, ``path`` where they wrote that."""

    source: str
    path: str
    calendars: tuple[Any, ...] = field(compare=False)
    _years: dict[tuple[int, str], tuple[Frozen, ...]] = field(default_factory=dict, compare=False, repr=False)

    def between(self, start: float, stop: float, zone: ZoneInfo) -> list[Frozen]:
        years = range(_utc(start).year, _utc(stop).year + 1)
        return _touching((frozen for year in years for frozen in self._of_year(year, zone)), start, stop)

    def _of_year(self, year: int, zone: ZoneInfo) -> tuple[Frozen, ...]:
        """A year at once, because expanding events costs much more than looking through them."""
        key = (year, zone.key)
        if key not in self._years:
            first, last = datetime(year, 1, 1, tzinfo=timezone.utc), datetime(year + 1, 1, 1, tzinfo=timezone.utc)
            with _understood(self.source, self.path):
                self._years[key] = tuple(self._expanded(first - 2 * _DAY, last + 2 * _DAY, zone))
        return self._years[key]

    def _expanded(self, start: datetime, stop: datetime, zone: ZoneInfo) -> Iterable[Frozen]:
        _icalendar, recurring_ical_events = needed(CALENDARS, self.path)
        for one in self.calendars:
            for event in recurring_ical_events.of(one, components=["VEVENT"]).between(start, stop):
                if str(event.get("STATUS", "")).upper() != "CANCELLED":
                    yield Frozen(earliest(event.start, zone), latest(event.end, zone), one_line(event.get("SUMMARY", "")), self.source)


def read_calendar(text: str, source: str, path: str) -> Calendar:
    """The calendar of iCalendar ``text``; ``source`` says where that came from, ``path`` where it is named. Anything in it that can't be
    understood is ``BadInput``: a freeze that is lost would let hosts be touched."""
    icalendar, _events = needed(CALENDARS, path)
    shown = one_line(source)
    with _understood(shown, path):
        found = icalendar.Calendar.from_ical(text, multiple=True)
        if not found or any(one.name != "VCALENDAR" for one in found):
            raise ValueError("it holds no whole VCALENDAR")
        _check(found)
    calendar = Calendar(shown, path, tuple(found))
    calendar._of_year(_ANY_YEAR, ZoneInfo("UTC"))  # rules are read only when they are expanded
    return calendar


@contextmanager
def _understood(source: str, path: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise BadInput("%s: %s can't be read as a calendar (.ics): %s" % (path, source, one_line(error)), name=path) from None


def _check(calendars: Iterable[Any]) -> None:
    for one in calendars:
        if one.errors:
            raise ValueError("%s: %s" % one.errors[0])
        for event in one.walk("VEVENT"):
            told = "the event %r" % one_line(event.get("SUMMARY", "without a summary"))
            if event.errors:
                raise ValueError("%s has a bad %s: %s" % (told, *event.errors[0]))
            if "DTSTART" not in event:
                raise ValueError("%s has no DTSTART" % told)
            if "DTEND" in event and type(event.start) is type(event.end) and _comparable(event.start) > _comparable(event.end):
                raise ValueError("%s ends before it begins" % told)


def _comparable(moment: date | datetime) -> datetime:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def earliest(moment: date | datetime, zone: ZoneInfo) -> float:
    """The epoch of a moment; where a clock change makes it two, the earlier one."""
    return min(_both(moment, zone))


def latest(moment: date | datetime, zone: ZoneInfo) -> float:
    return max(_both(moment, zone))


def _both(moment: date | datetime, zone: ZoneInfo) -> list[float]:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return [moment.replace(fold=fold).timestamp() for fold in (0, 1)]


def _touching(freezes: Iterable[Frozen], start: float, stop: float) -> list[Frozen]:
    return sorted({frozen for frozen in freezes if frozen.from_at < stop and frozen.to_at > start and frozen.from_at < frozen.to_at})


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, timezone.utc)


def one_line(text: object) -> str:
    """Calendars come from anywhere: one short line, with nothing in it that breaks a terminal."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(text)).split()
    return " ".join(words)[:120]
