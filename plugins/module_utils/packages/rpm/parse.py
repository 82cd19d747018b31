# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From rpm's text to records. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, NamedTuple, Tuple

from ...errors import ParseFailed
from ...text import first_line
from .names import Nevra, evr

DATABASE_FORMAT = "%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{ARCH}|%{LONGSIZE}|%{INSTALLTIME}|%{DBINSTANCE}\\n"
PROVIDES_FORMAT = "[%{=NAME}|%{PROVIDENAME}\\n]"

# Packages of which several versions stand beside each other on purpose: dnf's word, and zypper's.
_SEVERAL = re.compile(r"(?:installonlypkg|multiversion)\(.*\)")

Key = Tuple[str, str]


class Entry(NamedTuple):
    """One line of rpm's database; ``order`` grows with each package that is written there."""

    nevra: Nevra
    size: int
    order: Tuple[int, int]

    @property
    def key(self) -> Key:
        return (self.nevra.name, self.nevra.arch)


def database(text: str) -> List[Entry]:
    """All packages. Imported keys are stored as packages too, and are none."""
    entries = [_entry(line) for line in text.splitlines() if line.strip()]
    return [entry for entry in entries if entry.nevra.name != "gpg-pubkey"]


def _entry(line: str) -> Entry:
    parts = line.split("|")
    if len(parts) != 8:
        raise ParseFailed("rpm -qa printed a line that is not understood: %s" % first_line(line))
    name, epoch, version, release, arch, size, when, number = parts
    return Entry(Nevra(name, evr(epoch, version, release), arch), _number(size), (_number(when), _number(number)))


def _number(text: str) -> int:
    # rpm prints (none) for a tag that a package does not carry.
    return int(text) if text.isdigit() else 0


def by_key(entries: Iterable[Entry]) -> Dict[Key, List[Entry]]:
    """All versions of each package, the last installed one last."""
    found: Dict[Key, List[Entry]] = {}
    for entry in sorted(entries, key=lambda e: e.order):
        found.setdefault(entry.key, []).append(entry)
    return found


def several(provides: str) -> List[str]:
    """Names of the packages that may be installed in several versions, from the text of ``PROVIDES_FORMAT``."""
    pairs = [line.split("|", 1) for line in provides.splitlines() if "|" in line]
    return sorted({name for name, capability in pairs if _SEVERAL.fullmatch(capability)})
