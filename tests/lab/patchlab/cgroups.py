# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A control group per host: guests whose systemd shared one would take each other's services for their own."""

from __future__ import annotations

import os
from pathlib import Path

_TOP = "patchlab"


def hierarchies(mounts: str) -> list[Path]:
    """Where systemd's hierarchies are mounted: the unified one and, on a hybrid machine, ``name=systemd``; pure."""
    found = []
    for line in mounts.splitlines():
        fields = line.split()
        unified = fields[2] == "cgroup2"
        named = fields[2] == "cgroup" and "name=systemd" in fields[3].split(",")
        if unified or named:
            found.append(Path(fields[1]))
    return found


def join_cgroup(name: str) -> None:
    """Move the calling process into the control group of its host."""
    for folder in _folders(name):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text(str(os.getpid()))


def remove_cgroup(name: str) -> None:
    """Leave the host's control group and remove it with all that is empty below it."""
    for folder in _folders(name):
        if folder.exists():
            (folder.parents[1] / "cgroup.procs").write_text(str(os.getpid()))
            _remove(folder)


def remove_empty(name: str) -> None:
    """Remove a control group in which nobody is any more."""
    for folder in _folders(name):
        if folder.exists():
            _remove(folder)


def _remove(folder: Path) -> None:
    """Deepest first; what somebody still lives in stays, and ``lab prune`` finds it."""
    for path in sorted((item for item in folder.rglob("*") if item.is_dir()), reverse=True):
        _rmdir(path)
    _rmdir(folder)


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _folders(name: str) -> list[Path]:
    return [top / _TOP / name for top in hierarchies(Path("/proc/self/mounts").read_text())]
