# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots under budgets over sets of hosts, over a real ledger with several runs."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

import pytest

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.action import NotTargeted, PatchtrainAction
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts, runs, slots
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.promises import chosen, sets_of_hosts
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

QUORUM = {"name": "quorum", "max_unavailable": 1, "per": "cluster"}
HALF = {"name": "half", "max_unavailable": "50%", "per": "cluster"}
A = {"cluster": "a"}


def settings(**variables: Any) -> Settings:
    return Settings.from_variables(variables, "-")


def opened(desk: Any, name: str, fleet: Dict[str, Any], *budgets: Any, **more: Any) -> Any:
    found = sets_of_hosts(fleet, settings(patch_budgets=list(budgets)), sorted(fleet), fleet)
    return desk.open(name, sorted(fleet), budgets=found.for_record(), **more)


def ask(desk: Any, host: str, run: str = "night", in_step: Any = (), **variables: Any) -> Any:
    return desk.book(run, host).take_slot(settings(**variables), in_step)


def test_a_limit_per_value_takes_the_place_of_the_default_for_its_hosts(desk: Any) -> None:
    opened(desk, "night", {"a1": A, "a2": A, "b1": {"cluster": "b"}, "x1": {}, "x2": {}}, QUORUM)
    assert [ask(desk, host).kind for host in ("a1", "a2", "b1")] == ["granted", "wait", "granted"]
    assert [ask(desk, host).kind for host in ("x1", "x2")] == ["granted", "wait"], "hosts of no set go one at a time"
    assert ask(desk, "x2").reason == "patch_max_unavailable allows 1 of 2 hosts out of service; waiting for x1 (draining)"


def test_a_number_for_all_holds_beside_it(desk: Any) -> None:
    opened(desk, "night", {"a1": A, "b1": {"cluster": "b"}, "x1": {}}, QUORUM)
    assert [ask(desk, host, patch_max_unavailable=2).kind for host in ("a1", "b1", "x1")] == ["granted", "granted", "wait"]


def test_only_exclusive_leaves_the_default(desk: Any) -> None:
    opened(desk, "night", {"a1": {"zone": "z"}, "a2": {"zone": "z"}}, {"name": "zones", "exclusive": "zone"})
    assert [ask(desk, host).budget for host in ("a1", "a2")] == ["", "patch_max_unavailable"]


def test_a_set_is_the_same_in_another_deployment_and_for_hosts_that_this_inventory_lacks(desk: Any) -> None:
    opened(desk, "day", {"a1": A}, QUORUM, patch_deployment="db")
    opened(desk, "night", {"a2": A, "b1": {"cluster": "b"}}, QUORUM)
    assert ask(desk, "a1", "day").granted
    decision = ask(desk, "a2")
    assert (decision.kind, decision.budget, [h.seen_from("night") for h in decision.blockers]) == ("wait", "quorum", ["a1 (draining in run day)"])
    assert ask(desk, "b1").granted


def test_slices_share_a_percentage_and_what_another_one_lost_counts(desk: Any) -> None:
    opened(desk, "one", {"a1": A, "a2": A}, HALF)
    assert [ask(desk, host, "one").kind for host in ("a1", "a2")] == ["granted", "wait"]
    opened(desk, "two", {"a3": A, "a4": A}, HALF)
    assert ask(desk, "a2", "one").granted, "now it is 50% of four"
    assert ask(desk, "a3", "two").kind == "wait"
    desk.book("one", "a2").failed("failed", "x", keeps_slot=True)
    desk.book("one", "a1").failed("failed", "x", keeps_slot=True)
    decision = ask(desk, "a3", "two")
    assert decision.kind == "refused" and "half allows 2 of 4 hosts of a (50%) out of service, and only a person can bring back a1" in decision.reason


