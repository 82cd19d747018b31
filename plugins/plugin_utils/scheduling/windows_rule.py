# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recurrence rules (RFC 5545 RRULE), checked strictly and expanded in local wall-clock time. Pure.

dateutil expands; it is lax about what it does not understand (``FREQ=WEEKLY;BYDAY=2SA`` loses its 2), so every part is checked first.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any

from ._libraries import RECURRENCE, needed

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")

_NUMBER = re.compile(r"[0-9]{1,4}")
_SIGNED = re.compile(r"[+-]?[0-9]{1,3}")
_DAY = re.compile(r"(?P<nth>[+-]?[0-9]{1,2})?(?:MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(?P<day>[0-9]{8})(?:T(?P<time>[0-9]{6})(?P<utc>Z?))?")
_RANGES = {"BYMONTH": (1, 12), "BYMONTHDAY": (-31, 31), "BYYEARDAY": (-366, 366), "BYWEEKNO": (-53, 53), "BYSETPOS": (-366, 366),
           "BYHOUR": (0, 23), "BYMINUTE": (0, 59)}
_KEYS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_RANGES)
_EXAMPLE = 'use for example "FREQ=MONTHLY;BYDAY=2SA"'
# Which day of its period a rule means, where it does not take that from the date on which it starts.
_SAYS_DAY = {"DAILY": ("FREQ",), "WEEKLY": ("BYDAY",), "MONTHLY": ("BYDAY", "BYMONTHDAY"), "YEARLY": ("BYDAY", "BYMONTHDAY", "BYYEARDAY")}


class WrongRule(Exception):
    """A rule that is none; the text says what is wrong and what to use."""


