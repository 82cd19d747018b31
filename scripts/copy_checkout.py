#!/usr/bin/env python3
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the files of this checkout that are, or would be, in git to another folder, and nothing else.

usage: copy_checkout.py FOLDER      what else is in FOLDER goes, but for .git and tests/output, where ansible-test keeps its venvs
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from house.tree import git_files

ROOT = Path(__file__).resolve().parent.parent
_KEPT = (".git/", "tests/output/")


def stage(source: Path, target: Path, without: tuple[str, ...] = ()) -> None:
    """Make ``target`` hold what git has of ``source``, ``without`` some folders; what is the same already is left alone."""
    wanted = {path for path in git_files(source) if not path.startswith(without)}
    for path in wanted:
        _copy(source / path, target / path)
    for old in sorted(target.rglob("*"), reverse=True):
        path = old.relative_to(target).as_posix()
        if path in wanted or f"{path}/".startswith(_KEPT):
            continue
        if old.is_dir() and not old.is_symlink():
            _remove_if_empty(old)
        else:
            old.unlink()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists() or target.read_bytes() != source.read_bytes():
        shutil.copy2(source, target)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    stage(ROOT, Path(sys.argv[1]))
