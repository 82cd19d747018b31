# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a host waits for a reboot, and why."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

from .packages.manager import PackageManager
from .packages.records import Reboot
from .runner import Runner

_NUMBERS = re.compile(r"(\d+)")


def pending_reboot(runner: Runner, manager: PackageManager) -> Reboot:
    """All reasons together. Not required unless one asks for it; not known where the manager does not know and nothing else does."""
    own = manager.reboot()
    reasons = list(own.reasons) + _kernel_reasons(kernel(runner)) + services_with_old_libraries(runner)
    return Reboot(True if reasons or own.required else own.required, tuple(dict.fromkeys(reasons)))


def kernel(runner: Runner) -> Dict[str, Any]:
    """``running, default, installed[], applicable``; a container has no kernel of its own."""
    running = runner.run(["uname", "-r"]).check().stdout.strip()
    if in_container(runner):
        return {"running": running, "default": None, "installed": [], "applicable": False}
    installed = _installed_kernels(runner)
    return {"running": running, "default": _default_kernel(runner, installed), "installed": installed, "applicable": bool(installed)}


def in_container(runner: Runner) -> bool:
    if runner.which("systemd-detect-virt"):
        return runner.run(["systemd-detect-virt", "--container", "--quiet"]).rc == 0
    return any(runner.read(path) is not None for path in ("/run/systemd/container", "/.dockerenv", "/run/.containerenv"))


def _installed_kernels(runner: Runner) -> List[str]:
    found = runner.run(["find", "/boot", "-maxdepth", "1", "-name", "vmlinuz-*", "-printf", "%f\\n"])
    names = [line[len("vmlinuz-"):] for line in found.stdout.splitlines() if "rescue" not in line]
    return sorted(names, key=_order)


def _order(version: str) -> List[Tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _NUMBERS.split(version)]


def _default_kernel(runner: Runner, installed: List[str]) -> Any:
    """What the boot loader will start: asked where it can be asked, else the newest."""
    if runner.which("grubby"):
        said = runner.run(["grubby", "--default-kernel"])
        if said.rc == 0 and "vmlinuz-" in said.stdout:
            return said.stdout.strip().rpartition("vmlinuz-")[2]
    return installed[-1] if installed else None


def _kernel_reasons(found: Dict[str, Any]) -> List[str]:
    if not found["applicable"] or found["default"] in (None, found["running"]):
        return []
    return ["kernel: %s runs, %s would be started" % (found["running"], found["default"])]


def services_with_old_libraries(runner: Runner) -> List[str]:
    """Services that still run on libraries that were replaced, as needrestart lists them; none where it is not installed."""
    if not runner.which("needrestart"):
        return []
    said = runner.run(["needrestart", "-b", "-r", "l", "-l"], limit=60.0, env={"NEEDRESTART_MODE": "l"})
    names = [line.partition(":")[2].strip() for line in said.stdout.splitlines() if line.startswith("NEEDRESTART-SVC:")]
    return ["libraries replaced under %s" % name for name in names if not name.startswith("patchtrain-")]
