# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the module ``updates_install`` is asked for, and does."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict, Optional

from ..packages.manager import DEFAULT_RULES
from ..packages.detect import detect
from ..runner import SystemRunner
from . import arguments, client
from .request import Request, passed_on
from .state import DEFAULT_ROOT
from .unit import Host

SPEC: Dict[str, Any] = dict(
    arguments.SELECTION,
    download_only={"type": "bool", "default": False},
    refresh={"type": "bool", "default": False},
    deadline={"type": "float"},
    begin_within={"type": "float"},
    keep_config={"type": "bool", "default": True},
    expect_digest={"type": "str"},
    run_id={"type": "str"},
    step={"type": "str", "default": "install"},
    wait={"type": "float", "default": 0},
    timeout={"type": "float", "default": 3600},
    lock_timeout={"type": "float", "default": 600},
    assess={"type": "bool", "default": True},
    state_dir={"type": "path", "default": DEFAULT_ROOT},
)


def _deadline(options: Dict[str, Any]) -> Optional[float]:
    """The sooner of both, as this host tells the time."""
    given = [options["deadline"], None if options["begin_within"] is None else time.time() + options["begin_within"]]
    return min((limit for limit in given if limit is not None), default=None)


def request_from(options: Dict[str, Any]) -> Request:
    return Request(
        manager=options["manager"], selection=arguments.selection(options), rules=arguments.rules(options, DEFAULT_RULES),
        refresh=options["refresh"], download_only=options["download_only"], keep_config=options["keep_config"],
        expect_digest=options["expect_digest"], deadline=_deadline(options), timeout=options["timeout"],
        lock_timeout=options["lock_timeout"], assess=options["assess"], environment=passed_on(os.environ))


def perform(options: Dict[str, Any], check_mode: bool) -> Dict[str, Any]:
    runner = SystemRunner()
    request = request_from(options)
    if check_mode:
        from .preview import preview

        return preview(runner, detect(runner, options["manager"]), request, options["state_dir"])
    order = client.Order(request, options["run_id"], options["step"], options["wait"], options["timeout"], options["state_dir"])
    return client.perform(Host.this(runner, sys.executable), order)
