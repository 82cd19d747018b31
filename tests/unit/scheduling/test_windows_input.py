# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What patch_window may be, and what is said of what it may not."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling import _libraries, calendars, windows_rule
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.windows_parse import KEYS, parse_window

GOOD = {"start": "01:00", "recurrence": "FREQ=DAILY", "duration": "4h", "timezone": "UTC"}


def parse(**changes):
    return parse_window({**GOOD, **changes}, lambda path: path)


def wrong(**changes):
    with pytest.raises(BadInput) as caught:
        parse(**changes)
    assert "\n" not in caught.value.message and len(caught.value.message) < 400
    assert caught.value.message.startswith(("patch_window.", "patch_timezone"))
    return caught.value.message


def test_no_window():
    assert parse_window({}, None) is None


@pytest.mark.parametrize(("duration", "seconds"), [
    ("4h", 14400), ("PT4H", 14400), (240, 14400), ("240", 14400), ("90m", 5400), ("90 min", 5400), ("1h30m", 5400), ("PT1H30M", 5400), ("P1DT2H", 93600),
    ("1d", 86400), (0.5, 30), ("30s", 30), ("P1W", 604800), ("31d", 2678400)])
def test_durations(duration, seconds):
    assert parse(duration=duration).duration_s == seconds


@pytest.mark.parametrize("duration", [None, "", "P", "PT", "T", 0, -5, "-4h", "4 hours long", "32d", True, [4], "4x",
                                      "nan", float("nan"), float("inf"), "1" * 30])
def test_no_durations(duration):
    assert wrong(duration=duration).startswith("patch_window.duration is ")
    assert 'use for example "4h"' in wrong(duration=duration)


@pytest.mark.parametrize("start", ["01:00", "1:00", "23:59:59", "2026-01-10T01:00", "2026-01-10 01:00", "2026-01-10T01:00:30"])
def test_starts(start):
    assert parse(start=start) is not None


@pytest.mark.parametrize("start", [None, "", 60, 720, "25:00", "1:2", "soon", "2026-02-30T01:00", "0001-01-01T01:00", "2026-01-10", ["01:00"]])
def test_no_starts(start):
    assert "use a time, for example" in wrong(start=start) and "in quotes" in wrong(start=start)


@pytest.mark.parametrize("start", ["2026-01-10T01:00Z", "2026-01-10T01:00+01:00"])
def test_a_start_has_no_offset(start):
    assert "leave out the offset" in wrong(start=start)


def test_a_time_needs_a_recurrence_and_a_day_needs_none():
    assert "add patch_window.recurrence" in wrong(recurrence="")
    assert parse(start="2026-01-10T01:00", recurrence=None) is not None


@pytest.mark.parametrize("rule", [
    "FREQ=MONTHLY;BYDAY=2SA", "RRULE:FREQ=DAILY", "freq=weekly;byday=mo,we", "FREQ=MONTHLY;BYDAY=SA;BYSETPOS=-1", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "FREQ=DAILY;BYHOUR=1,13", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=DAILY;", "FREQ=WEEKLY;BYDAY=SU;WKST=SU"])
def test_recurrences(rule):
    assert parse(recurrence=rule) is not None


@pytest.mark.parametrize(("rule", "says"), [
    ("FREQ=FOO", "it has no FREQ=DAILY"), ("every day", "'EVERY DAY' is no part"), ("FREQ=HOURLY", "it has no FREQ=DAILY"), ("BYDAY=SA", "it has no FREQ"),
    ("FREQ=DAILY;FOO=1", "'FOO=1' is no part"), ("FREQ=MONTHLY;BYDAY=2SA;BYDAY=3SU", "BYDAY is there twice"),
    ("FREQ=WEEKLY;BYDAY=2SA", "counts days of a month"),
    ("FREQ=MONTHLY;BYDAY=0SA", "use days like MO, 2SA"), ("FREQ=MONTHLY;BYDAY=6SA", "no month has so many"), ("FREQ=MONTHLY;BYDAY=SAT", "use days like"),
    ("FREQ=MONTHLY;BYMONTHDAY=40", "use numbers from -31 to 31 except 0"), ("FREQ=MONTHLY;BYMONTHDAY=0", "except 0"), ("FREQ=DAILY;BYHOUR=24", "from 0 to 23"),
    ("FREQ=DAILY;INTERVAL=0", "use a number from 1"), ("FREQ=DAILY;INTERVAL=2", "counts from a first day"), ("FREQ=DAILY;COUNT=3", "counts from a first day"),
    ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "exclude each other"), ("FREQ=DAILY;UNTIL=20260230", "use a day like"), ("FREQ=DAILY;UNTIL=soon", "use a day like"),
    ("FREQ=DAILY;WKST=XX", "use MO or SU"), ("FREQ=MONTHLY", "does not say on which day"), ("FREQ=WEEKLY", "add BYDAY"),
    ("FREQ=DAILY;BYSETPOS=2", "does not go with"),
    ("FREQ=YEARLY;BYMONTHDAY=3", "in which month"), ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "no day is BYMONTHDAY=30"),
    ("FREQ=MONTHLY;BYSETPOS=60;BYDAY=MO", "never falls on any day"), (5, "use text"), (["FREQ=DAILY"], "use text"),
    ("FREQ=DAILY\nDTSTART:20260101", "no FREQ=DAILY")])
