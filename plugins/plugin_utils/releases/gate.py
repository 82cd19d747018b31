# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a stage is good enough for its release to go on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils.errors import BadInput

Seen = Sequence[tuple[float, Mapping[str, Any]]]
"""When (epoch seconds), and the assessment; the newest first."""

_COUNTS = ("version", "kernel", "source", "stream")


def check_order(stage: str, stages: Sequence[str]) -> str | None:
    """The stage before this one, None for the first. ``BadInput`` where it is none of them, or one is named twice."""
    if len(set(stages)) != len(stages):
        raise BadInput("stages names one twice: %s" % ", ".join(stages))
    if stage not in stages:
        raise BadInput("%s is none of the stages %s" % (stage, ", ".join(stages) or "(none is given)"))
    place = list(stages).index(stage)
    return stages[place - 1] if place else None


def objections(seen: Mapping[str, Seen], digest: str, hours: float, max_age: float, now: float, out_of_service: Mapping[str, str]) -> list[str]:
    """Why the gate does not open, a line for each host in the way; none where it opens. ``seen`` has all hosts of the stage before, also those that were
    never seen; ``out_of_service`` says of hosts that they hold a slot, and why."""
    if not seen:
        return ["no host is in the stage before: an empty stage proves nothing"]
    found = ((host, out_of_service.get(host) or _objection(seen[host], digest, hours, max_age, now)) for host in sorted(seen))
    return ["%s: %s" % (host, why) for host, why in found if why]


def _objection(seen: Seen, digest: str, hours: float, max_age: float, now: float) -> str:
    if not seen:
        return "was never assessed"
    age = now - seen[0][0]
    if age > max_age:
        return "was last assessed %.1f h ago, and at most %.1f h count: assess it again" % (age / 3600, max_age / 3600)
    why = _wrong(seen[0][1], digest)
    if why:
        return why
    since = seen[0][0]
    for at, document in seen:
        if _wrong(document, digest):
            break
        since = at
    lasted = (now - since) / 3600
    return "" if lasted >= hours else "has been at the release and healthy for %.1f h, of %.1f h" % (lasted, hours)


def _wrong(document: Mapping[str, Any], digest: str) -> str:
    if "release" not in document and document.get("obstacles"):
        return "could not be assessed: %s" % document["obstacles"][0]["message"]
    if document.get("release") != digest:
        return "is attached to %s" % (str(document.get("release"))[:12] if document.get("release") else "no release")
    drift = [row for row in document.get("drift", ()) if row["kind"] in _COUNTS]
    if drift:
        return "differs from the release in %d places (%s)" % (len(drift), ", ".join(row["name"] for row in drift[:3]))
    if document.get("interrupted") or document.get("obstacles"):
        return "is not healthy: %s" % (document.get("interrupted") or document["obstacles"][0]["message"])
    return "has failed units: %s" % ", ".join(document["failed_units"][:3]) if document.get("failed_units") else ""
