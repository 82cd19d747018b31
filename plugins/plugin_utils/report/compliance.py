# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an assessment says about a host: compliant, not compliant, or unknown, and why. Pure.

Not compliant is what is known to lack something. Compliant is what was looked at, not long ago and all of it, and lacks nothing that
counts. Everything else is unknown: a host that nobody could look at is never called compliant.

A host that is attached to a release lacks what the release has and it has not. What its release does not carry it can't have, so that of
its pending updates only security counts; and what neither the release knows nor any source feeds, nobody can judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils.packages.records import CLASSIFICATIONS
from . import releases
from .units import plural, span

COMPLIANT, NON_COMPLIANT, UNKNOWN = "compliant", "non_compliant", "unknown"
COUNTED = ("security", "unknown")
"""Pending updates of these kinds make a host not compliant; bug fixes and the like alone do not."""

AHEAD = 300.0
"""Seconds by which an assessment may seem to come from the future: clocks of controllers differ."""

Data = Mapping[str, Any]


def judge(assessment: Data | None, at: float | None, now: float, max_age: float, counted: Sequence[str] = COUNTED,
          reboot_pending: bool = False, intended: str | None = None, names: releases.Names = releases.NONE) -> dict[str, Any]:
    """``{"status", "reasons"}`` of an assessment made ``at`` some time. ``reboot_pending``: its run knows that a reboot is due.
    ``intended``: the digest of the release that its run brings it to."""
    looked = _looked_at(assessment, at, now, max_age)
    if assessment is None or looked:
        return _verdict(UNKNOWN, looked)
    counted = [kind for kind in counted if kind == "security"] if assessment.get("release") else counted
    lacks = _pending(assessment, counted) + _reboot(assessment, reboot_pending) + _state(assessment) + _astray(assessment, intended, names)
    doubts = _obstacles(assessment) + _doubts(assessment, now - float(at or now), max_age) + _orphans(assessment, names)
    known = _beside(assessment, names)
    if lacks:
        return _verdict(NON_COMPLIANT, lacks + doubts + known)
    if doubts:
        return _verdict(UNKNOWN, doubts + known)
    return _verdict(COMPLIANT, _exact(assessment, names) + known + _not_counted(assessment, counted))


def current(assessment: Data | None, at: float | None, now: float, max_age: float) -> bool:
    """Whether the assessment says anything about the host at all, and not too long ago."""
    return not _looked_at(assessment, at, now, max_age)


def _verdict(status: str, reasons: list[str]) -> dict[str, Any]:
    return {"status": status, "reasons": reasons}


def _looked_at(assessment: Data | None, at: float | None, now: float, max_age: float) -> list[str]:
    """Why nothing can be said at all; empty where something can."""
    if assessment is None or at is None:
        return ["never assessed"]
    if "counts" not in assessment:
        return _obstacles(assessment) or ["could not be assessed"]
    if now - at > max_age:
        return ["assessed %s ago, longer than %s" % (span(now - at), span(max_age))]
    if at - now > AHEAD:
        return ["assessed in the future, by %s: compare the controllers' clocks" % span(at - now)]
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
    return ["an installation was interrupted: %s" % assessment["interrupted"]] if assessment.get("interrupted") else []


def _drift(assessment: Data) -> list[Data]:
    return assessment.get("drift") or []


def _astray(assessment: Data, intended: str | None, names: releases.Names) -> list[str]:
    """What the release has and the host has not, and a release that is not the one that was meant."""
    attached, found = assessment.get("release"), []
    if intended and attached != intended:
        found.append("attached to %s, and this run brings it to %s" % (releases.called(attached, names), releases.called(intended, names)))
    differing = releases.differences(_drift(assessment))
    if differing:
        found.append("%s from %s: %s" % (plural(len(differing), "difference"), releases.called(attached, names), releases.told(differing)))
    return found


def _orphans(assessment: Data, names: releases.Names) -> list[str]:
    """Nobody will ever say that these lack anything."""
    found = releases.orphans(_drift(assessment))
    return ["%s that %s does not know and no source feeds: %s" % (
        plural(len(found), "package"), releases.called(assessment.get("release"), names), releases.told(found))] if found else []


def _beside(assessment: Data, names: releases.Names) -> list[str]:
    found = releases.fed(_drift(assessment))
    return ["%s that %s does not know: %s" % (
        plural(len(found), "package"), releases.called(assessment.get("release"), names), releases.told(found))] if found else []


def _exact(assessment: Data, names: releases.Names) -> list[str]:
    digest = assessment.get("release")
    return ["at %s" % releases.called(digest, names)] if digest and not _drift(assessment) else []


def _doubts(assessment: Data, age: float, max_age: float) -> list[str]:
    """Why having found nothing proves nothing."""
    found = []
    metadata = assessment.get("metadata_age_s")
    if metadata is None:
        found.append("it is not known how old the host's package metadata is")
    elif metadata + age > max_age:
        found.append("the host's package metadata is %s old" % span(metadata + age))
    if (assessment.get("reboot") or {}).get("required") is None:
        found.append("it is not known whether a reboot is due")
    return found


def _updates(number: int, kind: str = "") -> str:
    return plural(number, (kind + " " if kind else "") + "update")
