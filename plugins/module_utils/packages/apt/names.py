# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Names as apt takes them on its command line. Pure.

Names and versions come from data, and apt reads more into an argument than a name: ``-x`` is an option, ``name-`` removes,
``?essential`` and ``~i`` are patterns, a name that it does not know is a regular expression, ``/suite`` chooses a release. What is not
Debian's own syntax never gets there.
"""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from ...errors import BadInput
from ..records import Wanted

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_ARCH = re.compile(r"[a-z0-9][a-z0-9-]*")
_VERSION = re.compile(r"(?:[0-9]+:)?[0-9A-Za-z][0-9A-Za-z.+~:-]*")

Key = Tuple[str, str]
"""How apt tells packages apart: the name and the architecture, where ``all`` is the native one."""


def key(name: str, arch: str, native: str) -> Key:
    return (name, native if arch in ("all", "") else arch)


def split(shown: str, native: str) -> Key:
    """The key of a package as apt shows it: ``name``, or ``name:arch`` where the architecture is foreign."""
    name, _colon, arch = shown.partition(":")
    return key(name, arch, native)


def shown(at: Key, native: str) -> str:
    return at[0] if at[1] == native else "%s:%s" % at


def specs(wanted: Iterable[Wanted], native: str) -> List[str]:
    """``name:arch=version`` for each, sorted, every part checked."""
    return sorted(_spec(item, native) for item in wanted)


def _spec(item: Wanted, native: str) -> str:
    parts = (("package name", item.name, _NAME), ("architecture", item.arch, _ARCH), ("version", item.version, _VERSION))
    for what, value, syntax in parts:
        if not syntax.fullmatch(value):
            raise BadInput("%r is no Debian %s (package %r): correct the list of packages" % (value, what, item.name), package=item.name)
    return "%s:%s=%s" % (key(item.name, item.arch, native) + (item.version,))
