# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is laid out for ansible-test: a copy of the checkout, a home, and interpreters that start."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import sanity
from copy_checkout import stage


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    contents = {".gitignore": ".cache\n", ".cache/big": "", "plugins/a.py": "a", "tests/unit/b.py": "b", "tests/sanity/i.txt": ""}
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def files_of(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_the_copy_is_what_git_has_without_what_is_not_wanted(checkout: Path, tmp_path: Path) -> None:
    stage(checkout, tmp_path / "copy", without=("tests/unit/",))
    assert files_of(tmp_path / "copy") == [".gitignore", "plugins/a.py", "tests/sanity/i.txt"]


def test_a_second_copy_follows_the_checkout_and_leaves_ansible_tests_own_files(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    stage(checkout, copy)
    untouched = (copy / "tests/unit/b.py").stat().st_mtime_ns
    (copy / "tests/output/venv").mkdir(parents=True)
    (copy / "tests/output/venv/marker").touch()
    (checkout / "plugins/a.py").rename(checkout / "plugins/c.py")
    (checkout / "tests/sanity/i.txt").unlink()
    stage(checkout, copy)
    assert files_of(copy) == [".gitignore", "plugins/c.py", "tests/output/venv/marker", "tests/unit/b.py"]
    assert not (copy / "tests/sanity").exists()
    assert (copy / "tests/unit/b.py").stat().st_mtime_ns == untouched


def test_pips_settings_are_read_and_the_environments_win() -> None:
    listed = ":env:.timeout='180'\nglobal.find-links='/wheels'\nglobal.timeout='15'\ninstall.no-binary='x'\n"
    assert sanity.read_settings(listed) == {
        "global": {"find-links": "/wheels", "timeout": "180"}, "install": {"no-binary": "x"}}


def test_a_home_has_pips_settings_for_its_owner_alone_and_the_scripts_for_each_core(tmp_path: Path) -> None:
    home = sanity.make_home(tmp_path / "home", {"global": {"find-links": "/wheels/100%"}})
    config = configparser.RawConfigParser()
    config.read(home / ".config/pip/pip.conf")
    assert dict(config["global"]) == {"find-links": "/wheels/100%", "quiet": "2"}
    assert (home / ".config/pip/pip.conf").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (home / ".ansible/test/cache").iterdir()) == ["get_pip_24_2.py", "get_pip_25_2.py"]


def test_the_stand_in_for_get_pip_is_python(tmp_path: Path) -> None:
    home = sanity.make_home(tmp_path / "home", {"global": {}})
    script = (home / ".ansible/test/cache/get_pip_24_2.py").read_text()
    compile(script, "get_pip", "exec")
    assert "--pip" not in script and repr(str(sanity.ROOT / ".venv/bin/python")) in script


def test_only_interpreters_that_start_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, working = tmp_path / "broken", tmp_path / "working"
    for folder, line in {broken: "exit 127", working: f'exec {sys.base_prefix}/bin/python3 "$@"'}.items():
        folder.mkdir()
        (folder / "python3.9").write_text(f"#!/bin/sh\n{line}\n")
        (folder / "python3.9").chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    links = sanity.link_pythons(tmp_path / "bin", f"{broken}:{working}")
    assert (links / "python3.9").resolve() == working / "python3.9"
    assert not (sanity.link_pythons(tmp_path / "bin", str(broken)) / "python3.9").exists()