def test_a_plan_that_is_made_meanwhile_takes_nothing_out_of_service_and_is_no_slice(desk: Any) -> None:
    opened(desk, "night", {"a1": A, "a2": A}, HALF)
    opened(desk, "look", {"a%d" % number: A for number in range(3, 9)}, HALF, check=True)
    assert [ask(desk, host, patch_max_unavailable="50%").kind for host in ("a1", "a2")] == ["granted", "wait"]
    assert "half allows 1 of 2 hosts of a (50%)" in ask(desk, "a2", patch_max_unavailable="100%").reason
    assert ask(desk, "a2", patch_max_unavailable="50%").reason.startswith("patch_max_unavailable allows 1 of 2 hosts (50%)")


def test_a_host_that_was_never_reached_counts_in_its_set(desk: Any) -> None:
    opened(desk, "night", {"a1": A, "a2": A, "b1": {"cluster": "b"}}, QUORUM)
    desk.book("night", "a1").state("unreachable", "no route")
    assert [ask(desk, host).kind for host in ("a2", "b1")] == ["refused", "granted"]


def test_in_step_a_set_that_is_full_refuses_at_once(desk: Any) -> None:
    opened(desk, "night", {"a1": A, "a2": A}, QUORUM)
    batch = ["a1", "a2"]
    assert [ask(desk, host, in_step=batch).kind for host in batch] == ["granted", "refused"]


