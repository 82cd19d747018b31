# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files from one host to another by way of the controller, bundled, because each file by itself costs several round trips.

The hosts need not reach each other. Neither side is trusted with names: they are checked here, and what arrives is checked by its checksum
where it is used.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...module_utils.errors import BadInput
from ..remote import Remote

BUNDLE_BYTES = 200_000_000
BUNDLE_FILES = 400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:%^-]*\Z")

File = Mapping[str, Any]


def carry(source: Remote, directory: str, files: Sequence[File], target: Remote, into: str, seconds: float) -> int:
    """Copy ``files`` (``file``, a name in ``directory``, and ``size`` in bytes) into a folder of the target; how many bytes. ``seconds`` bound
    each step of each bundle. The task's privileges read and write there."""
    for item in files:
        _check(item["file"])
    with tempfile.TemporaryDirectory(prefix="patchtrain-") as here, source.temporary_folder(seconds) as there, target.temporary_folder(seconds) as goal:
        for bundle in bundles(files):
            local = str(Path(here) / "bundle.tar")
            _pack(source, directory, bundle, there, local, seconds)
            _unpack(target, local, goal, into, seconds)
    return sum(int(item["size"]) for item in files)


def bundles(files: Iterable[File]) -> Iterator[list[File]]:
    """Files in groups that neither fill a temporary folder nor a command line."""
    group: list[File] = []
    for item in files:
        if group and (len(group) >= BUNDLE_FILES or sum(int(f["size"]) for f in group) + int(item["size"]) > BUNDLE_BYTES):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _check(name: str) -> None:
    if not _NAME.match(name):
        raise BadInput("a package file is called %r, which is not a name for a file" % name[:80], file=name[:80])


def _pack(source: Remote, directory: str, bundle: Sequence[File], folder: str, local: str, seconds: float) -> None:
    path = folder + "/bundle.tar"
    source.must(["tar", "--create", "--file", path, "--directory", directory, "--", *sorted(item["file"] for item in bundle)], seconds)
    # The folder is the login user's own; the bundle was made with the task's privileges.
    source.must(["chmod", "0644", path], seconds)
    source.fetch(path, local, seconds)
    source.must(["rm", "-f", "--", path], seconds)


def _unpack(target: Remote, local: str, folder: str, into: str, seconds: float) -> None:
    path = folder + "/bundle.tar"
    target.send(local, path, seconds)
    target.must(["tar", "--extract", "--no-same-owner", "--file", path, "--directory", into], seconds)
    target.must(["rm", "-f", "--", path], seconds)
