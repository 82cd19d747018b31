# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one host running: mounts its overlay, runs systemd-nspawn, and starts it again when the guest reboots.

Runs in a mount namespace and a session of its own, so that it outlives ``lab up`` and leaves no mount behind, however it ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from .cgroups import join_cgroup, remove_cgroup
from .paths import HostPaths
from .processes import of_pid
from .shell import run
from .state import write_json

REBOOT = 133
_PATIENCE = 3.0


class Supervisor:
    """One host from its start to its end."""

    def __init__(self, paths: HostPaths, plan: dict[str, Any]) -> None:
        self.paths = paths
        self.plan = plan
        self.boots = 0
        self.stopping = False
        self.guest: subprocess.Popen[bytes] | None = None

    def main(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        join_cgroup(self.plan["cgroup"])
        self._mount()
        rc = REBOOT
        while rc == REBOOT and not self.stopping:
            rc = self._boot()
        self._record("stopped" if self.stopping or rc == 0 else f"failed: systemd-nspawn ended with rc {rc}")
        return 0 if self.stopping or rc == 0 else 1

    def _mount(self) -> None:
        options = f"lowerdir={':'.join(self.plan['layers'])},upperdir={self.paths.upper},workdir={self.paths.work}"
        run(["mount", "-t", "overlay", "overlay", "-o", options, self.paths.merged])

    def _boot(self) -> int:
        with self.paths.console.open("ab") as console:
            self.guest = subprocess.Popen(nspawn_command(self.paths, self.plan), stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.boots += 1
        self._record("running")
        print(f"{time.time():.3f} boot {self.boots} pid {self.guest.pid}", flush=True)
        rc = self.guest.wait()
        print(f"{time.time():.3f} ended with rc {rc}", flush=True)
        self._settle()
        return rc

    def _settle(self) -> None:
        """The kernel removes the guest's interface a moment after its end; a start before that finds the name taken."""
        limit = time.monotonic() + _PATIENCE
        while Path("/sys/class/net", self.plan["veth"]).exists() and time.monotonic() < limit:
            time.sleep(0.02)

    def _record(self, status: str) -> None:
        guest = of_pid(self.guest.pid) if self.guest else None
        own = of_pid(os.getpid())
        if not self.paths.root.exists():
            return  # somebody deleted the lab's folder; writing would bring it back
        write_json(self.paths.record, {
            "process": own.document() if own else None, "guest": guest.document() if guest else None,
            "status": status, "boots": self.boots, "cgroup": self.plan["cgroup"]})

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """The second SIGTERM tells systemd-nspawn not to wait for the guest: a lab's host is thrown away."""
        self.stopping = True
        if self.guest is not None and self.guest.returncode is None:
            self.guest.send_signal(signal.SIGTERM)
            time.sleep(0.01)
            self.guest.send_signal(signal.SIGTERM)


def nspawn_command(paths: HostPaths, plan: dict[str, Any]) -> list[str]:
    """How the host is started."""
    return [
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "--boot", "--link-journal=no",
        "--resolv-conf=off", "--timezone=off", "--console=read-only", f"--directory={paths.merged}", f"--machine={plan['machine']}",
        f"--hostname={plan['hostname']}", f"--network-bridge={plan['bridge']}", *plan.get("options", []),
    ]


def main() -> int:
    paths = HostPaths(Path(sys.argv[1]))
    plan = json.loads(paths.plan.read_text())
    try:
        return Supervisor(paths, plan).main()
    finally:
        remove_cgroup(plan["cgroup"])


if __name__ == "__main__":
    sys.exit(main())
