# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""One look at a host: the health document of docs/architecture.md."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ..errors import ParseFailed
from ..runner import Runner
from . import load, parse

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
_ENDING_STARTS = ("start", "restart", "try-restart", "reload-or-start", "verify-active")


def probe(runner: Runner, system: Optional[load.System] = None) -> Dict[str, Any]:
    """The health document. It changes nothing, and needs no rights; without root the names of other users' processes are missing."""
    kernel = system or load.RealSystem()
    document: Dict[str, Any] = {"boot_id": _text(runner, _BOOT_ID).strip()}
    document.update(_services(runner))
    document["listening"] = _listening(runner)
    document["mounts"] = [_mount(mount, kernel) for mount in parse.mounts(_text(runner, "/proc/self/mounts"))]
    document["clock"] = {"synchronized": kernel.clock_synchronized(), "epoch": kernel.epoch()}
    document["uptime_s"] = parse.uptime(_text(runner, "/proc/uptime"), runner.read("/proc/1/stat") or "", kernel.ticks())
    return document


def _text(runner: Runner, path: str) -> str:
    text = runner.read(path)
    if text is None:
        raise ParseFailed("%s is not there: is /proc mounted on this host?" % path, path=path)
    return text


def _services(runner: Runner) -> Dict[str, Any]:
    """``system.state`` is systemd's own word, ``unknown`` where it does not answer, null where another init runs."""
    found = load.systemd(runner)
    if found is None or found.problem:
        state = None if found is None else "unknown"
        return _services_document(state, found.problem if found else "", [], [], {}, [])
    manager = (parse.properties(found.manager) or [{}])[0]
    units = parse.units(found.units)
    return _services_document(
        manager.get("SystemState", "unknown"), "",
        sorted(unit.name for unit in units if unit.active == "failed"),
        sorted(unit.name for unit in units if unit.sub.startswith("auto-restart")),
        parse.restarts(parse.properties(found.restarts)),
        _starting(runner) if manager.get("NJobs", "0") != "0" else [])


def _services_document(state: Optional[str], problem: str, failed: List[str], restarting: List[str], restarts: Dict[str, int],
                       starting: List[str]) -> Dict[str, Any]:
    return {"system": {"state": state, "problem": problem, "starting": starting}, "failed_units": failed,
            "restarting_units": restarting, "restarts": restarts}


def _starting(runner: Runner) -> List[str]:
    """Units that are on their way up, without those that a timer has started to do their daily work."""
    names = [job.unit for job in parse.jobs(load.systemd_jobs(runner)) if job.type in _ENDING_STARTS]
    if not names:
        return []
    routine = parse.routine(parse.properties(load.systemd_job_units(runner, names)))
    return sorted(set(names) - set(routine))


def _listening(runner: Runner) -> List[str]:
    text, tables = load.sockets(runner)
    sockets = parse.ss_sockets(text) if not tables else [
        socket for protocol, table in tables for socket in parse.proc_sockets(protocol, table)]
    return parse.lasting(sockets, parse.port_range(runner.read(_PORT_RANGE) or "0 0"))


def _mount(mount: parse.Mount, kernel: load.System) -> Dict[str, Any]:
    space = kernel.space(mount.path) if mount.local else None
    return {"path": mount.path, "source": mount.source, "read_only": mount.read_only,
            "free_percent": _percent(space.free, space.blocks) if space else None,
            "inodes_free_percent": _percent(space.inodes_free, space.inodes) if space else None}


def _percent(part: int, whole: int) -> Optional[float]:
    return round(100.0 * part / whole, 1) if whole else None
