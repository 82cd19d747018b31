# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The options by which updates are selected: their specification, and from options to records. Their documentation is
``doc_fragments/selection.py``."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import BadInput
from ..packages.manager import Rules
from ..packages.records import CLASSIFICATIONS, Selection, Wanted

SELECTION: Dict[str, Dict[str, Any]] = {
    "classifications": {"type": "list", "elements": "str", "choices": list(CLASSIFICATIONS), "default": list(CLASSIFICATIONS)},
    "include": {"type": "list", "elements": "str", "default": []},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "packages": {"type": "list", "elements": "dict", "options": {
        "name": {"type": "str", "required": True},
        "version": {"type": "str", "required": True},
        "arch": {"type": "str", "default": ""},
    }},
    "security_level": {"type": "str", "choices": ["latest", "minimal"], "default": "latest"},
    "security_patterns": {"type": "list", "elements": "str"},
    "known_patterns": {"type": "list", "elements": "str"},
    "allow_downgrade": {"type": "bool", "default": False},
    "allow_removals": {"type": "bool", "default": False},
    "manager": {"type": "str", "choices": ["auto", "apt", "dnf", "zypper"], "default": "auto"},
}

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.:-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~:^_-]*")
_ARCH = re.compile(r"[A-Za-z0-9_-]*")


def selection(options: Mapping[str, Any]) -> Selection:
    return Selection(
        classifications=tuple(options["classifications"]), include=_globs(options, "include"), exclude=_globs(options, "exclude"),
        packages=_packages(options["packages"]), security_level=options["security_level"],
        allow_downgrade=options["allow_downgrade"], allow_removals=options["allow_removals"])


def rules(options: Mapping[str, Any], default: Rules) -> Rules:
    security, known = options["security_patterns"], options["known_patterns"]
    return Rules(default.security if security is None else tuple(security), default.known if known is None else tuple(known))


def _globs(options: Mapping[str, Any], option: str) -> Tuple[str, ...]:
    for number, glob in enumerate(options[option], 1):
        if not glob.strip():
            raise BadInput("%s, item %d is empty: give a name, a glob, or the id of an advisory" % (option, number), option=option)
    return tuple(options[option])


def _packages(items: Optional[Sequence[Mapping[str, Any]]]) -> Optional[Tuple[Wanted, ...]]:
    if items is None:
        return None
    wanted: List[Wanted] = []
    for number, item in enumerate(items, 1):
        for word, pattern in (("name", _NAME), ("version", _VERSION), ("arch", _ARCH)):
            if not pattern.fullmatch(item[word]):
                raise BadInput("packages, item %d: %r is no %s of a package" % (number, item[word], word), option="packages", item=number)
        wanted.append(Wanted(item["name"], item["arch"], item["version"]))
    return tuple(wanted)
