# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The folders of a repository host (docs/releases.md), and how files get there: whole or not at all, readable by a web server whatever the
umask, and one clear line when the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from typing import Iterator, List

from ..errors import BadInput, CommandFailed, NotEnoughSpace, PatchtrainError
from ..job.files import sync_directory
from ..release.manifest import check_digest

OPEN, PRIVATE, PUBLIC_FILE, POOL_FILE = 0o755, 0o700, 0o644, 0o444
MANIFEST, FILES = "manifest.json", "files.json"

_PART = ".part-"
_LEAST = 1 << 20
_FORGOTTEN = 7 * 86400
_FULL = (errno.ENOSPC, errno.EDQUOT)


class RepositoryWrong(PatchtrainError):
    """The repository can't be written, or does not hold what it should."""


class Root:
    """A repository host's root folder."""

    def __init__(self, path: str) -> None:
        within = os.path.normpath(path).lstrip("/")
        if not os.path.isabs(path) or not within:
            raise BadInput("root is %r: give the absolute path of a folder that belongs to the repository alone" % path, option="root")
        self.path = "/" + within
        self.pool = self.path + "/pool"
        self.arriving = self.pool + "/.new"
        self.keys = self.path + "/keys"
        self.public_keys = self.keys + "/release.asc"
        self.releases = self.path + "/releases"
        self.incoming = self.path + "/incoming"
        self.cache = self.path + "/.cache"
        self.unfinished = self.cache + "/files"
        self.lock = self.path + "/.lock"

    def prepare(self) -> None:
        if not os.path.isdir(self.releases):
            # Whoever brought the first files made these two in passing, as their umask would have it.
            make_folder(self.path, OPEN)
            os.chmod(self.path, OPEN)
            make_folder(self.incoming, PRIVATE)
            os.chmod(self.incoming, PRIVATE)
        for path in (self.path, self.pool, self.keys, self.releases):
            make_folder(path, OPEN)
        for path in (self.incoming, self.arriving, self.cache, self.unfinished):
            make_folder(path, PRIVATE)

    def release(self, digest: str) -> str:
        return "%s/%s" % (self.releases, check_digest(digest))

    def part(self, digest: str) -> str:
        """Where a release is made, or taken apart, where nobody sees it."""
        return "%s/%s%s" % (self.releases, _PART, check_digest(digest))

    def published(self) -> List[str]:
        """The digests of all releases, newest first. A manifest is never written again, so its time is the release's."""
        found = [name for name in _names(self.releases) if len(name) == 64 and os.path.isdir(self.releases + "/" + name)]
        return sorted(found, key=lambda name: (-_written("%s/%s/%s" % (self.releases, name, MANIFEST)), name))

    def clear_leftovers(self) -> None:
        """Of publishers that were killed. Only who holds the lock makes any, so these are nobody's."""
        for name in _names(self.releases):
            if name.startswith(_PART):
                shutil.rmtree("%s/%s" % (self.releases, name))
        for name in _names(self.arriving):
            os.unlink("%s/%s" % (self.arriving, name))
        for name in _names(self.incoming):
            # What is brought is not under the lock: another publisher may be at it right now, but not for so long.
            if _written("%s/%s" % (self.incoming, name)) < time.time() - _FORGOTTEN:
                shutil.rmtree("%s/%s" % (self.incoming, name))


def make_folder(path: str, mode: int) -> None:
    """A folder with this mode; one that is there already keeps its own."""
    if not os.path.isdir(path):
        # Two who publish first make the same folders before either has the lock.
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)


def write_file(path: str, content: bytes) -> None:
    """Give ``path`` this content in one step; everybody may read it."""
    number, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".new-")
    try:
        with os.fdopen(number, "wb") as handle:
            handle.write(content)
        move_over(temporary, path)
    except BaseException:
        remove_file(temporary)
        raise


def move_over(temporary: str, path: str) -> None:
    """Put a finished file in its place, to stay there through a power cut."""
    with open(temporary, "rb") as handle:
        os.fchmod(handle.fileno(), PUBLIC_FILE)
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    sync_directory(os.path.dirname(path))


def remove_file(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def read_bytes(path: str) -> bytes:
    """A file's content, empty where there is none: no file of a release is."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def settle(path: str) -> None:
    """All that was made in a folder: readable, and on the disk. Package files are linked from the pool and are so already."""
    for folder, _folders, names in os.walk(path, topdown=False):
        for name in names:
            file = os.path.join(folder, name)
            if os.lstat(file).st_mode & 0o777 != POOL_FILE:
                _settle_file(file)
        if folder != path:
            os.chmod(folder, OPEN)
        sync_directory(folder)


def _settle_file(path: str) -> None:
    with open(path, "rb") as handle:
        os.fchmod(handle.fileno(), PUBLIC_FILE)
        os.fsync(handle.fileno())


@contextmanager
def clear_failures(root: Root) -> Iterator[None]:
    """What the system or a tool says of a disk, as one line."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise full(root) from error
        raise RepositoryWrong("%s: %s" % (error.filename or root.path, error.strerror or error), path=error.filename or root.path) from error
    except CommandFailed as error:
        said = "%s %s" % (error.data.get("stderr", ""), error.data.get("stdout", ""))
        if os.strerror(errno.ENOSPC) in said or os.strerror(errno.EDQUOT) in said:
            raise full(root) from error
        raise


@contextmanager
def full_if_so(root: Root) -> Iterator[None]:
    """Not every tool says that the disk is full when it is; to be asked before anything is cleared away."""
    try:
        yield
    except CommandFailed as error:
        seen = os.statvfs(root.path)
        if seen.f_bavail * seen.f_frsize < _LEAST:
            raise full(root) from error
        raise


def full(root: Root) -> NotEnoughSpace:
    return NotEnoughSpace("the disk of the repository (%s) is full: nothing of the release is visible; make room, and publish again, which "
                          "continues with the files that are there already" % root.path, filesystems=[root.path])


def _names(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _written(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0
