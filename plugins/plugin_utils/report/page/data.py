# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page's script shows when a host is opened, as small as possible: thousands of hosts share the same updates,
so that each update and each change is written once and hosts name it by its number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..commands import advice
from ..hosts import Data, Host, items, number, records, section, word
from ..upstream import sentence, since
from .rows import only

_LOG_TOTAL = 3_000_000
_LOG_EACH = 24_000
_MOST = 3000

_UPDATE = ("name", "arch", "installed", "candidate", "classification", "severity", "advisories", "cves", "source", "held", "phased")
_CHANGE = ("name", "arch", "from", "to", "classification", "result", "reason")
_DRIFT = ("name", "arch", "kind", "is", "should", "source")
_STEP = ("step", "place", "started_at", "finished_at", "outcome", "message")


class _Table:
    """Rows that are kept once; ``add`` says which."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._known: dict[tuple[Any, ...], int] = {}
        self.rows: list[list[Any]] = []

    def add(self, record: Data) -> int:
        row = [record.get(column) for column in self._columns]
        key = tuple(tuple(map(str, cell)) if isinstance(cell, list) else str(cell) for cell in row)
        if key not in self._known:
            self._known[key] = len(self.rows)
            self.rows.append(row)
        return self._known[key]


class _Logs:
    """Logs are large and few are read: the page takes as much as it can carry, from the worst host on."""

    def __init__(self) -> None:
        self._left = _LOG_TOTAL

    def take(self, log: str) -> str:
        kept = log if len(log) <= _LOG_EACH else f"(the end of {len(log)} characters)\n{log[-_LOG_EACH:]}"
        if not kept or len(kept) > self._left:
            return ""
        self._left -= len(kept)
        return kept


def page_data(model: Data, hosts: Sequence[Host]) -> dict[str, Any]:
    updates, changes, drifts, logs = _Table(_UPDATE), _Table(_CHANGE), _Table(_DRIFT), _Logs()
    found = [_host(model, host, updates, changes, drifts, logs) for host in hosts]
    return {"kind": word(model, "kind"), "generated_at": number(model, "generated_at"), "horizon": hosts[0].horizon if hosts else None,
            "updates": updates.rows, "changes": changes.rows,
            "drifts": drifts.rows, "since": _since(model), "hosts": found}


def _host(model: Data, host: Host, updates: _Table, changes: _Table, drifts: _Table, logs: _Logs) -> dict[str, Any]:
    told = advice(model, host.state, [host])
    log = word(host.data, "log")
    shown = logs.take(log)
    data = {
        "name": host.name,
        "state": host.state,
        "status": host.status,
        "only": only(host),
        "reason": host.reason,
        "why": host.status_reasons,
        "todo": told.todo if told else "",
        "command": told.command if told else "",
        "updates": [updates.add(update) for update in records(host.assessment, "updates")[:_MOST]],
        "changes": [changes.add(change) for change in records(host.data, "packages")[:_MOST]],
        "drift": [drifts.add(row) for row in host.drift[:_MOST]],
        "out": [[one.start, None if one.open else one.end] for one in host.stretches],
        "predicted": _predicted(section(host.data, "predicted")),
        "steps": [[step.get(column) for column in _STEP] for step in records(host.data, "steps")[:_MOST]],
        "log": shown,
        "log_elsewhere": bool(log) and not shown,
        **_assessment(host),
        **_release(host),
        **_reboot(host),
    }
    return {key: value for key, value in data.items() if value not in ("", [], None, False)}


def _predicted(plan: Data) -> list[Any] | None:
    """From, to, and whether that was assumed."""
    start, end = number(plan, "from"), number(plan, "to")
    return None if start is None or end is None else [start, end, plan.get("assumed") is True]


def _assessment(host: Host) -> dict[str, Any]:
    data = host.assessment
    kernel, interrupted = section(data, "kernel"), data.get("interrupted")
    return {
        "assessed": number(data, "at"),
        "age": number(data, "age_s"),
        "platform": " ".join(part for part in (host.platform, word(section(data, "platform"), "arch")) if part),
        "manager": word(data, "manager"),
        "metadata_age": number(data, "metadata_age_s"),
        "obstacles": [[word(one, "kind"), word(one, "message")] for one in host.obstacles],
        "interrupted": interrupted if isinstance(interrupted, str) else "",
        "kernel": word(kernel, "running"),
    }


def _since(model: Data) -> dict[str, str]:
    """What upstream has published since, by the digests of releases."""
    return {digest: sentence(since(model, digest)) for digest in section(model, "upstream")}


def _release(host: Host) -> dict[str, Any]:
    return {"release": host.release_label, "digest": host.digest, "intended": host.intended_label,
            "intended_digest": word(host.release, "intended") if host.intended_label else "", "last_seen": bool(host.digest) and not host.release_known}


def _reboot(host: Host) -> dict[str, Any]:
    after = section(host.data, "reboot")
    due = section(host.assessment, "reboot")
    return {
        "rebooted": after.get("done") is True,
        "reboot_seconds": number(after, "seconds"),
        "reboot_due": host.reboot_due is True,
        "reboot_reasons": [str(reason) for reason in items(due, "reasons")],
    }
