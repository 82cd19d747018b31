# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the module ``host_assess`` is asked for, and does."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict

from ..packages.detect import detect
from ..packages.manager import DEFAULT_RULES
from ..release.level import UNKNOWN_POLICIES
from ..release.manifest import check_digest
from ..runner import SystemRunner
from . import arguments, prepare
from .request import Request, passed_on
from .state import DEFAULT_ROOT
from .unit import Host

SPEC: Dict[str, Any] = dict(
    arguments.SELECTION,
    stage={"type": "str", "choices": [prepare.ASSESS, prepare.DOWNLOAD], "default": prepare.ASSESS},
    refresh={"type": "bool", "default": True},
    refresh_timeout={"type": "float", "default": 300},
    timeout={"type": "float", "default": 3600},
    lock_timeout={"type": "float", "default": 600},
    health={"type": "bool", "default": True},
    hold_for={"type": "float", "default": 0},
    let_go={"type": "bool", "default": False},
    plan={"type": "bool", "default": True},
    release={"type": "str"},
    unknown_packages={"type": "str", "choices": list(UNKNOWN_POLICIES), "default": UNKNOWN_POLICIES[0]},
    run_id={"type": "str"},
    state_dir={"type": "path", "default": DEFAULT_ROOT},
)


def _end_of_hold(seconds: float) -> float:
    return time.time() + seconds if seconds else 0.0


def preparation_from(options: Dict[str, Any], check_mode: bool) -> prepare.Preparation:
    request = Request(
        manager=options["manager"], selection=arguments.selection(options), rules=arguments.rules(options, DEFAULT_RULES),
        release=None if options["release"] is None else check_digest(options["release"]), unknown_packages=options["unknown_packages"],
        refresh=options["refresh"], timeout=options["timeout"], lock_timeout=options["lock_timeout"], environment=passed_on(os.environ))
    return prepare.Preparation(
        request, options["stage"], options["refresh_timeout"], options["health"], _end_of_hold(options["hold_for"]), options["run_id"],
        not check_mode, options["state_dir"], options["let_go"], options["plan"])


def perform(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    runner = SystemRunner()
    order = preparation_from(options, check_mode)
    return prepare.prepare(Host.this(runner, sys.executable), detect(runner, options["manager"]), order)
