# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files of packages on a disk: their checksums, copies of them, and the folder that they come into."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import IO, List, Optional

from ..errors import BadInput, ParseFailed

PART = ".part"
"""Within the folder: what a tool is fetching, and nobody has checked yet."""

_BLOCK = 1024 * 1024
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:%^-]*")


def sha256(path: str) -> Optional[str]:
    """Of a regular file; None where there is none, or something else."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
            return _through(source, None) if stat.S_ISREG(os.fstat(source.fileno()).st_mode) else None
    except OSError:
        return None


def copy(origin: str, target: str) -> Optional[str]:
    """The checksum of what was copied, because the original may change meanwhile; None where there is none."""
    if sha256(origin) is None:
        return None
    discard(target)
    with open(origin, "rb") as source, open(target, "xb") as copied:
        return _through(source, copied)


def _through(source: IO[bytes], copied: Optional[IO[bytes]]) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: source.read(_BLOCK), b""):
        digest.update(block)
        if copied:
            copied.write(block)
    return digest.hexdigest()


def discard(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def file_name(path: str) -> str:
    """The last part of a path, if it is what a release calls its files."""
    name = os.path.basename(path)
    if not _FILE.fullmatch(name):
        raise ParseFailed("%r is not the name of a package's file" % name[:80], file=name)
    return name


def private_folder(path: str) -> str:
    """Make it, for nobody but this user; ``BadInput`` where it is another's, because what lies in it is trusted."""
    if not os.path.isabs(path):
        raise BadInput("directory is %r: give an absolute path" % path, option="directory")
    path = os.path.normpath(path)
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise BadInput("%s is not a folder of this user's own: name another directory" % path, option="directory")
        os.chmod(path, 0o700)
    except OSError as error:
        raise BadInput("%s can't be used (%s): name another directory" % (path, error.strerror), option="directory") from error
    return path


def files_below(folder: str, ending: str) -> List[str]:
    return sorted(os.path.join(at, name) for at, _folders, names in os.walk(folder) for name in names if name.endswith(ending))
