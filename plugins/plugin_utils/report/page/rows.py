# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host list as it stands in the page, and the choices that narrow it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..hosts import Data, Host, count, number, section
from ..units import duration
from ..words import COMPLIANCE, STATES, label, tone
from . import releases

View = dict[str, Any]


def row(host: Host, index: int, run: bool) -> View:
    return {
        "index": index,
        "name": host.name,
        "platform": host.platform,
        "release": releases.at(host),
        "state": {"label": label(STATES, host.state), "tone": tone(STATES, host.state)} if host.state else None,
        "status": {"label": COMPLIANCE[host.status][0], "tone": COMPLIANCE[host.status][1]},
        "reason": host.reason,
        "pending": host.pending,
        "security": count(host.counts, "security"),
        "unknown": count(host.counts, "unknown"),
        "changed": len(host.packages("installed")) if run else None,
        "broken": len(host.packages("failed")) if run else 0,
        "out": duration(host.out_seconds) if host.stretches else "",
        "out_since": host.out_since,
        "open": still_out(host),
        "reboot": reboot(host),
        "assessed": number(host.assessment, "at"),
        "age": number(host.assessment, "age_s"),
        "obstacles": len(host.obstacles),
    }


def still_out(host: Host) -> View | None:
    """None where the host is back; a host that is being worked on is no reason to worry."""
    if host.out_since is None:
        return None
    return {"text": "still out", "tone": "bad"} if host.left_out else {"text": "out now", "tone": "busy"}


def reboot(host: Host) -> View:
    """What happened, else what is due, else what is not known."""
    if host.rebooted and host.state != "reboot_pending":
        took = number(section(host.data, "reboot"), "seconds")
        return {"text": "done" if took is None else f"done, {duration(took)}", "tone": "ok"}
    if host.reboot_due:
        return {"text": "pending", "tone": "warn"}
    return {"text": "no", "tone": ""} if host.reboot_due is False else {"text": "–", "tone": ""}


def chips(hosts: Sequence[Host]) -> list[View]:
    """Groups of choices: within a group any, between groups all. Only what is there is offered."""
    groups = [
        ("Compliance", "c", [(key, *COMPLIANCE[key], sum(host.status == key for host in hosts)) for key in COMPLIANCE]),
        ("State", "s", [(key, label(STATES, key), tone(STATES, key), sum(host.state == key for host in hosts)) for key in _states(hosts)]),
        ("Release", "r", releases.choices(hosts)),
        ("Only", "o", [(key, text, tint, sum(map(test, hosts))) for key, text, tint, test in _ONLY]),
    ]
    return [{"title": title, "kind": kind, "chips": [dict(zip(("key", "label", "tone", "count"), chip)) for chip in found if chip[3]]}
            for title, kind, found in groups if any(chip[3] for chip in found)]


def _states(hosts: Sequence[Host]) -> list[str]:
    present = {host.state for host in hosts if host.state}
    return [state for state in STATES if state in present] + sorted(present - set(STATES))


def only(host: Host) -> str:
    """The words of the group "Only" that hold for a host, for the page's script."""
    return " ".join(key for key, _text, _tone, test in _ONLY if test(host))


_ONLY: tuple[tuple[str, str, str, Callable[[Host], bool]], ...] = (
    ("out", "Out of service now", "warn", lambda host: host.out_since is not None),
    ("security", "Security pending", "warn", lambda host: count(host.counts, "security") > 0),
    ("reboot", "Reboot pending", "warn", lambda host: bool(reboot(host)["tone"] == "warn")),
    ("drift", "Drifts from its release", "bad", lambda host: host.drifts),
    ("obstacle", "Something in the way", "warn", lambda host: bool(host.obstacles)),
)


def reboots_pending(model: Data, hosts: Sequence[Host]) -> int:
    summary = section(model, "summary")
    given = number(summary, "reboot_pending")
    return int(given) if given is not None else sum(reboot(host)["tone"] == "warn" for host in hosts)
