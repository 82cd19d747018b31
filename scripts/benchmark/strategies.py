# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible's own strategies cost the controller, host by host and task by task, when the hosts have nothing to do.

The hosts are names: a task is ``ansible.builtin.debug``, which needs no connection, in a forked worker as every other task. So what is measured is what
each task of a roll costs before it does anything. CPU seconds are of the main process and of its workers apart; the former is the one that can't be shared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .timing import expect

STRATEGIES = ("linear", "host_pinned")
_TICK = os.sysconf("SC_CLK_TCK")
_LOOK = 0.05


@dataclass(frozen=True)
class Play:
    hosts: int
    tasks: int
    strategy: str
    forks: int


@dataclass(frozen=True)
class Cost:
    """Of one play, with what Ansible needs for a play over one host taken off where ``beside`` was given. Seconds, and MiB of the main process."""

    wall: float
    main: float
    workers: float
    memory: float

    def beside(self, start: "Cost", play: Play) -> dict[str, float]:
        """Milliseconds for each host and task."""
        each = play.hosts * play.tasks / 1000.0
        return {"wall_ms": (self.wall - start.wall) / each, "main_ms": (self.main - start.main) / each,
                "workers_ms": (self.workers - start.workers) / each, "memory_mib": self.memory}


def measure(top: Path, play: Play) -> Cost:
    """Play it once."""
    inventory, book = top / "hosts.json", top / "play.json"
    names: dict[str, dict[str, str]] = {"host-%05d" % number: {} for number in range(play.hosts)}
    inventory.write_text(json.dumps({"all": {"vars": {"ansible_connection": "local"}, "hosts": names}}))
    tasks = [{"name": "Nothing %d" % number, "ansible.builtin.debug": {"msg": "-"}} for number in range(play.tasks)]
    book.write_text(json.dumps([{"name": "Nothing", "hosts": "all", "gather_facts": False, "strategy": play.strategy, "tasks": tasks}]))
    environment = {**os.environ, "ANSIBLE_HOME": str(top), "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal"}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), "--forks", str(play.forks), str(book)]
    began = time.monotonic()
    with open(top / "said", "wb") as said:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        main, memory = _watch(process)
        _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    expect("a play of nothing", process.returncode, 0)
    expect("answers", (top / "said").read_text().count("=> {"), play.hosts * play.tasks)
    whole = used.ru_utime + used.ru_stime
    return Cost(time.monotonic() - began, main, max(whole - main, 0.0), memory)


def _watch(process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """CPU seconds of the process itself, without its children, and the most memory that it had, by the last look at it while it lived."""
    folder, found = Path("/proc", str(process.pid)), (0.0, 0.0)
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        found = _look(folder) or found
        time.sleep(_LOOK)
    return _look(folder) or found


def _look(folder: Path) -> tuple[float, float] | None:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    peak = [line.split()[1] for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM")]
    return ((int(fields[11]) + int(fields[12])) / _TICK, int(peak[0]) / 1024) if peak else None


def table(rows: Mapping[Play, Cost], starts: Mapping[str, Cost]) -> str:
    """Ratios are to the linear play over as many hosts; pure."""
    lines = ["| hosts | strategy | main process, ms | workers, ms | main, to linear | main, to fewest hosts | memory, MiB |",
             "|---:|---|---:|---:|---:|---:|---:|"]
    each = {play: cost.beside(starts[play.strategy], play) for play, cost in rows.items()}
    for play, one in each.items():
        linear = next(other for key, other in each.items() if (key.hosts, key.strategy) == (play.hosts, "linear"))
        fewest = each[min((key for key in each if key.strategy == play.strategy), key=lambda key: key.hosts)]
        lines.append("| %d | %s | %.1f | %.1f | %.2f | %.2f | %.0f |" % (
            play.hosts, play.strategy, one["main_ms"], one["workers_ms"], one["main_ms"] / linear["main_ms"], one["main_ms"] / fewest["main_ms"],
            one["memory_mib"]))
    return "\n".join(lines)


def run(top: Path, sizes: Sequence[int], tasks: int, forks: int, say: Callable[[str], None]) -> tuple[dict[Play, Cost], dict[str, Cost]]:
    """All plays, and what each strategy needs for one host. ``say`` is told each as it ends: the biggest take long."""
    starts, rows = dict[str, Cost](), dict[Play, Cost]()
    for strategy in STRATEGIES:
        starts[strategy] = measure(top, Play(1, 1, strategy, forks))
        say("%s, one host: %s" % (strategy, starts[strategy]))
    for play in [Play(hosts, tasks, strategy, forks) for hosts in sorted(sizes) for strategy in STRATEGIES]:
        rows[play] = measure(top, play)
        say("%s: %s" % (play, rows[play]))
    return rows, starts
