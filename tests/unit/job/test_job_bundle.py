# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that is laid down on a host: from files and from Ansible's zip, on this Python and on the oldest one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import bundle, program

PLACE = "ansible_collections/fleetops/patchtrain/plugins/module_utils"


def names(data: bytes) -> "set[str]":
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return set(archive.namelist())


def test_the_program_holds_sources_only_and_its_entry() -> None:
    found = names(bundle.build(program.main))
    assert {"__main__.py", "patchtrain/errors.py", "patchtrain/job/program.py", "patchtrain/packages/apt/manager.py"} <= found
    assert all(name.endswith(".py") for name in found)
    assert {name.split("/")[0] for name in found} == {"__main__.py", "patchtrain"}


def test_equal_sources_give_equal_programs() -> None:
    assert bundle.build(program.main) == bundle.build(program.main)


@pytest.fixture
def ansiballz(tmp_path: Path) -> Path:
    """What a host gets from Ansible: the same tree inside a zip, beside code that is none of ours."""
    path = tmp_path / "payload.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("ansible_collections", "ansible_collections/fleetops", "ansible_collections/fleetops/patchtrain",
                     "ansible_collections/fleetops/patchtrain/plugins", "ansible"):
            archive.writestr(part + "/__init__.py", "")
        for name, text in bundle.sources().items():
            archive.writestr("%s/%s" % (PLACE, name), text)
    return path


def test_the_program_built_from_ansible_s_zip_is_the_one_built_from_files(ansiballz: Path) -> None:
    code = ("import sys; sys.path.insert(0, sys.argv[1])\n"
            "from %s.job import bundle, program\n"
            "sys.stdout.buffer.write(bundle.build(program.main))" % PLACE.replace("/", "."))
    built = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code, str(ansiballz)], check=True, stdout=subprocess.PIPE).stdout
    assert built == bundle.build(program.main)


def test_the_program_runs_isolated_and_leaves_nothing_behind(tmp_path: Path, oldest_python: str) -> None:
    path = tmp_path / "program.zip"
    path.write_bytes(bundle.build(program.main))
    said = subprocess.run([oldest_python, *bundle.ISOLATED, str(path), "wait", str(tmp_path / "nowhere")], capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr == "there is no job in %s\n" % (tmp_path / "nowhere")
    assert os.listdir(tmp_path) == ["program.zip"]
