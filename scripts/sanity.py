#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ``ansible-test sanity`` on this checkout without containers and without touching the user's home.

usage: sanity.py [ansible-test options]      for example: sanity.py --test validate-modules

ansible-test wants three things that a checkout does not have, and each is made under .cache/sanity: the tree at a path
that ends in ansible_collections/NAMESPACE/NAME; interpreters on PATH that really start; and a home with a
``get_pip`` script, which ansible-test would otherwise download and where ours lets the pip of .venv do the work.
"""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Mapping

from copy_checkout import ROOT, stage

WORK = ROOT / ".cache" / "sanity"
TREE = WORK / "ansible_collections" / "fleetops" / "patchtrain"

# The versions that ansible-test of core 2.18 and 2.19, and of 2.20 and 2.21, asks for.
_GET_PIP = ("24_2", "25_2")
# What users get is what is judged by the rules for collections; the rest has `make lint`.
_NOT_SHIPPED = ("extensions/", "scripts/", "tests/integration/", "tests/lab/", "tests/unit/", "tests/conftest.py")
_PYTHONS = tuple(f"python3.{minor}" for minor in range(8, 15))

_STAND_IN = """\
import subprocess
import sys

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([{pip!r}, "-m", "pip", "--python", sys.executable, "install", "--quiet", *arguments]))
"""


def main(arguments: list[str]) -> int:
    stage(ROOT, TREE, _NOT_SHIPPED)
    # A repository of its own, or ansible-test would ask the one around it, which ignores .cache.
    subprocess.run(["git", "init", "--quiet", str(TREE)], check=True)
    home = make_home(WORK / "home", pip_settings())
    tools = link_pythons(WORK / "bin", os.environ.get("PATH", ""))
    environment = {
        **os.environ,
        "HOME": str(home),
        # Nothing else of the caller's PATH: a pyenv shim that can't start ends the whole run.
        "PATH": f"{tools}:{ROOT / '.venv' / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    ansible_test = ROOT / ".venv" / "bin" / "ansible-test"
    command = [str(ansible_test), "sanity", "--venv", "--color", "no", "--truncate", "200", *arguments]
    return subprocess.run(command, cwd=TREE, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


def make_home(home: Path, settings: Mapping[str, Mapping[str, str]]) -> Path:
    """A home of its own, with the ``get_pip`` scripts and pip's settings, which ansible-test takes from files alone."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in _GET_PIP:
        (cache / f"get_pip_{version}.py").write_text(_STAND_IN.format(pip=str(ROOT / ".venv" / "bin" / "python")))
    config = configparser.RawConfigParser()
    config.read_dict(settings)
    # Errors only: what pip installs into ansible-test's own venvs is of no interest.
    config.set("global", "quiet", "2")
    (home / ".config" / "pip").mkdir(parents=True, exist_ok=True)
    path = home / ".config" / "pip" / "pip.conf"
    path.touch(mode=0o600)
    with path.open("w") as handle:
        config.write(handle)
    return home


def pip_settings() -> dict[str, dict[str, str]]:
    """How the caller's pip is set up, by files or by environment, as sections of one file."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True)
    return read_settings(said.stdout)


def read_settings(listed: str) -> dict[str, dict[str, str]]:
    """What ``pip config list`` printed; the environment's settings come last there as they do in pip."""
    sections: dict[str, dict[str, str]] = {"global": {}}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        section = "global" if section == ":env:" else section
        sections.setdefault(section, {})[key] = str(ast.literal_eval(value))
    return sections


def link_pythons(folder: Path, path: str) -> Path:
    """A folder of links to one working interpreter of each version, found on PATH or among pyenv's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _PYTHONS:
        working = next(filter(_starts, _candidates(name, path)), None)
        if working is not None:
            (folder / name).symlink_to(working)
    return folder


def _candidates(name: str, path: str) -> list[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    on_path = [Path(folder) / name for folder in path.split(":") if folder and Path(folder).name != "shims"]
    own = [Path(sys.base_prefix) / "bin" / name]
    return [candidate for candidate in [*own, *on_path, *sorted(pyenv.glob(f"versions/*/bin/{name}"))] if candidate.exists()]


def _starts(python: Path) -> bool:
    """Whether it runs and is no venv, which ansible-test could not make another of."""
    test = "import sys, venv; sys.exit(sys.prefix != sys.base_prefix)"
    return subprocess.run([str(python), "-c", test], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
