# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What this host's dnf can do, as it says itself."""

from __future__ import annotations

import re
from enum import Enum
from typing import FrozenSet, List, NamedTuple, Tuple

from ...errors import HostUnsupported, ParseFailed
from ...text import first_line

# dnf 5 prints "dnf5 version 5.2.8.1", dnf 4 nothing but the number.
_VERSION = re.compile(r"^(?:dnf5 version )?(\d+(?:\.\d+)+)", re.MULTILINE)
_COMMAND = re.compile(r"^([a-z][a-z-]+)  +\S", re.MULTILINE)


class Capability(Enum):
    """What not every dnf has; the value is the command that shows it."""

    DOWNLOAD = "download"
    MODULES = "module"
    VERSIONLOCK = "versionlock"
    NEEDS_RESTARTING = "needs-restarting"


class Dialect(NamedTuple):
    """Where the generations of dnf differ in what they are told. What they print is read in ``parse``, which a second generation
    would have a sibling of."""

    record_end: str
    mark_manual: str
    mark_automatic: str


# A record of `repoquery --qf` ends by itself in dnf 4; in dnf 5 the format has to say so, and the reasons have other words.
DNF4 = Dialect(record_end="", mark_manual="install", mark_automatic="remove")


def version(text: str) -> Tuple[int, ...]:
    """From ``dnf --version``."""
    match = _VERSION.search(text)
    if match is None:
        raise ParseFailed("dnf --version printed something that is not understood: %s" % first_line(text))
    return tuple(int(part) for part in match.group(1).split("."))


def dialect(number: Tuple[int, ...]) -> Dialect:
    if number[0] != 4:
        raise HostUnsupported("dnf %s is not supported yet, only dnf 4 is: patch this host by its own means until then" % (
            ".".join(map(str, number))), version=list(number))
    return DNF4


def capabilities(text: str) -> FrozenSet[Capability]:
    """From ``dnf --help``, which lists the commands of plugins too."""
    commands: List[str] = _COMMAND.findall(text)
    return frozenset(capability for capability in Capability if capability.value in commands)
