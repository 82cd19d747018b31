# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next command: exact, and only of names that can stand in a shell and in Ansible."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.commands import advice, needs_person
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.hosts import Host, hosts_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.text import cleaned
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.names import check_run_name
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import HOSTILE, hostile_model, run_model, texts
from hypothesis import given, settings


def host(name: str, state: str, out: bool = False) -> Host:
    stretch: list[dict[str, Any]] = [{"from": 1.0, "to": None}] if out else []
    return Host({"name": name, "state": state, "out_of_service": stretch}, 9.0)


@pytest.mark.parametrize(("state", "out", "command"), [
    ("failed", True, "ansible-playbook fleetops.patchtrain.restore --limit web1"),
    ("unreachable", True, "ansible-playbook fleetops.patchtrain.restore --limit web1"),
    ("failed", False, "ansible-playbook fleetops.patchtrain.patch --limit web1"),
    ("unreachable", False, "ansible-playbook fleetops.patchtrain.assess --limit web1"),
    ("blocked", False, "ansible-playbook fleetops.patchtrain.patch -e patch_from_blocked=night"),
    ("reboot_pending", False, "ansible-playbook fleetops.patchtrain.patch -e patch_reboot=if_required --limit web1"),
])
def test_the_command_of_each_ending(state: str, out: bool, command: str) -> None:
    told = advice({"run": {"name": "night"}}, state, [host("web1", state, out)])
    assert told is not None
    assert told.command == command


@pytest.mark.parametrize("name", ["", "{{ evil }}", "a b"])
def test_blocked_hosts_of_a_run_without_a_plain_name_are_named_themselves(name: str) -> None:
    told = advice({"run": {"name": name}}, "blocked", [host("web1", "blocked")])
    assert told is not None and told.command == "ansible-playbook fleetops.patchtrain.patch --limit web1"


@pytest.mark.parametrize("state", ["succeeded", "up_to_date", "deferred", "draining", "waiting", ""])
def test_nobody_has_to_do_anything(state: str) -> None:
    assert advice({}, state, [host("web1", state)]) is None


def test_inventory_and_deployment_are_named_where_the_model_knows_them() -> None:
    model = {"run": {"inventory": ["my inventory/hosts.yml"], "deployment_file": "web.yml"}}
    told = advice(model, "failed", [host("web1", "failed")])
    assert told is not None
    assert told.command == "ansible-playbook -i 'my inventory/hosts.yml' fleetops.patchtrain.patch -e @web.yml --limit web1"


@pytest.mark.parametrize(("state", "out", "playbook"), [("failed", True, "restore"), ("unreachable", True, "restore"), ("unreachable", False, "assess")])
def test_a_host_is_given_back_with_the_checks_and_hooks_of_its_deployment(state: str, out: bool, playbook: str) -> None:
    told = advice({"run": {"deployment_file": "web.yml"}}, state, [host("web1", state, out)])
    assert told is not None
    assert told.command == "ansible-playbook fleetops.patchtrain.%s -e @web.yml --limit web1" % playbook


def held(host: str, **more: Any) -> Host:
    by = dict({"name": "evening", "since": 1.0, "working": False, "resume": False, "deployment_file": "web.yml"}, **more)
    return Host({"name": host, "state": "up_to_date", "out_of_service": [{"from": 1.0, "to": None, "run": "evening"}], "held_by": by}, 9.0)


@pytest.mark.parametrize(("more", "command"), [
    ({"resume": True}, "ansible-playbook fleetops.patchtrain.patch -e @web.yml -e patch_run_name=evening"),
    ({"inventory": ["hosts.yml"]}, "ansible-playbook -i hosts.yml fleetops.patchtrain.restore -e @web.yml --limit web1")])
