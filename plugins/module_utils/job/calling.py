# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The program that a preparation leaves on a host: that of a job, and three of the modules."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence

from .. import called
from ..errors import PatchtrainError


def main(arguments: Sequence[str]) -> int:
    if list(arguments[:1]) == ["call"]:
        return called.main(CALLS, arguments)
    from . import program
    return program.main(arguments)


Perform = Callable[[Dict[str, Any], bool], Dict[str, Any]]


def _call(spec: Mapping[str, Any], perform: Perform, broken: Callable[[PatchtrainError], Dict[str, Any]]) -> called.Call:
    """``broken`` is the module's result where it could not do what was asked."""
    def told(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        try:
            return perform(options, check_mode)
        except PatchtrainError as error:
            return broken(error)

    return called.Call(spec, told)


def _install() -> called.Call:
    from . import asked, client

    return _call(asked.SPEC, asked.perform, client.broken)


def _health() -> called.Call:
    from ..health import asked

    return _call(asked.SPEC, lambda options, _check_mode: asked.perform(options), lambda error: dict(asked.SHAPE, failed=True, **error.as_result()))


def _assess() -> called.Call:
    from . import prepare, preparing

    return _call(preparing.SPEC, preparing.perform, prepare.broken)


CALLS: called.Calls = {"updates_install": _install, "host_health_info": _health, "host_assess": _assess}
