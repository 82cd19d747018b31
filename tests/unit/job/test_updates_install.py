# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, with real jobs on a fake host."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import asked, bundle, client, unit
from ansible_collections.fleetops.patchtrain.plugins.modules import updates_install

Module = Callable[..., Dict[str, Any]]
SHAPE = {"packages", "plan", "reboot", "log", "log_path", "leftover_config", "repaired", "finished", "job", "boot_id", "changed", "failed"}


@pytest.fixture
def install(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
            fake_program: bytes) -> Module:
    if os.geteuid() != 0:
        pytest.skip("packages are root's to change")
    monkeypatch.setattr(asked, "detect", lambda runner, wanted: host.manager)
    monkeypatch.setattr(bundle, "build", lambda main: fake_program)
    monkeypatch.setattr(unit, "SYSTEMD", str(tmp_path / "no systemd"))

    def run(check: bool = False, diff: bool = True, **options: Any) -> Dict[str, Any]:
        asked = dict({"state_dir": str(tmp_path / "state"), "timeout": 30}, **options, _ansible_check_mode=check, _ansible_diff=diff)
        with patch_module_args(asked), pytest.raises(SystemExit):
            updates_install.main()
        result: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return result
    return run


def test_check_run_check_run(host: Any, install: Module, tmp_path: Path) -> None:
    before = host.all()
    checked = install(check=True)
    assert (host.all(), (tmp_path / "state").exists()) == (before, False), "check mode leaves no trace"
    done = install()
    assert (checked["changed"], done["changed"]) == (True, True)
    assert checked["plan"] == done["plan"]
    assert checked["diff"] == done["diff"]
    assert {p["result"] for p in checked["packages"]} == {"pending"}
    assert {p["result"] for p in done["packages"]} == {"installed"}
    assert (install(check=True)["changed"], install()["changed"]) == (False, False)
    assert host.all()["applied"] == 1


def test_one_shape_whatever_happens(host: Any, install: Module) -> None:
    done, checked, refused = install(), install(check=True), install(packages=[{"name": "a b", "version": "1"}])
    host.set(available={"a": "3"}, broken={"a": "no"})
    failed = install()
    for result in (done, checked, refused, failed):
        assert set(result) >= SHAPE
    assert (failed["failed"], failed["msg"]) == (True, "1 of 1 packages failed: a (no)")


def test_without_diff_there_is_none(install: Module) -> None:
    assert "diff" not in install(diff=False)


def test_a_run_comes_back_to_its_result_and_none_is_another_each_time(host: Any, install: Module) -> None:
    first = install(run_id="r")
    host.set(available={"a": "3"})
    again = install(run_id="r", deadline=1)
    assert dict(again, invocation=None) == dict(first, invocation=None)
    assert install()["plan"]["changes"][0]["to"] == "3"


@pytest.mark.parametrize(("limits", "result"), [
    ({"begin_within": 0}, "deferred"), ({"begin_within": 600}, "installed"), ({"begin_within": 600, "deadline": 1}, "deferred")])
def test_it_begins_within_the_time_that_is_left(install: Module, limits: Dict[str, Any], result: str) -> None:
    assert {p["result"] for p in install(**limits)["packages"]} == {result}


def test_the_time_that_is_left_counts_from_now_whatever_the_host_takes_for_the_date(install: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    yesterday = time.time() - 86400
    monkeypatch.setattr(asked.time, "time", lambda: yesterday)
    spec = json.loads(Path(install(begin_within=600)["job"]["directory"], "spec.json").read_text())
    assert spec["limits"]["deadline"] == yesterday + 600


def test_a_long_poll_ends_unfinished_and_can_be_continued(host: Any, install: Module) -> None:
    host.set(gate=str(host.gate))
    seen = install(run_id="r", wait=0.2)
    assert (seen["finished"], seen["failed"]) == (False, False)
    assert seen["status"]["phase"] in ("lock", "plan", "space", "verify", "download", "apply")
    assert os.path.isdir(seen["job"]["directory"])
    host.gate.touch()
    assert install(run_id="r", wait=30)["finished"]


def test_a_job_that_outlasts_the_limit_is_a_failure_that_says_how_to_come_back(host: Any, install: Module) -> None:
    host.set(gate=str(host.gate))
    result = install(run_id="r", timeout=0.3)
    host.gate.touch()
    assert result["error"]["kind"] == "CommandTimeout"
    assert "repeat with run_id r to come back to it" in result["msg"]
    assert install(run_id="r")["changed"]


def test_the_task_s_proxy_reaches_the_job(host: Any, install: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("SECRET", "x")
    spec = json.loads(Path(install()["job"]["directory"], "spec.json").read_text())
    assert spec["environment"] == {"https_proxy": "http://proxy.example:3128"}


@pytest.mark.parametrize(("options", "says"), [
    ({"packages": [{"name": "a", "version": "1"}, {"name": "--force", "version": "1"}]}, "packages, item 2: '--force' is no name"),
    ({"packages": [{"name": "a", "version": "1; reboot"}]}, "packages, item 1: '1; reboot' is no version"),
    ({"packages": [{"name": "a\n", "version": "1"}]}, r"packages, item 1: 'a\n' is no name"),
    ({"packages": [{"name": "a", "version": "1", "arch": "$(id)"}]}, "packages, item 1: '$(id)' is no arch"),
    ({"exclude": ["a", " "]}, "exclude, item 2 is empty"),
])
def test_bad_input_is_one_clear_line(install: Module, options: Dict[str, Any], says: str) -> None:
    result = install(**options)
    assert result["error"]["kind"] == "BadInput"
    assert result["msg"].startswith(says)
    assert "\n" not in result["msg"]


def test_a_transaction_that_differs_is_found_in_check_mode_too(host: Any, install: Module) -> None:
    result = install(check=True, packages=[{"name": "a", "version": "2"}], expect_digest="another")
    assert not result["failed"], "the exact list is met, only its digest is of another time"
    host.set(needs={"a": ["new"]})
    result = install(check=True, packages=[{"name": "a", "version": "2"}], expect_digest="another")
    assert result["error"]["kind"] == "TransactionDiffers"


def test_check_mode_tells_what_would_be_repaired(host: Any, install: Module) -> None:
    host.set(available={}, interrupted="dpkg was cut")
    checked, done = install(check=True), install()
    assert (checked["repaired"], checked["changed"]) == (done["repaired"], done["changed"]) == ("dpkg was cut", True)


def test_who_is_not_root_is_told(install: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.os, "geteuid", lambda: 1000)
    assert "become: true" in install()["msg"]
