# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of ours where a program of ours lies: done by that, so that no module is packed, sent and compiled. Where there is none, or it can't do it (another
version, options that are not typed, no input over this connection), the module is sent as ever."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional

from ..module_utils.called import NOT_FOR_US
from ..module_utils.job.bundle import ISOLATED
from .remote import Remote

Laid = Optional[Mapping[str, Any]]
"""Where the ``program`` lies, and the ``python`` to run it."""

_NOT_THERE = (NOT_FOR_US, 126, 127)
"""How it ends where nothing was done: not known, not there, or no such Python."""

_BEFORE = ("sudo: ", "doas: ")
"""How a line of those begins that would have to start it. Any other words may be a warning of the shell's, or its own, from the middle of its work."""


def ask(remote: Remote, laid: Laid, module: str, args: Mapping[str, Any], seconds: float, check: Optional[bool] = None) -> Dict[str, Any]:
    """As ``Remote.module``."""
    if laid and remote.takes_input:
        checking = remote.checking if check is None else check
        found = _called(remote, laid, module, {"options": dict(args), "check_mode": checking, "environment": remote.environment}, seconds)
        if found is not None:
            return found
    return remote.module(module, args, seconds, check=check)


def _called(remote: Remote, laid: Mapping[str, Any], module: str, asked: Mapping[str, Any], seconds: float) -> Optional[Dict[str, Any]]:
    """The result; None where nothing was done. What broke off may have changed something: asked once more, it would take that for what was found."""
    argv = [laid["python"], *ISOLATED, laid["program"], "call", module.rpartition(".")[2]]
    said = remote.command(argv, seconds, stdin=json.dumps(asked, default=str))
    last = _last(said["stderr"])
    if said["rc"] in _NOT_THERE or (said["rc"] and last.startswith(_BEFORE)):
        return None
    try:
        found: Dict[str, Any] = json.loads(str(said["stdout"]).strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"failed": True, "msg": "%s broke off with rc %s: %s" % (module, said["rc"], last or "no reason given")}
    return found


def _last(text: object) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""
