# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the report model, with what the page, the tables and the terminal say about it. Pure; expects a cleaned model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .words import COMPLIANCE, DRIFT, FAILED_STATES, STATES, rank, tone

Data = Mapping[str, Any]
_DIGITS = re.compile(r"(\d+)")


def section(data: Data, key: str) -> Data:
    """A part that is there as a mapping, or nothing."""
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def items(data: Data, key: str) -> list[Any]:
    """A part that is there as a list, or nothing."""
    value = data.get(key)
    return list(value) if isinstance(value, (list, tuple)) else []


def records(data: Data, key: str) -> list[Data]:
    return [item for item in items(data, key) if isinstance(item, Mapping)]


def number(data: Data, key: str) -> float | None:
    value = data.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def count(data: Data, key: str) -> int:
    return int(number(data, key) or 0)


def word(data: Data, key: str) -> str:
    """A text, empty where there is none."""
    value = data.get(key)
    return "" if value is None else str(value)


def natural(name: str) -> list[tuple[int, str, int]]:
    """Sorts ``web2`` before ``web10``."""
    parts = _DIGITS.split(name.lower())
    return [(1, "", int(part)) if part.isdecimal() and len(part) < 19 else (0, part, 0) for part in parts]


@dataclass(frozen=True)
class Stretch:
    """A time out of service; ``open``: the host has not come back, ``end`` is where the report's view ends."""

    host: str
    start: float
    end: float
    open: bool
    tone: str = "ok"

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Host:
    """What is said about a host. ``data`` is its part of the model."""

    data: Data
    horizon: float

    @property
    def name(self) -> str:
        return word(self.data, "name") or "(no name)"

    @property
    def state(self) -> str:
        return word(self.data, "state")

    @property
    def status(self) -> str:
        """Compliance; what nobody has looked at is unknown, never compliant."""
        status = word(section(self.data, "compliance"), "status")
        return status if status in COMPLIANCE else "unknown"

    @property
    def status_reasons(self) -> list[str]:
        return [str(reason) for reason in items(section(self.data, "compliance"), "reasons")]

    @property
    def reason(self) -> str:
        """The host's own reason, else why it is not compliant, else what stands in the way."""
        own = word(self.data, "reason")
        return own or "; ".join(self.status_reasons if self.status != "compliant" else [])

    @property
    def assessment(self) -> Data:
        return section(self.data, "assessment")

    @property
    def assessed(self) -> bool:
        return number(self.assessment, "at") is not None

    @property
    def counts(self) -> Data:
        return section(self.assessment, "counts")

    @property
    def pending(self) -> int | None:
        """None: never assessed, or in vain."""
        if not self.assessed or not self.counts:
            return None
        total = number(self.counts, "total")
        return int(total) if total is not None else len(items(self.assessment, "updates"))

    @property
    def platform(self) -> str:
        platform = section(self.assessment, "platform")
        return " ".join(part for part in (word(platform, "id"), word(platform, "version")) if part)

    @property
    def obstacles(self) -> list[Data]:
        return records(self.assessment, "obstacles")

    @property
    def release(self) -> Data:
        return section(self.data, "release")

    @property
    def digest(self) -> str:
        """Of the release that it is attached to; empty for none."""
        return word(self.release, "digest")

    @property
    def release_label(self) -> str | None:
        """The name of its release; None where releases have nothing to do with it."""
        if not self.release:
            return None
        return word(self.release, "name") or self.digest[:12] or ("no release" if self.release_known else "not known")

    @property
    def release_known(self) -> bool:
        """Whether the assessment that says so still counts."""
        return self.release.get("known") is True

    @property
    def intended_label(self) -> str:
        """The name of the release that its run brings it to, where that is another one; else empty."""
        intended = word(self.release, "intended")
        return (word(self.release, "intended_name") or intended[:12]) if intended != self.digest else ""

    @property
    def drift(self) -> list[Data]:
        """How it differs from its release, what weighs most first."""
        rows = records(self.assessment, "drift") if self.release else []
        return sorted(rows, key=lambda row: (rank(DRIFT, word(row, "kind")), bool(row.get("source")), word(row, "name"), word(row, "arch")))

    @property
    def drifts(self) -> bool:
        """Something of the release is not there, or another release is."""
        return self.release_known and (count(self.release, "difference_count") > 0 or bool(self.intended_label))

    @property
    def release_note(self) -> str:
        """How it stands to its release, in few words; empty where all is as it should be."""
        differing, all_rows = count(self.release, "difference_count"), count(self.release, "drift_count")
        differ = f"{differing:,} {'differs' if differing == 1 else 'differ'}" if differing else ""
        unknown = f"{all_rows - differing:,} not of it" if all_rows > differing else ""
        aim = f"should be {self.intended_label}" if self.intended_label else ""
        old = "when last seen" if self.digest and not self.release_known else ""
        return ", ".join(part for part in (old, aim, differ, unknown) if part)

    @property
    def release_tone(self) -> str:
        return "bad" if self.drifts else "warn" if self.release_known and count(self.release, "orphan_count") else ""

    @property
    def reboot_due(self) -> bool | None:
        if self.state == "reboot_pending":
            return True
        required = section(self.assessment, "reboot").get("required")
        return required if isinstance(required, bool) else None

    @property
    def rebooted(self) -> bool:
        return section(self.data, "reboot").get("done") is True

    def packages(self, result: str) -> list[Data]:
        return [package for package in records(self.data, "packages") if word(package, "result") == result]

    @property
    def stretches(self) -> list[Stretch]:
        found = (self._stretch(item) for item in records(self.data, "out_of_service"))
        return sorted((one for one in found if one is not None), key=lambda one: one.start)

    def _stretch(self, item: Data) -> Stretch | None:
        start, end = number(item, "from"), number(item, "to")
        if start is None:
            return None
        colour = "bad" if self.state in FAILED_STATES else "ok"
        if end is None:
            working = self.holder.get("working") is True if word(item, "run") else tone(STATES, self.state) == "busy"
            colour = "busy" if working else "bad"
        return Stretch(self.name, start, max(start, self.horizon if end is None else end), end is None, colour)

    @property
    def holder(self) -> Data:
        """The other run that has the host out of service, where this one has not."""
        return section(self.data, "held_by")

    @property
    def left_by(self) -> str:
        """The name of the other run that has left the host out of service; empty where there is none, or one that brings it back itself."""
        return "" if self.holder.get("working") is True else word(self.holder, "name")

    @property
    def out_since(self) -> float | None:
        """Since when the host has been out of service; None where it is back."""
        return next((one.start for one in self.stretches if one.open), None)

    @property
    def left_out(self) -> bool:
        """Out of service and nothing is bringing it back."""
        return any(one.open and one.tone == "bad" for one in self.stretches)

    @property
    def out_seconds(self) -> float:
        return sum(one.seconds for one in self.stretches)

    @property
    def order(self) -> tuple[int, int, int, list[tuple[int, str, int]]]:
        """Failed ones on top, then by compliance, worst first, then by state and name."""
        failed = FAILED_STATES.index(self.state) if self.state in FAILED_STATES else len(FAILED_STATES)
        return (failed, rank(COMPLIANCE, self.status), rank(STATES, self.state), natural(self.name))


def horizon(model: Data) -> float:
    """Where the report's view of time ends: the run's end, or the report's own time while it goes on."""
    run = section(model, "run")
    known = [number(run, "finished_at"), number(model, "generated_at"), number(run, "started_at")]
    return next((time for time in known if time is not None), 0.0)


def hosts_of(model: Data) -> list[Host]:
    """Worst first."""
    end = horizon(model)
    return sorted((Host(data, end) for data in records(model, "hosts")), key=lambda host: host.order)


def names(hosts: Sequence[Host]) -> list[str]:
    return [host.name for host in hosts]
