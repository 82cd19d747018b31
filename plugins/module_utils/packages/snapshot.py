# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a host has installed, why, and from where."""

from __future__ import annotations

from typing import Any, Dict

from ..reboot import kernel
from ..runner import Runner
from .detect import platform
from .manager import PackageManager


def snapshot(runner: Runner, manager: PackageManager) -> Dict[str, Any]:
    """The document of ``package_snapshot_info``; the same host gives the same document."""
    packages = sorted(manager.installed(), key=lambda package: (package.name, package.arch, package.version))
    return {
        "packages": [package.to_dict() for package in packages], "holds": sorted(manager.holds()), "streams": sorted(manager.streams()),
        "sources": [source.to_dict() for source in manager.sources()], "platform": platform(runner, manager).to_dict(),
        "manager": manager.name, "kernel": kernel(runner), "boot_id": (runner.read("/proc/sys/kernel/random/boot_id") or "").strip()}
