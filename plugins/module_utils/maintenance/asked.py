# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the module ``maintenance_mode`` is asked for, and does."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Dict, Mapping, NoReturn, Optional

from ..errors import BadInput, FoundOtherwise, MaintenanceFailed, PatchtrainError
from ..runner import SystemRunner
from .driver import ENDINGS, ENTERED, LEFT, Context, Driver, Result, unmoved
from .registry import make

SPEC: Dict[str, Any] = {
    "driver": {"type": "str", "required": True},
    "state": {"type": "str", "required": True, "choices": [ENTERED, LEFT]},
    "host": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 300},
    "prior_state": {"type": "str", "default": "in_service"},
    "expect_prior": {"type": "str"},
    "options": {"type": "dict", "default": {}, "no_log": True},
}


def perform(options: Mapping[str, Any], check_mode: bool) -> Dict[str, Any]:
    """The module's result, on failure too."""
    for number in ENDINGS:
        signal.signal(number, told_to_end)
    try:
        return dict(work(options, check_mode).to_dict(), undone=None)
    except PatchtrainError as error:
        return dict(failure(error, options["state"]), failed=True)


def work(params: Mapping[str, Any], check_mode: bool) -> Result:
    if not 0 < params["timeout"] < float("inf"):
        raise BadInput("timeout %r is no number of seconds above zero" % params["timeout"], option="timeout")
    driver = make(params["driver"], params["host"], params["options"], Context(SystemRunner(), check_mode=check_mode))
    if params["state"] == LEFT:
        return driver.leave(params["prior_state"], params["timeout"])
    if params.get("expect_prior") is not None:
        _as_expected(driver, params["host"], params["expect_prior"])
    return driver.enter(params["timeout"])


def _as_expected(driver: Driver, host: str, expected: str) -> None:
    """Before anything is begun: whoever asks has put on record how the host was found, and its undoing goes by that, also where no answer arrives."""
    found = driver.prior()
    if found != expected:
        raise FoundOtherwise("%s is %s, and was %s when it was looked at: nothing was touched" % (host, found, expected), prior_state=found)


def failure(error: PatchtrainError, wanted: str) -> Dict[str, Any]:
    """The result's shape is the same as on success."""
    undone: Optional[bool] = error.data.get("undone")
    back = LEFT if wanted == ENTERED else ENTERED
    return dict(error.as_result(), changed=undone is False, state=back if undone else "unknown",
                prior_state=error.data.get("prior_state", ""), detail=error.data.get("detail", {}), undone=undone)


def told_to_end(signum: int, frame: Optional[FrameType]) -> NoReturn:
    """The connection is gone or the task is being ended: fail as for any other reason, so that what was begun is undone."""
    for number in ENDINGS:
        signal.signal(number, unmoved)
    raise MaintenanceFailed("told to end by signal %d" % signum, signal=signum)
