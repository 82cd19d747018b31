# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that is left at a place does what the module does there."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import bundle
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import asked, calling


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "program.zip"
    path.write_bytes(bundle.build(calling.main))
    return path


@pytest.fixture
def restored_signals() -> Any:
    before = {number: signal.getsignal(number) for number in asked.ENDINGS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def options(tmp_path: Path, **more: Any) -> Dict[str, Any]:
    out = str(tmp_path / "out")
    own = {"enter": ["touch", out], "verify": ["test", "-e", out], "leave": ["rm", out], "prior": ["sh", "-c", "if test -e %s; then echo out; fi" % out]}
    return dict({"driver": "command", "host": "web1", "state": "entered", "timeout": 20, "options": own}, **more)


def call(program: Path, python: str, given: Dict[str, Any], check_mode: bool = False) -> "subprocess.CompletedProcess[str]":
    said = json.dumps({"options": given, "check_mode": check_mode, "environment": {}})
    return subprocess.run([python, *bundle.ISOLATED, str(program), "call", "maintenance_mode"], input=said, capture_output=True, text=True)


def test_it_enters_and_leaves(program: Path, oldest_python: str, tmp_path: Path) -> None:
    entered = json.loads(call(program, oldest_python, options(tmp_path)).stdout)
    assert (entered["changed"], entered["state"], entered["undone"], (tmp_path / "out").exists()) == (True, "entered", None, True)
    left = json.loads(call(program, oldest_python, options(tmp_path, state="left", prior_state=entered["prior_state"])).stdout)
    assert (left["changed"], left["state"], (tmp_path / "out").exists()) == (True, "left", False)


def test_a_failure_has_the_module_s_shape(program: Path, oldest_python: str, tmp_path: Path) -> None:
    said = call(program, oldest_python, options(tmp_path, timeout=0))
    result = json.loads(said.stdout)
    assert said.returncode == 0 and result["failed"] and result["error"]["kind"] == "BadInput"
    assert set(result) >= {"msg", "changed", "state", "prior_state", "detail", "undone"}


@pytest.mark.parametrize("given", [{"driver": "command"}, {"state": "gone", "driver": "command", "host": "a"}, {"younger": 1}])
def test_what_is_not_for_it_is_left_to_the_module(program: Path, oldest_python: str, given: Dict[str, Any]) -> None:
    said = call(program, oldest_python, given)
    assert (said.returncode, said.stdout) == (2, "") and "for the module" in said.stderr


def test_a_host_that_is_otherwise_than_it_was_seen_is_not_touched(tmp_path: Path, restored_signals: None) -> None:
    (tmp_path / "out").touch()
    given = dict({name: option.get("default") for name, option in asked.SPEC.items()}, **options(tmp_path, expect_prior="in_service"))
    given["options"]["enter"] = ["touch", str(tmp_path / "touched")]
    found = asked.perform(given, False)
    assert found["failed"] and found["error"]["kind"] == "FoundOtherwise" and found["prior_state"] == "out" and not (tmp_path / "touched").exists()
    assert "web1 is out, and was in_service when it was looked at: nothing was touched" in found["msg"]
    assert asked.perform(dict(given, expect_prior="out"), False)["prior_state"] == "out"


def test_it_is_left_where_that_can_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "state"
    monkeypatch.setattr(calling.os, "geteuid", lambda: 1000)
    assert calling.lay(str(root)) is None and not root.exists()
    monkeypatch.undo()
    laid = calling.lay(str(root))
    if calling.os.geteuid() == 0:
        assert laid and Path(laid["program"]).parent == root / "programs" and laid == calling.lay(str(root))
        root.joinpath("programs").rename(tmp_path / "away")
        root.joinpath("programs").write_text("in the way")
        assert calling.lay(str(root)) is None
