# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what dead labs left: processes, bridges, register entries, folders, half-built images."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import lab
from .errors import Damaged
from .network import bridges, delete_bridge
from .paths import LabPaths, cache_home, labs_home
from .processes import alive, end
from .state import load_state, locked, machine_lock, noted_processes, registered, unregister


def prune(images: bool) -> list[str]:
    """Remove leftovers and say what they were; living labs stay."""
    return [*_labs(), *_register(), *_processes(), *_bridges(), *_parts(), *(_images() if images else [])]


def _labs() -> list[str]:
    """Labs of this checkout of which nothing runs."""
    said = []
    for root in sorted(path for path in labs_home().glob("*") if path.is_dir() and (path / "hosts").exists()):
        paths = LabPaths(root)
        with locked(paths.lock):
            if _removed(paths):
                said.append(f"lab {paths.name}")
    return said


def _removed(paths: LabPaths) -> bool:
    """Of a lab that can't be read only the folder goes here; its processes and bridge are then nobody's, and go next."""
    try:
        if not lab.dead(paths):
            return False
        lab.remove(paths)
    except Damaged:
        shutil.rmtree(paths.root)
    return True


def _register() -> list[str]:
    """An entry of which the lab's folder is gone."""
    said = []
    with machine_lock():
        for ident, entry in registered().items():
            if not Path(entry["root"], "state.json").exists():
                unregister(ident)
                said.append(f"register entry of {entry['root']}")
    return said


def _processes() -> list[str]:
    """What still runs for labs that nobody knows any more; each by pid and start time."""
    said = []
    with machine_lock():
        known = registered()
        for path, process in noted_processes().items():
            if path.stem.partition("-")[0] not in known:
                if alive(process):
                    end(process)
                    said.append(f"process of {path.stem}")
                path.unlink()
    return said


def _bridges() -> list[str]:
    with machine_lock():
        known = {entry["bridge"] for entry in registered().values()}
        lost = [bridge for bridge in bridges() if bridge not in known]
        for bridge in lost:
            delete_bridge(bridge)
    return [f"bridge {bridge}" for bridge in lost]


def _parts() -> list[str]:
    """Whoever builds holds the lock; what is there while we hold it belongs to nobody."""
    said = []
    for kind in ("images", "packages", "upstream"):
        home = cache_home() / kind
        if home.exists():
            with locked(home / "lock"):
                for part in sorted(home.glob(".part-*")):
                    shutil.rmtree(part)
                    said.append(f"half-built {part}")
    return said


def _images() -> list[str]:
    """Everything in the cache that no registered lab stands on; waits for labs that are on their way up."""
    with locked(cache_home() / "in-use"):
        return _unused_images()


def _unused_images() -> list[str]:
    roots = {Path(entry["root"]) for entry in registered().values()} | {path for path in labs_home().glob("*") if path.is_dir()}
    used = {name for root in roots for name in _used(root)}
    said = []
    for kind in ("images", "packages", "upstream"):
        home = cache_home() / kind
        for folder in sorted(path for path in home.glob("*") if path.is_dir() and path.name not in used):
            with locked(home / "lock"):
                shutil.rmtree(folder)
            said.append(f"{kind}/{folder.name}")
    return said


def _used(root: Path) -> set[str]:
    state = load_state(LabPaths(root))
    if state is None:
        return set()
    return {Path(layer).parent.name for layers in state.images.values() for layer in layers} | {Path(state.upstream).name}