def test_a_question_that_is_asked_again_reads_no_settings_of_runs_again(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    read: List[str] = []
    get = runs.get
    opened(desk, "one", {"a1": A, "a2": A}, HALF)
    opened(desk, "two", {"a3": A, "a4": A}, HALF)
    with desk.ledger.write() as c:
        slots_of = {name: get(c, name) for name in ("one", "two")}
        c.execute(slots._t.insert().values(run_id=slots_of["two"].id, host="a3", taken_at=1.0, reason=""))
        c.execute(slots._t.insert().values(run_id=slots_of["two"].id, host="a4", taken_at=1.0, reason=""))
    monkeypatch.setattr(runs, "get", lambda c, name: (read.append(name), get(c, name))[1])
    monkeypatch.setattr(runs, "by_id", lambda c, run_id: pytest.fail("the whole run was read"))
    book = desk.book("one", "a1")
    for _ in range(5):
        assert book.take_slot(settings(patch_max_unavailable=9), ()).kind == "wait"
    assert len(read) <= 3, "own run for the pages, the other for its sets and its hosts"


def test_only_the_variables_that_an_expression_names_are_templated() -> None:
    class Lazy(Dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            assert name in ("cluster", "zone", "app"), name
            return super().__getitem__(name)

    fleet = {"h%d" % n: Lazy(cluster="a", zone="z", app="x", password="{{ vault }}") for n in range(4)}
    rules = [QUORUM, {"name": "zones", "exclusive": "zone", "within": "app"}]
    assert sets_of_hosts(fleet, settings(patch_budgets=rules), sorted(fleet), fleet).limited("h1")


def scope(desk: Any, text: str, fleet: Optional[Dict[str, Any]] = None) -> Any:
    fleet = fleet or {"web1": {"role": "web"}, "web2": {"role": "db"}}
    return chosen(fleet, desk.ledger, text, list(fleet))


def test_a_scope_sees_variables_and_what_the_ledger_knows(desk: Any) -> None:
    desk.open()
    desk.book().assessed({"counts": {"total": 3, "security": 1}, "reboot": {"required": True}})
    desk.book("night", "web2").state("blocked", "x")
    for text in ("role == 'web'", "ledger.last_assessment.security > `0`", "ledger.last_assessment.reboot", "ledger.last_assessment.age_s < `60`",
                 "ledger.last_state == 'waiting'", "length(keys(@)) && role == 'web'"):
        assert scope(desk, text).selected == ["web1"], text
    assert scope(desk, "ledger.last_assessment == `null`").selected == ["web2"]
    assert scope(desk, "") is None


def test_an_empty_scope_is_refused(desk: Any) -> None:
    with pytest.raises(BadInput, match="selects none of the 2 hosts"):
        scope(desk, "role == 'mail'")


def test_the_state_is_that_of_the_run_that_changed_the_host_last(desk: Any) -> None:
    desk.open("day")
    desk.book("day").state("blocked", "x")
    desk.open("night")
    with desk.ledger.read() as c:
        assert hosts.last_states(c, ["web1"]) == {"web1": "waiting"}


@pytest.mark.parametrize("more", [{}, {"budgets": [], "from_blocked": {}, "host_releases": {}, "occurrence": {"": None}, "scope": {}}])
def test_a_plan_changes_nothing_of_what_a_scope_finds(desk: Any, more: Dict[str, Any]) -> None:
    recorded = dict(more, inventory=[], deployment_file="")
    desk.open("day", check=False, patch_change_id='"check": true, "deployment_file": "', **recorded)
    desk.book("day").state("blocked", "x")
    desk.open("look", check=True, play="7:a", **recorded)
    desk.book("look").state("not_started", "check mode")
    assert scope(desk, "ledger.last_state == 'blocked'").selected == ["web1"]


def test_whatever_a_host_that_is_left_out_does_in_the_run_is_nothing_and_says_so(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open("night", ["web1"], scope={"expression": "x", "selected": 1, "left_out": {"web2": "false"}})
    assert desk.book().left_out is None and desk.book("night", "web2").left_out == "not targeted: patch_scope 'x' gave false for web2"

    class Acting(PatchtrainAction):
        def act(self) -> Dict[str, Any]:
            raise NotTargeted("not targeted")

    monkeypatch.setattr(PatchtrainAction.__mro__[1], "run", lambda self, tmp=None, task_vars=None: {})
    result = object.__new__(Acting).run(task_vars={})
    assert result == {"skipped": True, "host_state": "not_targeted", "granted": False, "reason": "not targeted", "msg": "not targeted",
                      "changed": False, "failed": False}


def test_hosts_that_failed_are_found_without_going_through_the_run(desk: Any) -> None:
    desk.open()
    desk.book().state("unreachable", "x")
    said: List[str] = []
    with desk.listening(said), desk.ledger.read() as c:
        found = hosts.failed(c, runs.get(c, "night").id)
        asked = said[-1]
        plan = " ".join(str(row) for row in c.exec_driver_sql("EXPLAIN QUERY PLAN " + asked, dict.fromkeys(re.findall(r":(\w+)", asked))))
    assert [host.host for host in found] == ["web1"]
    assert "USING INDEX run_hosts_by_state (run_id=? AND state=?)" in plan, "whatever other runs left behind"


def asked_of_the_ledger(desk: Any, many: int) -> List[str]:
    """The statements of one more question for a slot while so many hosts wait."""
    name = "with-%d" % many
    fleet = ["h%d-of-%d" % (number, many) for number in range(many)]
    desk.open(name, fleet, patch_deployment=name)
    assert desk.book(name, fleet[0]).take_slot(settings(patch_max_unavailable=1), ()).granted
    said: List[str] = []
    waiting = desk.book(name, fleet[1])
    assert waiting.take_slot(settings(patch_max_unavailable=1), ()).kind == "wait"
    with desk.listening(said):
        assert waiting.take_slot(settings(patch_max_unavailable=1), ()).kind == "wait"
    return said


def test_a_question_costs_the_ledger_the_same_however_many_hosts_wait(desk: Any) -> None:
    few = asked_of_the_ledger(desk, 3)
    desk.ledger = Ledger.open(desk.target)
    many = asked_of_the_ledger(desk, 1000)
    assert few == many and 0 < len(many) < 10
    assert not [statement for statement in many if not statement.startswith(("SELECT", "BEGIN"))], "who waits writes nothing"


def test_who_has_just_looked_asks_once_more_and_that_one_counts(desk: Any) -> None:
    desk.open()
    said: List[str] = []
    first, second = desk.book(host="web1"), desk.book(host="web2")
    with desk.listening(said):
        assert first.refused_slot(settings(patch_max_unavailable=1), ()) is None and second.refused_slot(settings(patch_max_unavailable=1), ()) is None
        assert first.take_slot(settings(patch_max_unavailable=1), ()).granted
    assert len([statement for statement in said if "FROM runs LEFT OUTER JOIN leases" in statement and "JOIN slots" in statement]) == 3
    assert second.take_slot(settings(patch_max_unavailable=1), ()).kind == "wait", "what was free when it looked is taken"
    assert desk.slots() == [("night", "web1")]
