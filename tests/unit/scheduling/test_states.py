# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which state may follow which, and what names look like."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling import names, states

WAY = ["waiting", "draining", "drained", "installing", "rebooting", "checking", "restoring", "succeeded"]


def test_the_way_of_a_host() -> None:
    assert all(states.host_may_go(was, to) for was, to in pairwise(WAY))


@pytest.mark.parametrize("was", states.HOST_WORKING)
def test_every_working_host_may_fail_get_lost_or_begin_again(was: str) -> None:
    assert all(states.host_may_go(was, to) for to in ("failed", "unreachable", "draining", was))


@pytest.mark.parametrize("was", states.HOST_WORKING)
def test_blocked_is_who_was_not_taken_beyond_its_drain(was: str) -> None:
    assert states.host_may_go(was, "blocked") is (was in ("waiting", "draining", "drained"))


@pytest.mark.parametrize(("was", "to"), [
    ("waiting", "installing"), ("waiting", "succeeded"), ("draining", "installing"), ("installing", "succeeded"),
    ("checking", "succeeded"), ("failed", "succeeded"),
    ("failed", "waiting"), ("succeeded", "draining"), ("up_to_date", "waiting"), ("waiting", "gone"),
    ("gone", "waiting")])
def test_no_short_cuts(was: str, to: str) -> None:
    assert not states.host_may_go(was, to)


@pytest.mark.parametrize("state", states.HOST_FINAL)
def test_every_final_state_can_be_reached(state: str) -> None:
    assert any(states.host_may_go(was, state) for was in states.HOST_WORKING)


@pytest.mark.parametrize("was", states.RUN_FINAL)
def test_a_finished_run_stays_so(was: str) -> None:
    assert not any(states.run_may_go(was, to) for to in states.RUN_STATES)


def test_a_stopping_run_only_ends() -> None:
    assert [to for to in states.RUN_STATES if states.run_may_go("stopping", to)] == ["stopping", *states.RUN_FINAL]


def test_a_host_that_never_answered_is_no_failure_of_the_run() -> None:
    assert not states.uses_up_failures("unreachable", "waiting")
    assert states.uses_up_failures("unreachable", "installing")
    assert states.uses_up_failures("failed", "waiting")


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a;b", "a/b", "../a", "a\n", "a\0", "é", "a" * 101, "$(x)", "<b>"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="patch_run_name .*can't be a name"):
        names.check_run_name(name)


@given(name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,79}\Z"), at=st.floats(0, 4e9))
def test_every_deployment_can_name_its_runs(name: str, at: float) -> None:
    assert names.check_run_name(names.default_run_name(names.check_deployment_name(name), at))


def test_the_default_name_has_the_time() -> None:
    assert names.default_run_name("web", 0.0) == "web-19700101T000000Z"
