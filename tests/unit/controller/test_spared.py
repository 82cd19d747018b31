# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose updates somebody else has installed since they were planned: it is not drained for nothing."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_slot
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

CHANGE = {"name": "a", "arch": "x", "from": "1", "to": "2"}
DUE = {"required": True, "reasons": ["package: kernel"]}


class Host:
    """Answers the confirmation, then the look."""

    def __init__(self, **confirmed: Any) -> None:
        self.confirmed = dict({"packages": [], "plan": {"changes": []}, "reboot": {"required": False}, "repaired": None}, **confirmed)
        self.asked: List[str] = []

    def module(self, name: str, args: Any, seconds: float, check: Any = None) -> Dict[str, Any]:
        self.asked.append(name.rpartition(".")[2])
        return self.confirmed if name.endswith("updates_install") else {"assessment": {"counts": {"total": 0}}}


def turn(desk: Any, variables: Any = None, **confirmed: Any) -> Any:
    desk.places["web1"] = Host(**confirmed)
    return desk.do(maintenance_slot, state="taken", run_id="night", confirm=True, variables=variables)


@pytest.fixture
def planned(desk: Any) -> Any:
    desk.open()
    desk.prepare(changes=[CHANGE])
    return desk


def test_one_that_has_it_all_ends_without_a_slot(planned: Any) -> None:
    told = turn(planned)
    assert (told["granted"], told["host_state"]) == (False, "up_to_date") and "installed meanwhile" in told["reason"]
    assert (planned.state().state, planned.slots()) == ("up_to_date", [])
    assert planned.places["web1"].asked == ["updates_install", "host_assess"], "what is on record of it is looked at anew"


def test_one_that_was_left_with_its_slot_returns_it(planned: Any) -> None:
    assert planned.book().take_slot(Settings.from_variables({}, "-"), ()).granted
    assert turn(planned)["host_state"] == "up_to_date" and planned.slots() == [] and planned.state().state == "up_to_date"


@pytest.mark.parametrize("confirmed", [{"plan": {"changes": [CHANGE]}}, {"reboot": DUE}, {"repaired": "half installed: a"}])
def test_one_with_anything_left_has_its_turn(planned: Any, confirmed: Any) -> None:
    assert turn(planned, **confirmed)["granted"]


def test_one_that_is_rebooted_in_any_case_has_its_turn(planned: Any) -> None:
    assert turn(planned, {"patch_reboot": "always"})["granted"]


def test_a_reboot_that_may_not_be_done_is_told_without_a_drain(planned: Any) -> None:
    told = turn(planned, {"patch_reboot": "never"}, reboot=DUE)
    assert told["host_state"] == "reboot_pending" and "package: kernel" in told["reason"] and planned.slots() == []


def test_one_that_this_run_has_drained_comes_back_by_its_own_steps(planned: Any) -> None:
    planned.drained()
    assert turn(planned)["granted"] and planned.slots() == [("night", "web1")]


def test_what_was_confirmed_before_another_run_had_the_host_is_asked_again(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other run has the host between this one's question and its slot."""
    planned.open("other", owner=planned.other, patch_deployment="other")
    other, asked = planned.book("other"), []

    class Waiting:
        near = True

        def __init__(self, book: Any) -> None:
            pass

        def pause(self, most: float = 0.0, for_limit: bool = False) -> None:
            other.returned("", "never")

    monkeypatch.setattr(maintenance_slot, "Waiting", Waiting)

    def confirm(*more: Any) -> Dict[str, Any]:
        asked.append(planned.slots())
        if len(asked) == 1:
            planned.drained("other").undone(1)
        return {"plan": {"changes": [CHANGE]}}

    monkeypatch.setattr(maintenance_slot, "confirm", confirm)
    assert turn(planned)["granted"] and len(asked) == 2


def test_one_that_another_run_has_is_not_asked(planned: Any) -> None:
    """It may be rebooting, and that is not this run's failure."""
    planned.open("other", owner=planned.other, patch_deployment="other")
    planned.drained("other")
    told = turn(planned, {"patch_slot_timeout": 0})
    assert told["host_state"] == "not_started" and "run other has taken this host out of service" in told["reason"]
    assert planned.places["web1"].asked == []


def test_one_with_a_hook_of_the_drain_begun_has_its_turn(planned: Any) -> None:
    planned.book().begin("hook before_drain")
    assert turn(planned)["granted"]


def test_one_that_an_earlier_run_left_out_of_service_has_its_turn(planned: Any) -> None:
    planned.open("evening", owner=planned.gone)
    planned.drained("evening").failed("failed", "broke", keeps_slot=True)
    assert turn(planned)["granted"]
