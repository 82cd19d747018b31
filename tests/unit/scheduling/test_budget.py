# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Budgets: amounts as people write them, and single decisions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import (
    LATER_RUN, Budget, Host, Request, decide, max_failed, max_unavailable, parse_amount)

UNAVAILABLE = Budget("patch_max_unavailable", 2, 8, "2")
FAILURES = Budget("patch_max_failed", 0, 8, "0")
ASK = Request("web9", "night", "running", UNAVAILABLE, FAILURES)
BUSY = (Host("web1", "night", "installing"), Host("web2", "night", "draining"))
DEAD = (Host("web1", "night", "failed"), Host("web2", "night", "unreachable"))


@given(percent=st.integers(1, 100), size=st.integers(1, 5000))
def test_percentages_are_rounded_down(percent: int, size: int) -> None:
    assert parse_amount("%d%%" % percent, "x").of(size) == percent * size // 100


@given(percent=st.decimals("0.1", 100, places=2), size=st.integers(1, 5000))
def test_fractions_of_percent_are_exact(percent: object, size: int) -> None:
    exact = Fraction(str(percent)) * size / 100
    assert parse_amount("%s%%" % percent, "x").of(size) == exact.numerator // exact.denominator


@pytest.mark.parametrize("value", [True, None, -1, "-1", 1.5, "1.5", "101%", "100.1%", "", "%", "a", "1e3", [2], "٣", "²", "5 hosts"])
def test_what_is_no_amount_is_refused_by_name(value: object) -> None:
    with pytest.raises(BadInput, match="^patch_budget is .*use a number of hosts"):
        parse_amount(value, "patch_budget")


@pytest.mark.parametrize(("value", "size", "limit"), [
    (3, 8, 3), ("3", 8, 3), (" 3 ", 8, 3), ("25%", 8, 2), ("25 %", 9, 2), (20, 8, 20), ("100%", 8, 8)])
def test_amounts(value: object, size: int, limit: int) -> None:
    assert max_unavailable(value, size).limit == limit


@pytest.mark.parametrize(("value", "size", "says"), [
    ("25%", 3, 'patch_max_unavailable is 25% of 3 hosts, rounded down none, so no host could ever be patched: use "34%" or more'),
    ("0%", 8, 'use "13%" or more'), (0, 8, "patch_max_unavailable is 0 of 8 hosts, so .*: use 1 or more"), ("50%", 0, "use 1 or more")])
