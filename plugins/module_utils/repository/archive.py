# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is inside a .deb, read without unpacking it where Python knows its compression."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import tarfile
import tempfile
import zlib
from typing import BinaryIO, Dict, NamedTuple, Optional, Tuple, cast

from ..clock import Deadline
from ..runner import Runner
from .pool import FileWrong

_LARGEST = 64 << 20
_NAMES = ("changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog")
_MODES = {"": "r|", ".gz": "r|gz", ".xz": "r|xz", ".bz2": "r|bz2", ".lzma": "r|xz"}
_MAGIC = b"!<arch>\n"
_BROKEN = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError)


class Found(NamedTuple):
    """``text`` None: the package has none of its own. ``elsewhere`` is the package whose documentation it shows instead."""

    text: Optional[str]
    elsewhere: str = ""


def changelog(runner: Runner, path: str, package: str, deadline: Deadline) -> Found:
    folder = "usr/share/doc/%s" % package
    try:
        with open(path, "rb") as handle:
            member, mode = _member(handle, "data.tar")
            found = None if mode is None else _from_tar(cast(BinaryIO, member), mode, folder)
        return found or _unpacked(runner, path, folder, deadline)
    except _BROKEN as error:
        raise FileWrong("%s can't be read as a package: %s" % (path, error), file=path) from error


def control(path: str) -> Optional[str]:
    """Its control file; None where that is not found out here, and dpkg-deb has to say what the file is."""
    try:
        with open(path, "rb") as handle:
            member, mode = _member(handle, "control.tar")
            return None if mode is None else _control(cast(BinaryIO, member), mode)
    except _BROKEN:
        return None


def _control(data: BinaryIO, mode: str) -> Optional[str]:
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]
        for member in tar:
            content = tar.extractfile(member) if member.name in ("./control", "control") and member.isfile() else None
            if content is not None:
                return cast(bytes, content.read(_LARGEST)).decode("utf-8")
    return None


class _Part(io.RawIOBase):
    """A stretch of a file."""

    def __init__(self, handle: BinaryIO, size: int) -> None:
        super().__init__()
        self._handle, self._left = handle, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._handle.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block


def _member(handle: BinaryIO, wanted: str) -> Tuple[_Part, Optional[str]]:
    """``data.tar`` or ``control.tar``, and how tarfile reads it; None for a compression that Python does not know."""
    if handle.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no ar archive")
    while True:
        head = handle.read(60)
        if len(head) < 60:
            raise ValueError("it has no %s" % wanted)
        name, size = head[:16].decode("ascii", "replace").strip().rstrip("/"), int(head[48:58])
        if name.startswith(wanted):
            return _Part(handle, size), _MODES.get(name[len(wanted):])
        handle.seek(size + size % 2, os.SEEK_CUR)


def _from_tar(data: BinaryIO, mode: str, folder: str) -> Found:
    texts: Dict[str, bytes] = {}
    with tarfile.open(fileobj=data, mode=mode) as tar:  # type: ignore[call-overload]
        for member in tar:
            path = member.name[2:] if member.name.startswith("./") else member.name
            if path == folder and member.issym():
                return Found(None, _package(member.linkname))
            top, name = os.path.split(path)
            content = tar.extractfile(member) if top == folder and name in _NAMES and member.isfile() else None
            if content is not None:
                texts[name] = content.read(_LARGEST)
            if name == _NAMES[0] and name in texts:
                break
    return Found(_choose(texts))


def _unpacked(runner: Runner, path: str, folder: str, deadline: Deadline) -> Found:
    with tempfile.TemporaryDirectory(prefix="patchtrain-") as top:
        runner.run(["dpkg-deb", "--extract", path, top], limit=deadline.left).check()
        place = "%s/%s" % (top, folder)
        if os.path.islink(place):
            return Found(None, _package(os.readlink(place)))
        texts = {}
        for name in _NAMES:
            file = "%s/%s" % (place, name)
            if os.path.isfile(file) and not os.path.islink(file):
                with open(file, "rb") as handle:
                    texts[name] = handle.read(_LARGEST)
        return Found(_choose(texts))


def _choose(texts: Dict[str, bytes]) -> Optional[str]:
    for name in _NAMES:
        if name in texts:
            content = texts[name]
            if name.endswith(".gz"):
                with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                    content = packed.read(_LARGEST)
            return content.decode("utf-8", "replace")
    return None


def _package(target: str) -> str:
    return os.path.basename(target.rstrip("/"))
