# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots and manifests in a few words."""

from __future__ import annotations

from typing import Any

KEY = "debian-12-amd64-apt"
NO_KERNEL = {"applicable": False, "running": "6.1", "default": None, "installed": []}


def package(name: str, version: str = "1", arch: str = "amd64", **more: Any) -> dict[str, Any]:
    return dict({"name": name, "arch": arch, "version": version, "source": "main", "reason": "manual", "updates": []}, **more)


def snapshot(*packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict({"packages": list(packages), "holds": [], "streams": [], "sources": [], "manager": "apt", "kernel": NO_KERNEL,
                 "platform": {"id": "debian", "version": "12", "arch": "amd64"}}, **more)


def update(version: str, classification: str = "security", advisories: tuple[str, ...] = (), cves: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"version": version, "classification": classification, "severity": "unknown", "advisories": list(advisories), "cves": list(cves)}


def manifest(*packages: dict[str, Any], parent: str | None = None, exclude: tuple[str, ...] = (), streams: tuple[str, ...] = ()) -> dict[str, Any]:
    kept = sorted(({k: p[k] for k in ("name", "arch", "version", "reason", "updates")} for p in packages), key=lambda p: (p["name"], p["arch"], p["version"]))
    return {"format": 1, "parent": parent, "exclude": list(exclude), "platforms": {KEY: {"packages": kept, "kernel": None, "streams": list(streams)}}}
