# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a host has installed, why, and from where."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

from ..reboot import kernel
from ..runner import Runner
from .detect import platform
from .manager import PackageManager, Rules
from .records import Package


def snapshot(runner: Runner, manager: PackageManager, advisories: Optional[Rules] = None) -> Dict[str, Any]:
    """The document of ``package_snapshot_info``; the same host gives the same document. With ``advisories``, the rules for apt's
    sources, each package has its ``updates`` and its ``feeder``: a source that offers any version of it."""
    packages = sorted(manager.installed(), key=lambda package: (package.name, package.arch, package.version))
    return {
        "packages": rows(manager, packages, advisories), "holds": sorted(manager.holds()), "streams": sorted(manager.streams()),
        "sources": [source.to_dict() for source in manager.sources()], "platform": platform(runner, manager).to_dict(),
        "manager": manager.name, "kernel": kernel(runner), "boot_id": (runner.read("/proc/sys/kernel/random/boot_id") or "").strip()}


def rows(manager: PackageManager, packages: Sequence[Package], advisories: Optional[Rules]) -> List[Dict[str, Any]]:
    if advisories is None:
        return [package.to_dict() for package in packages]
    history = manager.history(packages, advisories)
    without = [package for package in packages if not package.source]
    feeders = manager.feeders(without) if without else {}
    return [dict(package.to_dict(), feeder=package.source or feeders.get((package.name, package.arch), ""),
                 updates=[came.to_dict() for came in history.get(package, [])]) for package in packages]
