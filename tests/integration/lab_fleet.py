# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as tests use it: hosts that are reset in a second, playbooks as a user runs them, and a look at the hosts from outside Ansible."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests" / "lab" / "lab"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Each worker has labs of its own."""
NAME = "-".join(filter(None, ["test", WORKER]))
HOME = ROOT / ".lab" / NAME
WEB = ("web1", "web2", "web3", "web4")
HAPROXY = [{"driver": "haproxy", "place": "lb1", "timeout": 20, "options": {"backend": "web"}}]
DEPLOYMENT = {
    "patch_deployment": "test", "patch_hosts": "web", "patch_max_unavailable": 2, "patch_health_settle": 1, "patch_health_timeout": 30,
    "patch_reconnect_timeout": 60, "patch_hook_task_timeout": 30, "patch_maintenance": HAPROXY}


@dataclass
class Played:
    """How a playbook ended. ``model`` is the page's data, None where no page was written."""

    rc: int
    text: str
    model: dict[str, Any] | None

    def host(self, name: str) -> dict[str, Any]:
        assert self.model is not None, self.text[-3000:]
        return next(host for host in self.model["hosts"] if host["name"] == name)

    def states(self) -> dict[str, str]:
        assert self.model is not None, self.text[-3000:]
        return {host["name"]: host["state"] for host in self.model["hosts"]}


class Fleet:
    """One lab, shared by all tests of a session; ``state`` is a test's own state directory."""

    def __init__(self, state: Path, name: str = NAME) -> None:
        self.state = state
        self.name = name
        self.home = HOME.with_name(name)
        self.deployment = dict(DEPLOYMENT)
        self.pipelining = True

    def lab(self, command: str, *words: str) -> str:
        done = subprocess.run([str(LAB), command, "--name", self.name, *words], capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, "lab %s: %s" % (command, done.stderr or done.stdout)
        return done.stdout

    def sh(self, host: str, script: str, check: bool = True) -> str:
        done = subprocess.run([str(LAB), "exec", "--name", self.name, host, "--", script], capture_output=True, text=True,
                              check=False, timeout=300)
        assert done.returncode == 0 or not check, "%s on %s: %s" % (script, host, done.stderr)
        return done.stdout.strip()

    def environment(self) -> dict[str, str]:
        top = ROOT / ".cache" / "collections"
        return dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(top), XDG_STATE_HOME=str(self.state), ANSIBLE_FORKS="8",
                    ANSIBLE_PIPELINING=str(self.pipelining), ANSIBLE_NOCOLOR="1", ANSIBLE_NOCOWS="1", ANSIBLE_HOME=str(self.state / "ansible"),
                    ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=30s", ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
                    PWD=str(self.state))

    def start(self, playbook: str = "fleetops.patchtrain.patch", *words: str, **variables: Any) -> subprocess.Popen[str]:
        """Begin a playbook; ``finish`` waits for it."""
        self.state.mkdir(parents=True, exist_ok=True)
        settings = self.state / "deployment.yml"
        settings.write_text(yaml.safe_dump({**self.deployment, **variables}))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.home / "inventory.yml"), playbook,
                   "-e", "@%s" % settings, *words]
        return subprocess.Popen(command, env=self.environment(), cwd=self.state, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def finish(self, process: subprocess.Popen[str], limit: float = 400) -> Played:
        try:
            text, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            text, _ = process.communicate()
            raise AssertionError("the playbook did not end within %g s:\n%s" % (limit, text[-4000:])) from None
        return Played(process.returncode, text, self.newest())

    def play(self, playbook: str = "fleetops.patchtrain.patch", *words: str, **variables: Any) -> Played:
        for old in self.reports():
            old.rename(old.with_suffix(".old"))
        return self.finish(self.start(playbook, *words, **variables))

    def reports(self) -> list[Path]:
        return sorted((self.state / "patchtrain" / "reports").glob("*/report.json"), key=lambda path: path.stat().st_mtime)

    def newest(self) -> dict[str, Any] | None:
        found = self.reports()
        return json.loads(found[-1].read_text()) if found else None

    # --- what is seen from outside ---------------------------------------------------------------------------------------

    def version(self, host: str, package: str) -> str:
        return self.sh(host, "dpkg-query -W -f '${Version}' %s" % package)

    def boots(self) -> dict[str, int]:
        return {host["name"]: host["boots"] for host in self.status()}

    def running(self) -> list[str]:
        return [host["name"] for host in self.status() if host["state"] == "running"]

    def status(self) -> list[dict[str, Any]]:
        hosts: list[dict[str, Any]] = json.loads(self.lab("status", "--json"))["hosts"]
        return hosts

    def balancer(self) -> dict[str, str]:
        """Each server's status at the load balancer: ``UP``, ``DRAIN``, ``MAINT``, ``DOWN``."""
        said = self.sh("lb1", "echo 'show stat' | socat - /run/haproxy/admin.sock").lstrip("# ")
        return {row["svname"]: row["status"] for row in csv.DictReader(io.StringIO(said))
                if row["pxname"] == "web" and row["svname"] not in ("FRONTEND", "BACKEND")}

    def all_up(self) -> None:
        """All that run: one that joins later is known to the balancer before it is there."""
        there = set(self.running())
        wait_for(lambda: all(status.startswith("UP") for host, status in self.balancer().items() if host in there), "all servers to be up")

    def address(self, host: str) -> str:
        inventory: Mapping[str, Any] = yaml.safe_load((self.home / "inventory.yml").read_text())
        return str(inventory["all"]["hosts"][host]["ansible_host"])


def wait_for(condition: Callable[[], Any], what: str, limit: float = 60) -> Any:
    """The condition's value as soon as it is true; a failure that says what was waited for after ``limit`` seconds."""
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("waited %g s in vain for %s" % (limit, what))
