# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that one run left drained and the next one patched, and a drain that was lost before the installation."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_mode, maintenance_slot
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import drain
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import earlier
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import walked
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.closing import directory_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.earlier import StillLeftOut
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

HOOK = "hook before_drain"


@pytest.fixture
def two(desk: Any) -> Any:
    """The run ``night`` left the host drained, ``next`` found it so and has patched it."""
    desk.open(owner=desk.gone)
    desk.drained().failed("failed", "broke", keeps_slot=True)
    desk.open("next", patch_deployment="other")
    with desk.drained("next", place="lb2").step("install"):
        pass
    return desk


def leave(desk: Any, **more: Any) -> Any:
    return desk.do(maintenance_mode, state="left", run_id="next", **dict({"earlier": True}, **more))


def test_it_comes_back_for_both_and_both_records_say_so(two: Any) -> None:
    leave(two)
    assert two.places["lb1"].asked == two.places["lb2"].asked == [("left", None)]
    assert two.slots() == [("next", "web1")], "its own is returned by the next task"
    told = two.do(maintenance_slot, state="returned", run_id="next")
    assert (told["host_state"], told["reason"]) == ("succeeded", "brought back: run night had left it out of service")
    assert two.slots() == [] and two.state().state == "failed", "what became of the earlier run is history"
    assert [step.step for step in two.steps("night")][-2:] == ["gate", "leave"]


def test_an_earlier_run_ends_with_its_last_host_where_its_controller_is_gone(two: Any) -> None:
    with two.ledger.write() as c:
        hosts.set_state(c, two.run().id, "web2", "up_to_date")
    leave(two, check=True)
    assert two.run().state == "running"
    leave(two)
    assert two.run().state == "failed", "it is not left to be gone on with"
    assert (directory_of(Settings.from_variables({}, "-"), "night") / "report.html").exists()


def test_one_with_more_hosts_to_come_is_left_to_be_gone_on_with(two: Any) -> None:
    leave(two)
    assert two.run().state == "running" and two.state("web2").state == "waiting"


def test_a_restore_leaves_for_its_own_run_alone(two: Any) -> None:
    leave(two, earlier="False")
    assert "lb1" not in two.places and two.slots() == [("night", "web1"), ("next", "web1")]


def test_one_that_is_less_healthy_than_the_earlier_run_found_it_stays_out(two: Any) -> None:
    two.places["web1"] = two.place("web1", answer={"failed": True, "msg": "frail.service failed"})
    with pytest.raises(StillLeftOut, match="web1 is patched, but still in maintenance for run night, .*: not healthy: frail.service failed"):
        leave(two)
    assert "lb1" not in two.places and "lb2" not in two.places, "nothing was left by halves"
    assert len(two.slots()) == 2


def test_a_place_that_does_not_answer_leaves_it_out(two: Any) -> None:
    two.places["lb1"] = two.place("lb1", Lost("lb1 can't be reached", host="lb1"))
    with pytest.raises(StillLeftOut, match="still in maintenance for run night"):
        leave(two)
    assert len(two.slots()) == 2


@pytest.mark.parametrize("mine", [False, True])
def test_a_hook_of_the_earlier_drain_is_undone_only_by_the_same_hook(two: Any, mine: bool) -> None:
    two.book("night").begin(HOOK)
    if mine:
        two.book("next").begin(HOOK)
        leave(two)
        assert two.slots() == [("next", "web1")]
        return
    with pytest.raises(StillLeftOut, match="hook before_drain of that run was begun, and only a person can know what undoes it"):
        leave(two)


# --- a host that lacks nothing


def lacks_nothing(desk: Any, ended: bool, owner: str = "gone", state: str = "up_to_date", **more: Any) -> Any:
    desk.open(owner=getattr(desk, owner))
    book = desk.drained()
    if ended:
        book.failed("failed", "broke", keeps_slot=True)
    desk.open("next", patch_deployment="other")
    return earlier.stands(desk.book("next"), state, "", **more)


@pytest.mark.parametrize("state", ["up_to_date", "reboot_pending"])
def test_one_that_another_run_left_out_has_its_turn_to_come_back(desk: Any, state: str) -> None:
    assert lacks_nothing(desk, ended=True, state=state) == ("waiting", "nothing to install, but run night left it out of service")


def test_one_that_was_never_planned_is_given_back_by_a_person(desk: Any) -> None:
    state, reason = lacks_nothing(desk, ended=True, rolls=False)
    assert state == "blocked" and "fleetops.patchtrain.restore" in reason


def test_one_in_the_middle_of_a_run_that_is_gone_waits_for_that_run(desk: Any) -> None:
    state, reason = lacks_nothing(desk, ended=False)
    assert state == "blocked" and "-e patch_run_name=night" in reason


def test_one_that_a_living_run_works_on_is_its(desk: Any) -> None:
    assert lacks_nothing(desk, ended=False, owner="other") == ("up_to_date", "")


def test_what_is_planned_or_blocked_stays_so(desk: Any) -> None:
    assert lacks_nothing(desk, ended=True, state="waiting") == ("waiting", "")
    assert earlier.stands(desk.book("next"), "blocked", "no space") == ("blocked", "no space")


# --- a drain that was lost


def asked_again(desk: Any, driver: str, answer: Any = None) -> Any:
    desk.open()
    book = desk.drained()
    undo = dict(book.entered()[0]["undo"], driver=driver)
    with book.step("enter", "lb3", undo=undo):
        pass
    desk.places["lb1"] = place = desk.place("lb1", answer=answer)
    drain.still_entered(book, lambda name: place)
    return place.asked


def test_a_drain_that_was_seen_a_moment_ago_is_not_looked_at_again(desk: Any) -> None:
    assert asked_again(desk, "haproxy") == []


@pytest.mark.parametrize(("driver", "changed", "told"), [
    ("haproxy", True, ["the drain was lost, and is done again"]), ("haproxy", False, ["still drained"]), ("pacemaker", True, [])])
def test_where_time_has_passed_a_place_that_forgets_is_asked(desk: Any, monkeypatch: pytest.MonkeyPatch, driver: str, changed: bool, told: Any) -> None:
    monkeypatch.setattr(walked, "_FRESH", 0.0)
    assert len(asked_again(desk, driver, {"changed": changed, "prior_state": "in_service"})) == len(told)
    assert [step.message for step in desk.steps() if step.step == "drain again"] == told


def test_where_a_hook_came_between_it_is_asked(desk: Any) -> None:
    desk.open()
    book = desk.drained()
    with book.step("enter", "lb1", undo=dict(book.entered()[0]["undo"], driver="haproxy")):
        pass
    book.begin("hook after_drain")
    place = desk.place("lb1")
    drain.still_entered(book, lambda name: place)
    assert place.asked == [("entered", None)]
