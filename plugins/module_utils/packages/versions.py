# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which of two versions is newer, as dpkg and as rpm see it. Pure.

Both compare from left to right, digits as numbers and the rest by their own alphabets; they differ in what separates and
what ``~`` and ``^`` mean. All functions answer like ``cmp``: below, at or above zero.
"""

from __future__ import annotations

import re
from typing import Callable, List, Sequence, Tuple

Compare = Callable[[str, str], int]

_DEB_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
_RPM_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def comparator(manager: str) -> Compare:
    """The comparison that belongs to a package manager's name."""
    return compare_deb if manager == "apt" else compare_rpm


def compare_deb(one: str, other: str) -> int:
    """Debian ``[epoch:]upstream[-revision]``."""
    return _first(_fields(one), _fields(other), _compare_deb_part)


def compare_rpm(one: str, other: str) -> int:
    """RPM ``[epoch:]version[-release]``; of equal versions one without a release is the older."""
    return _first(_fields(one), _fields(other), _compare_rpm_field) or _sign("-" in one, "-" in other)


def _first(left: Sequence[str], right: Sequence[str], compare: Compare) -> int:
    return next((result for result in map(compare, left, right) if result), 0)


def _sign(one: int, other: int) -> int:
    return (one > other) - (one < other)


def _compare_numbers(one: str, other: str) -> int:
    # As text, because Python refuses to convert very long digits and versions come from anywhere.
    left, right = one.lstrip("0"), other.lstrip("0")
    return _sign(len(left), len(right)) or (left > right) - (left < right)


def _fields(version: str) -> Tuple[str, str, str]:
    """Epoch, version, and what follows the last dash."""
    head, colon, tail = version.partition(":")
    epoch, rest = (head or "0", tail) if colon else ("0", version)
    upstream, _dash, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return (epoch, upstream, revision)


# ---------------------------------------------------------------- dpkg

def _compare_deb_part(one: str, other: str) -> int:
    """Alternating runs: text in dpkg's alphabet, then digits as a number; where one ends, an empty run stands."""
    if one == other:
        return 0
    left, right = _DEB_PARTS.findall(one), _DEB_PARTS.findall(other)
    for index in range(max(len(left), len(right))):
        text, number = left[index] if index < len(left) else ("", "")
        text2, number2 = right[index] if index < len(right) else ("", "")
        result = _compare_deb_text(text, text2) or _compare_numbers(number, number2)
        if result:
            return result
    return 0


def _compare_deb_text(one: str, other: str) -> int:
    left, right = _deb_weights(one), _deb_weights(other)
    return (left > right) - (left < right)


def _deb_weights(text: str) -> List[int]:
    # ``~`` is older than the end (zero), letters are older than everything else.
    return [-1 if c == "~" else ord(c) if c in _LETTERS else ord(c) + 256 for c in text] + [0]


# ---------------------------------------------------------------- rpm

def _compare_rpm_field(one: str, other: str) -> int:
    """One field, as rpm's own ``rpmvercmp``."""
    if one == other:
        return 0
    left, right = _RPM_PARTS.findall(one), _RPM_PARTS.findall(other)
    for index in range(max(len(left), len(right))):
        result = _compare_rpm_part(_at(left, index), _at(right, index))
        if result:
            return result
    return 0


def _at(parts: Sequence[str], index: int) -> str:
    return parts[index] if index < len(parts) else ""


def _compare_rpm_part(one: str, other: str) -> int:
    rank, rank2 = _rpm_rank(one), _rpm_rank(other)
    if rank != rank2:
        return _sign(rank, rank2)
    if one.isdigit():
        return _compare_numbers(one, other)
    return (one > other) - (one < other)


def _rpm_rank(part: str) -> int:
    # ``~`` is older than the end, ``^`` newer than the end but older than anything that goes on; numbers beat letters.
    return {"~": 0, "": 1, "^": 2}.get(part, 4 if part.isdigit() else 3)
