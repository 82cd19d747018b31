# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a roll."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.order import interleave, longest_first, order, pick_canaries

names = st.lists(st.text("abc12", min_size=1, max_size=3), unique=True, max_size=20)


def test_sets_take_turns() -> None:
    sets = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "c1": "c", "c2": "c"}
    assert interleave(["a1", "a2", "a3", "b1", "c1", "c2"], sets) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_without_sets_the_order_stays() -> None:
    assert interleave(["c", "a", "b"]) == ["c", "a", "b"]


def test_the_longest_goes_first_and_who_is_alike_stays_in_order() -> None:
    assert longest_first(["a", "b", "c", "d"], {"a": 31.0, "b": 30.0, "c": 600.0, "d": 1.0}) == ["c", "a", "b", "d"]


def test_a_host_of_which_nothing_is_known_counts_as_the_others() -> None:
    assert longest_first(["a", "b", "c"], {"a": 10.0, "c": 100.0}) == ["c", "b", "a"]
    assert longest_first(["b", "a"], {}) == ["b", "a"]


def test_canaries_come_first_as_given() -> None:
    assert order(["a", "b", "c", "d"], ["d", "b"]) == ["d", "b", "a", "c"]


def test_a_number_of_canaries_is_spread_over_the_sets() -> None:
    assert pick_canaries(2, ["a1", "a2", "b1"], {"a1": "a", "a2": "a", "b1": "b"}) == ["a1", "b1"]
    assert pick_canaries(9, ["a", "b"]) == ["a", "b"]


def test_canaries_outside_the_limit_are_left_out_but_strangers_are_mistakes() -> None:
    assert pick_canaries(["x", "b"], ["a", "b"], known={"a", "b", "x"}) == ["b"]
    with pytest.raises(BadInput, match="patch_canaries names z, which is not in the inventory"):
        pick_canaries(["z"], ["a", "b"], known={"a", "b"})


@given(hosts=names, data=st.data())
def test_every_host_once_canaries_first_and_the_same_each_time(hosts: list[str], data: st.DataObject) -> None:
    sets = {host: data.draw(st.sampled_from("xyz")) for host in hosts}
    canaries = data.draw(st.lists(st.sampled_from(hosts), unique=True)) if hosts else []
    result = order(hosts, canaries, sets)
    assert sorted(result) == sorted(hosts)
    assert result[:len(canaries)] == canaries
    assert result == order(hosts, canaries, sets)


@given(hosts=names, data=st.data())
def test_no_set_is_ever_more_than_one_turn_ahead(hosts: list[str], data: st.DataObject) -> None:
    sets = {host: data.draw(st.sampled_from("xyz")) for host in hosts}
    result = interleave(hosts, sets)
    for end in range(len(result) + 1):
        turns = {name: sum(1 for h in result[:end] if sets[h] == name) for name in "xyz"}
        left = {name for name in "xyz" if any(sets[h] == name for h in result[end:])}
        assert all(max(turns.values()) - turns[name] <= 1 for name in left)
