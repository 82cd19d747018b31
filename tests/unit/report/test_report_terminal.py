# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end of a run: failed first, no escapes, never wider than the terminal, whole commands."""

from __future__ import annotations

import unicodedata

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_text import render_text
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.text import width
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import assessment_model, hostile_model, run_model, texts
from hypothesis import given, settings
from hypothesis import strategies as st

TROUBLES = {"failed": 1, "unreachable": 1, "blocked": 1, "deferred": 1, "reboot_pending": 1, "not_started": 1}


@given(texts, st.integers(20, 200))
@settings(max_examples=40, deadline=None)
def test_only_printable_lines_that_fit(text: str, columns: int) -> None:
    for line in render_text(hostile_model(text), columns).split("\n"):
        assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        assert width(line) <= max(40, columns) or line.startswith("    ansible-playbook ")


def test_failed_hosts_come_first() -> None:
    lines = render_text(run_model(9, troubles=TROUBLES), 120).splitlines()
    table = lines[lines.index("") + 2:]
    assert [line.split("  ")[1].strip() for line in table[:3]] == ["Failed", "Unreachable", "Blocked"]


def test_what_needs_a_person_comes_with_its_whole_command() -> None:
    model = run_model(9, troubles=TROUBLES)
    failed = next(host["name"] for host in model["hosts"] if host["state"] == "failed")
    assert f"    ansible-playbook fleetops.patchtrain.restore --limit {failed}\n" in render_text(model, 40)


def test_what_is_to_be_done_about_several_is_told_once_after_the_last_of_them() -> None:
    model = run_model(4, troubles={"blocked": 2, "failed": 1})
    model["run"]["name"] = "night"
    blocked = [host for host in model["hosts"] if host["state"] == "blocked"]
    for number, host in enumerate(blocked):
        host["reason"] = "reason %d" % number
    text = render_text(model, 120).partition("What needs a person")[2]
    assert text.count("patch_from_blocked=") == 1 and text.index("reason 1") < text.index("Remove what stands") < text.index("patch_from_blocked=")
    assert text.count("fleetops.patchtrain.restore --limit") == 1 and text.index("Repair the host") < text.index("reason 0")


def test_seconds_of_a_host_that_is_still_out_are_marked() -> None:
    lines = render_text(run_model(4, troubles={"failed": 1}), 120).splitlines()
    failed = next(line for line in lines if " Failed " in line)
    assert failed.split()[3].endswith("+")


def test_of_a_large_fleet_the_best_are_counted() -> None:
    text = render_text(run_model(200, slots=9, troubles={"failed": 2}), 100, most=10)
    assert "... and 190 hosts: 190 succeeded" in text
    assert len(text.splitlines()) < 40


def test_nothing_to_do_for_a_person_says_nothing() -> None:
    assert "person" not in render_text(run_model(4))


def test_assessments_name_what_stands_in_the_way() -> None:
    model = assessment_model(4)
    model["hosts"][0]["assessment"] = dict(model["hosts"][1]["assessment"] or {}, at=1.0, age_s=10_000, obstacles=[
        {"kind": "sudo", "message": "a password is required"}])
    assert "a password is required" in render_text(model, 140)
    assert "2 h ago" in render_text(model, 140)


@pytest.mark.parametrize("model", [assessment_model(0), {"kind": "run"}, {}])
def test_an_empty_report_is_no_failure(model: dict[str, object]) -> None:
    assert "0 hosts" in render_text(model)


def test_a_reason_that_is_cut_says_so() -> None:
    model = run_model(9, troubles=TROUBLES)
    for host in model["hosts"]:
        host["reason"] = "raise patch_max_unavailable to at least two. " * 30
    lines = render_text(model, 80).splitlines()
    assert any(line.endswith(" ... (whole on the page)") for line in lines)
    assert max(width(line) for line in lines if "ansible-playbook" not in line) <= 80
