# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is one JSON file, and the programs that work on it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import bundle, program, unit

PACKAGES = "ansible_collections.fleetops.patchtrain.plugins.module_utils.packages"
FAKE = Path(__file__).parent / "data" / "fake_detect.py"

EMPTY: Dict[str, Any] = {
    "installed": {}, "available": {}, "held": [], "needs": {}, "broken": {}, "scripts": {}, "lies": [], "fills": None, "half": [],
    "interrupted": None, "mends": True, "problem": None, "gate": None, "applied": 0, "repaired": 0, "downloaded": [], "leftover": [], "refreshed": False}


class FakeHost:
    """The host's state, as the test sets it and reads it."""

    def __init__(self, path: Path, manager: Any) -> None:
        self._path = path
        self.manager = manager
        self.gate = path.parent / "gate"
        (path.parent / "cache").mkdir()
        self._path.write_text(json.dumps(EMPTY))

    def set(self, **changed: Any) -> None:
        self._path.write_text(json.dumps(dict(self.all(), **changed)))

    def all(self) -> Dict[str, Any]:
        state: Dict[str, Any] = json.loads(self._path.read_text())
        return state

    @staticmethod
    def fill(folder: str) -> None:
        _fake().fill(folder)

    def versions(self) -> Dict[str, str]:
        return {name: version for name, (version, _reason) in self.all()["installed"].items()}


def _fake() -> ModuleType:
    name = PACKAGES + ".fake_detect"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, FAKE)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit, "_POLL", 0.01)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """Three packages with an update each; ``b`` came as a dependency."""
    folder = tmp_path / "host"
    folder.mkdir()
    monkeypatch.setenv("PATCHTRAIN_FAKE", str(folder / "state.json"))
    fake = FakeHost(folder / "state.json", _fake().Fake(str(folder / "state.json")))
    fake.set(installed={"a": ["1", "manual"], "b": ["1", "automatic"], "c": ["1", "manual"]},
             available={"a": "2", "b": "2", "c": "2", "new": "1"})
    return fake


@pytest.fixture(scope="session")
def fake_program() -> bytes:
    """The real program, with the fake in the place of the package managers."""
    sources = bundle.sources()
    sources["packages/fake_detect.py"] = FAKE.read_bytes()
    sources["packages/detect.py"] += b"\nfrom .fake_detect import detect\n"
    return bundle.pack(sources, program.main.__module__, program.main.__name__)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 3 MiB large."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "patchtrain-test", str(folder)], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def oldest_python() -> str:
    """A Python 3.8 that starts: a shim of pyenv on PATH may not."""
    found = [shutil.which("python3.8"), *sorted(map(str, Path.home().glob(".pyenv/versions/3.8*/bin/python3.8")))]
    for path in found:
        if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0:
            return path
    pytest.skip("no Python 3.8 here")
