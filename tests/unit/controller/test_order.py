# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that wait for the same slot get it in the plan's order, over a real ledger."""

from __future__ import annotations

from typing import Any, Dict, List

import sqlalchemy as sa

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.promises import sets_of_hosts
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

NAMES = ["web1", "web2", "web3", "web4"]


def ask(book: Any, in_step: Any = (), **variables: Any) -> Any:
    return book.take_slot(Settings.from_variables(variables, "-"), in_step)


def waiting(desk: Any, *names: str) -> Dict[str, Any]:
    """Pages of hosts that have asked while ``web1`` was out of service, which is back by now."""
    desk.open(targets=NAMES)
    first = desk.drained(host="web1")
    books = {name: desk.book(host=name) for name in names}
    assert {ask(book).kind for book in books.values()} <= {"wait"}
    for step in first.entered():
        first.undone(step["id"])
    first.returned("", "never")
    return books


def test_a_host_that_asked_gets_the_slot_before_a_later_one(desk: Any) -> None:
    books = waiting(desk, "web4", "web3", "web2")
    said = [ask(books[name]) for name in ("web4", "web3", "web2")]
    assert [(one.kind, one.budget) for one in said] == [("wait", "order"), ("wait", "order"), ("granted", "")]
    assert said[0].reason == "web2 comes first in the plan's order"


def test_one_that_never_asked_keeps_nobody_back(desk: Any) -> None:
    assert ask(waiting(desk, "web4")["web4"]).granted


def test_one_that_does_not_take_it_keeps_a_later_one_back_a_few_times_and_no_other_one_at_all(desk: Any) -> None:
    books = waiting(desk, "web4", "web3", "web2")
    assert [ask(books["web4"]).kind for _time in range(5)] == ["wait"] * 4 + ["granted"]
    desk.book(host="web4").failed("failed", "x", keeps_slot=False)
    later = desk.book(host="web3")
    assert ask(later, patch_max_failed=9).granted, "web2 has not asked again"


def test_who_asks_again_is_known_again(desk: Any) -> None:
    books = waiting(desk, "web4", "web2")
    assert [ask(books["web4"]).kind for _time in range(5)][-1] == "granted"
    again = desk.book(host="web2")
    assert ask(again).kind == "wait"
    desk.book(host="web4").failed("failed", "x", keeps_slot=False)
    assert ask(desk.book(host="web3"), patch_max_failed=9).budget == "order"


def test_hosts_that_move_in_step_do_not_give_way(desk: Any) -> None:
    books = waiting(desk, "web4", "web2")
    assert ask(books["web4"], in_step=["web2", "web4"], patch_max_unavailable=1).granted


def test_another_set_is_not_kept_back(desk: Any) -> None:
    fleet = {name: {"cluster": "a" if name != "web4" else "b"} for name in NAMES}
    rule = {"name": "quorum", "max_unavailable": 1, "per": "cluster"}
    found = sets_of_hosts(fleet, Settings.from_variables({"patch_budgets": [rule]}, "-"), NAMES, fleet)
    desk.open(targets=NAMES, budgets=found.for_record())
    assert [ask(desk.book(host=name)).kind for name in ("web1", "web2", "web3", "web4")] == ["granted", "wait", "wait", "granted"]


def said_to_the_ledger(desk: Any, many: int) -> List[str]:
    """The statements by which a host gets the slot that so many wait for, all of which have asked."""
    name = "with-%d" % many
    fleet = ["h%04d-of-%d" % (number, many) for number in range(many)]
    run = desk.open(name, fleet, patch_deployment=name)
    with desk.ledger.write() as c:
        c.execute(sa.text("INSERT INTO asked (run_id, host, at) SELECT run_id, host, 1.0 FROM run_hosts WHERE run_id = %d" % run.id))
    said: List[str] = []
    with desk.listening(said):
        assert ask(desk.book(name, fleet[-1]), patch_max_unavailable=1).budget == "order"
        assert ask(desk.book(name, fleet[0]), patch_max_unavailable=1).granted
    return said


def test_the_order_costs_the_ledger_the_same_however_many_wait(desk: Any) -> None:
    few = said_to_the_ledger(desk, 3)
    desk.ledger = Ledger.open(desk.target)
    many = said_to_the_ledger(desk, 1000)
    assert few == many and "LIMIT" in " ".join(few)
