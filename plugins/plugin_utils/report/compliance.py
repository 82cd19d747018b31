# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an assessment says about a host: compliant, not compliant, or unknown, and why. Pure.

Not compliant is what is known to lack something. Compliant is what was looked at, not long ago and all of it, and lacks nothing that
counts. Everything else is unknown: a host that nobody could look at is never called compliant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils.packages.records import CLASSIFICATIONS

COMPLIANT, NON_COMPLIANT, UNKNOWN = "compliant", "non_compliant", "unknown"
COUNTED = ("security", "unknown")
"""Pending updates of these kinds make a host not compliant; bug fixes and the like alone do not."""

AHEAD = 300.0
"""Seconds by which an assessment may seem to come from the future: clocks of controllers differ."""

_DAY = 86400.0
Data = Mapping[str, Any]


def judge(assessment: Data | None, at: float | None, now: float, max_age: float, counted: Sequence[str] = COUNTED,
          reboot_pending: bool = False) -> dict[str, Any]:
    """``{"status", "reasons"}`` of an assessment made ``at`` some time. ``reboot_pending``: its run knows that a reboot is due."""
    looked = _looked_at(assessment, at, now, max_age)
    if assessment is None or looked:
        return _verdict(UNKNOWN, looked)
    lacks = _pending(assessment, counted) + _reboot(assessment, reboot_pending) + _state(assessment)
    doubts = _obstacles(assessment) + _doubts(assessment, now - float(at or now), max_age)
    if lacks:
        return _verdict(NON_COMPLIANT, lacks + doubts)
    return _verdict(UNKNOWN, doubts) if doubts else _verdict(COMPLIANT, _not_counted(assessment, counted))


def _verdict(status: str, reasons: list[str]) -> dict[str, Any]:
    return {"status": status, "reasons": reasons}


def _looked_at(assessment: Data | None, at: float | None, now: float, max_age: float) -> list[str]:
    """Why nothing can be said at all; empty where something can."""
    if assessment is None or at is None:
        return ["never assessed"]
    if "counts" not in assessment:
        return _obstacles(assessment) or ["could not be assessed"]
    if now - at > max_age:
        return ["assessed %s ago, longer than %s" % (_span(now - at), _span(max_age))]
    if at - now > AHEAD:
        return ["assessed in the future, by %s: compare the controllers' clocks" % _span(at - now)]
    return []


def _obstacles(assessment: Data) -> list[str]:
    """What stood in the way; an interrupted installation is told by itself."""
    return [str(found["message"]) for found in assessment.get("obstacles") or [] if found.get("kind") != "interrupted"]


def _pending(assessment: Data, counted: Sequence[str]) -> list[str]:
    found = []
    for kind in counted:
        number = assessment["counts"].get(kind) or 0
        if number and kind == "unknown":
            found.append("%s from sources without advisory data" % _updates(number))
        elif number:
            found.append("%s pending" % _updates(number, kind))
    return found


def _not_counted(assessment: Data, counted: Sequence[str]) -> list[str]:
    others = [(kind, assessment["counts"].get(kind) or 0) for kind in CLASSIFICATIONS if kind not in counted]
    told = ", ".join("%d %s" % (number, kind) for kind, number in others if number)
    return ["pending, but not counted: %s" % told] if told else []


def _reboot(assessment: Data, pending: bool) -> list[str]:
    reboot = assessment.get("reboot") or {}
    if not (reboot.get("required") or pending):
        return []
    reasons = ", ".join(str(reason) for reason in reboot.get("reasons") or [])
    return ["a reboot is due" + (": " + reasons if reasons else "")]


def _state(assessment: Data) -> list[str]:
    found = []
    if assessment.get("interrupted"):
        found.append("an installation was interrupted: %s" % assessment["interrupted"])
    if assessment.get("drift"):
        found.append("%s from release %s" % (_count(len(assessment["drift"]), "difference"), assessment.get("release")))
    return found


def _doubts(assessment: Data, age: float, max_age: float) -> list[str]:
    """Why having found nothing proves nothing."""
    found = []
    metadata = assessment.get("metadata_age_s")
    if metadata is None:
        found.append("it is not known how old the host's package metadata is")
    elif metadata + age > max_age:
        found.append("the host's package metadata is %s old" % _span(metadata + age))
    if (assessment.get("reboot") or {}).get("required") is None:
        found.append("it is not known whether a reboot is due")
    return found


def _updates(number: int, kind: str = "") -> str:
    return _count(number, (kind + " " if kind else "") + "update")


def _count(number: int, what: str) -> str:
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def _span(seconds: float) -> str:
    """A length of time, rounded down to what matters."""
    for size, what in ((_DAY, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            return _count(int(seconds // size), what)
    return _count(int(seconds), "second")
