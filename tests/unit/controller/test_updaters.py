# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own updaters are held off no longer than the run has plans for it."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import host_assess, maintenance_slot
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import assessing
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.aim import NothingToDo
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import CannotRun, Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

RELEASED = ["python3", "-I", "-S", "/p.zip", "release", "night"]
FULL = {"obstacles": [{"kind": "space", "message": "/boot is full"}]}
FAILED = {"failed": True, "msg": "404", "error": {"kind": "CommandFailed"}}


def prepared(desk: Any, monkeypatch: pytest.MonkeyPatch, said: Any, check: bool = False) -> Dict[str, Any]:
    """What becomes of a host whose preparation says this, beside that its updaters are held."""
    made = {"assessment": {"obstacles": [], "metadata_age_s": 1.0}, "plan": {"changes": [{"name": "a"}], "left_out": [], "digest": "d"}, "health": {},
            "program": "/p.zip", "python": "python3", "held_units": ["apt-daily.service"], "repaired": None}

    def probe(*_: Any, **__: Any) -> Dict[str, Any]:
        if isinstance(said, Exception):
            raise said
        return dict(made, **said)

    monkeypatch.setattr(assessing, "probe", probe)
    result: Dict[str, Any] = desk.do(host_assess, run_id="night", check=check)
    return result


def asked(desk: Any) -> Any:
    return desk.places["web1"].asked if "web1" in desk.places else []


@pytest.mark.parametrize("said, state, released", [
    ({"assessment": FULL}, "blocked", True), (FAILED, "blocked", True), (dict(FAILED, held_units=[]), "blocked", False), ({}, "waiting", False)])
def test_a_host_that_has_no_turn_after_its_preparation_has_its_updaters_back(desk: Any, monkeypatch: pytest.MonkeyPatch, said: Any, state: str,
                                                                             released: bool) -> None:
    desk.open()
    assert prepared(desk, monkeypatch, said)["host_state"] == state == desk.state().state
    assert (RELEASED in asked(desk)) is released is ("release" in [step.step for step in desk.steps()])


def test_where_they_can_not_be_let_go_the_reason_says_so(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.places["web1"] = desk.place("web1", CannotRun("web1: sudo wants a password", host="web1", obstacle="sudo"))
    result = prepared(desk, monkeypatch, {"assessment": FULL})
    assert result["host_state"] == "blocked" and result["reason"] == desk.state().reason == (
        "/boot is full; the host's own updaters stay held off until their hold ends: web1: sudo wants a password")


@pytest.mark.parametrize("later, state, released", [
    (Lost("web1 can't be reached", host="web1"), "unreachable", False), (NothingToDo("up_to_date", "nothing"), "up_to_date", True)])
def test_those_that_were_held_before_the_run_was_gone_on_with_go_on_too(desk: Any, monkeypatch: pytest.MonkeyPatch, later: Any, state: str,
                                                                        released: bool) -> None:
    desk.open()
    prepared(desk, monkeypatch, {})
    assert prepared(desk, monkeypatch, later)["host_state"] == state
    assert (RELEASED in asked(desk)) is released


def test_check_mode_lets_nothing_go(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    assert prepared(desk, monkeypatch, {"assessment": FULL}, check=True)["host_state"] == "blocked" and asked(desk) == []


SEEN = {"obstacles": [], "updates": [], "counts": {"total": 0}, "reboot": {"required": False, "reasons": []}}
PENDING = dict(SEEN, updates=[{"name": name, "arch": "all", "classification": "security", "held": False} for name in ("a", "b")], counts={"total": 2})


def latest(desk: Any) -> Any:
    with desk.ledger.read() as c:
        return assessments.latest(c, ["web1"])["web1"].document


def returned(desk: Any, said: Any, held: Any = ("apt-daily.service",), **installed: Any) -> Any:
    """A host that was patched and is back in service; ``said`` is its answer to the look afterwards."""
    desk.open()
    with desk.book().step("prepare") as step:
        step.detail = {"program": "/p.zip", "python": "python3", "held_units": list(held)}
    desk.prepare()
    book = desk.book()
    assert book.take_slot(Settings.from_variables({"patch_max_unavailable": 9}, "web1"), ()).granted
    book.state("installing")
    book.assessed(PENDING)
    with book.step("install") as step:
        book.installed({"packages": [{"name": "a", "arch": "all", "from": "1", "to": "2", "result": "installed"}],
                        "reboot": {"required": False, "reasons": []}, **installed})
        step.detail = {"assessed": "assessment" in installed}
    place = desk.places["web1"] = desk.place("web1", said if isinstance(said, Exception) else None, answer=said)
    return desk.do(maintenance_slot, state="returned", run_id="night"), place


def test_what_is_pending_after_an_installation_is_looked_at_when_the_host_is_back_and_with_it_its_updaters_go(desk: Any) -> None:
    result, place = returned(desk, {"assessment": SEEN, "let_go": ["apt-daily.service"]})
    asked = place.args[-1]
    assert (result["note"], asked["let_go"], asked["run_id"], asked["stage"]) == ("", True, "night", "assess")
    assert not asked["refresh"] and not asked["plan"]
    assert latest(desk)["updates"] == [] and desk.steps()[-1].step == "release"


@pytest.mark.parametrize("said, note", [
    ({"failed": True, "msg": "no bus", "let_go": None}, "the host's own updaters stay held off until their hold ends: no bus"),
    ({"failed": True, "msg": "no list", "let_go": []}, "what is pending now was not looked at: no list"),
    (Lost("web1 is silent", host="web1"), "the host's own updaters stay held off until their hold ends: web1 is silent; "
                                          "what is pending now was not looked at: web1 is silent")])
def test_where_nobody_could_look_the_host_lacks_what_it_lacked_without_what_was_installed(desk: Any, said: Any, note: str) -> None:
    result, _place = returned(desk, said)
    assert (result["host_state"], result["note"]) == ("succeeded", note)
    assert [update["name"] for update in latest(desk)["updates"]] == ["b"] and latest(desk)["counts"]["total"] == 1


def test_what_was_looked_at_by_the_installation_is_not_looked_at_again(desk: Any) -> None:
    _result, place = returned(desk, {"rc": 0, "stdout": "{}", "stderr": ""}, assessment=SEEN)
    assert place.asked[-1] == RELEASED and latest(desk)["updates"] == []


def test_of_an_installation_that_was_lost_in_its_middle_nobody_says_that_it_left_nothing_interrupted(desk: Any) -> None:
    desk.open()
    book = desk.book()
    book.assessed(dict(PENDING, interrupted="dpkg was interrupted"))
    book.installed({"packages": [{"name": "a", "arch": "all", "from": "1", "to": "2", "result": "installed"}], "failed": True, "assessment": None,
                    "error": {"kind": "JobLost"}, "reboot": {"required": None, "reasons": []}})
    assert latest(desk) == dict(PENDING, interrupted="dpkg was interrupted")
