# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The program that a preparation leaves on a host: that of a job, and two of the modules, without Ansible's sending them once more.

``call NAME``    do what the module NAME does, with ``{"options", "check_mode", "environment"}`` from standard input; its result is one line of JSON.
                 Ends with 2 where it does not know what is asked, because whoever asks is younger, or options are not typed: the module itself, which
                 turns texts into what they mean, does then
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple

from ..errors import BadInput, PatchtrainError
from ..health import asked as health
from . import asked as install
from . import client, program


class _Call(NamedTuple):
    spec: Mapping[str, Any]
    perform: Callable[[Dict[str, Any], bool], Dict[str, Any]]
    broken: Callable[[PatchtrainError], Dict[str, Any]]


CALLS = {
    "updates_install": _Call(install.SPEC, install.perform, client.broken),
    "host_health_info": _Call(health.SPEC, lambda options, checking: health.perform(options),
                              lambda error: dict(health.SHAPE, failed=True, **error.as_result())),
}


def main(arguments: Sequence[str]) -> int:
    if list(arguments[:1]) != ["call"]:
        return program.main(arguments)
    asked = json.load(sys.stdin)
    os.environ.update(asked["environment"])
    try:
        call = CALLS[arguments[1]]
        options = filled(call.spec, asked["options"])
    except (KeyError, BadInput) as error:
        sys.stderr.write("for the module: %s\n" % error)
        return 2
    sys.stdout.write(json.dumps(_result(call, options, bool(asked["check_mode"]))) + "\n")
    return 0


def _result(call: _Call, options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    try:
        return call.perform(options, check_mode)
    except PatchtrainError as error:
        return call.broken(error)


def filled(spec: Mapping[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """All options of a specification, those that were not given with their defaults. ``BadInput`` where one is unknown or not of its type."""
    unknown = sorted(set(given) - set(spec))
    if unknown:
        raise BadInput("unknown option %s" % ", ".join(unknown), options=unknown)
    return {name: _value(name, option, given.get(name)) for name, option in spec.items()}


_TYPES: Dict[str, Tuple[type, ...]] = {"str": (str,), "path": (str,), "bool": (bool,), "float": (int, float), "list": (list,), "dict": (dict,)}


def _value(name: str, option: Mapping[str, Any], value: Any) -> Any:
    if value is None:
        return option.get("default")
    each: List[Any] = value if isinstance(value, list) else [value]
    choices: Any = option.get("choices", each)
    if not isinstance(value, _TYPES[option["type"]]) or any(one not in choices for one in each):
        raise BadInput("option %s: %r" % (name, value), option=name)
    return [filled(option["options"], item) for item in each] if "options" in option else value