def test_no_recurrences(rule, says):
    message = wrong(recurrence=rule)
    assert message.startswith("patch_window.recurrence is ") and says in message


@pytest.mark.parametrize("zone", [None, "", 1, "Mars/Base", "../../etc/passwd", "Europe", "CEST5", "/etc/passwd", "a\0b"])
def test_no_zones(zone):
    assert wrong(timezone=zone).startswith("patch_window.timezone is ")


def test_the_rest():
    assert wrong(recurence="x") == "patch_window.recurence is not known: use start, recurrence, duration, timezone, freeze, wait"
    assert "use true or false" in wrong(wait="perhaps")
    assert parse(wait=True).wait and parse(wait="yes").wait and not parse().wait
    assert parse(timezone="host").per_host and parse(timezone="host").zone is None


@pytest.mark.parametrize(("freeze", "says"), [
    (5, "patch_window.freeze is 5: use a list"), ([5], "patch_window.freeze[0] is 5: use the path of an .ics file"), ([""], "patch_window.freeze[0] is ''"),
    ([{"from": "2026-01-01"}], "patch_window.freeze[0].to is None"), ([{"from": "x", "to": "y"}], "patch_window.freeze[0].from is 'x'"),
    ([{"from": "2026-01-02", "to": "2026-01-01"}], "freeze[0] ends before it begins"), ([{"form": "2026-01-01"}], "freeze[0].form is not known"),
    ([{"from": "2026-01-01", "to": "2026-01-02T00:00Z"}], "both with an offset"),
    (["BEGIN:NONSENSE"], "freeze[0]: BEGIN:NONSENSE can't be read as a calendar")])
def test_no_freezes(freeze, says):
    assert says in wrong(freeze=freeze)


def test_one_freeze_needs_no_list():
    assert len(parse(freeze={"from": "2026-01-01", "to": "2026-01-01"}).freezes) == 1
    assert parse_window({**GOOD, "freeze": "not-read.ics"}, None).freezes == ()


EVENT = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n%s\nEND:VEVENT\nEND:VCALENDAR\n"


@pytest.mark.parametrize("text", [
    "", "hello", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261224T100000Z\n", EVENT % "SUMMARY:x", EVENT % "DTSTART:foo",
    EVENT % "DTSTART;VALUE=DATE:20261224\nRRULE:FREQ=FOO", EVENT % "DTSTART;VALUE=DATE:20311224\nRRULE:FREQ=FOO",
    EVENT % "DTSTART;VALUE=DATE:20011224\nRRULE:FREQ=DAILY;UNTIL=x", EVENT % "DTSTART:20261224T100000Z\nDTEND:20261223T100000Z",
    EVENT % "DTSTART;TZID=Mars/Base:20261224T100000\nDTEND:soon", EVENT % "DTSTART;VALUE=DATE:20261224\nDURATION:x",
    "BEGIN:VEVENT\nDTSTART:20261224T100000Z\nEND:VEVENT"])
def test_a_calendar_that_is_not_understood_is_refused(text):
    """A freeze that gets lost would let hosts be touched."""
    with pytest.raises(BadInput, match=r"^patch_window.freeze\[0\]: year.ics can't be read as a calendar \(.ics\): ") as caught:
        calendars.read_calendar(text, "year.ics", "patch_window.freeze[0]")
    assert "\n" not in caught.value.message


