# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All places of one host: their order, and what becomes of them when one says no."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_slot, patch_run
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CannotMove, MaintenanceFailed
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import drain
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.book import PROGRAMS
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.model import run_model
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

BLOCKED = {"failed": True, "msg": "no peer", "error": {"kind": "CannotMove", "blocked": True}, "undone": None}
FAILED = {"failed": True, "msg": "broke", "error": {"kind": "MaintenanceFailed"}, "undone": True}


class Asked:
    """Places that are entered one after another; ``said`` is by whom what was asked, ``answers`` what a place says when entered in earnest."""

    def __init__(self, **answers: Any) -> None:
        self.said: list[Any] = []
        self.looks: list[str] = []
        self.deaf = ""
        self.priors: dict[str, str] = {}
        self.found: dict[str, str] = {}
        self.answers = answers

    def reach(self, name: str) -> Any:
        asked = self

        class Place:
            takes_input = False

            def __init__(self) -> None:
                self.name = name

            def module(self, _name: str, args: Any, _seconds: float, check: Any = None) -> Any:
                if check:
                    asked.looks.append(name)
                    if asked.deaf == name:
                        raise MaintenanceFailed("no answer")
                    return {"changed": True, "prior_state": asked.priors.get(name, "in_service")}
                if args.get("expect_prior", asked.found.get(name)) != asked.found.get(name, args.get("expect_prior")):
                    return {"failed": True, "msg": "it is otherwise", "error": {"kind": "FoundOtherwise"}, "prior_state": asked.found[name]}
                asked.said.append((name, args["state"]))
                return dict(asked.answers.get("%s_%s" % (name, args["state"]), {"changed": True, "prior_state": asked.found.get(name, "in_service")}))

        return Place()


PLACES = [{"driver": "command", "place": place} for place in ("a", "b", "c")]


def enter(desk: Any, asked: Asked, priors: Any = None) -> Any:
    desk.open()
    book = desk.book()
    assert book.take_slot(Settings.from_variables({}, "web1"), ()).granted
    return drain.enter(PLACES, "web1", book, asked.reach, 5.0, priors)


def failed(desk: Any, error: Any) -> Any:
    return desk.do(maintenance_slot, state="failed", run_id="night", failed_task="Enter maintenance mode", failure=dict(error.as_result(), failed=True))


def test_places_are_entered_in_order_and_left_in_reverse(desk: Any) -> None:
    asked = Asked()
    enter(desk, asked)
    drain.leave(desk.book(), asked.reach)
    assert asked.said == [("a", "entered"), ("b", "entered"), ("c", "entered"), ("c", "left"), ("b", "left"), ("a", "left")]


def test_where_one_is_blocked_it_is_not_touched_again_and_the_others_are_left_in_reverse(desk: Any) -> None:
    asked = Asked(c_entered=BLOCKED)
    with pytest.raises(CannotMove, match="command at c: no peer; the places before it were brought back") as caught:
        enter(desk, asked)
    assert asked.said[3:] == [("b", "left"), ("a", "left")]
    assert failed(desk, caught.value)["host_state"] == "blocked"
    assert (desk.state().state, desk.slots()) == ("blocked", []) and "no peer" in desk.state().reason


def test_one_that_failed_is_left_too_and_has_failed(desk: Any) -> None:
    asked = Asked(b_entered=FAILED)
    with pytest.raises(MaintenanceFailed) as caught:
        enter(desk, asked)
    assert not isinstance(caught.value, CannotMove) and asked.said[2:] == [("b", "left"), ("a", "left")]
    assert failed(desk, caught.value)["host_state"] == "failed" and desk.slots() == []


def test_blocked_at_one_place_and_stuck_at_another_has_failed_and_keeps_its_slot(desk: Any) -> None:
    asked = Asked(c_entered=BLOCKED, b_left=FAILED)
    with pytest.raises(MaintenanceFailed, match="undoing the places before it failed too") as caught:
        enter(desk, asked)
    assert not isinstance(caught.value, CannotMove)
    desk.places["b"] = desk.place("b", MaintenanceFailed("still stuck"))
    assert failed(desk, caught.value)["host_state"] == "failed" and desk.slots() == [("night", "web1")]


def test_a_blocked_host_for_which_a_hook_was_begun_keeps_its_slot(desk: Any) -> None:
    asked = Asked(a_entered=BLOCKED)
    with pytest.raises(CannotMove) as caught:
        enter(desk, asked)
    desk.book().begin("hook before_drain")
    assert failed(desk, caught.value)["host_state"] == "failed" and desk.slots() == [("night", "web1")]


def test_one_that_was_back_already_is_told(desk: Any) -> None:
    asked = Asked(b_left={"changed": False, "prior_state": "in_service"})
    enter(desk, asked)
    drain.leave(desk.book(), asked.reach)
    assert [(step.place, step.message) for step in desk.steps() if step.step == "leave"] == [
        ("c", ""), ("b", "nothing to do: it was in service already"), ("a", "")]


