# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the module ``host_health_info`` is asked for, and does."""

from __future__ import annotations

from typing import Any, Dict

from ..clock import Clock
from ..runner import SystemRunner
from .checks import parse_checks, run_checks
from .compare import MIN_FREE_PERCENT, checked_baseline
from .gate import Terms, gate
from .probe import probe

SHAPE: Dict[str, Any] = {"healthy": False, "health": None, "differences": [], "checks": [], "samples": 0, "seconds": 0.0}

SPEC: Dict[str, Any] = {
    "baseline": {"type": "dict"},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "settle": {"type": "float", "default": 10},
    "limit": {"type": "float", "default": 300},
    "interval": {"type": "float", "default": 1},
    "min_free_percent": {"type": "float", "default": MIN_FREE_PERCENT},
    "fail": {"type": "bool", "default": True},
    "checks": {"type": "list", "elements": "dict", "default": [], "no_log": True},
    "run_id": {"type": "str"},
    "force_reason": {"type": "str"},
}


def perform(options: Dict[str, Any]) -> Dict[str, Any]:
    runner, clock = SystemRunner(), Clock()
    checks = parse_checks(options["checks"])
    if options["baseline"] is None and not checks:
        return dict(SHAPE, healthy=True, health=probe(runner), samples=1)
    baseline = None if options["baseline"] is None else checked_baseline(options["baseline"])
    terms = Terms(options["settle"], options["limit"], options["interval"], tuple(options["ignore"]), options["min_free_percent"])
    verdict = gate(lambda: probe(runner), lambda limit: run_checks(checks, runner, limit, clock), baseline, terms, clock)
    return dict(verdict.to_dict(), failed=options["fail"] and not verdict.healthy, msg="" if verdict.healthy else verdict.message)
