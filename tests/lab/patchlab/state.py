# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab remembers: its state file, the machine-wide register of labs, and the locks around both."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Iterator

from .errors import Damaged, LabError
from .paths import RUNTIME, LabPaths
from .processes import Process

VERSION = 1


@dataclass
class LabState:
    """One lab as it was brought up."""

    name: str
    topology: str
    ident: str
    bridge: str
    subnet: str
    codename: str
    upstream: str = ""
    level: str = "advanced"
    images: dict[str, list[str]] = field(default_factory=dict)
    server: Process | None = None

    def document(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}


def parse_state(text: str, where: str) -> LabState:
    """Read a state file; one that another version wrote is refused."""
    try:
        document = dict(json.loads(text))
        version = document.pop("version")
        if version == VERSION:
            server = document.pop("server")
            return LabState(server=Process(**server) if server else None, **document)
    except (ValueError, TypeError, KeyError) as problem:
        raise Damaged(f"{where} is damaged ({problem}); remove that lab with: lab prune") from problem
    raise LabError(f"{where} is of version {version} and this program knows {VERSION}: take that lab down with the program that made it")


def load_state(paths: LabPaths) -> LabState | None:
    """The state of a lab, or None when there is no such lab."""
    try:
        return parse_state(paths.state.read_text(), str(paths.state))
    except FileNotFoundError:
        return None


def loaded(paths: LabPaths) -> LabState:
    """The state of a lab that is up."""
    state = load_state(paths)
    if state is None:
        raise LabError(f"there is no lab {paths.name}; bring it up with: lab up --name {paths.name}")
    return state


def save_state(paths: LabPaths, state: LabState) -> None:
    write_json(paths.state, state.document())


def write_json(path: Path, document: Any) -> None:
    """Replace a file whole, so that a reader never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    part.replace(path)


def load_record(path: Path) -> dict[str, Any]:
    """A small JSON file that another process of ours writes; empty when it is not there."""
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return dict(found)


def load_process(path: Path, key: str) -> Process | None:
    """A process recorded in a JSON file, or None when nothing is."""
    found = load_record(path).get(key)
    return Process(**found) if found else None


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock (exclusive, unless ``shared``) on a file that stays where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def machine_lock() -> Iterator[None]:
    """Around every choice that all labs of this machine share: addresses and names."""
    with locked(RUNTIME / "lock"):
        yield


def register(paths: LabPaths, state: LabState) -> None:
    """Make this lab known to all checkouts of this machine."""
    write_json(register_file(state.ident), {"root": str(paths.root), "bridge": state.bridge, "subnet": state.subnet})


def unregister(ident: str) -> None:
    register_file(ident).unlink(missing_ok=True)


def register_file(ident: str) -> Path:
    return RUNTIME / "labs" / f"{ident}.json"


def note_process(ident: str, what: str, process: Process | None) -> None:
    """Also outside the lab's folder, so that ``lab prune`` finds what runs on after somebody deleted that."""
    write_json(RUNTIME / "processes" / f"{ident}-{what}.json", {"process": process.document() if process else None})


def noted_processes() -> dict[Path, Process | None]:
    """Every process noted on this machine, by the file that notes it."""
    return {path: load_process(path, "process") for path in sorted((RUNTIME / "processes").glob("[!.]*.json"))}


def forget_processes(ident: str) -> None:
    for path in (RUNTIME / "processes").glob(f"{ident}-*.json"):
        path.unlink(missing_ok=True)


def registered() -> dict[str, dict[str, str]]:
    """All labs of this machine: ident to its root, bridge and subnet."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((RUNTIME / "labs").glob("*.json")):
        if not path.name.startswith("."):
            found[path.stem] = json.loads(path.read_text())
    return found