def test_a_host_that_another_run_left_out_of_service_needs_a_person(more: Any, command: str) -> None:
    (group,) = needs_person({}, [held("web1", **more), host("web2", "up_to_date")])
    assert [one.name for one in group.hosts] == ["web1"] and "by run evening" in group.advice.todo and group.advice.command == command
    assert group.hosts[0].left_out and group.hosts[0].out_seconds == 8.0


def test_a_host_that_another_run_works_on_needs_nobody() -> None:
    one = held("web1", working=True)
    assert needs_person({}, [one]) == [] and one.out_since == 1.0 and not one.left_out


def test_a_run_that_can_not_be_named_in_a_command_is_not() -> None:
    (group,) = needs_person({}, [held("web1", resume=True, name="{{ evil }}")])
    assert group.advice.command is None


@given(texts)
@settings(max_examples=100, deadline=None)
def test_a_command_never_holds_more_than_plain_words(text: str) -> None:
    model = cleaned(hostile_model(text))
    model["run"].update(inventory=[text], deployment_file=text)
    for group in needs_person(model, hosts_of(model)):
        if group.advice.command is not None:
            words = shlex.split(group.advice.command)
            assert words[0] == "ansible-playbook"
            assert not set("{}$`;&|<>*!\n'\"\\") & set(" ".join(words))


@pytest.mark.parametrize("name", [*HOSTILE, "-i", "all:!x", "web*", "~x", "@file", "a,b", "{{x}}", ""])
def test_a_name_that_is_not_plain_gets_no_command(name: str) -> None:
    told = advice({}, "failed", [host(name, "failed", True)])
    assert told is not None
    assert told.command is None or name == ""
    if name == "":
        assert "(no name)" not in str(told.command)


def test_hosts_are_grouped_by_reason_worst_first() -> None:
    model = run_model(12, troubles={"blocked": 3, "failed": 2})
    groups = needs_person(model, hosts_of(model))
    assert [(group.state, len(group.hosts)) for group in groups] == [("failed", 2), ("blocked", 3)]


def test_too_many_for_a_line() -> None:
    told = advice({}, "blocked", [host(f"web{index}", "blocked") for index in range(21)])
    assert told is not None
    assert told.command is None


def ended(name: str = "web-20260110T000000Z", **more: Any) -> dict[str, Any]:
    known = {"state": "failed", "settings": {"occurrence": {"": {}}}, **more}
    return {"run": {"name": name, **known}}


def again(model: dict[str, Any], *names: str, state: str = "failed") -> str:
    told = advice(model, state, [host(name, state) for name in names])
    assert told is not None and told.command is not None
    return "".join(part.partition("=")[2] for part in shlex.split(told.command) if part.startswith("patch_run_name="))


def test_a_run_named_by_its_window_or_by_somebody_is_not_tried_again_under_its_name() -> None:
    first = again(ended(), "web1")
    assert first.startswith("web-20260110T000000Z-again-") and first == again(ended(), "web1")
    assert len({first, again(ended(), "web2"), again(ended(), "web1", "web2")}) == 3, "each command opens a run"
    assert again(ended(settings={"patch_run_name": "mine"}, name="mine"), "web1").startswith("mine-again-")
    second = again(ended(first), "web1")
    assert second.startswith("web-20260110T000000Z-again-") and second != first and len(second) == len(first)
    assert check_run_name(again(ended("x" * 100), "web1"))


def test_the_name_is_the_windows_or_the_times_where_that_is_another_one() -> None:
    assert again(ended(settings={}), "web1") == "", "a time is in it"
    assert again(ended(state="running"), "web1") == "", "the same start goes on with it"
    assert again(ended(settings={"check": True, "occurrence": {"": {}}}), "web1") == ""
    assert again(ended(name="{{ evil }}"), "web1") == ""
    assert again(ended(), "web1", state="blocked") == "", "patch_from_blocked has a name of its own in a window"
    assert again(ended(settings={"patch_run_name": "mine"}, name="mine"), "web1", state="blocked").startswith("mine-again-")
