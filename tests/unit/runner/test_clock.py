# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a condition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock, Deadline


class Time:
    now, looks = 0.0, 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def waited(comes: float, every: float, limit: float, soon: bool) -> "tuple[bool, float, int]":
    time = Time()

    def satisfied() -> bool:
        time.looks += 1
        return time.now >= comes

    found = Deadline(limit, Clock(lambda: time.now, time.sleep)).until(satisfied, every, soon)
    return found, time.now, time.looks


@given(st.floats(0, 100), st.sampled_from([0.2, 0.5, 2.0]))
def test_what_comes_soon_is_seen_soon_and_what_takes_long_is_not_asked_for_more_often(comes: float, every: float) -> None:
    found, at, looks = waited(comes, every, 1000, True)
    late = at - comes
    assert found and late <= min(every, max(every / 10, comes / 4)) + 1e-6
    assert looks <= waited(comes, every, 1000, False)[2] + 30


@given(st.floats(0, 10), st.booleans())
def test_nothing_is_waited_for_beyond_the_limit(comes: float, soon: bool) -> None:
    found, at, _looks = waited(comes, 0.5, 5, soon)
    assert found == (comes <= 5) and at <= 5 + 0.5
