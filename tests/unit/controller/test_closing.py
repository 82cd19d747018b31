# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in a play of one's own ends with its last host, whatever ends the play."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import patch_run
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.closing import Batch, finish, finish_last, report_run
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

EVERYBODY = ["web1", "web2", "web3", "web4"]
BATCH = ["web1", "web2"]


def ended(desk: Any, batch: Optional[Batch]) -> Any:
    ending = finish_last(desk.ledger, "night", Settings.from_variables({}, "-"), batch)
    return ending and {host: desk.state(host).state for host in EVERYBODY}


@pytest.fixture
def night(desk: Any) -> Any:
    """The first batch came to its end, one of it badly; one failure is allowed."""
    desk.open(targets=EVERYBODY, patch_max_failed=1)
    desk.book(host="web1").state("blocked", "no space")
    desk.book(host="web2").state("up_to_date")
    return desk


def test_a_run_stays_open_while_other_batches_come(night: Any) -> None:
    assert ended(night, Batch(BATCH)) is None
    assert night.run().state == "running"


def test_hosts_that_left_the_play_before_their_turn_are_unreachable(night: Any) -> None:
    assert ended(night, Batch(BATCH, left=["web3", "web4"])) == {
        "web1": "blocked", "web2": "up_to_date", "web3": "unreachable", "web4": "unreachable"}


@pytest.mark.parametrize("batch", [Batch(BATCH, any_is_fatal=True), Batch(["web1"])])
def test_a_failure_that_ends_the_play_ends_the_run(night: Any, batch: Batch) -> None:
    states = ended(night, batch)
    assert states["web1"] == "blocked" and states["web3"] == states["web4"] == "not_started"


def test_what_does_not_fail_hosts_ends_no_play(night: Any) -> None:
    assert ended(night, Batch(BATCH, any_is_fatal=True, fails_hosts=False)) is None


def test_the_run_of_another_process_ends_only_when_that_is_gone_and_nobody_is_out(desk: Any) -> None:
    desk.open(targets=EVERYBODY, owner=desk.other)
    desk.open("left", targets=EVERYBODY, owner=desk.gone)
    book = desk.drained("left")
    assert ended(desk, None) is None
    settings = Settings.from_variables({}, "-")
    assert finish_last(desk.ledger, "left", settings, None) is None
    for step in book.entered():
        book.undone(step["id"])
    book.returned("", "never")
    assert finish_last(desk.ledger, "left", settings, None) is None, "it may be gone on with"
    for host in EVERYBODY[1:]:
        desk.book("left", host).state("up_to_date")
    assert finish_last(desk.ledger, "left", settings, None).run.state == "succeeded"


def test_a_check_ends_its_run_and_fails_no_host(desk: Any) -> None:
    desk.open(targets=["web1"])
    desk.book().state("not_started", "check mode")
    assert desk.do(patch_run, check=True, state="closed", run_id="night")["host_state"] == "not_started"
    assert desk.run().finished_at is not None
    with pytest.raises(patch_run.RunFailed, match="web1 not_started: check mode"):
        desk.do(patch_run, state="closed", run_id="night")
    assert desk.do(patch_run, state="closed", run_id="night", fail_host=False)["host_state"] == "not_started"


def test_whoever_ends_a_run_goes_by_what_its_own_deployment_calls_a_failure(desk: Any, tmp_path: Path) -> None:
    desk.open(targets=["web1"], patch_fail_on=["unreachable"], patch_report_dir=str(tmp_path))
    desk.book().state("blocked", "no space")
    ending = finish_last(desk.ledger, "night", Settings.from_variables({}, "-"), None)
    assert ending is None, "it is a living process's"
    assert finish(desk.ledger, "night", Settings.from_variables({}, "-")).run.state == "succeeded"
    desk.open("left", targets=["web1"], owner=desk.gone, patch_fail_on=["blocked"])
    desk.book("left").state("blocked", "no space")
    ending = finish_last(desk.ledger, "left", Settings.from_variables({"patch_fail_on": []}, "-"), None)
    assert ending is not None and ending.run.state == "failed"
    assert report_run(desk.ledger, "night", Settings.from_variables({}, "-"))["report"]["html"] == str(tmp_path / "night" / "report.html")
    elsewhere = report_run(desk.ledger, "night", Settings.from_variables({"patch_report_dir": str(tmp_path / "there")}, "-"))
    assert elsewhere["report"]["html"] == str(tmp_path / "there" / "night" / "report.html")
