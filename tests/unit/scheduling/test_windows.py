# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows: when they are open, through clock changes, freezes and clocks that jump."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.estimate import History, need
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.windows import (
    fits, fleet_occurrence, in_zone, occurrence, per_zone, span, told, why_not_fit, window_run_name)
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.windows_parse import parse_window

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca",
         "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Dublin"]
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//freezes//EN
BEGIN:VEVENT
UID:1
SUMMARY:Quarter's end
DTSTART;VALUE=DATE:20260331
DTEND;VALUE=DATE:20260402
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Release night
DTSTART;TZID=Europe/Berlin:20260420T030000
DTEND;TZID=Europe/Berlin:20260420T033000
END:VEVENT
END:VCALENDAR
"""


def window(start="01:00", recurrence="FREQ=DAILY", duration="4h", zone="Europe/Berlin", freeze=(), ics=None):
    made = parse_window({"start": start, "recurrence": recurrence, "duration": duration, "timezone": zone, "freeze": list(freeze)}, lambda path: ics[path])
    assert made
    return made


def at(text, zone=BERLIN, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def local(epoch, zone=BERLIN):
    return datetime.fromtimestamp(epoch, zone).strftime("%Y-%m-%d %H:%M")


def found(of, now):
    one = occurrence(of, now)
    assert one
    return one


def test_open_from_its_opening_until_just_before_its_closing():
    daily, opens = window(), at("2026-01-10T01:00")
    assert not found(daily, opens - 0.001).is_open(opens - 0.001)
    for now in (opens, opens + 4 * 3600 - 0.001):
        assert found(daily, now).is_open(now)
        assert (found(daily, now).opens_at, found(daily, now).closes_at) == (opens, opens + 4 * 3600)
    assert not found(daily, opens).is_open(opens + 4 * 3600)
    assert local(found(daily, opens + 4 * 3600).opens_at) == "2026-01-11 01:00"


def test_patch_tuesday_and_the_days_after_it():
    second_saturday = window(recurrence="FREQ=MONTHLY;BYDAY=2SA")
    assert local(found(second_saturday, at("2026-01-01T00:00")).opens_at) == "2026-01-10 01:00"
    assert local(found(second_saturday, at("2026-01-10T05:00")).opens_at) == "2026-02-14 01:00"
    last_friday = window(recurrence="FREQ=MONTHLY;BYDAY=-1FR")
    assert local(found(last_friday, at("2026-01-01T00:00")).opens_at) == "2026-01-30 01:00"


def test_a_first_day_counts_and_keeps_the_phase():
    every_other = window("2026-01-05T22:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH")
    days, now = [], at("2025-06-01T00:00")
    for _ in range(6):
        now = found(every_other, now).closes_at
        days.append(local(now - 4 * 3600)[:10])
    assert days == ["2026-01-05", "2026-01-08", "2026-01-19", "2026-01-22", "2026-02-02", "2026-02-05"]
    assert local(found(every_other, at("2036-03-01T00:00")).opens_at) == "2036-03-03 22:00"  # 265 whole fortnights after the first


def test_once():
    once = window("2026-01-10T01:00", "")
    assert local(found(once, at("2025-01-01T00:00")).opens_at) == "2026-01-10 01:00"
    assert found(once, at("2026-01-10T04:59")).is_open(at("2026-01-10T04:59"))
    assert occurrence(once, at("2026-01-10T05:00")) is None
    assert "does not open again" in told(None, 0.0)


@pytest.mark.parametrize(("until", "last"), [("20260131", "2026-01-31 01:00"), ("20260131T000000", "2026-01-30 01:00"),
                                             ("20260130T235900Z", "2026-01-30 01:00"), ("20260131T000000Z", "2026-01-31 01:00")])
def test_the_last_day(until, last):
    ending = window("2026-01-01T01:00", "FREQ=DAILY;UNTIL=" + until)
    assert local(found(ending, at(last.replace(" ", "T"))).opens_at) == last
    assert occurrence(ending, found(ending, at(last.replace(" ", "T"))).closes_at) is None


def test_a_count_is_from_the_first_day():
    thrice = window("2026-01-10T01:00", "FREQ=DAILY;COUNT=3")
    assert found(thrice, at("2026-01-12T04:59")).is_open(at("2026-01-12T04:59")) and occurrence(thrice, at("2026-01-12T05:00")) is None
    assert occurrence(thrice, at("2026-02-12T02:00")) is None


def test_a_start_that_does_not_exist_is_as_much_later_as_clocks_jump():
    spring = window("02:30", duration="2h")
    one = found(spring, at("2026-03-29T00:00"))
    assert local(one.opens_at) == "2026-03-29 03:30" and one.opens_at == at("2026-03-29T00:00") + 2.5 * 3600
    assert one.closes_at - one.opens_at == 2 * 3600
    assert local(found(spring, one.closes_at).opens_at) == "2026-03-30 02:30"
    for hour in (0.0, 1.0, 1.99):  # also where the wall clock has long passed half past two and two hours
        assert found(spring, one.opens_at + hour * 3600) == one and one.is_open(one.opens_at + hour * 3600)


def test_a_start_that_comes_twice_is_the_first():
    autumn = window("02:30", duration="30m")
    first, second = at("2026-10-25T02:30"), at("2026-10-25T02:30", fold=1)
    assert second - first == 3600
    assert found(autumn, first).is_open(first)
    assert not found(autumn, second).is_open(second) and local(found(autumn, second).opens_at) == "2026-10-26 02:30"


@pytest.mark.parametrize(("day", "until"), [("2026-03-29", "06:00"), ("2026-10-25", "04:00"), ("2026-07-01", "05:00")])
def test_a_duration_is_elapsed_time(day, until):
    one = found(window(), at(day + "T01:00"))
    assert one.closes_at - one.opens_at == 4 * 3600 and local(one.closes_at) == day + " " + until


def test_a_day_that_a_zone_left_out():
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
    one = found(window("2011-12-29T12:00", "FREQ=DAILY", zone="Pacific/Apia"), at("2011-12-29T20:00", apia))
    assert local(one.opens_at, apia) == "2011-12-31 12:00"


def test_a_freeze_cuts_and_the_rest_is_usable():
    cut = window(freeze=[{"from": "2026-01-10T02:00", "to": "2026-01-10T03:00", "reason": "backup"}])
    first, second = found(cut, at("2026-01-10T01:30")), found(cut, at("2026-01-10T02:00"))
    assert (local(first.opens_at), local(first.closes_at)) == ("2026-01-10 01:00", "2026-01-10 02:00")
    assert (local(second.opens_at), local(second.closes_at)) == ("2026-01-10 03:00", "2026-01-10 05:00")
    assert not second.is_open(at("2026-01-10T02:59")) and first.starts_at == second.starts_at
    assert "cut short by the freeze backup (patch_window.freeze[0])" in told(first, at("2026-01-10T01:30"))
    assert "opens next 2026-01-10 03:00 CET, in 1 h; frozen before that by backup" in told(second, at("2026-01-10T02:00"))
    assert found(cut, at("2026-01-10T03:30")).frozen == ()  # what is past is not told


@pytest.mark.parametrize(("freezes", "pieces"), [
    ([("01:00", "02:00")], ["02:00-05:00"]), ([("04:00", "05:00")], ["01:00-04:00"]), ([("00:00", "06:00")], []), ([("05:00", "06:00")], ["01:00-05:00"]),
    ([("01:30", "04:00"), ("02:00", "02:30")], ["01:00-01:30", "04:00-05:00"]), ([("02:00", "03:00"), ("03:00", "04:00")], ["01:00-02:00", "04:00-05:00"]),
    ([("02:00", "03:00"), ("02:30", "03:30")], ["01:00-02:00", "03:30-05:00"])])
def test_freezes_that_meet_overlap_and_hold_each_other(freezes, pieces):
    once = window("2026-01-10T01:00", "", freeze=[{"from": "2026-01-10T" + since, "to": "2026-01-10T" + to} for since, to in freezes])
    told_pieces, now = [], at("2026-01-10T00:00")
    while (one := occurrence(once, now)) is not None:
        told_pieces.append("%s-%s" % (local(one.opens_at)[11:], local(one.closes_at)[11:]))
        now = one.closes_at
    assert told_pieces == pieces


def test_a_freeze_is_the_longer_one_where_clocks_change():
    autumn = window("00:00", duration="9h", freeze=[{"from": "2026-10-25T02:15", "to": "2026-10-25T02:30"}])
    assert found(autumn, at("2026-10-25T00:00")).closes_at == at("2026-10-25T02:15")
    assert found(autumn, at("2026-10-25T02:15")).opens_at == at("2026-10-25T02:30", fold=1)


def test_whole_days_are_frozen_with_the_last_one():
    holidays = window(freeze=[{"from": "2026-12-20", "to": "2027-01-06"}])
    one = found(holidays, at("2026-12-20T00:00"))
    assert local(one.opens_at) == "2027-01-07 01:00" and [f.source for f in one.frozen] == ["patch_window.freeze[0]"]
    early = found(window("22:00", freeze=[{"from": "2026-12-20", "to": "2027-01-06"}]), at("2026-12-19T23:00"))
    assert local(early.closes_at) == "2026-12-20 00:00"
    late = window("22:00", freeze=[{"from": "2026-12-20", "to": "2027-01-06"}])
    assert local(found(late, at("2027-01-06T23:00")).opens_at) == "2027-01-07 00:00"


def test_a_freeze_with_an_offset_is_that_moment_wherever_the_window_is():
    tokyo = window(zone="Asia/Tokyo", freeze=[{"from": "2026-01-10T01:00+09:00", "to": "2026-01-10T02:00+09:00"}])
    assert local(found(tokyo, at("2026-01-10T01:00", ZoneInfo("Asia/Tokyo"))).opens_at, ZoneInfo("Asia/Tokyo")) == "2026-01-10 02:00"


def test_calendars_freeze_and_are_told():
    frozen = window(freeze=["year.ics"], ics={"year.ics": ICS})
    one = found(frozen, at("2027-03-31T01:00"))
    assert local(one.opens_at) == "2027-04-02 01:00"
    assert "frozen before that by Quarter's end (year.ics)" in told(one, at("2027-03-31T01:00"))
    night = found(frozen, at("2026-04-20T02:00"))
    assert local(night.closes_at) == "2026-04-20 03:00" and "Release night (year.ics)" in told(night, at("2026-04-20T02:00"))
    assert len(frozen.freezes[0].between(at("2026-01-01T00:00"), at("2030-01-01T00:00"), BERLIN)) == 5


def test_a_freeze_without_end_says_that_it_never_opens():
    assert occurrence(window(freeze=[{"from": "2026-01-01", "to": "2150-01-01"}]), at("2026-02-01T00:00")) is None


def test_where_occurrences_overlap_the_last_to_open_counts():
    long = window(duration="30h")
    now = at("2026-01-10T03:00")
    assert local(found(long, now).starts_at) == "2026-01-10 01:00" and local(found(long, now).closes_at) == "2026-01-11 07:00"
    cut = window(duration="30h", freeze=[{"from": "2026-01-10T00:00", "to": "2026-01-11T02:00"}])
    assert local(found(cut, now).starts_at) == "2026-01-11 01:00" and local(found(cut, now).opens_at) == "2026-01-11 02:00"
    assert found(cut, now).closes_at == found(cut, at("2026-01-11T02:00")).closes_at
    early = window(duration="30h", freeze=[{"from": "2026-01-09T00:00", "to": "2026-01-10T03:30"}, {"from": "2026-01-10T04:00", "to": "2026-01-11T05:00"}])
    assert local(found(early, at("2026-01-10T03:45")).closes_at) == "2026-01-10 04:00"


def test_one_occurrence_is_one_name_and_the_next_is_another():
    monthly = window(recurrence="FREQ=MONTHLY;BYDAY=2SA", freeze=[{"from": "2026-01-10T02:00", "to": "2026-01-10T03:00"}])
    names = [window_run_name("web", found(monthly, at(text))) for text in ("2026-01-02T00:00", "2026-01-10T01:00", "2026-01-10T02:30", "2026-01-10T04:59")]
    assert names == ["web-20260110T000000Z"] * 4
    assert window_run_name("web", found(monthly, at("2026-01-10T05:00"))) == "web-20260214T000000Z"


def test_each_host_in_its_own_zone_and_one_name_for_all():
    own = window(zone="host")
    assert own.per_host
    zones = {"tokyo": "Asia/Tokyo", "berlin": "Europe/Berlin", "boston": "America/New_York"}
    now = at("2026-01-09T18:00", ZoneInfo("UTC"))  # 3 in the morning of the 10th in Tokyo
    hosts = per_zone(own, zones, now)
    assert [name for name, one in hosts.items() if one and one.is_open(now)] == ["tokyo"]
    names = set()
    for hour in (18, 23, 24, 30, 33):
        later = now + (hour - 18) * 3600
        one = fleet_occurrence(per_zone(own, zones, later).values(), later)
        assert one
        names.add(window_run_name("web", one))
    assert names == {"web-20260110T010000"}
    now = at("2026-01-10T13:30", ZoneInfo("UTC"))  # the 11th in Kiritimati, and not yet half past one of the 10th at the other end
    ends = per_zone(own, {"kiritimati": "Pacific/Kiritimati", "baker": "Etc/GMT+12"}, now)
    assert all(one and one.is_open(now) for one in ends.values())
    last = fleet_occurrence(ends.values(), now)
    assert last and last.local == "20260110T010000"
    assert fleet_occurrence([None], now) is None and fleet_occurrence([None, last], now) == last


def test_a_host_without_a_zone_is_named():
    with pytest.raises(BadInput, match="host web1 has no patch_timezone"):
        in_zone(window(zone="host"), "", "web1")
    with pytest.raises(BadInput, match=r"patch_timezone \(host web1\) is 'Mars/Base'"):
        in_zone(window(zone="host"), "Mars/Base", "web1")
    with pytest.raises(ValueError, match="ask in_zone first"):
        occurrence(window(zone="host"), 0.0)
    assert in_zone(window(), "", "web1") == window()


def test_what_a_host_needs_has_to_fit():
    closes = at("2026-01-10T05:00")
    assert fits(closes, closes - 60, 60.0) and not fits(closes, closes - 60, 60.1) and not fits(closes, closes + 1, 0.0)
    one = found(window(), closes - 300)
    assert why_not_fit(one, closes - 300, need(History([]), "web1", 3, 900.0, 300.0)) == (
        "the window closes 2026-01-10 05:00 CET, in 5 min, and the host needs 20 min (assumed: no history of such installations)")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (-5, "0 s"), (0.2, "1 s"), (59, "59 s"), (3600, "1 h"), (93784, "1 d 2 h"), (3661, "1 h 1 min")])
def test_spans(seconds, text):
    assert span(seconds) == text


MOMENTS = st.floats(at("2015-01-01T00:00"), at("2035-01-01T00:00"))
RULES = st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=MONTHLY;BYDAY=-1SU", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU"])
TIMES = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "03:00", "23:59"])
DAYS = st.dates(datetime(2015, 1, 1).date(), datetime(2034, 1, 1).date())
FREEZES = st.lists(st.tuples(DAYS, st.integers(0, 40)), max_size=3).map(
    lambda days: [{"from": day.isoformat(), "to": (day + timedelta(days=more)).isoformat()} for day, more in days])
WINDOWS = st.builds(window, TIMES, RULES, st.sampled_from(["30m", "4h", "23h"]), st.sampled_from(ZONES), FREEZES)


@given(WINDOWS, MOMENTS)
def test_a_piece_lies_within_its_occurrence_and_not_in_the_past(of, now):
    one = found(of, now)
    assert now < one.closes_at and one.starts_at <= one.opens_at < one.closes_at <= one.ends_at
    assert one.ends_at - one.starts_at == of.duration_s
    shown = datetime.fromtimestamp(one.starts_at, one.zone).replace(tzinfo=None)
    meant = datetime.strptime(one.local, "%Y%m%dT%H%M%S")
    exists = datetime.fromtimestamp(meant.replace(tzinfo=one.zone).timestamp(), one.zone).replace(tzinfo=None) == meant
    assert shown == meant if exists else shown > meant


@given(WINDOWS, MOMENTS, st.floats(0, 1, exclude_max=True))
def test_nothing_opens_before_the_next_opening(of, now, part):
    one = found(of, now)
    if not one.is_open(now):
        between = now + part * (one.opens_at - now)
        assert found(of, between).opens_at == one.opens_at or between == one.opens_at


@given(WINDOWS, MOMENTS, st.lists(st.floats(0, 1, exclude_max=True), max_size=4))
def test_a_clock_that_jumps_changes_nothing(of, now, parts):
    """Whatever was asked before, and in whichever order: the same moment has the same answer, all through a piece."""
    one = found(of, now)
    for part in [*parts, 0.0]:
        within = min(one.opens_at + part * (one.closes_at - one.opens_at), one.closes_at - 0.001)
        assert found(of, within).is_open(within)
        assert (found(of, within).opens_at, found(of, within).closes_at) == (one.opens_at, one.closes_at)
        assert window_run_name("web", found(of, within)) == window_run_name("web", one)
    assert occurrence(of, now) == one


@given(WINDOWS, MOMENTS)
def test_never_open_while_frozen(of, now):
    one = found(of, now)
    for freeze in of.freezes:
        assert not freeze.between(one.opens_at, one.closes_at, one.zone)


@given(TIMES, st.sampled_from(ZONES), MOMENTS)
def test_a_daily_window_against_looking_through_the_days(start, zone, now):
    of, tz = window(start, "FREQ=DAILY", "4h", zone), ZoneInfo(zone)
    day = datetime.fromtimestamp(now, timezone.utc).date()
    openings = sorted(datetime.combine(day + timedelta(days=n), datetime.strptime(start, "%H:%M").time(), tz).timestamp() for n in range(-3, 5))
    assert found(of, now).opens_at == next(opens for opens in openings if opens + 4 * 3600 > now)
