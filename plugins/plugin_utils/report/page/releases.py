# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page says of releases: how many hosts are at each, and what upstream has published since. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hosts import Data, Host, count, number, records, section, word
from ..units import plural
from ..upstream import sentence, since
from ..words import CLASSIFICATIONS

View = dict[str, Any]
_MOST = 200

_STANDING = (("exact", "exactly at it", "ok"), ("with_unknown", "with packages that it does not know", "warn"), ("drifting", "drifting", "bad"),
             ("not_known", "not known", "unknown"), ("absent", "not attached to it yet", "bad"))
"""How hosts stand to a release, as a legend tells it."""


def panel(model: Data) -> list[View]:
    """A part for each release that a host is attached to or should be."""
    return [_release(model, row) for row in records(section(model, "summary"), "releases")]


def _release(model: Data, row: Data) -> View:
    digest = word(row, "digest")
    asked = since(model, digest)
    packages = sorted(records(asked or {}, "packages"), key=_order)
    return {
        "name": word(row, "name") or digest[:12],
        "digest": digest,
        "hosts": plural(count(row, "hosts"), "host"),
        "standing": [{"label": text, "tone": tone, "count": count(row, key)} for key, text, tone in _STANDING if count(row, key)],
        "since": sentence(asked),
        "security": count(section(asked or {}, "counts"), "security") > 0,
        "asked_at": number(asked or {}, "asked_at"),
        "packages": [_package(one) for one in packages[:_MOST]],
        "total": len(packages),
        "more": max(0, len(packages) - _MOST),
    }


def _order(one: Data) -> tuple[int, float, str, str]:
    kind, at = word(one, "classification"), number(one, "published_at" if "published_at" in one else "first_seen")
    rank = CLASSIFICATIONS.index(kind) if kind in CLASSIFICATIONS else len(CLASSIFICATIONS)
    return (rank, float("inf") if at is None else at, word(one, "name"), word(one, "platform"))


def _package(one: Data) -> View:
    told = {key: word(one, key) for key in ("name", "arch", "platform", "release_version", "upstream_version", "classification")}
    return dict(told, published_at=number(one, "published_at"), first_seen=number(one, "first_seen"))


def at(host: Host) -> View | None:
    """The host's release in the host list: its name, and what is not as the release has it."""
    if host.release_label is None:
        return None
    return {"label": host.release_label, "note": host.release_note, "tone": host.release_tone}


def choices(hosts: Sequence[Host]) -> list[tuple[str, str, str, int]]:
    """Releases to narrow the list by, where there is more than one answer."""
    counted: dict[str, tuple[str, int]] = {}
    for host in hosts:
        if host.release_label is not None:
            label, many = counted.get(host.digest, (host.release_label, 0))
            counted[host.digest] = (label, many + 1)
    rows = [(digest or "-", label, "", many) for digest, (label, many) in counted.items()]
    return sorted(rows, key=lambda row: (-row[3], row[1])) if len(rows) > 1 or (rows and rows[0][3] < len(hosts)) else []
