# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of runs and deployments: short, and harmless in paths, shells and pages. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from ...module_utils.errors import BadInput

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ROOM_FOR_TIME = 22  # "-20261121T013000Z", and "-4f2a" to keep two of one second apart
STAGE = "stage:"


def check_run_name(name: str, what: str = "patch_run_name") -> str:
    """The name, or ``BadInput`` that says what a name may hold."""
    return _check(name, what, 100)


def check_deployment_name(name: str, what: str = "patch_deployment") -> str:
    """As for runs, but shorter: the default name of a run is the deployment's with a time."""
    return _check(name, what, 100 - _ROOM_FOR_TIME)


def check_release_reference(name: str, what: str = "patch_release") -> str:
    """A release by its name, or ``stage:NAME`` for the one that a stage points to; empty for none."""
    if name:
        stage = name.startswith(STAGE)
        _check(name[len(STAGE):] if stage else name, "name of a stage" if stage else what, 64)
    return name


def check_release_name(name: str, what: str) -> str:
    """The name of a release or stage, or ``BadInput``."""
    return _check(name, what, 64)


def check_budget_name(name: str) -> str:
    """The name of a budget, or ``BadInput``."""
    return _check(name, "name", 64)


def default_run_name(deployment: str, at: float) -> str:
    """The deployment's name with the time (UTC, to the second), so that the next run is another."""
    return deployment + "-" + datetime.fromtimestamp(at, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def _check(name: str, what: str, longest: int) -> str:
    if not _RUN_NAME.fullmatch(name) or len(name) > longest:
        shown = name if len(name) <= 60 else name[:60] + "..."
        raise BadInput("%s %r can't be a name: use letters, digits, '.', '_' and '-', beginning with a letter or digit, at most %d of them"
                       % (what, shown, longest), name=what)
    return name
