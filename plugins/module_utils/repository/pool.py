# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The pool: every package file once, under its checksum, never changed; releases hold links to it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from typing import Iterator, List

from .files import SUFFIX, Item
from .layout import OPEN, POOL_FILE, RepositoryWrong, Root, make_folder, remove_file

_BLOCK = 1 << 20
_YEAR_2000 = 946684800


class FileWrong(RepositoryWrong):
    """A package file that is missing, or that is not the one with this checksum."""


def path_of(root: Root, kind: str, item: Item) -> str:
    return "%s/%s/%s%s" % (root.pool, item.sha256[:2], item.sha256, SUFFIX[kind])


def stamp(sha256: str) -> int:
    """The time that a pool file carries. Index tools remember files by name, size and time, so that another content must have another time,
    and the same content the same one always. It lies in the past."""
    return _YEAR_2000 + int(sha256[:7], 16)


def is_there(root: Root, kind: str, item: Item) -> bool:
    """Whether the pool has this file, as it was put there by all that can be seen without reading it."""
    try:
        seen = os.lstat(path_of(root, kind, item))
    except FileNotFoundError:
        return False
    return stat.S_ISREG(seen.st_mode) and seen.st_size == item.size and int(seen.st_mtime) == stamp(item.sha256)


def check_brought(path: str, item: Item) -> None:
    """Whether a file that was brought is the one that was announced."""
    if os.path.islink(path) or not os.path.isfile(path):
        raise FileWrong("the file of %s %s, %s, was not brought and is not in the pool" % (item.name, item.version, path), file=path)
    found = sha256_of(path)
    if found != item.sha256:
        raise FileWrong("the file of %s %s, %s, has the checksum %s and should have %s: it was changed on its way" % (
            item.name, item.version, path, found, item.sha256), file=path, found=found, expected=item.sha256)
    if os.path.getsize(path) != item.size:
        raise FileWrong("the file of %s %s, %s, has another size than announced" % (item.name, item.version, path), file=path)


def take(root: Root, kind: str, item: Item, path: str) -> None:
    """Move a checked file into the pool. One of which others hold a link, or on another file system, is copied."""
    goal = path_of(root, kind, item)
    make_folder(os.path.dirname(goal), OPEN)
    temporary = "%s/%s" % (root.arriving, item.sha256)
    if os.stat(path).st_nlink == 1 and os.stat(path).st_dev == os.stat(root.arriving).st_dev:
        os.replace(path, temporary)
    else:
        shutil.copyfile(path, temporary)
    finish(temporary, item)
    os.replace(temporary, goal)


def finish(path: str, item: Item) -> None:
    with open(path, "rb") as handle:
        os.fchmod(handle.fileno(), POOL_FILE)
        os.utime(handle.fileno(), (stamp(item.sha256), stamp(item.sha256)))
        os.fsync(handle.fileno())


def sha256_of(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(_BLOCK), b""):
            found.update(block)
    return found.hexdigest()


def everything(root: Root) -> Iterator[str]:
    for folder, folders, names in os.walk(root.pool):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            yield os.path.join(folder, name)


def collect(root: Root, check_mode: bool) -> List[str]:
    """Remove what no release holds any more."""
    gone = [path for path in everything(root) if os.lstat(path).st_nlink == 1]
    for path in gone:
        if not check_mode:
            remove_file(path)
    return gone
