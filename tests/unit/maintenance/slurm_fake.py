# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Slurm cluster that is not there, behind tools that answer in the words of the real ones (data/slurm-22.05)."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import _slurm_api
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.registry import make
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

DATA = Path(__file__).parent / "data" / "slurm-22.05"
OURS = "patchtrain: maintenance"


def said(name):
    return (DATA / name).read_text(encoding="utf-8")


class Cluster:
    """Three nodes and their jobs, as a runner: what it prints has the shape of the transcripts, what it does is what Slurm was seen to do.

    ``hooks`` are called with each command before it is obeyed; ``pace`` is what happens to the jobs while somebody sleeps.
    """

    def __init__(self, **jobs):
        self.now, self.ran, self.hooks, self.pace = 0.0, [], [], []
        self.nodes = {name: {"state": "IDLE", "reason": ""} for name in ("node1", "node2", "node3")}
        self.jobs = {int(name[1:]): dict({"state": "RUNNING", "node": "node1", "requeue": 1, "batch": 1, "restarts": 0, "wants": ""}, **facts)
                     for name, facts in jobs.items()}
        self.lines = dict(re.findall(r"^NodeName=(\S+) (.*)$", said("nodes-idle.txt"), re.M))

    def driver(self, check_mode=False, host="node1", **options):
        return make("slurm", host, dict({"poll": 1}, **options), Context(self, self.clock(), check_mode))

    def clock(self):
        return Clock(now=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds):
        self.now += seconds
        for step in self.pace:
            step()

    @property
    def changes(self):
        return [" ".join(argv) for argv in self.ran if argv[1] in ("update", "requeue")]

    # --- what it answers -------------------------------------------------------------------------------------------------

    def run(self, argv, limit=0, stdin="", env=None, log=None):
        self.ran.append(list(argv))
        for hook in self.hooks:
            answer = hook(argv)
            if answer is not None:
                return Completed(tuple(argv), *answer)
        return Completed(tuple(argv), *self.answer(list(argv)))

    def answer(self, argv):
        if argv[0] == "squeue":
            return self.squeue(argv)
        words = [word for word in argv[1:] if not word.startswith("--")]
        return {"show": self.do_show, "update": self.do_update, "requeue": self.do_requeue}[words[0]](*words[1:])

    def do_show(self, what, name=None):
        if what == "hostnames":
            return 0, "".join(host + "\n" for host in name.split(",")), ""
        if name and name not in self.nodes:
            return 1, said("node-none.txt"), ""
        return 0, "".join(self.line(node) for node in self.nodes if name in (None, node)), ""

    def line(self, name):
        node, busy = self.nodes[name], [job for job in self.jobs.values() if job["node"] == name and job["state"] in ("RUNNING", "COMPLETING")]
        base, plus, flags = node["state"].partition("+")
        base = "MIXED" if base == "IDLE" and busy else base
        text = self.lines[name].replace("State=IDLE", "State=%s%s%s" % (base, plus, flags)).replace("CPUAlloc=0", "CPUAlloc=%d" % len(busy))
        return "NodeName=%s %s%s\n" % (name, text, " Reason=%s [root@2026-11-21T08:36:52]" % node["reason"] if node["reason"] else "")

    def squeue(self, argv):
        if "--nodelist" in argv:
            name = argv[argv.index("--nodelist") + 1]
            ids = [number for number, job in self.jobs.items() if job["node"] == name and job["state"] in ("RUNNING", "COMPLETING")]
        else:
            ids = [number for number in map(int, argv[argv.index("--jobs") + 1].split(",")) if number in self.jobs]
            if not ids:
                return 1, "", said("jobs-none.txt.err")
        return 0, "".join(self.row(number, self.jobs[number]) for number in ids), ""

    @staticmethod
    def row(number, job):
        cells = [number, number, job["state"], job["requeue"], job["batch"], job["restarts"], "None", "work", "ada", job["node"], job["wants"]]
        return "".join(str(cell).ljust(width) for cell, (_name, width) in zip(cells, _slurm_api._COLUMNS)) + "\n"

    def do_update(self, *words):
        given = dict(word.split("=", 1) for word in words)
        node = self.nodes[given["NodeName"]]
        base, *flags = node["state"].split("+")
        if given.get("State") == "DRAIN":
            flags = sorted({*flags, "DRAIN"})
        elif given.get("State"):
            flags = [flag for flag in flags if flag != "DRAIN"]
            base = "IDLE" if given["State"] == "RESUME" else base
        node["state"] = "+".join([base, *flags])
        node["reason"] = given.get("Reason", node["reason"]) if flags or base == "DOWN" else ""
        return 0, "", ""

    def do_requeue(self, incomplete, number):
        job = self.jobs[int(number)]
        assert incomplete == "Incomplete"
        if job["state"] == "RUNNING":
            job.update(state="COMPLETING", restarts=job["restarts"] + 1)
        return 0, "", ""

    # --- what happens by itself ------------------------------------------------------------------------------------------

    def end(self, *numbers):
        def step():
            for number in numbers:
                self.jobs[number]["state"] = "COMPLETED"
        return step

    def start_elsewhere(self):
        for job in self.jobs.values():
            if job["state"] == "PENDING":
                job.update(state="RUNNING", node="node2")
            elif job["state"] == "COMPLETING":
                job.update(state="PENDING", node="")
