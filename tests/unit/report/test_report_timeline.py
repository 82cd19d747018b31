# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was out when: the peak is the true one, lanes never overlap, the axis is round."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.hosts import Stretch
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.page.chart import chart
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.hosts import hosts_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.timeline import Axis, anchor, axis, concurrency, lanes, peak
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import run_model
from hypothesis import given
from hypothesis import strategies as st

stretches = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=30).map(
    lambda pairs: [Stretch(f"h{index}", float(start), float(start + length), False) for index, (start, length) in enumerate(pairs)])


def out_at(all_of_them: list[Stretch], time: float) -> int:
    return sum(one.start <= time < one.end for one in all_of_them)


@given(stretches)
def test_the_peak_is_what_counting_at_every_moment_gives(found: list[Stretch]) -> None:
    top = peak(concurrency(found))
    most = max((out_at(found, moment / 2) for moment in range(160)), default=0)
    assert (top.count if top else 0) == most
    if top:
        assert out_at(found, top.start) == most


@given(stretches)
def test_every_level_is_the_count_at_its_time_and_the_last_is_zero(found: list[Stretch]) -> None:
    levels = concurrency(found)
    assert all(out_at(found, time) == count for time, count in levels)
    assert not levels or levels[-1][1] == 0


@given(stretches)
def test_lanes_hold_every_stretch_once_and_none_overlap(found: list[Stretch]) -> None:
    rows = lanes(found)
    assert sorted(one.host for row in rows for one in row) == sorted(one.host for one in found)
    assert all(left.end <= right.start for row in rows for left, right in zip(row, row[1:]))
    top = peak(concurrency(found))
    if all(one.seconds > 0 for one in found):
        assert len(rows) == (top.count if top else 0)


@given(st.floats(0, 2e9), st.floats(0.1, 4e7))
def test_ticks_are_few_ordered_and_inside(start: float, length: float) -> None:
    scale = Axis(start, start + length)
    ticks = scale.ticks()
    assert len(ticks) <= 6
    assert ticks == sorted(ticks)
    assert all(start <= tick <= start + length for tick in ticks)


def test_ticks_are_round() -> None:
    assert Axis(7205.0, 7205.0 + 1500).ticks() == [7500.0, 7800.0, 8100.0, 8400.0, 8700.0]


def test_an_axis_of_nothing_has_a_length() -> None:
    assert axis([], None, None).end > axis([], None, None).start
    assert axis([], 5.0, 5.0) == Axis(5.0, 6.0)


def test_one_comes_back_as_the_next_leaves() -> None:
    pair = [Stretch("a", 0, 10, False), Stretch("b", 10, 20, False)]
    assert peak(concurrency(pair)).count == 1  # type: ignore[union-attr]
    assert len(lanes(pair)) == 1


@pytest.mark.parametrize(("size", "slots", "named", "packed"), [(12, 4, 12, 0), (200, 8, 0, 8)])
def test_few_hosts_have_names_and_many_share_a_row_a_slot(size: int, slots: int, named: int, packed: int) -> None:
    model = run_model(size, slots=slots)
    view = chart(model, hosts_of(model))
    assert view is not None
    assert (len(view["named"]), len(view["packed"])) == (named, packed)
    assert view["peak"].count == slots == view["limit"]


def test_the_phases_of_a_cycle_are_those_of_its_steps() -> None:
    model = run_model(3)
    view = chart(model, hosts_of(model))
    assert view is not None
    assert view["phases"] == ["drain", "install", "reboot", "check", "restore"]


def test_nobody_out_is_no_picture() -> None:
    model = run_model(2, troubles={"blocked": 2})
    assert chart(model, hosts_of(model)) is None


def test_labels_stay_inside_a_narrow_picture() -> None:
    """Of 300 pixels, a letter takes 7."""
    for text in ("15:26", "15:26:30", "Nov 21, 15:26"):
        wide = 100 * 7 * len(text) / 300
        for position in range(101):
            left = {"start": 0.0, "middle": wide / 2, "end": wide}[anchor(position, text)]
            assert 0 <= position - left and position - left + wide <= 100, (position, text)
        assert anchor(50, text) == "middle"