@dataclass(frozen=True)
class Rule:
    """``text`` is normal (upper case, no prefix); empty: once, at ``start``. ``day`` None: a rule without a first day."""

    text: str
    at: time
    day: date | None = None

    def since(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        """The local times at which this begins, from ``moment`` on (local too), in order."""
        if not self.text:
            first = datetime.combine(self.day or moment.date(), self.at)
            return iter([first] if first >= moment else [])
        return iter(self._expanded(moment, zone).xafter(moment, inc=True))

    def _expanded(self, moment: datetime, zone: tzinfo) -> Any:
        (rrule,) = needed(RECURRENCE, "patch_window.recurrence")
        parts = _parts(self.text)
        parts["UNTIL"] = _local_until(parts["UNTIL"], zone) if "UNTIL" in parts else ""
        text = ";".join("%s=%s" % (key, value) for key, value in parts.items() if value)
        found = rrule.rrulestr(text, dtstart=self._first(parts, moment))
        if not isinstance(found, rrule.rrule):
            raise WrongRule("%s is no single rule" % self.text)
        return found

    def _first(self, parts: dict[str, str], moment: datetime) -> datetime:
        """Where the expansion begins: not always at the rule's start, so that a rule of long ago costs no more than a new one."""
        if self.day is None:
            return datetime.combine(date(max(moment.year - 1, 1), 1, 1), self.at)
        start = datetime.combine(self.day, self.at)
        days = {"DAILY": 1, "WEEKLY": 7}.get(parts["FREQ"], 0) * int(parts.get("INTERVAL", "1"))
        if not days or "COUNT" in parts or moment <= start:
            return start
        # Whole periods, so that the phase stays; one less than would fit, because a week may begin before its first day.
        return start + timedelta(days=max((moment - start).days // days - 1, 0) * days)


def parse_rule(text: str, at: time, day: date | None) -> Rule:
    """The rule, or ``WrongRule``. One that has no ``day`` must say itself on which days it falls."""
    normal = text.strip().upper().removeprefix("RRULE:")
    parts = _parts(normal)
    for key, value in parts.items():
        _check_part(key, value)
    _check_together(parts)
    if day is None:
        _check_without_day(parts)
    rule = Rule(normal, at, day)
    if next(rule.since(datetime.combine(day or date(2024, 1, 1), time.min), timezone.utc), None) is None:
        raise WrongRule("it never falls on any day")
    return rule


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.rstrip(";").split(";"):
        key, equals, value = part.partition("=")
        if key not in _KEYS or not equals or not value:
            raise WrongRule("%r is no part of a recurrence: %s" % (part[:40], _EXAMPLE))
        if key in found:
            raise WrongRule("%s is there twice: separate its values by commas" % key)
        found[key] = value
    if found.get("FREQ") not in FREQUENCIES:
        raise WrongRule("it has no FREQ=DAILY, WEEKLY, MONTHLY or YEARLY: %s" % _EXAMPLE)
    return found


def _check_part(key: str, value: str) -> None:
    if key in ("INTERVAL", "COUNT") and not (_NUMBER.fullmatch(value) and int(value) > 0):
        raise WrongRule("%s=%s: use a number from 1 to 9999" % (key, value[:20]))
    if key == "UNTIL":
        _check_until(value)
    if key == "WKST" and value not in ("MO", "TU", "WE", "TH", "FR", "SA", "SU"):
        raise WrongRule("WKST=%s: use MO or SU" % value[:20])
    for item in value.split(",") if key.startswith("BY") else ():
        if key == "BYDAY":
            _check_day(item)
        elif not (_SIGNED.fullmatch(item) and _RANGES[key][0] <= int(item) <= _RANGES[key][1] and (int(item) or not _RANGES[key][0])):
            raise WrongRule("%s=%s: use numbers from %d to %d%s" % (key, item[:20], *_RANGES[key], " except 0" if _RANGES[key][0] < 0 else ""))


def _check_day(item: str) -> None:
    match = _DAY.fullmatch(item)
    if not match or (match["nth"] and not 1 <= abs(int(match["nth"])) <= 53):
        raise WrongRule("BYDAY=%s: use days like MO, 2SA (the second Saturday) or -1FR (the last Friday)" % item[:20])


def _check_until(value: str) -> None:
    match = _UNTIL.fullmatch(value)
    try:
        datetime.strptime(match["day"] + (match["time"] or "000000") if match else "", "%Y%m%d%H%M%S")
    except ValueError:
        raise WrongRule("UNTIL=%s: use a day like 20261231, or a time like 20261231T235959" % value[:20]) from None


def _check_together(parts: dict[str, str]) -> None:
    freq = parts["FREQ"]
    numbered = [item for item in parts.get("BYDAY", "").split(",") if item[:-2]]
    if numbered and freq not in ("MONTHLY", "YEARLY"):
        raise WrongRule("BYDAY=%s counts days of a month or year, and the rule is FREQ=%s" % (numbered[0], freq))
    if freq == "MONTHLY" and any(abs(int(item[:-2])) > 5 for item in numbered):
        raise WrongRule("BYDAY=%s: no month has so many of them" % numbered[0])
    if "COUNT" in parts and "UNTIL" in parts:
        raise WrongRule("COUNT and UNTIL exclude each other")
    for key, fits in (("BYWEEKNO", ("YEARLY",)), ("BYYEARDAY", ("YEARLY",)), ("BYMONTHDAY", ("DAILY", "MONTHLY", "YEARLY")),
                      ("BYSETPOS", ("WEEKLY", "MONTHLY", "YEARLY"))):
        if key in parts and freq not in fits:
            raise WrongRule("%s does not go with FREQ=%s" % (key, freq))
    _check_dates(parts)


def _check_dates(parts: dict[str, str]) -> None:
    """The 30th of February is refused here, because an expansion would look for it for seconds."""
    if "BYMONTH" not in parts or "BYMONTHDAY" not in parts:
        return
    longest = max(calendar.monthrange(2024, int(month))[1] for month in parts["BYMONTH"].split(","))
    if all(abs(int(day)) > longest for day in parts["BYMONTHDAY"].split(",")):
        raise WrongRule("no day is BYMONTHDAY=%s in BYMONTH=%s" % (parts["BYMONTHDAY"], parts["BYMONTH"]))


def _check_without_day(parts: dict[str, str]) -> None:
    if not any(key in parts for key in _SAYS_DAY[parts["FREQ"]]):
        raise WrongRule("FREQ=%s does not say on which day: add %s, or give patch_window.start a date" % (
            parts["FREQ"], " or ".join(_SAYS_DAY[parts["FREQ"]])))
    if parts["FREQ"] == "YEARLY" and "BYMONTHDAY" in parts and "BYMONTH" not in parts:
        raise WrongRule("FREQ=YEARLY with BYMONTHDAY does not say in which month: add BYMONTH, or give patch_window.start a date")
    for key in ("COUNT", "INTERVAL"):
        if parts.get(key, "1") != "1" or (key == "COUNT" and key in parts):
            raise WrongRule("%s counts from a first day: give patch_window.start a date" % key)


def _local_until(value: str, zone: tzinfo) -> str:
    """UNTIL as local time. A day alone is meant with all its hours."""
    match = _UNTIL.fullmatch(value)
    if match is None:
        raise WrongRule("UNTIL is %s, which is no date" % value)
    if not match["time"]:
        return match["day"] + "T235959"
    if not match["utc"]:
        return value
    at = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    return at.astimezone(zone).strftime("%Y%m%dT%H%M%S")
