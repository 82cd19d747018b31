# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that is not there, behind tools that say what those of a real one said (Pacemaker 2.1.5, two nodes, a group and a clone)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Sequence

from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import ToolMissing
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.registry import make
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

DATA = Path(__file__).parent / "data" / "pacemaker-2.1.5"
ON = ["crm_attribute", "--type=nodes", "--node=ha1", "--name=standby", "--update=on"]
OFF = ON[:-1] + ["--delete"]


def said(state: str, name: str) -> str:
    return (DATA / state / (name + ".xml")).read_text()


class Recorded:
    """A cluster that goes from one recorded state to the next with each look, the last one stays; changes start another course."""

    def __init__(self, *states: str, on: Sequence[str] = (), off: Sequence[str] = ()) -> None:
        self.states = list(states)
        self.courses = {"--update=on": on, "--delete": off}
        self.changes: List[List[str]] = []
        self.broken: Dict[str, Completed] = {}
        self.edits: List[tuple] = []
        self.now = 0.0
        self.votes: Any = None
        self.state = ""

    def run(self, argv, limit=0, stdin="", env=None, log=None):
        assert limit and limit <= 30
        argv = list(argv)
        if argv[0] == "corosync-quorumtool" and self.votes is None:
            raise ToolMissing("corosync-quorumtool can't be run: No such file or directory", tool=argv[0])
        if argv[0] == "corosync-quorumtool":
            return self.votes
        if argv[0] in self.broken:
            if isinstance(self.broken[argv[0]], Exception):
                raise self.broken[argv[0]]
            return self.broken[argv[0]]
        return Completed(tuple(argv), 0, self.edited(getattr(self, argv[0])(argv, stdin)), "")

    def cibadmin(self, argv, stdin):
        assert argv == ["cibadmin", "--query"]
        self.state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return said(self.state, "cib")

    def crm_simulate(self, argv, stdin):
        assert "--xml-pipe" in argv and "<cib " in stdin
        return said(self.state, "simulate-standby-ha1" if "patchtrain-simulated-standby" in stdin else "simulate")

    def crm_attribute(self, argv, stdin):
        self.changes.append(argv)
        self.states = list(self.courses[argv[-1]]) or self.states
        return ""

    def edited(self, text):
        for old, new in self.edits:
            text = text.replace(old, new)
        return text

    def sleep(self, seconds):
        self.now += seconds

    def driver(self, host="ha1", check_mode=False, **options):
        return make("pacemaker", host, options, Context(self, Clock(now=lambda: self.now, sleep=self.sleep), check_mode))