def test_a_budget_of_no_host_is_refused_with_what_to_write(value: object, size: int, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        max_unavailable(value, size)


@given(size=st.integers(1, 3000))
def test_the_percentage_that_is_advised_works_and_is_the_lowest_whole_one(size: int) -> None:
    with pytest.raises(BadInput) as caught:
        max_unavailable("0%", size)
    advised = int(caught.value.message.split('use "')[1].split("%")[0])
    assert max_unavailable("%d%%" % advised, size).limit >= 1
    assert advised == 1 or parse_amount("%d%%" % (advised - 1), "x").of(size) == 0


def test_unset_is_one_host_or_the_batch_in_step() -> None:
    assert max_unavailable(None, 8).limit == 1
    assert max_unavailable(None, 8, batch=4).limit == 4


def test_failures_default_to_none_and_may_be_none() -> None:
    assert (max_failed(None, 8).limit, max_failed("10%", 8).limit, max_failed("10%", 20).limit, max_failed(3, 8).limit) == (0, 0, 2, 3)


def test_room_is_granted() -> None:
    assert decide(replace(ASK, holders=BUSY[:1])).granted


def test_no_room_waits_and_names_whom_for() -> None:
    decision = decide(replace(ASK, holders=BUSY))
    assert decision.kind == "wait"
    assert decision.reason == "patch_max_unavailable allows 2 of 8 hosts out of service; waiting for web1 (installing), web2 (draining)"
    assert decision.blockers == BUSY


def test_slots_of_another_run_count_and_are_named_with_it() -> None:
    decision = decide(replace(ASK, holders=(BUSY[0], Host("web2", "day", "checking"))))
    assert decision.kind == "wait" and "web2 (checking in run day)" in decision.reason


def test_hosts_that_are_down_count() -> None:
    assert decide(replace(ASK, holders=BUSY[:1], down=(Host("web5", "", "unreachable"),))).kind == "wait"


def test_a_host_that_is_down_and_holds_a_slot_counts_once() -> None:
    assert decide(replace(ASK, holders=DEAD[:1], down=DEAD[:1])).granted


def test_room_that_only_final_hosts_could_make_is_refused_with_their_names() -> None:
    decision = decide(replace(ASK, holders=DEAD))
    assert decision.kind == "refused" and decision.blockers == DEAD and decision.budget == "patch_max_unavailable"
    assert "web1 (failed), web2 (unreachable)" in decision.reason and "raise patch_max_unavailable to at least 3" in decision.reason


def test_one_final_host_among_working_ones_is_waited_past() -> None:
    decision = decide(replace(ASK, holders=(DEAD[0], BUSY[1])))
    assert decision.kind == "wait" and decision.blockers == (BUSY[1],)


def test_slots_of_a_controller_that_is_gone_never_come_back() -> None:
    decision = decide(replace(ASK, holders=tuple(replace(h, run="day", abandoned=True) for h in BUSY)))
    assert decision.kind == "refused" and "web1 (installing in run day, whose controller is gone)" in decision.reason


def test_a_slot_of_ones_own_is_granted_again_whatever_the_run_does() -> None:
    mine = (*BUSY, Host("web9", "night", "installing"))
    assert decide(replace(ASK, holders=mine, run_state="stopping", failed=("web3",))).granted


def test_a_host_that_another_run_works_on_is_waited_for() -> None:
    there = (Host("web9", "day", "installing"),)
    assert decide(replace(ASK, holders=there)).kind == "wait"
    assert decide(replace(ASK, holders=there, in_step=True)).kind == "refused"


def test_a_slot_of_ones_own_waits_for_a_later_run_that_works_on_the_host() -> None:
    mine, later = Host("web9", "night", "installing"), Host("web9", "day", "checking")
    decision = decide(replace(ASK, holders=(BUSY[0], mine, later), in_step=True))
    assert (decision.kind, decision.budget, decision.blockers) == ("wait", LATER_RUN, (later,))
    assert decision.reason == "run day works on this host (checking), which run night had left in the middle, and is waited for"
    assert decide(replace(ASK, holders=(later, mine))).granted, "the later run itself goes on"
    for over in (replace(later, state="failed"), replace(later, abandoned=True), replace(later, name="web1")):
        assert decide(replace(ASK, holders=(mine, over))).granted


def test_a_host_that_another_run_left_behind_takes_no_further_room() -> None:
    assert decide(replace(ASK, holders=(BUSY[0], Host("web9", "day", "failed")))).granted


@pytest.mark.parametrize(("state", "kind"), [
    ("paused", "wait"), ("stopping", "refused"), ("stopped", "refused"), ("failed", "refused"), ("succeeded", "refused")])
def test_the_run_is_asked_first(state: str, kind: str) -> None:
    decision = decide(replace(ASK, run_state=state, failed=("web3",), failed_canaries=("web3",), holders=DEAD))
    assert (decision.kind, decision.budget) == (kind, "run")
    assert "run night" in decision.reason


def test_used_up_failures_refuse_with_budget_and_hosts() -> None:
    decision = decide(replace(ASK, failures=Budget("patch_max_failed", 1, 8, "15%"), failed=("web1", "web2")))
    assert decision.kind == "refused" and decision.budget == "patch_max_failed"
    assert decision.reason == "patch_max_failed allows 1 of 8 hosts (15%) to fail, and 2 failed: web1, web2; no further host is started"


def test_failures_within_the_budget_do_not_count() -> None:
    assert decide(replace(ASK, failures=replace(FAILURES, limit=1), failed=("web1",))).granted


def test_a_failed_canary_refuses_all_others_even_within_the_failure_budget() -> None:
    decision = decide(replace(ASK, failures=replace(FAILURES, limit=5), failed=("web1",), failed_canaries=("web1",)))
    assert decision.kind == "refused" and decision.reason.startswith("patch_canaries: canary web1")


def test_in_step_what_is_not_free_now_never_comes_and_the_message_has_the_numbers() -> None:
    decision = decide(replace(ASK, holders=BUSY, in_step=True, batch=("web1", "web2", "web9", "web4")))
    assert decision.kind == "refused" and decision.budget == "patch_max_unavailable"
    assert "raise patch_max_unavailable to at least 4, lower serial to at most 2, or use strategy host_pinned" in decision.reason


def test_in_step_the_slots_of_others_leave_less_room() -> None:
    decision = decide(replace(ASK, holders=(Host("db1", "day", "installing"), BUSY[0]), in_step=True, batch=("web1", "web9")))
    assert "raise patch_max_unavailable to at least 3, lower serial to at most 1" in decision.reason


def test_a_long_list_of_names_is_cut() -> None:
    hosts = tuple(Host("web%02d" % n, "night", "failed") for n in range(30))
    assert "web09 (failed) and 20 more" in decide(replace(ASK, holders=hosts)).reason
