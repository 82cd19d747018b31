# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a lab: started, stopped, reset, waited for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from .addresses import host_address, machine_name, veth_name
from .cgroups import remove_empty
from .errors import LabError
from .images import private_mounts, python_environment, python_module
from .paths import HostPaths, LabPaths
from .processes import Process, alive, end, of_pid
from .provision import host_files, write_files
from .shell import last_words
from .state import LabState, load_process, load_record, note_process, write_json
from .topology import HostSpec

READY_LIMIT = 60.0


@dataclass(frozen=True)
class LabHost:
    """A host, and the lab it belongs to."""

    lab: LabPaths
    state: LabState
    fleet: tuple[HostSpec, ...]
    spec: HostSpec

    @property
    def paths(self) -> HostPaths:
        return self.lab.host(self.spec.name)

    @property
    def address(self) -> str:
        return host_address(self.state.subnet, self.spec.number)

    @property
    def cgroup(self) -> str:
        return f"{self.state.ident}{self.spec.name}"

    def running(self) -> bool:
        """Is its supervisor alive? A guest without one would not come back from a reboot."""
        return any(alive(process) for process in self._processes()[:2])

    def status(self) -> dict[str, Any]:
        """The host as it is at this moment."""
        record = load_record(self.paths.record)
        running = self.running()
        return {
            "name": self.spec.name, "address": self.address, "user": self.spec.user, "image": self.spec.image,
            "state": "running" if running else record.get("status", "down").replace("running", "ended unexpectedly"),
            "ssh": running and answers(self.address, 22), "boots": record.get("boots", 0)}

    def start(self) -> None:
        """Start it on what its disk holds; fine when it runs."""
        if self.running():
            return
        self.stop()
        self._need_image()
        paths = self.paths
        fresh = not paths.upper.exists()
        for folder in (paths.upper, paths.work, paths.merged):
            folder.mkdir(parents=True, exist_ok=True)
        paths.upper.chmod(0o755)
        layers = [Path(layer) for layer in self.state.images[self.spec.image]]
        if fresh:
            write_files(layers, paths.upper, host_files(self.lab, self.state, self.fleet, self.spec))
        write_json(paths.plan, self._plan(layers))
        paths.record.unlink(missing_ok=True)
        self._spawn()

    def _processes(self) -> list[Process | None]:
        """As spawned (before the supervisor has written anything), as it says itself, and its guest."""
        paths = self.paths
        return [load_process(paths.spawned, "process"), load_process(paths.record, "process"), load_process(paths.record, "guest")]

    def stop(self) -> None:
        """Stop it at once, as by pulling its plug; fine when it is down."""
        for process in self._processes():
            end(process)
        remove_empty(self.cgroup)

    def wipe(self) -> None:
        """Forget all that was written since its first start."""
        for folder in (self.paths.upper, self.paths.work):
            if folder.exists():
                shutil.rmtree(folder)

    def wait_ready(self, limit: float = READY_LIMIT) -> None:
        """Wait until its sshd answers; a supervisor that gave up is told at once."""
        until = time.monotonic() + limit
        while not answers(self.address, 22):
            if time.monotonic() > until:
                raise LabError(f"{self.spec.name} did not answer on ssh within {limit:.0f} s: {self._why()}")
            if self.paths.record.exists() and not self.running():
                raise LabError(f"{self.spec.name} ended while it was starting: {self._why()}")
            time.sleep(0.05)

    def _need_image(self) -> None:
        gone = [layer for layer in self.state.images[self.spec.image] if not Path(layer).exists()]
        if gone:
            raise LabError(f"the image under {self.spec.name} is gone ({gone[0]}): take lab {self.lab.name} down and bring it up again")

    def _plan(self, layers: Sequence[Path]) -> dict[str, object]:
        ident, name = self.state.ident, self.spec.name
        return {
            "layers": [str(layer) for layer in layers], "machine": machine_name(ident, name), "hostname": name,
            "bridge": self.state.bridge, "veth": veth_name(ident, name), "cgroup": self.cgroup,
            "options": list(self.spec.options),
        }

    def _spawn(self) -> None:
        with self.paths.log.open("ab") as log:
            spawned = subprocess.Popen(
                [*private_mounts(), *python_module("patchlab.supervisor", self.paths.root)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, **python_environment()}, start_new_session=True, cwd="/")
        process = of_pid(spawned.pid)
        note_process(self.state.ident, self.spec.name, process)
        write_json(self.paths.spawned, {"process": process.document() if process else None})

    def _why(self) -> str:
        said = [path.read_text(errors="replace") for path in (self.paths.log, self.paths.console) if path.exists()]
        return f"{last_words(''.join(said))} (see {self.paths.console})"


def answers(address: str, port: int, limit: float = 0.5) -> bool:
    """Does an ssh server greet at this address?"""
    try:
        with socket.create_connection((address, port), timeout=limit) as connection:
            connection.settimeout(limit)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
