# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of ours by the program that lies on a host: the same options, the same results."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils import called
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health import asked as health
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import asked, bundle, calling


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "program.zip"
    path.write_bytes(bundle.build(calling.main))
    return path


def call(program: Path, python: str, name: str, options: Dict[str, Any], **environment: str) -> "subprocess.CompletedProcess[str]":
    said = json.dumps({"options": options, "check_mode": True, "environment": environment})
    return subprocess.run([python, *bundle.ISOLATED, str(program), "call", name], input=said, capture_output=True, text=True)


def test_a_gate_is_passed_by_the_program_too(program: Path, oldest_python: str) -> None:
    said = call(program, oldest_python, "host_health_info", {"checks": [{"name": "always", "command": ["true"]}], "settle": 0, "baseline": None})
    result = json.loads(said.stdout)
    assert (result["healthy"], [check["name"] for check in result["checks"]]) == (True, ["always"])


def test_a_failure_is_a_result(program: Path, oldest_python: str) -> None:
    said = call(program, oldest_python, "host_health_info", {"settle": 99, "limit": 1, "checks": [{"name": "always", "command": ["true"]}]})
    result = json.loads(said.stdout)
    assert said.returncode == 0 and result["failed"] and "could never pass" in result["msg"]


@pytest.mark.parametrize("name, options", [
    ("host_health_info", {"younger": 1}), ("another", {}), ("host_health_info", {"settle": "1"}), ("updates_install", {"refresh": "no"}),
    ("updates_install", {"exclude": "a,b"}), ("updates_install", {"classifications": ["urgent"]})])
def test_what_it_does_not_know_is_left_to_the_module(program: Path, oldest_python: str, name: str, options: Dict[str, Any]) -> None:
    said = call(program, oldest_python, name, options)
    assert (said.returncode, said.stdout) == (2, "") and "for the module" in said.stderr


@pytest.mark.parametrize("spec", [asked.SPEC, health.SPEC])
def test_what_is_not_given_has_the_module_s_default(spec: Any) -> None:
    assert called.filled(spec, {}) == {name: option.get("default") for name, option in spec.items()}


def test_options_have_their_types() -> None:
    found = called.filled(asked.SPEC, {"timeout": 5, "packages": [{"name": "a", "version": "1"}]})
    assert (found["timeout"], found["packages"]) == (5, [{"name": "a", "version": "1", "arch": ""}])
    with pytest.raises(BadInput, match="unknown option colour"):
        called.filled(asked.SPEC, {"packages": [{"name": "a", "version": "1", "colour": "red"}]})
