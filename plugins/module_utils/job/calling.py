# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The program that a preparation leaves on a host: that of a job, and three of the modules."""

from __future__ import annotations

from typing import Any, Dict, Sequence

from .. import called
from ..errors import PatchtrainError


def main(arguments: Sequence[str]) -> int:
    if list(arguments[:1]) == ["call"]:
        return called.main(CALLS, arguments)
    from . import program
    return program.main(arguments)


def _install() -> called.Call:
    from . import asked, client

    def perform(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        try:
            return asked.perform(options, check_mode)
        except PatchtrainError as error:
            return client.broken(error)

    return called.Call(asked.SPEC, perform)


def _health() -> called.Call:
    from ..health import asked

    def perform(options: Dict[str, Any], _check_mode: bool) -> Dict[str, Any]:
        try:
            return asked.perform(options)
        except PatchtrainError as error:
            return dict(asked.SHAPE, failed=True, **error.as_result())

    return called.Call(asked.SPEC, perform)


def _assess() -> called.Call:
    from . import prepare, preparing

    def perform(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
        try:
            return preparing.perform(options, check_mode)
        except PatchtrainError as error:
            return prepare.broken(error)

    return called.Call(preparing.SPEC, perform)


CALLS: called.Calls = {"updates_install": _install, "host_health_info": _health, "host_assess": _assess}
