# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the ledger as a person reads them, and how much each asks for attention. Pure."""

from __future__ import annotations

CLASSIFICATIONS = ("security", "bugfix", "enhancement", "other", "unknown")

STATES = {
    "failed": ("Failed", "bad"),
    "unreachable": ("Unreachable", "bad"),
    "blocked": ("Blocked", "warn"),
    "not_started": ("Not started", "idle"),
    "deferred": ("Deferred", "warn"),
    "reboot_pending": ("Reboot pending", "warn"),
    "draining": ("Draining", "busy"),
    "drained": ("Drained", "busy"),
    "installing": ("Installing", "busy"),
    "rebooting": ("Rebooting", "busy"),
    "checking": ("Checking", "busy"),
    "restoring": ("Restoring", "busy"),
    "waiting": ("Waiting", "idle"),
    "succeeded": ("Succeeded", "ok"),
    "up_to_date": ("Up to date", "ok"),
}
"""Worst first: host state to label and tone. The order is that of chips, bars and the host list."""

FAILED_STATES = ("failed", "unreachable")

RUN_STATES = {
    "running": ("Running", "busy"),
    "paused": ("Paused", "warn"),
    "stopping": ("Stopping", "warn"),
    "succeeded": ("Succeeded", "ok"),
    "failed": ("Failed", "bad"),
    "stopped": ("Stopped", "warn"),
}

GOING_ON = ("running", "paused", "stopping")

COMPLIANCE = {
    "non_compliant": ("Not compliant", "bad"),
    "unknown": ("Unknown", "unknown"),
    "compliant": ("Compliant", "ok"),
}
"""Worst first, as the host list is ordered."""

DRIFT = {
    "kernel": ("kernel", "bad"),
    "source": ("source", "bad"),
    "stream": ("module stream", "bad"),
    "version": ("version", "bad"),
    "unknown": ("unknown to the release", "warn"),
}
"""Kinds of differences from a release, in the order in which they are told."""

PHASES = ("drain", "install", "reboot", "check", "restore", "other")

_PHASE_WORDS = (
    ("restore", ("restore", "undrain", "leave", "left")),
    ("drain", ("drain", "enter")),
    ("reboot", ("reboot",)),
    ("check", ("health", "check", "gate")),
    ("install", ("install", "update", "download", "confirm")),
)

SETTINGS = (
    "release",
    "unknown_packages",
    "rollback",
    "max_unavailable",
    "max_failed",
    "canaries",
    "fail_on",
    "slot_timeout",
    "soak",
    "classifications",
    "include",
    "exclude",
    "security_level",
    "allow_downgrade",
    "allow_removals",
    "reboot",
    "drain_timeout",
    "install_timeout",
    "reboot_timeout",
    "health_settle",
    "health_timeout",
    "health_ignore",
    "assessment_max_age",
    "compliance_classifications",
)
"""What may be shown of a run's settings, without their prefix ``patch_``. Everything else may be a secret: it stays away."""

IN_SECONDS = ("slot_timeout", "soak", "drain_timeout", "install_timeout", "reboot_timeout", "health_settle", "health_timeout",
              "assessment_max_age")


def label(table: dict[str, tuple[str, str]], word: str) -> str:
    return table[word][0] if word in table else word.replace("_", " ").capitalize()


def tone(table: dict[str, tuple[str, str]], word: str) -> str:
    return table[word][1] if word in table else "idle"


def rank(table: dict[str, tuple[str, str]], word: str) -> int:
    """A word that is not in the table comes last."""
    return list(table).index(word) if word in table else len(table)


def phase(step: str) -> str:
    """Which part of a host's cycle a step belongs to."""
    lowered = step.lower()
    return next((name for name, words in _PHASE_WORDS if any(word in lowered for word in words)), "other")
