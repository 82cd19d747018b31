# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What taking hosts out of service would do at one place, for many of them in one execution; nothing can be changed.

Each host is asked for as its driver's check mode does it. What goes wrong for one is told of that one, and the others are asked all the same.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ..clock import Clock, Deadline
from ..errors import PatchtrainError
from ..runner import Runner
from .driver import Context
from .registry import make

Told = Dict[str, Any]


def foresee(looks: Sequence[Mapping[str, Any]], limit: float, runner: Runner, clock: Clock) -> List[Told]:
    """One answer for each of ``looks`` (driver, host, options), in their order. Those for which no time is left are not ``asked``."""
    deadline = Deadline(limit, clock)
    context = Context(runner, clock, check_mode=True)
    return [_answer(look, deadline, context) for look in looks]


def _answer(look: Mapping[str, Any], deadline: Deadline, context: Context) -> Told:
    told: Told = {"driver": look["driver"], "host": look["host"], "asked": not deadline.passed, "would_change": False, "prior_state": "", "would": [],
                  "moves": [], "problem": "", "blocked": False, "error": None}
    if deadline.passed:
        return told
    try:
        found = make(look["driver"], look["host"], look.get("options") or {}, context).enter(deadline.left)
    except PatchtrainError as error:
        return dict(told, problem=error.message, blocked=error.data.get("blocked") is True, error=error.as_result()["error"])
    moves = [dict(one) for one in found.detail.get("moves") or []]
    return dict(told, would_change=found.changed, prior_state=found.prior_state, would=[_line(one) for one in found.detail.get("would") or []], moves=moves)


def _line(command: Any) -> str:
    """A command of the deployment's own is told by its program alone: there may be credentials among its words."""
    return str(command) if isinstance(command, str) else " ".join([str(command[0])] + ["..."] * (len(command) > 1))
