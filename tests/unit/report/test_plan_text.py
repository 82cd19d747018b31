# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan on a terminal."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_text import render_plan
from ansible_collections.fleetops.patchtrain.tests.unit.report.plan_models import BEGIN, hostile, plan, row


def test_a_plan_as_it_is_read() -> None:
    lines = render_plan(plan(4)).splitlines()
    assert lines[0] == "Plan of run web-20261121T013000Z-4f2a: 234 packages to change on 4 hosts"
    text = " ".join(" ".join(lines).split())
    assert "for 6 hosts there is no history, so that their times are assumed" in text
    assert "all hosts fit" in text
    assert "Forks: 5, and 8 are needed" in text and "with --forks 8 the roll would end 1 min 40 s sooner" in text
    assert "Bottleneck: forks (time that hosts wait, added up: forks 1 h 23 min, cluster 46 min)" in text
    assert "Not in the roll: 1 up to date, 1 blocked" in text and "web91 blocked: no sudo" in text
    assert [line.split() for line in lines if line.lstrip().startswith(("# ", "1 ", "4 "))] == [
        ["#", "HOST", "SET", "UPDATES", "DRAIN", "REBOOT", "START", "END", "NOTE"],
        ["1", "web01.example.org", "b", "3", "yes", "no", "23:00:00", "23:02:30", "canary"],
        ["4", "web04.example.org", "b", "12", "yes", "no", "23:02:40", "23:05:10", "assumed,", "waits", "f~"]]


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    assert max(map(len, render_plan(plan(130, forks_needed=130), columns).splitlines())) <= columns


def test_of_many_hosts_the_last_are_counted() -> None:
    text = render_plan(plan(130), most=20)
    assert "web20" in text and "web21" not in text and "... and 110 hosts more" in text


def test_sets_are_only_shown_where_there_are_any() -> None:
    made = plan(2)
    for host in made["hosts"]:
        host["set"] = ""
    assert "SET" not in render_plan(made)


def test_who_is_not_patched_and_why() -> None:
    made = plan(1, window={"text": "the window is open", "deferred": 1, "holds": False})
    made["hosts"] += [row(2, None, "deferred", waits_for="patch_window", waited_s=90.0), row(3, None, "not_started", waits_for="cluster of a")]
    text = render_plan(made, 120)
    assert "1 host do not fit" not in text and "1 host does not fit and is deferred" in text
    assert "deferred: no time left in the window" in text and "never: cluster of a is used up" in text


def test_nothing_to_do() -> None:
    text = render_plan(plan(0, packages=0))
    assert text.startswith("Plan of run web-20261121T013000Z-4f2a: 0 packages to change on 0 hosts") and "Forks" not in text


def test_a_roll_of_days_says_which_day() -> None:
    made = plan(1, ends_at=BEGIN + 90000)
    assert "20 Nov 23:00" in render_plan(made, 120)


def test_hostile_names_stay_on_their_line() -> None:
    text = render_plan(hostile(), 120)
    assert "\x1b" not in text and "\u202e" not in text and "\\x1b" in text


def test_hosts_that_one_thing_stops_are_told_once() -> None:
    known = plan(1)
    wrong = [{"name": f"db{n}", "state": "blocked", "reason": "the key of the source is unknown. " * 40} for n in range(9)]
    text = render_plan(dict(known, hosts=[*known["hosts"], *wrong]))
    assert text.count("the key of the source is unknown") < 20
    assert "db0, db1, db2, db3, db4, db5 and 3 more blocked: the key of the source is" in text and text.rstrip().endswith(" ...")
