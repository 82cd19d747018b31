# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that looks at a host and makes it ready, on a fake host."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed, CommandTimeout, NotReadable
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import bundle, prepare, preparing, space, unit
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.modules import host_assess

Module = Callable[..., Dict[str, Any]]


@pytest.fixture
def assess(host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
           fake_program: bytes) -> Module:
    if os.geteuid() != 0:
        pytest.skip("packages are root's to change")
    monkeypatch.setattr(preparing, "detect", lambda runner, wanted: host.manager)
    monkeypatch.setattr(bundle, "build", lambda main: fake_program)
    monkeypatch.setattr(unit, "SYSTEMD", str(tmp_path / "no systemd"))
    monkeypatch.setattr(prepare, "probe", lambda runner: {"boot_id": "b"})

    def run(check: bool = False, **options: Any) -> Dict[str, Any]:
        asked = dict({"state_dir": str(tmp_path / "state")}, **options, _ansible_check_mode=check)
        with patch_module_args(asked), pytest.raises(SystemExit):
            host_assess.main()
        result: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return result
    return run


def kinds(result: Dict[str, Any]) -> List[str]:
    return [obstacle["kind"] for obstacle in result["assessment"]["obstacles"]]


def test_an_assessment_changes_nothing_but_the_metadata(host: Any, assess: Module, tmp_path: Path) -> None:
    before = host.all()
    result = assess()
    assert host.all() == dict(before, refreshed=True)
    assert not (tmp_path / "state").exists()
    assert (result["changed"], result["held_units"], result["repaired"], result["downloaded"]) == (False, [], None, False)
    assert [change["name"] for change in result["plan"]["changes"]] == ["a", "b", "c"]
    assert result["assessment"]["counts"]["security"] == 3
    assert result["health"] == {"boot_id": "b"}
    assert assess(health=False)["health"] is None


def test_check_mode_does_not_even_refresh(host: Any, assess: Module) -> None:
    before = host.all()
    result = assess(check=True, stage="download")
    assert (host.all(), result["changed"]) == (before, False)
    assert result["plan"]["changes"]


def test_making_ready_downloads_once(host: Any, assess: Module) -> None:
    assert assess(stage="download")["changed"]
    assert host.all()["downloaded"] == ["a", "b", "c"]
    assert not assess(stage="download")["changed"]
    assert host.all()["applied"] == 0


