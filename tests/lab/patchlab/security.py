# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real security updates: what the security suite has for the packages of an image that was built without it."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Sequence

from .aptsource import PrivateApt
from .shell import run

MOST_PACKAGES = 15
MOST_BYTES = 10_000_000
_INSTALL = re.compile(r"^Inst (?P<name>\S+) \[(?P<old>[^\]]+)\] \((?P<new>\S+) (?P<origin>[^)]*)\)", re.MULTILINE)
_URI = re.compile(r"^'[^']*' (?P<name>[^\s_]+)_\S+ (?P<size>\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Pending:
    """A package that is installed, and the newer version of it."""

    name: str
    version: str


def parse_pending(simulation: str, label: str) -> list[Pending]:
    """What a simulated dist-upgrade would take from the suite with this label; pure."""
    return [Pending(found["name"], found["new"]) for found in _INSTALL.finditer(simulation) if f"{label}:" in found["origin"]]


def choose(sizes: dict[Pending, int], most: int = MOST_PACKAGES, most_bytes: int = MOST_BYTES) -> list[Pending]:
    """A handful of small ones. Packages with one version are of one source and go together, else some would be kept back; pure."""
    groups: dict[str, list[Pending]] = defaultdict(list)
    for item in sizes:
        groups[item.version].append(item)
    chosen: list[Pending] = []
    room = most_bytes
    for group in sorted(groups.values(), key=lambda group: (sum(sizes[item] for item in group), group[0].version)):
        size = sum(sizes[item] for item in group)
        if size <= room and len(chosen) + len(group) <= most:
            chosen += group
            room -= size
    return sorted(chosen, key=lambda item: item.name)


def pending(apt: PrivateApt, status: Path) -> list[Pending]:
    """What an image lacks, according to its own list of installed packages."""
    answer = run(["apt-get", "-s", "-o", f"Dir::State::status={status}", "dist-upgrade"], env=apt.environment(None), limit=120)
    return parse_pending(answer.stdout, "Debian-Security")


def sizes(apt: PrivateApt, items: Iterable[Pending]) -> dict[Pending, int]:
    """How large their packages are."""
    known = {item.name: item for item in items}
    if not known:
        return {}
    names = [f"{item.name}={item.version}" for _, item in sorted(known.items())]
    return parse_sizes(run(["apt-get", "--print-uris", "download", *names], env=apt.environment(None)).stdout, known)


def parse_sizes(answer: str, known: dict[str, Pending]) -> dict[Pending, int]:
    """Lines ``'uri' name_version_arch.deb size checksum``, as apt-get prints them; pure."""
    return {known[found["name"]]: int(found["size"]) for found in _URI.finditer(answer) if found["name"] in known}


def download(apt: PrivateApt, items: Sequence[Pending], into: Path) -> None:
    """Fetch their packages."""
    into.mkdir(parents=True, exist_ok=True)
    if items:
        run(["apt-get", "download", *(f"{item.name}={item.version}" for item in items)], env=apt.environment(None), cwd=into, limit=600)


def release_fields(lists: Path, suite: str) -> dict[str, str]:
    """How the real archive names this suite: hosts must meet the same origin and label."""
    wanted = ("Origin", "Label", "Suite", "Version", "Codename")
    for path in sorted(lists.glob(f"*_dists_{suite}_InRelease")):
        pairs = (line.partition(": ") for line in path.read_text(errors="replace").splitlines())
        return {key: value for key, separator, value in pairs if separator and key in wanted}
    return {}
