# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream has published since that a release does not carry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils.packages.kernels import install_only
from ...module_utils.packages.versions import Compare, comparator
from ...module_utils.release.manifest import platform_key
from .capture import Manifest
from .history import Entry, between, merged


def news(manifest: Manifest, looks: Iterable[Mapping[str, Any]], now: float, before: Mapping[str, Any] | None = None) -> Entry:
    """``asked_at``, ``counts`` by classification, ``oldest_age_s``, ``packages[]`` with ``first_seen``. A look is ``snapshot`` (with
    advisories) and ``assessment`` of a host that still sees upstream; ``before`` is the last answer: since when a version is known is
    carried on."""
    seen = {_place(row): row["first_seen"] for row in (before or {}).get("packages", ())}
    found: dict[tuple[str, ...], Entry] = {}
    for look in looks:
        key = platform_key(look["snapshot"]["platform"], look["snapshot"]["manager"])
        part = manifest["platforms"].get(key)
        for row in _newer(part["packages"], look, comparator(look["snapshot"]["manager"])) if part else ():
            row.update(platform=key, first_seen=seen.get((key, row["name"], row["arch"], row["upstream_version"]), now))
            found[_place(row)] = row
    rows = [found[place] for place in sorted(found)]
    kinds = sorted({row["classification"] for row in rows})
    return {"asked_at": now, "packages": rows, "counts": {kind: sum(1 for row in rows if row["classification"] == kind) for kind in kinds},
            "oldest_age_s": {kind: now - min(row["first_seen"] for row in rows if row["classification"] == kind) for kind in kinds}}


def _place(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["platform"], row["name"], row["arch"], row["upstream_version"])


def _newer(packages: Iterable[Entry], look: Mapping[str, Any], compare: Compare) -> list[Entry]:
    upstream = _newest(look, compare)
    rows = []
    for package in packages:
        if install_only(package["name"]):
            continue
        entries = upstream.get((package["name"], package["arch"]), [])
        if entries and compare(entries[-1]["version"], package["version"]) > 0:
            newest = entries[-1]["version"]
            rows.append({"name": package["name"], "arch": package["arch"], "release_version": package["version"], "upstream_version": newest,
                         **between(entries, package["version"], newest, compare)})
    return rows


def _newest(look: Mapping[str, Any], compare: Compare) -> dict[tuple[str, str], list[Entry]]:
    """Of each package all that its sources tell, its own version and the newest among them."""
    pending = {(u["name"], u["arch"]): u for u in look["assessment"]["updates"]}
    found = {}
    for package in look["snapshot"]["packages"]:
        update = pending.get((package["name"], package["arch"]))
        entries = [{"version": package["version"]}, *package.get("updates", ())]
        if update:
            entries.append({"version": update["candidate"], **{k: update[k] for k in ("classification", "severity", "advisories", "cves")}})
        last = update["candidate"] if update else package["version"]
        found[package["name"], package["arch"]] = merged(entries, last, compare)
    return found
