# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball is what users get: it holds what they need and no more, installs offline, and works from where it was installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from copy_checkout import ROOT, stage

BIN = Path(sys.executable).parent
NEEDED = {"COPYING", "FILES.json", "LICENSES", "MANIFEST.json", "README.md", "changelogs", "meta", "playbooks", "plugins", "roles"}
WELCOME = {"CHANGELOG.md", "docs"}


class Installed:
    """A folder into which the tarball was installed, and programs that see no other collection."""

    def __init__(self, folder: Path, tarball: Path) -> None:
        self.folder = folder
        self.tarball = tarball
        self.root = folder / "ansible_collections" / "fleetops" / "patchtrain"

    def run(self, *argv: str) -> str:
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
            "ANSIBLE_HOME": str(self.folder / "home"), "ANSIBLE_NOCOLOR": "true", "ANSIBLE_DEPRECATION_WARNINGS": "false",
        }
        done = subprocess.run([BIN / argv[0], *argv[1:]], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout}"
        return done.stdout

    def names(self, folder: str, suffix: str) -> list[str]:
        return sorted(path.stem for path in (self.root / folder).glob(f"*{suffix}") if path.stem != "__init__")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    place = tmp_path_factory.mktemp("tarball")
    stage(ROOT, place / "checkout")
    subprocess.run([BIN / "ansible-galaxy", "collection", "build", "--output-path", place, place / "checkout"], check=True, timeout=60)
    (tarball,) = place.glob("fleetops-patchtrain-*.tar.gz")
    found = Installed(place / "collections", tarball)
    found.folder.mkdir()
    found.run("ansible-galaxy", "collection", "install", str(tarball), "-p", str(found.folder), "--offline")
    return found


def members(installed: Installed) -> list[str]:
    with tarfile.open(installed.tarball) as archive:
        return [member.name.removeprefix("./") for member in archive.getmembers()]


def test_it_holds_what_users_need_and_nothing_else(installed: Installed) -> None:
    tops = {name.split("/")[0] for name in members(installed)}
    assert tops >= NEEDED
    assert tops - NEEDED <= WELCOME


def test_nothing_of_the_workshop_is_in_it(installed: Installed) -> None:
    workshop = [name for name in members(installed)
                if any(part.startswith((".", "test_", "__pycache__")) or part.endswith(".pyc") for part in name.split("/"))]
    assert workshop == []


def test_it_says_who_it_is(installed: Installed) -> None:
    info = json.loads((installed.root / "MANIFEST.json").read_text())["collection_info"]
    assert (info["namespace"], info["name"], info["dependencies"]) == ("fleetops", "patchtrain", {})
    assert info["version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]


def test_every_module_is_documented(installed: Installed) -> None:
    modules = installed.names("plugins/modules", ".py")
    assert modules
    full = [f"fleetops.patchtrain.{name}" for name in modules]
    found: dict[str, Any] = json.loads(installed.run("ansible-doc", "--json", "-t", "module", *full))
    assert sorted(found) == full
    for name, documents in found.items():
        assert documents["doc"]["description"], name
        assert documents["examples"], name
        assert documents["return"], name


def test_every_role_says_what_it_takes(installed: Installed) -> None:
    roles = sorted(path.name for path in (installed.root / "roles").iterdir())
    found = json.loads(installed.run("ansible-doc", "--json", "-t", "role", *(f"fleetops.patchtrain.{name}" for name in roles)))
    assert sorted(found) == [f"fleetops.patchtrain.{name}" for name in roles]
    assert all(role["entry_points"] for role in found.values())


def test_every_playbook_parses_by_its_full_name(installed: Installed) -> None:
    playbooks = installed.names("playbooks", ".yml")
    assert playbooks
    for name in playbooks:
        installed.run("ansible-playbook", "--syntax-check", "-i", "localhost,", f"fleetops.patchtrain.{name}")


def test_a_module_runs_from_it(installed: Installed) -> None:
    said = installed.run("ansible", "localhost", "-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3",
                         "-m", "fleetops.patchtrain.package_snapshot_info")
    document = json.loads(said.partition("=>")[2])
    assert {"dpkg", "apt"} <= {package["name"] for package in document["packages"]}
    assert document["changed"] is False
