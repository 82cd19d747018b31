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
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import bundle, calling, program

PLACE = "ansible_collections/fleetops/patchtrain/plugins/module_utils"


@pytest.fixture(scope="module")
def built() -> bytes:
    return bundle.build(program.main)


def names(data: bytes) -> "set[str]":
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return set(archive.namelist())


def read(data: bytes) -> "dict[str, bytes]":
    """The sources."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".py")}


def test_the_program_holds_sources_what_is_made_of_them_and_its_entry(built: bytes) -> None:
    found = names(built)
    assert {"__main__.py", "patchtrain/errors.py", "patchtrain/job/program.py", "patchtrain/packages/apt/manager.py"} <= found
    assert {name[:-1] for name in found if name.endswith(".pyc")} == {name for name in found if name.endswith(".py")} - {"__main__.py"}
    assert {name.split("/")[0] for name in found} == {"__main__.py", "patchtrain"}


def test_equal_sources_give_equal_programs(built: bytes) -> None:
    assert read(bundle.build(program.main)) == read(built)


def test_a_program_s_name_is_of_its_sources_and_its_entry_and_needs_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    name, known = bundle.name_of(program.main), bundle.sources()
    monkeypatch.setattr(bundle, "pack", None)
    assert bundle.name_of(program.main) == name != bundle.name_of(calling.main)
    monkeypatch.setattr(bundle, "sources", lambda: dict(known, **{"text.py": known["text.py"] + b"#"}))
    assert bundle.name_of(program.main) != name


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


def test_the_program_built_from_ansible_s_zip_is_the_one_built_from_files(ansiballz: Path, built: bytes) -> None:
    code = ("import sys; sys.path.insert(0, sys.argv[1])\n"
            "from %s.job import bundle, program\n"
            "sys.stderr.write(bundle.name_of(program.main))\n"
            "sys.stdout.buffer.write(bundle.build(program.main))" % PLACE.replace("/", "."))
    inside = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code, str(ansiballz)], check=True, capture_output=True)
    assert read(inside.stdout) == read(built)
    assert inside.stderr.decode() == bundle.name_of(program.main)


def test_the_program_runs_isolated_and_leaves_nothing_behind(tmp_path: Path, built: bytes, oldest_python: str) -> None:
    path = tmp_path / "program.zip"
    path.write_bytes(built)
    said = subprocess.run([oldest_python, *bundle.ISOLATED, str(path), "wait", str(tmp_path / "nowhere")], capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr == "there is no job in %s\n" % (tmp_path / "nowhere")
    assert os.listdir(tmp_path) == ["program.zip"]


@pytest.mark.parametrize("broken", [False, True])
def test_a_python_that_does_not_know_what_was_compiled_takes_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    """The transaction may update the host's Python. Told by the source's text, which only a traceback of a source has."""
    if broken:
        monkeypatch.setattr(bundle.importlib.util, "MAGIC_NUMBER", b"\0\0\r\n")
    path = tmp_path / "program.zip"
    path.write_bytes(bundle.pack({"__init__.py": b"", "say.py": b"def main(words):\n    print(main.__code__.co_filename)\n"}, "say", "main"))
    said = subprocess.run([sys.executable, *bundle.ISOLATED, str(path)], capture_output=True, text=True)
    assert (said.stdout.strip() == "program.zip/patchtrain/say.py") is not broken, said.stderr
    assert said.stdout.strip().endswith("patchtrain/say.py")


def test_a_program_gives_itself(tmp_path: Path, built: bytes) -> None:
    path = tmp_path / "program.zip"
    path.write_bytes(built)
    code = ("import sys; sys.path.insert(0, sys.argv[1])\n"
            "from patchtrain.job import bundle\n"
            "sys.stdout.buffer.write(bundle.build(None))")
    assert subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code, str(path)], check=True, stdout=subprocess.PIPE).stdout == path.read_bytes()


@pytest.mark.parametrize("module", ["job.asked", "job.program", "health.asked", "maintenance.asked"])
def test_what_is_called_while_a_host_is_out_of_service_loads_no_more_than_it_needs(tmp_path: Path, built: bytes, module: str) -> None:
    path = tmp_path / "program.zip"
    path.write_bytes(built)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import patchtrain.%s; print(*sys.modules)" % module
    loaded = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code, str(path)], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    kinds = [name for name in loaded if name.startswith("patchtrain.") and name.rsplit(".", 1)[-1] in
             ("apt", "dnf", "zypper", "install", "assessment", "haproxy", "libvirt", "pacemaker", "slurm", "clusters")]
    assert (kinds, {"ssl", "http.client", "logging"} & set(loaded)) == ([], set())
