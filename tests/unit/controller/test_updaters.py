# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own updaters are held off no longer than the run has plans for it."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import host_assess
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import assessing
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.aim import NothingToDo
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import CannotRun, Lost

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
