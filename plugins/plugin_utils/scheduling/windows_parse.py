# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``patch_window`` may be: from the mapping that people write to a ``Window``, or one clear line with the path of what is wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from ...module_utils.errors import BadInput
from .calendars import Freeze, Inline, one_line, read_calendar
from .windows import HOST_ZONE, WINDOW, Window, zone_of
from .windows_rule import Rule, WrongRule, parse_rule

Reader = Callable[[str], str]

KEYS = ("start", "recurrence", "duration", "timezone", "freeze", "wait")
_FREEZE_KEYS = ("from", "to", "reason")
_LONGEST = 31 * 86400
_YEARS = range(1970, 2200)
_START = 'use a time, for example "01:00", or a first day with it, for example "2026-01-10T01:00", in quotes'
_DURATION = 'use for example "4h", "90m", "1h30m" or "PT4H", or a number of minutes; at most 31 days'
_FREEZE = "use the path of an .ics file, or {from: 2026-12-20, to: 2027-01-06, reason: text}"
_SPAN = re.compile(r"(?:P)?(?:(?P<weeks>[0-9]{1,2})W)?(?:(?P<days>[0-9]{1,2})D)?"
                   r"T?(?:(?P<hours>[0-9]{1,4})H)?(?:(?P<minutes>[0-9]{1,5})M(?:IN)?)?(?:(?P<seconds>[0-9]{1,7})S)?")


def parse_window(value: Mapping[str, Any], read: Reader | None) -> Window | None:
    """The window, None for an empty mapping: at any time. ``read`` gives the text of an .ics file by its path as written; without it such files
    are left out, which is for checking the rest only."""
    if not value:
        return None
    unknown = [str(key) for key in value if key not in KEYS]
    if unknown:
        raise _bad(unknown[0], None, "is not known: use %s" % ", ".join(KEYS))
    zone_name = _text(value, "timezone", "use a name like Europe/Berlin, or host for each host's own patch_timezone")
    per_host = zone_name == HOST_ZONE
    zone = None if per_host else zone_of(zone_name, WINDOW + ".timezone")
    return Window(_rule(value), _duration(value.get("duration")), zone, _freezes(value.get("freeze", []), read), _truth(value.get("wait", False)), per_host)


def _rule(value: Mapping[str, Any]) -> Rule:
    day, at = _start(value.get("start"))
    text = value.get("recurrence")
    if text is None or text == "":
        if day is None:
            raise _bad("start", value.get("start"), "is a time without a day: add patch_window.recurrence, for example FREQ=DAILY, or a day")
        return Rule("", at, day)
    if not isinstance(text, str):
        raise _bad("recurrence", text, 'use text, for example "FREQ=MONTHLY;BYDAY=2SA"')
    try:
        return parse_rule(text, at, day)
    except WrongRule as wrong:
        raise _bad("recurrence", text, str(wrong)) from None


def _start(value: Any) -> tuple[date | None, time]:
    moment = _moment(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", value.strip()):
        try:
            return None, time.fromisoformat(value.strip().zfill(5) if value.count(":") == 1 else value.strip().zfill(8))
        except ValueError:
            raise _bad("start", value, _START) from None
    if not isinstance(moment, datetime):
        raise _bad("start", value, _START)
    if moment.tzinfo:
        raise _bad("start", value, "leave out the offset: patch_window.timezone says where this time is meant")
    return moment.date(), moment.time().replace(microsecond=0)


def _moment(value: Any) -> date | datetime | None:
    """A day, or a day with a time; None for anything else."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    for kind in (date, datetime):
        try:
            found = kind.fromisoformat(text)
        except ValueError:
            continue
        return found if found.year in _YEARS else None
    return None


def _duration(value: Any) -> float:
    if isinstance(value, str) and value.strip().isdigit():
        value = float(value) if len(value.strip()) < 9 else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = value * 60.0
    else:
        match = _SPAN.fullmatch(value.replace(" ", "").upper()) if isinstance(value, str) else None
        seconds = timedelta(**{unit: int(n) for unit, n in match.groupdict().items() if n}).total_seconds() if match else 0.0
    if not 1 <= seconds <= _LONGEST:
        raise _bad("duration", value, _DURATION)
    return seconds


def _freezes(value: Any, read: Reader | None) -> tuple[Freeze, ...]:
    entries = [value] if isinstance(value, (str, Mapping)) else value
    if not isinstance(entries, list):
        raise _bad("freeze", value, "use a list: " + _FREEZE)
    found = (_freeze(entry, "%s.freeze[%d]" % (WINDOW, index), read) for index, entry in enumerate(entries))
    return tuple(freeze for freeze in found if freeze)


def _freeze(entry: Any, path: str, read: Reader | None) -> Freeze | None:
    if isinstance(entry, str) and entry.strip():
        return read_calendar(read(entry.strip()), entry.strip(), path) if read else None
    if not isinstance(entry, Mapping):
        raise BadInput("%s is %s: %s" % (path, _shown(entry), _FREEZE), name=path)
    unknown = [str(key) for key in entry if key not in _FREEZE_KEYS]
    if unknown:
        raise BadInput("%s.%s is not known: use from, to and reason" % (path, one_line(unknown[0])), name=path)
    return _inline(entry, path)


def _inline(entry: Mapping[str, Any], path: str) -> Inline:
    ends = {}
    for key in ("from", "to"):
        moment = _moment(entry.get(key))
        if moment is None:
            raise BadInput('%s.%s is %s: use a day, for example "2026-12-20", or a time, for example "2026-12-20T18:00"' % (
                path, key, _shown(entry.get(key))), name=path)
        ends[key] = _ends(moment, last=key == "to")
    since, until = ends["from"], ends["to"]
    if bool(since.tzinfo) != bool(until.tzinfo):
        raise BadInput("%s: give from and to both with an offset, or both without" % path, name=path)
    if since >= until:
        raise BadInput("%s ends before it begins: to has to be after from" % path, name=path)
    return Inline(since, until, one_line(entry.get("reason") or ""), path)


def _ends(moment: date | datetime, last: bool) -> datetime:
    """A day alone is meant with all its hours, the last one too."""
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time.min) + timedelta(days=1 if last else 0)


def _truth(value: Any) -> bool:
    known = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in known:
        raise _bad("wait", value, "use true or false")
    return known[str(value).lower()]


def _text(value: Mapping[str, Any], key: str, advice: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found.strip():
        raise _bad(key, found, advice)
    return found.strip()


def _bad(key: str, value: Any, advice: str) -> BadInput:
    path = "%s.%s" % (WINDOW, one_line(key))
    if value is None and not advice.startswith("is "):
        return BadInput("%s is not set: %s" % (path, advice), name=path)
    return BadInput("%s %s" % (path, advice) if value is None else "%s is %s: %s" % (path, _shown(value), advice), name=path)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:60] + "..."
