# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab and the images lie."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

CHECKOUT = Path(__file__).resolve().parents[3]
RUNTIME = Path("/run/patchlab")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


def labs_home() -> Path:
    """The folder of all labs of this checkout."""
    return Path(os.environ.get("LAB_HOME") or CHECKOUT / ".lab").resolve()


def cache_home() -> Path:
    """The folder of images and upstream packages; outside the checkout, so that a fresh clone finds them."""
    chosen = os.environ.get("PATCHTRAIN_LAB_CACHE")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").resolve() / "patchtrain-lab"


@dataclass(frozen=True)
class LabPaths:
    """The files of one lab."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root.parent / f".{self.name}.lock"

    @property
    def inventory(self) -> Path:
        return self.root / "inventory.yml"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"

    @property
    def key(self) -> Path:
        return self.root / "keys" / "id_ed25519"

    @property
    def upstream(self) -> Path:
        """A link to the level that the lab's server shows at this moment."""
        return self.root / "upstream"

    @property
    def server_log(self) -> Path:
        return self.root / "server.log"

    def host(self, name: str) -> HostPaths:
        return HostPaths(self.root / "hosts" / name)


@dataclass(frozen=True)
class HostPaths:
    """The files of one host of a lab."""

    root: Path

    @property
    def upper(self) -> Path:
        return self.root / "upper"

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def merged(self) -> Path:
        """Mounted only in the host's supervisor's own mount namespace: nothing is left when it ends."""
        return self.root / "merged"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def plan(self) -> Path:
        return self.root / "plan.json"

    @property
    def record(self) -> Path:
        return self.root / "supervisor.json"

    @property
    def spawned(self) -> Path:
        return self.root / "spawned.json"

    @property
    def console(self) -> Path:
        return self.root / "console.log"

    @property
    def log(self) -> Path:
        return self.root / "supervisor.log"


def lab_paths(name: str) -> LabPaths:
    """The paths of the lab called ``name``."""
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name for a lab: small letters, digits and dashes, at most 31, a letter first")
    return LabPaths(labs_home() / name)