def frozen(events, zone="Europe/Berlin"):
    read = calendars.read_calendar(events, "year.ics", "patch_window.freeze[0]")
    return [(f.from_at, f.to_at, f.reason) for f in read.between(1767225600.0, 1798761600.0, calendars.ZoneInfo(zone))]  # 2026 in UTC


def test_events():
    assert frozen("BEGIN:VCALENDAR\nEND:VCALENDAR\n") == []
    assert frozen(EVENT % "DTSTART:20261224T100000Z\nDURATION:PT2H\nSUMMARY:a\\nb\x1b[31m") == [(1798106400.0, 1798113600.0, "a b [31m")]
    assert frozen(EVENT % "DTSTART:20261224T100000\nDURATION:PT2H") == [(1798102800.0, 1798110000.0, "")]  # floating: the window's zone
    assert frozen(EVENT % "DTSTART;VALUE=DATE:20261224") == [(1798066800.0, 1798153200.0, "")]
    assert frozen(EVENT % "DTSTART;VALUE=DATE:20261224", "America/New_York") == [(1798088400.0, 1798174800.0, "")]
    assert frozen(EVENT % "DTSTART:20261224T100000Z\nDURATION:PT2H\nSTATUS:CANCELLED") == []
    assert frozen(EVENT % "DTSTART:20261224T100000Z\nDURATION:PT2H\nTRANSP:TRANSPARENT") != []
    assert len(frozen(EVENT % "DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1\nEXDATE;VALUE=DATE:20260501", "UTC")) == 11
    assert len(frozen(EVENT % "DTSTART;VALUE=DATE:20261224" + EVENT % "DTSTART;VALUE=DATE:20261231")) == 2  # two calendars in one file
    assert frozen(EVENT % "DTSTART:20261224T100000Z") == []  # no length


def test_an_event_over_the_turn_of_the_year_is_one():
    read = calendars.read_calendar(EVENT % "DTSTART;VALUE=DATE:20261220\nDTEND;VALUE=DATE:20270107", "year.ics", "x")
    assert len(read.between(1798000000.0, 1799000000.0, calendars.ZoneInfo("UTC"))) == 1


@pytest.mark.parametrize(("library", "says"), [
    ("dateutil", "patch_window.recurrence needs python-dateutil, "), ("icalendar", "patch_window.freeze[0] needs icalendar, ")])
def test_a_missing_library_is_one_line_with_the_command(monkeypatch, library, says):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(_libraries.LibraryMissing) as caught:
        parse(freeze=["BEGIN:VCALENDAR\nEND:VCALENDAR"])
    assert caught.value.message.startswith(says) and " -m pip install " in caught.value.message and "\n" not in caught.value.message


def test_the_room_can_be_imported_without_them(monkeypatch):
    for name in ("dateutil", "icalendar", "recurring_ical_events"):
        monkeypatch.setitem(sys.modules, name, None)
    spec = importlib.util.spec_from_file_location(_libraries.__name__ + "_bare", str(_libraries.__file__))
    assert spec and spec.loader
    bare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bare)
    with pytest.raises(bare.LibraryMissing, match="^it needs icalendar and recurring-ical-events, .* -m pip install icalendar recurring-ical-events$"):
        bare.needed(bare.CALENDARS, "it")


def test_without_libraries_one_window_without_calendars_can_do(monkeypatch):
    for name in ("dateutil", "icalendar", "recurring_ical_events"):
        monkeypatch.setitem(sys.modules, name, None)
    assert parse(start="2026-01-10T01:00", recurrence="") is not None


ANYTHING = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
                        max_leaves=4)


@given(st.sampled_from(KEYS), ANYTHING)
def test_whatever_it_is_it_is_taken_or_refused_in_one_line(key, value):
    try:
        parse(**{key: value})
    except BadInput as error:
        assert error.message.isprintable() and error.message.startswith("patch_window.") and len(error.message) < 400


PARTS = st.tuples(st.sampled_from(windows_rule._KEYS), st.text("0123456789-+,MOTUWEFRSAYZ", max_size=6))


@given(st.lists(PARTS, max_size=3), st.sampled_from(windows_rule.FREQUENCIES))
def test_whatever_a_rule_says_it_is_taken_or_refused(parts, freq):
    text = ";".join(["FREQ=" + freq, *("%s=%s" % part for part in parts)])
    try:
        parse(recurrence=text, start="2026-01-10T01:00")
    except BadInput as error:
        assert error.message.startswith("patch_window.recurrence is ")