def test_who_moved_is_on_record_and_told_also_where_the_drain_failed(desk: Any) -> None:
    moved = [{"what": "job %d of ada" % number, "from": "n1", "to": "n2", "id": number} for number in range(12)]
    lost = dict(FAILED, error={"kind": "MaintenanceFailed", "moved": moved[:1], "awaited": ["7"]})
    asked = Asked(a_entered={"changed": True, "detail": {"moved": moved, "node": "n1"}}, b_entered=lost)
    with pytest.raises(MaintenanceFailed):
        enter(desk, asked)
    first, second = [step for step in desk.steps() if step.step == "enter"]
    assert first.detail["moved"] == moved and first.detail["evidence"] == {"node": "n1"} and first.detail["changed"] is True
    assert first.message.startswith("moved: job 0 of ada from n1 to n2; job 1 of ada") and first.message.endswith("job 9 of ada from n1 to n2; and 2 more")
    assert second.detail["moved"] == moved[:1] and second.detail["evidence"]["awaited"] == ["7"] and "broke" in second.message
    assert [step.get("moved") for step in report_steps(desk) if step["step"] == "enter"] == [moved, moved[:1]]


def report_steps(desk: Any) -> Any:
    return run_model(desk.ledger, "night", 0, 0)["hosts"][0]["steps"]


def test_control_names_the_blocked_and_how_they_are_tried_again(desk: Any) -> None:
    desk.open()
    desk.book().state("blocked", "the guest db1 can't move")
    told = desk.do(patch_run, state="info", run_id="night")
    assert "blocked: web1, because of the guest db1 can't move" in told["text"] and "-e patch_from_blocked=night" in told["text"]
    assert told["runs"][0]["blocked"] == [{"host": "web1", "reason": "the guest db1 can't move"}]


def test_a_place_that_was_looked_at_before_the_slot_is_not_looked_at_with_it(desk: Any) -> None:
    asked = Asked()
    asked.deaf = "b"
    desk.open()
    priors = drain.look(PLACES, "web1", desk.book(), asked.reach, 5.0, {})
    asked.looks.clear()
    asked.deaf = ""
    assert len(priors) == 2 and len(drain.look(PLACES, "web1", desk.book(), asked.reach, 5.0, priors)) == 3 and asked.looks == ["b"]
    asked.looks.clear()
    enter(desk, asked, priors)
    assert asked.looks == ["b"], "one that did not answer then is asked now"
    assert [step["undo"]["prior_state"] for step in desk.book().entered()] == ["in_service"] * 3


def test_what_the_driver_found_counts_where_it_is_not_what_was_seen_before(desk: Any) -> None:
    """Somebody has drained it meanwhile: it is not for us to bring it back."""
    asked = Asked(b_entered={"changed": False, "prior_state": "draining"})
    desk.open()
    enter(desk, asked, drain.look(PLACES, "web1", desk.book(), asked.reach, 5.0, {}))
    assert [step["undo"]["prior_state"] for step in desk.book().entered()] == ["in_service", "draining", "in_service"]


def test_a_drain_that_fails_is_undone_to_what_the_driver_found(desk: Any) -> None:
    asked = Asked(b_entered=dict(FAILED, prior_state="draining"))
    desk.open()
    with pytest.raises(MaintenanceFailed):
        enter(desk, asked, drain.look(PLACES, "web1", desk.book(), asked.reach, 5.0, {}))
    undo = {step.place: step.undo["prior_state"] for step in desk.steps() if step.step == "enter"}
    assert undo == {"a": "in_service", "b": "draining"}


def test_a_host_that_is_otherwise_than_it_was_seen_is_entered_from_how_it_is(desk: Any) -> None:
    """Its undoing is on record before anything is begun, so that it is right where no answer arrives, too."""
    asked = Asked()
    desk.open()
    priors = drain.look(PLACES, "web1", desk.book(), asked.reach, 5.0, {})
    asked.found["b"] = "draining"
    enter(desk, asked, priors)
    steps = [(step.place, step.outcome, step.undo["prior_state"], step.undone_at is not None) for step in desk.steps() if step.step == "enter"]
    assert steps == [("a", "ok", "in_service", False), ("b", "skipped", "in_service", False), ("b", "ok", "draining", False), ("c", "ok", "in_service", False)]


def test_a_place_where_a_program_lies_is_asked_by_it(desk: Any) -> None:
    desk.open()
    with desk.ledger.write() as c:
        events.append(c, PROGRAMS, run_id=desk.run().id, detail={"b": {"program": "/p/b.zip", "python": "py"}})
    assert desk.book().laid_at("b") == {"program": "/p/b.zip", "python": "py"} and desk.book().laid_at("a") is None
