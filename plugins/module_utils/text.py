# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What programs and services say, made fit for a message: one line, short, nothing that a terminal would obey."""

from __future__ import annotations

LONGEST = 200


def first_line(text: str) -> str:
    """The first line that is not empty, or ``nothing``."""
    return _tame(next((line for line in text.splitlines() if line.strip()), ""))


def last_line(text: str) -> str:
    """The last line that is not empty, or ``nothing``: tools say last why they failed."""
    return _tame(next((line for line in reversed(text.splitlines()) if line.strip()), ""))


def counted(number: int, what: str) -> str:
    """``1 package``, ``2 packages``."""
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def printable(text: str) -> str:
    """As long as it was, with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _tame(line: str) -> str:
    tame = printable(line.strip())
    return (tame if len(tame) <= LONGEST else tame[:LONGEST] + "...") or "nothing"
