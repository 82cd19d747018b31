# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A program that lies on a host does what modules of ours do, without Ansible's sending them once more.

``call NAME``    do what the module NAME does, with ``{"options", "check_mode", "environment"}`` from standard input; its result is one line of JSON.
                 Ends with 2 where it does not know what is asked, because whoever asks is younger, or options are not typed: the module itself, which
                 turns texts into what they mean, does then
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from .errors import BadInput

NOT_FOR_US = 2
"""How a call ends that only the module can do; so does Python where the program is not there."""


class Call(NamedTuple):
    """``perform`` gets all options and whether it is check mode, and tells failures as the module does."""

    spec: Mapping[str, Any]
    perform: Callable[[Dict[str, Any], bool], Dict[str, Any]]


Calls = Mapping[str, Callable[[], Call]]
"""By the module's name; looked up when it is called, because importing all of them takes longer than most of them."""


def call(calls: Calls, name: str) -> int:
    asked = json.load(sys.stdin)
    os.environ.update(asked["environment"])
    try:
        wanted = calls[name]()
        options = filled(wanted.spec, asked["options"])
    except (KeyError, BadInput) as error:
        sys.stderr.write("for the module: %s\n" % error)
        return NOT_FOR_US
    sys.stdout.write(json.dumps(wanted.perform(options, bool(asked["check_mode"]))) + "\n")
    return 0


def filled(spec: Mapping[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """All options of a specification, those that were not given with their defaults. ``BadInput`` where one is unknown, not of its type, or missing."""
    unknown = sorted(set(given) - set(spec))
    if unknown:
        raise BadInput("unknown option %s" % ", ".join(unknown), options=unknown)
    return {name: _value(name, option, given.get(name)) for name, option in spec.items()}


_TYPES: Dict[str, Tuple[type, ...]] = {"str": (str,), "path": (str,), "bool": (bool,), "float": (int, float), "list": (list,), "dict": (dict,)}


def _value(name: str, option: Mapping[str, Any], value: Any) -> Any:
    if value is None and option.get("required"):
        raise BadInput("option %s is missing" % name, option=name)
    if value is None:
        return option.get("default")
    each: List[Any] = value if isinstance(value, list) else [value]
    choices: Any = option.get("choices", each)
    if not isinstance(value, _TYPES[option["type"]]) or any(one not in choices for one in each):
        raise BadInput("option %s: %r" % (name, value), option=name)
    return [filled(option["options"], item) for item in each] if "options" in option else value


def main(calls: Calls, arguments: Sequence[str]) -> int:
    """Of a program that can do nothing else."""
    return call(calls, arguments[1]) if list(arguments[:1]) == ["call"] and len(arguments) == 2 else NOT_FOR_US
