# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a package file really is the package that it is said to be."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, List, Optional, Sequence, Tuple

from ..clock import Deadline
from ..runner import Runner
from ..text import last_line
from .archive import control
from .files import APT, Item, Place
from .pool import FileWrong

_BATCH = 200
_WORKERS = 8
_DEB = "${Package}\t${Architecture}\t${Version}\n"
_RPM = "%{NAME}\t%{ARCH}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n"
_RPM_MAGIC = b"\xed\xab\xee\xdb"

Named = Tuple[Item, str]
"""A file with its path."""


def check(runner: Runner, kind: str, named: Sequence[Named], deadline: Deadline) -> None:
    """``FileWrong`` names the first file that is something else."""
    if kind == APT:
        # dpkg-deb is a program or two for each file: for thousands of them that would take longer than all the rest.
        with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as workers:
            for one, found in zip(named, workers.map(lambda one: _deb(runner, one, deadline), named)):
                _compare(one, found)
        return
    for path in (path for _item, path in named if not _is_rpm(path)):
        raise FileWrong("%s is not an rpm package" % path, file=path)
    for index in range(0, len(named), _BATCH):
        batch = named[index:index + _BATCH]
        for one, found in zip(batch, _rpms(runner, batch, deadline)):
            _compare(one, found)


def _compare(one: Named, found: Place) -> None:
    item, path = one
    if found != item.place:
        raise FileWrong("%s is the package %s, and not %s" % (path, _words(found), _words(item.place)), file=path)


def _words(place: Place) -> str:
    return "%s %s (%s)" % (place[0], place[2], place[1])


def _deb(runner: Runner, named: Named, deadline: Deadline) -> Place:
    """apt-ftparchive reads the file once more, and the index that it makes is held against the same."""
    place = place_of(control(named[1]) or "")
    return place or _ask(runner, ["dpkg-deb", "--showformat", _DEB, "--show"], [named], deadline, lambda version: version)[0]


def place_of(text: str) -> Optional[Place]:
    """Name, arch and version from a control file; None where it is not understood. Pure."""
    lines = (line.partition(":") for line in text.splitlines() if not line[:1].isspace())
    fields = {name.strip().lower(): value.strip() for name, colon, value in lines if colon}
    found = (fields.get("package", ""), fields.get("architecture", ""), fields.get("version", ""))
    return found if all(found) else None


def _rpms(runner: Runner, named: Sequence[Named], deadline: Deadline) -> List[Place]:
    try:
        return _ask(runner, _RPM_QUERY, named, deadline, _without_zero)
    except FileWrong:
        if len(named) == 1:
            raise
    # Which of them it was is found out one by one.
    return [_rpms(runner, [one], deadline)[0] for one in named]


_RPM_QUERY = ["rpm", "--query", "--package", "--nosignature", "--nodigest", "--queryformat", _RPM]


def _ask(runner: Runner, argv: List[str], named: Sequence[Named], deadline: Deadline, spell: Callable[[str], str]) -> List[Place]:
    done = runner.run(argv + [path for _item, path in named], limit=deadline.left)
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]
    if done.rc != 0 or len(rows) != len(named):
        path = named[0][1]
        raise FileWrong("%s can't be read as a package: %s" % (path, last_line(done.stderr)), file=path)
    return [(name, arch, spell(version)) for name, arch, version in rows]


def _without_zero(version: str) -> str:
    return version[2:] if version.startswith("0:") else version


def _is_rpm(path: str) -> bool:
    """rpm takes any other file for a list of packages."""
    with open(path, "rb") as handle:
        return handle.read(len(_RPM_MAGIC)) == _RPM_MAGIC
