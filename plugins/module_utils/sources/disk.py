# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The files of a host that a switch of its sources writes, whole or not at all."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterable, List, Mapping, Optional

from ..job.files import replace_file, sync_directory

Files = Dict[str, bytes]
Was = Dict[str, Optional[bytes]]


class Disk:
    """``root`` is put before every path, so that it can be tried without a host."""

    def __init__(self, root: str = "") -> None:
        self._root = root

    def at(self, path: str) -> str:
        """Where a path is; what a link points to is replaced, not the link."""
        return os.path.realpath(self._root + path)

    def read(self, path: str) -> Optional[bytes]:
        try:
            with open(self.at(path), "rb") as handle:
                return handle.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """The mode is the file's own where it is there already."""
        there = self.at(path)
        self._folder(os.path.dirname(there), mode)
        mode = stat.S_IMODE(os.stat(there).st_mode) if os.path.exists(there) else mode
        replace_file(there, data)
        os.chmod(there, mode)

    def _folder(self, path: str, mode: int) -> None:
        if os.path.isdir(path):
            return
        self._folder(os.path.dirname(path), mode)
        os.mkdir(path)
        # Whatever the umask: apt reads as a user of its own.
        os.chmod(path, mode | (mode & 0o444) >> 2)

    def remove(self, path: str) -> None:
        there = self._root + path
        if os.path.lexists(there):
            os.unlink(there)
            sync_directory(os.path.dirname(there))

    def names(self, folder: str) -> List[str]:
        try:
            return sorted(os.listdir(self._root + folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def tidy(self, folders: Iterable[str]) -> None:
        """Remove folders that are empty now."""
        for folder in folders:
            there = self._root + folder
            if os.path.isdir(there) and not os.listdir(there):
                os.rmdir(there)

    def put(self, files: Mapping[str, Optional[bytes]]) -> Was:
        """Write, or remove where it is None, what is not so already; what was there before."""
        was: Was = {}
        for path, data in files.items():
            before = self.read(path)
            if before == data:
                continue
            was[path] = before
            if data is None:
                self.remove(path)
            else:
                self.write(path, data)
        return was
