# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for a slot: asked again when there is news, in the plan's order, confirmed before the turn and not while the slot is held."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Sequence

import pytest
from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_slot
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import TransactionDiffers
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.confirming import FRESH, JUST, Confirmation, good_for
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import runs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.slots import give_back
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.waiting import PATIENCE, RARELY, Waiting

NAMES = ["web%d" % number for number in range(1, 8)]


class Time:
    """Time that passes with each sleep, at the ``third`` of which something happens."""

    def __init__(self, third: Callable[[], None] = lambda: None) -> None:
        self.now, self.slept, self.third = 0.0, [], third  # type: float, List[float], Callable[[], None]

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        if len(self.slept) == 3:
            self.third()


def waiting(desk: Any, host: str, time: Time) -> Waiting:
    return Waiting(desk.book(host=host), clock=lambda: time.now, sleep=time.sleep)


def happening(desk: Any, names: Sequence[str], news: str) -> Callable[[], None]:
    """A run of which the first host is out of service, and what becomes of its slot or of the run."""
    run = desk.open(targets=names)
    desk.drained(host="web1")

    def happens() -> None:
        with desk.ledger.write() as c:
            if news == "slot":
                give_back(c, run.id, "web1")
            else:
                runs.set_state(c, run.id, "stopping")

    return happens


def test_nothing_new_is_waited_for_some_seconds(desk: Any) -> None:
    desk.open(targets=NAMES)
    time = Time()
    waiting(desk, "web1", time).pause()
    assert PATIENCE <= time.now < PATIENCE + 0.2


@pytest.mark.parametrize("news", ["slot", "run"])
def test_a_slot_that_was_returned_and_a_run_that_is_stopped_are_heard_of_at_once(desk: Any, news: str) -> None:
    time = Time(happening(desk, NAMES, news))
    waiting(desk, "web2", time).pause()
    assert time.now < PATIENCE / 2 and len(time.slept) == 4


MANY = ["web%d" % number for number in range(1, 61)]


@pytest.mark.parametrize("news", ["slot", "run"])
def test_who_is_far_behind_leaves_a_slot_of_the_run_to_those_before_it_and_hears_of_its_end(desk: Any, news: str) -> None:
    time = Time(happening(desk, MANY, news))
    waiting(desk, "web60", time).pause(for_limit=True)
    # 58 come before it
    assert (5.8 <= time.now < 8.0) if news == "slot" else time.now < PATIENCE + 0.5


@pytest.mark.parametrize("host, for_limit", [("web2", True), ("web60", False)])
def test_who_is_near_or_waits_for_another_budget_hears_of_each_slot(desk: Any, host: str, for_limit: bool) -> None:
    time = Time(happening(desk, MANY, "slot"))
    waiting(desk, host, time).pause(for_limit=for_limit)
    assert time.now < PATIENCE / 2