def test_the_updaters_are_held_off_only_where_there_is_something_to_do(
        host: Any, assess: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[Any] = []
    monkeypatch.setattr(prepare, "hold", lambda runner, units, run, until: asked.append((run, until)) or ["apt-daily.service"])
    monkeypatch.setattr(unit, "SYSTEMD", str(tmp_path))
    yesterday = time.time() - 86400
    monkeypatch.setattr(preparing.time, "time", lambda: yesterday)
    result = assess(stage="download", hold_for=3600, run_id="r")
    # By the host's own clock, right or wrong: it is the one that ends the hold.
    assert (result["held_units"], asked, result["changed"]) == (["apt-daily.service"], [("r", yesterday + 3600)], True)
    assert Path(result["program"]).read_bytes() == bundle.build(lambda arguments: 0)
    for options in ({"hold_for": 0}, {"hold_for": 3600, "exclude": ["*"]}, {"hold_for": 3600, "stage": "assess"}):
        assert assess(**dict({"stage": "download"}, **options))["held_units"] == []
    assert len(asked) == 1


@pytest.mark.parametrize(("options", "stuck", "held", "let_go"), [
    ({}, None, [], ["r"]), ({}, CommandFailed("daemon-reload ended with rc 1", ["systemctl"]), ["apt-daily.service"], ["r"]),
    ({}, OSError("Read-only file system"), ["apt-daily.service"], ["r"]), ({"hold_for": 0}, None, [], []), ({"stage": "assess"}, None, [], [])])
def test_a_preparation_that_fails_lets_the_updaters_go(host: Any, assess: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any,
                                                       stuck: Any, held: List[str], let_go: List[str]) -> None:
    asked: List[str] = []

    def fails(*_: Any) -> None:
        raise CommandFailed("Failed to fetch a_2.deb", ["apt-get"])

    def release(runner: Any, run: str) -> None:
        asked.append(run)
        if stuck:
            raise stuck
    monkeypatch.setattr(prepare, "hold", lambda *_: ["apt-daily.service"])
    monkeypatch.setattr(prepare, "release", release)
    monkeypatch.setattr(unit, "SYSTEMD", str(tmp_path))
    monkeypatch.setattr(host.manager, "download" if options.get("stage") != "assess" else "refresh", fails)
    result = assess(**dict({"stage": "download", "hold_for": 3600, "run_id": "r"}, **options))
    assert (result["failed"], result["held_units"], asked) == (True, held, let_go) and "Failed to fetch a_2.deb" in result["msg"]
    assert ("stay held off until their hold ends: %s" % stuck in result["msg"]) is bool(stuck)


def test_an_interrupted_transaction_is_repaired_by_a_job_before_anything_is_planned(host: Any, assess: Module, tmp_path: Path) -> None:
    host.set(interrupted="dpkg was cut", problem="E: dpkg was interrupted", half=["b"])
    seen = assess()
    assert (seen["failed"], kinds(seen), seen["plan"]["changes"] if seen["plan"] else []) == (False, ["interrupted"], [])
    assert host.all()["repaired"] == 0
    host.set(problem=None)
    result = assess(stage="download", run_id="r")
    assert (result["repaired"], result["changed"], host.all()["repaired"]) == ("dpkg was cut", True, 1)
    assert [change["name"] for change in result["plan"]["changes"]] == ["a", "b", "c"]
    assert len(list((tmp_path / "state" / "jobs").iterdir())) == 1
    assert assess(stage="download", run_id="r")["repaired"] is None


def test_a_repair_is_told_also_where_what_follows_fails(host: Any, assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise CommandFailed("apt could not fetch its sources: the mirror is down", ["apt-get"])
    host.set(interrupted="dpkg was cut")
    monkeypatch.setattr(host.manager, "refresh", fails)
    result = assess(stage="download", run_id="r")
    assert (result["failed"], result["repaired"], result["changed"]) == (True, "dpkg was cut", True)
    assert (result["error"]["kind"], result["assessment"]) == ("CommandFailed", None)


def test_a_host_whose_health_can_not_be_told_is_assessed_all_the_same(
        host: Any, assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(runner: Any) -> None:
        raise CommandTimeout("systemctl did not end within 30 s", ["systemctl"])
    monkeypatch.setattr(prepare, "probe", fails)
    seen = assess()
    assert (seen["failed"], seen["health"], kinds(seen), len(seen["plan"]["changes"])) == (False, None, ["health"], 3)
    assert seen["assessment"]["obstacles"][0]["message"] == "the host's health is not known: systemctl did not end within 30 s"
    made = assess(stage="download")
    assert (made["failed"], made["error"]["kind"], kinds(made), host.all()["downloaded"]) == (True, "CommandTimeout", ["health"], [])
    assert assess(health=False)["assessment"]["obstacles"] == []


def test_a_repair_that_fails_is_the_failure(host: Any, assess: Module) -> None:
    host.set(interrupted="dpkg was cut", mends=False)
    result = assess(stage="download")
    assert result["error"]["kind"] == "TransactionInterrupted"
    assert "can't be mended: dpkg was cut" in result["msg"]


def test_what_stands_in_the_way_is_an_obstacle_first_and_a_failure_then(host: Any, assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "measure", lambda path: space.Room("/var", 1000, None))
    seen = assess()
    assert (seen["failed"], kinds(seen)) == (False, ["space"])
    made = assess(stage="download")
    assert (made["failed"], made["error"]["kind"], kinds(made)) == (True, "NotEnoughSpace", ["space"])
    assert made["plan"]["changes"], "a failure does not hide what is known"
    assert host.all()["downloaded"] == []


def test_a_download_that_fails_is_named(host: Any, assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise CommandFailed("apt-get ended with rc 100: Failed to fetch a_2.deb", ["apt-get"])
    monkeypatch.setattr(host.manager, "download", fails)
    assert "Failed to fetch a_2.deb" in assess(stage="download")["msg"]


def test_who_is_not_root_can_look_but_not_make_ready(assess: Module, monkeypatch: pytest.MonkeyPatch, host: Any) -> None:
    monkeypatch.setattr(prepare.os, "geteuid", lambda: 1000)
    seen = assess()
    assert (seen["failed"], kinds(seen), host.all()["refreshed"]) == (False, ["privilege"], False)
    assert seen["plan"]["changes"]
    assert "become: true" in assess(stage="download")["msg"]


def test_who_may_not_look_at_the_release_gets_a_plan_all_the_same(assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(SystemRunner):
        def read(self, path: str) -> Optional[str]:
            if path.endswith("attached.json"):
                raise NotReadable("%s can't be read by uid 1000" % path, path=path)
            return super().read(path)

        def run(self, argv: Sequence[str], limit: Optional[float] = 120.0, stdin: str = "", env: Any = None, log: Any = None) -> Completed:
            return Completed(("id",), 0, "1000\n", "") if argv[0] == "id" else super().run(argv, limit, stdin, env, log)
    monkeypatch.setattr(preparing, "SystemRunner", Closed)
    monkeypatch.setattr(prepare.os, "geteuid", lambda: 1000)
    seen = assess()
    assert (kinds(seen), [change["name"] for change in seen["plan"]["changes"]]) == (["privilege"], ["a", "b", "c"])


def test_a_look_afterwards_lets_the_updaters_go_first_and_makes_no_plan(host: Any, assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[str] = []
    monkeypatch.setattr(prepare, "release", lambda runner, run: asked.append(run) or ["apt-daily.service"])
    result = assess(refresh=False, health=False, plan=False, let_go=True, run_id="r")
    assert (asked, result["let_go"], result["plan"], result["health"]) == (["r"], ["apt-daily.service"], None, None)
    assert result["assessment"]["counts"]["total"] == 3
    assert assess(check=True, let_go=True, run_id="r")["let_go"] is None and assess(plan=False)["let_go"] is None and asked == ["r"]


def test_updaters_that_can_not_be_let_go_are_a_failure(assess: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    def release(runner: Any, run: str) -> None:
        raise CommandFailed("daemon-reload ended with rc 1", ["systemctl"])
    monkeypatch.setattr(prepare, "release", release)
    result = assess(refresh=False, let_go=True, run_id="r")
    assert (result["failed"], result["let_go"], result["msg"]) == (True, None, "daemon-reload ended with rc 1")
