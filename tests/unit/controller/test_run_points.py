# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does a run's own hook: one, once, and again only where nobody saw its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import patch_run, run_hook
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import run_points
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import runs


def claimed(desk: Any, point: str = "before", owner: Any = None) -> str:
    return run_points.claim(desk.ledger, "night", point, owner or desk.living, "me")


def finished(desk: Any, state: str = "") -> None:
    with desk.ledger.write() as c:
        run = runs.get(c, "night")
        if state:
            runs.set_state(c, run.id, state)
        runs.finish(c, run.id)


def test_one_does_it_and_nobody_does_it_again(desk: Any) -> None:
    desk.open()
    assert [claimed(desk), claimed(desk)] == [run_points.GRANTED, run_points.GOING_ON]
    run_points.end(desk.ledger, "night", "before", "", "me")
    assert [claimed(desk), claimed(desk, owner=desk.other)] == [run_points.DONE] * 2
    run_points.refuse_if_failed(desk.ledger, "night")


def test_one_whose_end_nobody_saw_is_done_again_once_its_process_is_gone(desk: Any) -> None:
    desk.open()
    assert claimed(desk, owner=desk.other) == run_points.GRANTED
    assert claimed(desk) == run_points.GOING_ON, "that process lives"
    desk.open("other")
    with desk.ledger.write() as c:
        run_points.events.append(c, run_points.BEGUN, run_id=runs.get(c, "other").id, detail={"point": "before", "owner": desk.gone.to_dict()})
    assert run_points.claim(desk.ledger, "other", "before", desk.living, "me") == run_points.GRANTED


@pytest.mark.parametrize("point, state, due", [
    ("after", None, False), ("on_stop", None, False), ("on_first_failure", None, False),
    ("before", "", False), ("after", "", True), ("on_stop", "", False), ("on_stop", "stopping", True), ("after", "stopping", True),
])
def test_when_each_is_due(desk: Any, point: str, state: Any, due: bool) -> None:
    desk.open()
    if state is not None:
        finished(desk, state)
    assert (claimed(desk, point) == run_points.GRANTED) is due


def test_the_first_failure_is_one_of_a_host_that_was_touched(desk: Any) -> None:
    desk.open()
    desk.book(host="web2").state("unreachable")
    assert claimed(desk, "on_first_failure") == run_points.NOT_DUE, "it was never there"
    desk.drained().failed("failed", "broke", keeps_slot=True)
    assert claimed(desk, "on_first_failure") == run_points.GRANTED


def test_a_hook_before_the_run_that_fails_ends_it_before_anything_is_touched(desk: Any) -> None:
    desk.open()
    claimed(desk)
    desk.do(run_hook, state="ended", point="before", run_id="night", failed_task="Ask", failure={"msg": "not\ntonight"})
    assert desk.run().state == "failed" and desk.state().state == "not_started"
    with pytest.raises(run_points.RunHookFailed, match="run night was refused, .* failed: Ask: not tonight"):
        desk.do(run_hook, state="judged", point="before", run_id="night")


def test_what_a_hook_is_told(desk: Any, tmp_path: Path) -> None:
    desk.open(patch_report_dir=str(tmp_path / "reports"))
    desk.drained().failed("failed", "{{ 1 + 1 }}", keeps_slot=True)
    assert run_points.summary(desk.ledger, "night", "after")["reports"] == {}
    page = tmp_path / "reports" / "night" / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("")
    finished(desk)
    told = run_points.summary(desk.ledger, "night", "after")
    assert (told["run"], told["state"], told["counts"]) == ("night", "failed", {"failed": 1, "not_started": 1})
    assert told["hosts"][0] == {"name": "web1", "state": "failed", "reason": "{{ 1 + 1 }}"} and told["reports"] == {"html": str(page)}


def test_without_such_a_hook_and_in_check_mode_nothing_is_written(desk: Any) -> None:
    desk.open()
    assert not desk.do(run_hook, state="begun", point="before", run_id="night")["granted"]
    desk.open("other", patch_run_hook_before="x.yml")
    assert not desk.do(run_hook, check=True, state="begun", point="before", run_id="other")["granted"]
    assert run_points.claim(desk.ledger, "other", "before", desk.living, "me") == run_points.GRANTED


def test_patience_for_a_slot_is_none_for_a_hook_that_another_host_does(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(patch_run_hook_before="x.yml")
    claimed(desk)
    waited = []
    monkeypatch.setattr(run_points, "wait", lambda ledger, run, point, seconds: waited.append(seconds))
    for limit in (0, 90000):
        assert not desk.do(run_hook, host="web2", variables={"patch_slot_timeout": limit}, state="begun", point="before", run_id="night")["granted"]
    assert waited == [7200.0, 90000.0]


def test_a_hook_that_waits_in_vain_is_a_failure(desk: Any) -> None:
    desk.open()
    claimed(desk)
    with pytest.raises(run_points.RunHookFailed, match="did not end within 0 s"):
        run_points.wait(desk.ledger, "night", "before", 0)


def missed(desk: Any, name: str = "night") -> Any:
    with desk.ledger.read() as c:
        return run_points.missed(c, runs.get(c, name))


def test_hooks_after_the_end_that_nobody_does_any_more_are_told(desk: Any) -> None:
    hooks = {"patch_run_hook_after": "a.yml", "patch_run_hook_on_stop": "s.yml"}
    desk.open(owner=desk.gone, **hooks)
    assert missed(desk) == [], "it can be gone on with"
    finished(desk)
    assert missed(desk) == ["after"]
    told = desk.do(patch_run, state="info", run_id="night")
    assert told["runs"][0]["missed_hooks"] == ["after"] and "hook after was not done: the run's controller was gone by then" in told["text"]
    run_points.end(desk.ledger, "night", "after", "", "me")
    assert missed(desk) == []
    desk.open("living", **hooks)
    with desk.ledger.write() as c:
        runs.finish(c, runs.get(c, "living").id)
    assert missed(desk, "living") == [], "that process comes to them"