def test_however_many_come_before_it_a_host_asks_now_and_then(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(targets=NAMES)
    time = Time()
    one = waiting(desk, "web7", time)
    monkeypatch.setattr(one, "_ahead", 5000)
    one.pause(for_limit=True)
    assert RARELY <= time.now < RARELY + 2


def test_the_first_in_the_order_listens_most_often(desk: Any) -> None:
    """Whoever listens takes CPU from what goes on, and the next slot is not for the last."""
    desk.open(targets=NAMES)
    looks = {}
    for name in NAMES[:4]:
        for for_limit in (True, False):
            time = Time()
            waiting(desk, name, time).pause(for_limit=for_limit)
            looks[name, for_limit] = len(time.slept)
    assert looks["web1", True] == looks["web2", True] > 1.8 * looks["web3", True] > 2.5 * looks["web4", True] > 20
    assert min(looks[name, False] for name in NAMES[:4]) == looks["web1", True], "of other budgets the order tells nothing"


def test_what_happened_before_the_last_question_is_no_news(desk: Any) -> None:
    run = desk.open(targets=NAMES)
    desk.drained(host="web1")
    with desk.ledger.write() as c:
        give_back(c, run.id, "web1")
    time = Time()
    waiting(desk, "web2", time).pause()
    assert time.now >= PATIENCE


def test_who_comes_first_in_the_order_asks_first(desk: Any) -> None:
    desk.open(targets=NAMES)
    times = [Time() for _name in NAMES]
    asked = [waiting(desk, name, time) for name, time in zip(NAMES, times)]
    assert [one.near for one in asked] == [True] * 4 + [False] * 3
    for one in asked:
        one.pause()
    assert sorted(time.now for time in times) == [time.now for time in times] and times[0].now < times[1].now
    desk.drained(host="web1")
    asked[4].pause()
    assert asked[4].near, "one less is before it"


def test_an_answer_is_good_for_a_while() -> None:
    asked: List[float] = []
    time = Time()
    one = Confirmation(lambda: asked.append(time.now), clock=lambda: time.now)
    for _turn in range(3):
        one.renew()
        time.now += FRESH / 2
    assert asked == [0.0]
    time.now += 1
    one.renew()
    assert len(asked) == 2


def test_a_host_that_was_just_prepared_need_not_confirm() -> None:
    time, asked = Time(), []
    one = Confirmation(lambda: asked.append(time.now), 7.0, clock=lambda: time.now)
    one.renew()
    assert asked == []
    one.forget()
    one.renew()
    assert asked == [0.0], "another run has had it since"


def test_one_that_has_to_wait_is_asked_although_it_was_just_prepared() -> None:
    time, asked = Time(), []
    one = Confirmation(lambda: asked.append(time.now), 7.0, clock=lambda: time.now)
    for _turn in range(2):
        one.waits()
        one.renew()
    assert asked == [0.0], "once, and not at each turn"


@pytest.mark.parametrize("ago, good", [(3.0, JUST - 3.0), (JUST + 1, 0.0), (-5.0, 0.0)])
def test_for_how_long_a_preparation_is_good(desk: Any, ago: float, good: float) -> None:
    desk.open()
    assert good_for(desk.book(), 0.0) == 0.0
    with desk.book().step("prepare"):
        pass
    finished = desk.book().last_step("prepare").finished_at
    assert good_for(desk.book(), finished + ago) == pytest.approx(good)


def taken(desk: Any, monkeypatch: pytest.MonkeyPatch, answer: Any, host: str = "web1", **variables: Any) -> "tuple[Dict[str, Any], List[Any]]":
    seen: List[Any] = []

    def confirm(book: Any, *more: Any) -> Dict[str, Any]:
        seen.append(desk.slots())
        if isinstance(answer, Exception):
            raise answer
        return {}

    monkeypatch.setattr(maintenance_slot, "confirm", confirm)
    known = dict({"patch_slot_timeout": 0}, **variables)
    return desk.do(maintenance_slot, host, state="taken", run_id="night", confirm=True, variables=known), seen


def test_a_host_is_asked_before_it_has_its_slot_and_once(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.prepare()
    done, seen = taken(desk, monkeypatch, None)
    assert done["granted"] and seen == [[]] and desk.slots() == [("night", "web1")]


def test_a_host_that_does_not_confirm_gets_no_slot(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.prepare()
    with pytest.raises(TransactionDiffers):
        taken(desk, monkeypatch, TransactionDiffers("another version"))
    assert desk.slots() == []


def test_of_a_run_that_starts_no_host_any_more_nobody_is_asked(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = desk.open()
    desk.prepare()
    with desk.ledger.write() as c:
        runs.set_state(c, run.id, "stopping")
    done, seen = taken(desk, monkeypatch, TransactionDiffers("another version"))
    assert (done["host_state"], seen) == ("not_started", [])


def test_a_host_that_is_taken_up_where_it_was_left_is_asked_with_its_slot(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.prepare()
    desk.drained()
    done, seen = taken(desk, monkeypatch, None)
    assert done["granted"] and seen == [[("night", "web1")]]


def test_the_slot_is_returned_before_the_updaters_go_on(desk: Any) -> None:
    desk.open()
    desk.prepare(changes=())
    with desk.book().step("prepare") as step:
        step.detail = {"program": "/p.zip", "python": "python3", "held_units": ["apt-daily.service"]}
    assert desk.book().take_slot(Settings.from_variables({}, "-"), ()).granted
    seen: List[Any] = []

    class Host:
        def command(self, argv: List[str], seconds: float) -> Dict[str, Any]:
            seen.append((argv[-2:], desk.slots()))
            return {"rc": 0, "stdout": "", "stderr": ""}

    desk.places["web1"] = Host()
    assert desk.do(maintenance_slot, state="returned", run_id="night")["host_state"] == "succeeded"
    assert seen == [(["release", "night"], [])]


def test_who_waits_for_a_controller_that_was_killed_takes_no_slot(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody brings the host back that it waited for, and goes on with the run."""
    run = desk.open()
    desk.prepare()
    desk.drained(host="web2")
    parent = os.getppid()

    def pause(self: Any, most: float = 0.0, for_limit: bool = False) -> None:
        monkeypatch.setattr(os, "getppid", lambda: 1)
        with desk.ledger.write() as c:
            give_back(c, run.id, "web2")

    def gone(rc: int) -> Any:
        raise SystemExit(rc)

    monkeypatch.setattr(Waiting, "pause", pause)
    monkeypatch.setattr(os, "_exit", gone)
    with pytest.raises(SystemExit):
        desk.do(maintenance_slot, state="taken", run_id="night", variables={"patch_max_unavailable": 1})
    monkeypatch.setattr(os, "getppid", lambda: parent)
    assert (desk.slots(), desk.state().state) == ([], "waiting")
