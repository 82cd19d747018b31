# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of ours on a host that was prepared: done by the program that lies there, so that no module is packed, sent and compiled. Where that can't
be done (no program, another version, options that are not typed, no input over this connection), the module is sent as ever."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional

from ..module_utils.job.bundle import ISOLATED
from .book import HostBook
from .remote import Remote


def ask(remote: Remote, book: HostBook, module: str, args: Mapping[str, Any], seconds: float, check: Optional[bool] = None) -> Dict[str, Any]:
    """As ``Remote.module``."""
    laid = book.laid()
    if laid and remote.takes_input:
        checking = remote.checking if check is None else check
        found = _called(remote, laid, module, {"options": dict(args), "check_mode": checking, "environment": remote.environment}, seconds)
        if found is not None:
            return found
    return remote.module(module, args, seconds, check=check)


def _called(remote: Remote, laid: Mapping[str, Any], module: str, asked: Mapping[str, Any], seconds: float) -> Optional[Dict[str, Any]]:
    """The result; None where the program gave none. What it has begun then is a job with a name, to which the module comes back."""
    argv = [laid["python"], *ISOLATED, laid["program"], "call", module.rpartition(".")[2]]
    said = remote.command(argv, seconds, stdin=json.dumps(asked))
    lines = str(said["stdout"]).strip().splitlines()
    if said["rc"] != 0 or not lines:
        return None
    try:
        found: Dict[str, Any] = json.loads(lines[-1])
    except ValueError:
        return None
    return found
