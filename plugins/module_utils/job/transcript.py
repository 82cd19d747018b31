# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the tools' own output says about a transaction: how far it is, and why a package failed. Pure. It is told to people;
whether a package was installed is decided by looking at the host."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Dict, Iterator, Optional, Sequence, Tuple

from ..text import first_line

# apt and dpkg: a package is done when it is set up, or removed.
_DPKG_DONE = re.compile(r"^(?:Setting up|Removing) ([^\s:]+)(?::\S+)? \(", re.MULTILINE)
# dnf numbers its steps ("  Upgrading        : bash-5.1-2.x86_64      3/12"), and so does zypper ("( 3/12) Installing: bash-5.1-2.x86_64").
# What dnf prepares and verifies is numbered as well, from one again.
_STEP = re.compile(
    r"^ +(?!Preparing|Verifying)[A-Z][a-z]+ +: \S.*?\s(\d+)/(\d+)\s*$|^\( *(\d+)/(\d+)\) (?:Installing|Removing)", re.MULTILINE)

_DPKG_ERROR = re.compile(r"^dpkg: error processing (?:package|archive) (\S+) \(.*\):$")
_DPKG_BLAMED = re.compile(r"^dpkg: dependency problems prevent (?:configuration|removal) of ([^\s:]+)(?::\S+)?:$")
_SPEAKS_OF_ERROR = re.compile(r"(?:E|error|Error|dpkg: error|Problem):|.*\bfailed\b")
_DEB_NAME = re.compile(r"^(?:.*/)?([^/_:]+)(?:_[^/]*\.deb|:\S+)?$")


def done(log: str, names: Sequence[str]) -> int:
    """How many of these packages the transaction is done with, as far as its log tells."""
    set_up = set(_DPKG_DONE.findall(log)) & set(names)
    steps = list(_STEP.finditer(log))
    return len(set_up) if not steps else _share(steps[-1], len(names))


def _share(step: "re.Match[str]", total: int) -> int:
    # dnf and zypper count cleaning up as well: the share of their steps is what can be said.
    at, of = (int(number) for number in step.groups() if number is not None)
    return min(total, total * at // max(of, 1))


def reasons(log: str) -> Dict[str, str]:
    """Why packages failed, by name, in the tool's own words."""
    found: Dict[str, str] = {}
    for name, reason in _dpkg_reasons(log.splitlines()):
        found.setdefault(name, reason)
    return found


def last_error(log: str) -> Optional[str]:
    """The last line that speaks of an error."""
    lines = [line for line in log.splitlines() if not line.startswith("== ")]
    spoken = [line for line in lines if _SPEAKS_OF_ERROR.match(line)]
    return first_line(spoken[-1]) if spoken else None


def _dpkg_reasons(lines: Sequence[str]) -> Iterator[Tuple[str, str]]:
    for number, line in enumerate(lines):
        blamed = _DPKG_BLAMED.match(line) or _DPKG_ERROR.match(line)
        if blamed:
            # dpkg says why on the lines that follow, which are indented.
            why = takewhile(lambda text: text.startswith(" "), lines[number + 1:])
            yield _bare(blamed.group(1)), first_line(" ".join(text.strip() for text in why))


def _bare(word: str) -> str:
    """The package's name in ``name``, ``name:arch`` or the path of an archive."""
    match = _DEB_NAME.match(word)
    return match.group(1) if match else word
