# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task that failed is recorded with. Ansible hands its result over uncensored, and only marks it as one that nobody is to see."""

from __future__ import annotations

from typing import Any, Mapping, Optional

HIDDEN = "its output is hidden (no_log)"


def told(task: Optional[str], failure: Mapping[str, Any]) -> str:
    """The task's name and what it said, where that may be seen."""
    return "%s: %s" % (task or "a task", _said(failure))


def _said(failure: Mapping[str, Any]) -> str:
    if failure.get("_ansible_no_log") or "censored" in failure:
        return HIDDEN
    return str(failure.get("msg") or failure.get("reason") or "no reason given")
