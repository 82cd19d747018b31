# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reboot counts only when another boot id answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.action import host_reboot
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import rebooting
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost

OLD = "11111111-2222-3333-4444-555555555555"
NEW = "99999999-2222-3333-4444-555555555555"


class Host:
    name = "web1"

    def __init__(self, answers: list) -> None:
        self.answers = answers
        self.now = 0.0

    def command(self, argv: list, seconds: float) -> dict:
        self.now += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"rc": 0, "stdout": answer, "stderr": ""} if isinstance(answer, str) else answer

    def forget_connection(self) -> None:
        pass

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def reboot(host: Host, timeout: float = 60) -> rebooting.Rebooted:
    return rebooting.reboot(host, timeout, clock=lambda: host.now, sleep=host.sleep)


def test_another_boot_id_ends_it() -> None:
    done = reboot(Host([OLD, "", OLD, Lost("down"), Lost("down"), "garbage", NEW]))
    assert done.boot_id == NEW and done.executions == 7


def test_the_old_boot_id_is_not_back() -> None:
    with pytest.raises(rebooting.NotBack):
        reboot(Host([OLD, "", OLD]))


def test_a_failed_boot_command_does_not_read_as_rebooted() -> None:
    with pytest.raises(rebooting.NotBack):
        reboot(Host([OLD, "", {"rc": 1, "stdout": NEW, "stderr": "cat: failed"}]))


def test_a_connection_that_ends_with_the_order_is_no_failure() -> None:
    assert reboot(Host([OLD, Lost("closed"), NEW])).boot_id == NEW


def test_a_refused_order_is_a_failure() -> None:
    with pytest.raises(CommandFailed, match="refused to reboot"):
        reboot(Host([OLD, {"rc": 1, "stdout": "", "stderr": "Access denied"}]))


def test_a_host_without_boot_id_is_not_rebooted_at_all() -> None:
    with pytest.raises(CommandFailed, match="no boot id"):
        reboot(Host(["none"]))


@pytest.mark.parametrize(("recorded", "found"), [(OLD, NEW), (NEW, None), ("", None)], ids=["another", "the same", "none on record proves nothing"])
def test_a_reboot_that_may_have_been_is_proved_by_the_recorded_boot_id(recorded: str, found: str | None) -> None:
    host = Host([NEW])
    done = rebooting.rebooted_since(host, recorded, 60, clock=lambda: host.now, sleep=host.sleep)
    assert (done and done.boot_id) == found


def known(answers: list) -> rebooting.Rebooted:
    host = Host(answers)
    return rebooting.reboot(host, 60, known=OLD, clock=lambda: host.now, sleep=host.sleep)


def test_a_host_whose_boot_id_is_known_is_asked_and_ordered_at_once() -> None:
    done = known([OLD + "\nBroadcast message", Lost("down"), OLD, NEW])
    assert (done.boot_id, done.executions) == (NEW, 4)


def test_what_the_host_says_as_it_takes_the_order_counts_more_than_what_was_known() -> None:
    with pytest.raises(rebooting.NotBack):
        known([NEW, NEW])


def test_an_answer_that_is_lost_on_the_way_down_leaves_what_was_known() -> None:
    assert known([Lost("closed"), OLD, NEW]).boot_id == NEW


def test_a_refused_order_is_a_failure_then_too() -> None:
    with pytest.raises(CommandFailed, match="refused to reboot"):
        known([{"rc": 1, "stdout": OLD, "stderr": "Access denied"}])


@pytest.mark.parametrize("drift, seen", [([{"kind": "kernel"}], True), ([{"kind": "unknown"}], False)])
def test_a_host_that_ran_another_kernel_than_the_release_s_is_looked_at_again(desk: Any, monkeypatch: pytest.MonkeyPatch, drift: Any, seen: bool) -> None:
    desk.open()
    with desk.ledger.write() as c:
        assessments.record(c, "web1", {"drift": drift, "reboot": {"required": True, "reasons": ["kernel"]}})
    desk.drained()
    desk.places["web1"] = host = desk.place("web1", answer={"assessment": {"drift": [], "reboot": {"required": False, "reasons": []}}})
    monkeypatch.setattr(host_reboot, "reboot", lambda *asked, **more: rebooting.Rebooted(NEW, 1.0, 3))
    assert desk.do(host_reboot, run_id="night")["rebooted"] and len(host.asked) == int(seen)
    with desk.ledger.read() as c:
        now = assessments.latest(c, ["web1"])["web1"].document
    assert now["drift"] == ([] if seen else drift) and not now["reboot"]["required"]


@pytest.mark.parametrize(("age", "cut", "known"), [(5.0, False, NEW), (3600.0, False, ""), (5.0, True, ""), (None, False, "")],
                         ids=["just installed", "long ago", "attached to", "nothing installed"])
def test_only_a_boot_id_of_a_moment_ago_is_taken_for_the_one_before_the_reboot(desk: Any, monkeypatch: pytest.MonkeyPatch, age: Any, cut: bool,
                                                                               known: str) -> None:
    """A person may have rebooted the host since; where the order's answer is lost, that would pass for our own reboot."""
    desk.open()
    book = desk.drained()
    book.prepared({"assessment": {"reboot": {"required": True, "reasons": ["kernel"]}}, "plan": {"changes": []}, "health": {"boot_id": OLD}})
    if cut:
        book.begin("install")
    if age is not None:
        with book.step("install") as step:
            step.detail = {"boot_id": NEW, "reboot": {"required": True, "reasons": ["kernel"]}}
        with desk.ledger.write() as c:
            c.exec_driver_sql("update steps set finished_at = finished_at - %g where step = 'install'" % age)
        book.state("installing")
    seen: list = []
    monkeypatch.setattr(host_reboot, "reboot", lambda remote, timeout, known: seen.append(known) or rebooting.Rebooted("b", 1.0, 1))
    assert desk.do(host_reboot, run_id="night")["rebooted"] and seen == [known]
