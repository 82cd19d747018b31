# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for spreadsheets: a line a host, and a line a package that changed, should have, is pending
or is not as the host's release has it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from .hosts import Data, Host, count, hosts_of, items, number, records, word
from .text import cleaned, csv_cell
from .units import iso
from .words import CLASSIFICATIONS, DRIFT

_HOST_COLUMNS = (
    "host", "state", "compliance", "reason", "assessed_at", "assessment_age_s", "platform", "pending",
    *(f"pending_{name}" for name in CLASSIFICATIONS), "held", "reboot_pending", "rebooted", "packages_installed",
    "packages_failed", "out_of_service_s", "out_of_service_since", "obstacles",
    "release", "release_digest", "release_intended", "drift",
)
_PACKAGE_COLUMNS = (
    "host", "package", "arch", "from", "to", "classification", "severity", "result", "reason", "advisories", "cves", "source", "drift",
)
# The last column of both sheets holds words of this program only: what a host sends would, beside the next line's first cell, begin another
# cell for programs that split elsewhere.


def render_csv(model: Data) -> dict[str, str]:
    """``hosts.csv`` and ``packages.csv``."""
    hosts = hosts_of(cleaned(model))
    packages = (line for host in hosts for line in (*_changed(host), *_pending(host), *_drift(host)))
    return {"hosts.csv": _sheet(_HOST_COLUMNS, map(_host, hosts)), "packages.csv": _sheet(_PACKAGE_COLUMNS, packages)}


def _sheet(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for line in lines:
        writer.writerow([csv_cell(cell) for cell in line])
    return out.getvalue()


def _host(host: Host) -> list[Any]:
    pending = [count(host.counts, name) if host.assessed else None for name in (*CLASSIFICATIONS, "held")]
    return [
        host.name, host.state, host.status, host.reason, iso(number(host.assessment, "at")), _seconds(number(host.assessment, "age_s")),
        host.platform, host.pending, *pending, host.reboot_due, host.rebooted, len(host.packages("installed")),
        len(host.packages("failed")), _seconds(host.out_seconds), iso(host.out_since),
        "; ".join(word(one, "message") for one in host.obstacles), *_release(host),
    ]


def _release(host: Host) -> list[Any]:
    """No drift is 0, nothing known of any is empty."""
    return [word(host.release, "name"), host.digest, word(host.release, "intended"), number(host.release, "drift_count") if host.digest else None]


def _seconds(value: float | None) -> int | None:
    return None if value is None else max(0, round(value))


def _changed(host: Host) -> list[list[Any]]:
    return [_package(host, one, ("from", "to"), one.get("result")) for one in records(host.data, "packages")]


def _pending(host: Host) -> list[list[Any]]:
    """Updates that are pending by the assessment and of which the run says nothing."""
    told = {(one.get("name"), one.get("arch")) for one in records(host.data, "packages")}
    return [
        _package(host, one, ("installed", "candidate"), "held" if one.get("held") else "pending")
        for one in records(host.assessment, "updates")
        if (one.get("name"), one.get("arch")) not in told
    ]


def _drift(host: Host) -> list[list[Any]]:
    """From what is there to what the release has."""
    return [_package(host, one, ("is", "should"), "drift", _kind(one)) for one in host.drift]


def _kind(one: Data) -> str:
    kind = word(one, "kind")
    return kind if kind in DRIFT else "other"


def _package(host: Host, one: Data, versions: tuple[str, str], result: Any, drift: str = "") -> list[Any]:
    known = [one.get(key) for key in ("name", "arch", *versions, "classification", "severity")]
    listed = [" ".join(map(str, items(one, key))) for key in ("advisories", "cves")]
    return [host.name, *known, result, one.get("reason"), *listed, one.get("source"), drift]
