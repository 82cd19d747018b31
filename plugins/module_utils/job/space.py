# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Is there room for a transaction? A file system that fills up in the middle of one leaves a broken host."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, List, Optional, Sequence

from ..errors import NotEnoughSpace
from ..packages.records import Change, Transaction

MIB = 1024 * 1024
RESERVE = 64 * MIB
"""What has to stay free besides: a package is unpacked beside its old version, and scripts write too."""

KERNEL = 128 * MIB
"""A kernel with its initial RAM disk, of which the old one stays while the new one is written."""

FEWEST_INODES = 2000

# What carries a kernel itself, not its modules, headers, tools. Of those without "-core" some only stand for the one with it.
_CARRIES = re.compile(
    r"(?:linux-image-(?:unsigned-)?\d(?:(?!-dbg).)*|kernel(?:-(?!modules)[a-z0-9]+)*-core|"
    r"kernel(?:-(?:uek|default|default-base|rt|azure|64kb|preempt|longterm|debug|vanilla|kvmsmall))?)\Z")
# Debian's packages without a version of their own, which bring the newest kernel along.
_BRINGS = re.compile(r"linux-image-(?!unsigned-)[a-z](?:(?!-dbg).)*\Z")


@dataclass(frozen=True)
class Room:
    """The file system that a path is on; ``inodes`` None where it has no fixed number of them."""

    mount: str
    free: int
    inodes: Optional[int]


Measure = Callable[[str], Room]


def needs(transaction: Transaction, cache_paths: Sequence[str]) -> Dict[str, int]:
    """Bytes that a transaction takes, by path."""
    wanted = {"/usr": max(0, transaction.installed_size), "/boot": KERNEL * _kernels(transaction.changes)}
    for path in cache_paths:
        wanted[path] = transaction.download_size
    return {path: size for path, size in wanted.items() if size}


def check(wanted: Dict[str, int], measure: Measure) -> None:
    """Raise ``NotEnoughSpace`` naming every file system that is too full and by how much."""
    takes: Dict[str, int] = {}
    rooms: Dict[str, Room] = {}
    for path, size in list(wanted.items()) + [(path, 0) for path in ("/", "/usr", "/var")]:
        room = measure(path)
        rooms[room.mount] = room
        takes[room.mount] = takes.get(room.mount, 0) + size
    short = [line for mount in sorted(takes) for line in _short(rooms[mount], takes[mount] + RESERVE)]
    if short:
        raise NotEnoughSpace("not enough space: " + "; ".join(short), filesystems=sorted(takes), needs=takes)


def measure(path: str) -> Room:
    """Look at the file system of a path, or of the nearest folder above it that exists."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    seen = os.statvfs(path)
    return Room(_mount(os.path.realpath(path)), seen.f_bavail * seen.f_frsize, seen.f_favail if seen.f_files else None)


def _short(room: Room, size: int) -> Iterable[str]:
    if room.free < size:
        missing = -(-(size - room.free) // MIB)
        yield "%s has %d MiB free and needs %d MiB, free %d MiB more" % (room.mount, room.free // MIB, -(-size // MIB), missing)
    if room.inodes is not None and room.inodes < FEWEST_INODES:
        yield "%s has %d inodes free and needs %d" % (room.mount, room.inodes, FEWEST_INODES)


def _mount(path: str) -> str:
    device = os.stat(path).st_dev
    while path != "/" and os.stat(os.path.dirname(path)).st_dev == device:
        path = os.path.dirname(path)
    return path


def brings_kernel(name: str) -> bool:
    """Whether an update of this package writes a kernel to ``/boot``."""
    return bool(_CARRIES.match(name) or _BRINGS.match(name))


def _kernels(changes: Sequence[Change]) -> int:
    names: List[str] = [change.name for change in changes if change.to is not None and _CARRIES.match(change.name)]
    return sum(1 for name in names if name + "-core" not in names)
