# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's own hooks, in plays of all shapes, and the two examples of docs/hooks.md against a listener on loopback. No host is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from canned import Canned


POINTS = ("before", "after", "on_stop", "on_first_failure")
WRITE = """
- name: Write down what the hook was told
  ansible.builtin.lineinfile:
    path: "%s"
    line: "%s {{ patch_run_summary.state }} {{ patch_run_summary.counts | to_json }}"
    create: true
    mode: "0600"
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    return Canned(tmp_path / "fleet")


def hooks(fleet: Canned, **texts: str) -> dict[str, str]:
    """All four hooks, each of which writes a line, or as given."""
    said = fleet.folder / "said"
    return {"patch_run_hook_" + point: str(fleet.write("run_%s.yml" % point, texts.get(point) or WRITE % (said, point))) for point in POINTS}


def said(fleet: Canned) -> list[str]:
    path = fleet.folder / "said"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def of_the_ledger(fleet: Canned) -> list[tuple[str, str]]:
    found = fleet.ask("SELECT detail FROM events WHERE action = 'run_hook_ended' ORDER BY id")
    return [(detail["point"], detail["outcome"]) for detail in (json.loads(text) for (text,) in found)]


@pytest.mark.parametrize("words", [(), ("--limit", "h1,h2")])
def test_each_hook_is_done_once_on_the_controller_also_with_a_limit(fleet: Canned, words: tuple[str, ...]) -> None:
    done = fleet.play("fleetops.patchtrain.patch", *words, patch_max_unavailable=4, **hooks(fleet))
    assert done.rc == 0, done.text
    assert said(fleet) == ["before", "after"] and of_the_ledger(fleet) == [("before", "ok"), ("after", "ok")]
    lines = (fleet.folder / "said").read_text()
    assert 'before running {"waiting": %d}' % (2 if words else 4) in lines and 'after succeeded {"succeeded"' in lines


@pytest.mark.parametrize("strategy", ["linear", "host_pinned", "free"])
def test_a_play_of_ones_own_does_them_too_under_any_strategy(fleet: Canned, strategy: str) -> None:
    fleet.say(h1={"install": "dpkg broke"}, h2={"install": "dpkg broke"})
    done = fleet.play(fleet.role(strategy=strategy), patch_max_unavailable=4, patch_max_failed=4, **hooks(fleet))
    assert done.rc != 0 and sorted(fleet.states().values()) == ["failed", "failed", "succeeded", "succeeded"], done.text
    assert said(fleet) == ["before", "on_first_failure", "after"], done.text


def test_a_hook_before_the_run_that_fails_refuses_it_in_one_line(fleet: Canned) -> None:
    refusing = "- name: Ask the change calendar\n  ansible.builtin.fail: {msg: no changes tonight}\n"
    done = fleet.play(**hooks(fleet, before=refusing))
    assert done.rc != 0 and "nothing was touched: its hook before the run failed: Ask the change calendar: no changes tonight" in done.text, done.text
    assert fleet.ask("SELECT count(*) FROM steps") == [(0,)] and set(fleet.states().values()) == {"not_started"} and fleet.runs() == ["failed"]
    assert done.text.count("fatal: ") == 1


@pytest.mark.parametrize("point", ["after", "on_first_failure"])
def test_another_hook_that_fails_is_told_and_changes_nothing(fleet: Canned, point: str) -> None:
    fleet.say(h1={"install": "dpkg broke"})
    broken = "- name: Tell\n  ansible.builtin.fail: {msg: nobody listens}\n"
    done = fleet.play(patch_max_unavailable=4, patch_max_failed=4, **hooks(fleet, **{point: broken}))
    assert "hook %s of run" % point in done.text and "Tell: nobody listens" in " ".join(done.text.split()), done.text
    assert (point, "failed") in of_the_ledger(fleet) and len(of_the_ledger(fleet)) == 3
    assert fleet.states() == {"h1": "failed", "h2": "succeeded", "h3": "succeeded", "h4": "succeeded"}


def test_a_hook_that_can_not_be_used_refuses_the_run_when_it_opens(fleet: Canned) -> None:
    done = fleet.play(**hooks(fleet, on_stop="- no_such_module_at_all: {}\n"))
    assert done.rc != 0 and "no_such_module_at_all" in done.text and fleet.runs() == []


def test_in_check_mode_nobody_is_told(fleet: Canned) -> None:
    done = fleet.play("fleetops.patchtrain.patch", "--check", **hooks(fleet))
    assert done.rc == 0 and said(fleet) == [], done.text
