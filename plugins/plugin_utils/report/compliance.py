# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an assessment says about a host: compliant, not compliant, or unknown, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COMPLIANT, NON_COMPLIANT, UNKNOWN = "compliant", "non_compliant", "unknown"
COUNTED = ("security", "unknown")
"""Pending updates of these kinds make a host not compliant; bug fixes and the like alone do not."""


def judge(assessment: Mapping[str, Any] | None, at: float | None, now: float, max_age: float,
          counted: Sequence[str] = COUNTED) -> dict[str, Any]:
    """``{"status", "reasons"}``. What was never assessed, long ago, or in vain, is unknown and never compliant."""
    if assessment is None or at is None:
        return _verdict(UNKNOWN, ["never assessed"])
    obstacles = [str(found["message"]) for found in assessment.get("obstacles", [])]
    if "counts" not in assessment:
        return _verdict(UNKNOWN, obstacles or ["not assessed"])
    if now - at > max_age:
        return _verdict(UNKNOWN, ["last assessed %d days ago" % ((now - at) // 86400)])
    pending = _pending(assessment["counts"], counted) + _reboot(assessment.get("reboot") or {})
    if assessment.get("interrupted"):
        pending.append("an installation was interrupted: %s" % assessment["interrupted"])
    return _verdict(NON_COMPLIANT, pending) if pending else _verdict(COMPLIANT, [])


def _verdict(status: str, reasons: list[str]) -> dict[str, Any]:
    return {"status": status, "reasons": reasons}


def _pending(counts: Mapping[str, int], counted: Sequence[str]) -> list[str]:
    words = {"unknown": "from sources without advisory data"}
    return ["%d updates pending: %s" % (counts[kind], words.get(kind, kind)) for kind in counted if counts.get(kind)]


def _reboot(reboot: Mapping[str, Any]) -> list[str]:
    return ["a reboot is due: %s" % (", ".join(reboot.get("reasons", [])) or "pending")] if reboot.get("required") else []
