# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Slurm's tools: what ``scontrol`` and ``squeue`` say of nodes and jobs, and the few commands that change something.

Text, not JSON: ``scontrol`` has learned ``--json`` late, and what is in it differs between versions. Jobs are asked for in columns of fixed
width and without their names, in which users write what they like, line breaks too.

Nodes are asked of ``scontrol``, which asks the controller for all of them. ``sinfo --nodes`` asks for one, and the controller counts the processors
in use anew only when it is asked for all: an idle node stays ``mixed`` there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from ..errors import BadInput, CommandFailed, MaintenanceFailed, ParseFailed
from ..runner import Runner
from ..text import first_line, last_line

ANSWER_LIMIT = 60.0
DRAIN = "DRAIN"
_NOT_RESPONDING = "NOT_RESPONDING"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_WORKING = ("IDLE", "MIXED", "ALLOCATED")
# Any other flag (failing, powered down, reserved, about to reboot) says that the node is not for everybody's next job.
_HARMLESS = frozenset(("COMPLETING", "PLANNED", "CLOUD", "DYNAMIC_NORM", "DYNAMIC_FUTURE"))
_STATE = re.compile(r"([A-Z_]+)([*~#!%$@^+-]*)((?:\+[A-Z_]+)*)")
_REASON = re.compile(r" Reason=(.*?) \[[^][ ]+@[0-9T:.-]+\]")

# One row of squeue; nothing here is free text. Nodes come last and widest: a list of nodes that is cut can't be read.
_COLUMNS = (("JobID", 20), ("JobArrayID", 40), ("State", 24), ("Requeue", 8), ("BatchFlag", 8), ("RestartCnt", 12), ("Reason", 48),
            ("Partition", 120), ("UserName", 120), ("NodeList", 2000), ("ReqNodes", 2000))
_ENDED = frozenset(("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"))


@dataclass(frozen=True)
class Node:
    """One node, as ``scontrol show node`` gives it."""

    name: str
    base: str
    flags: FrozenSet[str]
    partitions: Tuple[str, ...]
    weight: int
    cpus_in_use: int
    reason: str = ""

    @property
    def state(self) -> str:
        return "+".join([self.base] + sorted(self.flags))

    @property
    def drained(self) -> bool:
        """No new job is sent there; jobs may still run."""
        return DRAIN in self.flags

    @property
    def works(self) -> bool:
        return self.base in _WORKING

    @property
    def responds(self) -> bool:
        return _NOT_RESPONDING not in self.flags

    @property
    def usable(self) -> bool:
        """Whether any job of its partitions may go there."""
        return self.works and self.flags <= _HARMLESS

    @property
    def busy(self) -> bool:
        """Whether Slurm counts work there, also such as is ending."""
        return self.base not in ("IDLE", "DOWN") or "COMPLETING" in self.flags or self.cpus_in_use > 0


@dataclass(frozen=True)
class Job:
    """One job, or one task of an array. ``id`` stays the same when it is requeued, and ``restarts`` counts that."""

    id: int
    label: str
    state: str
    requeueable: bool
    batch: bool
    restarts: int
    why: str
    partition: str
    user: str
    nodes: str
    wants: str

    @property
    def ended(self) -> bool:
        return self.state in _ENDED

    def __str__(self) -> str:
        return "%s of %s (%s)" % (self.label, self.user, self.state)


def checked_name(name: str) -> str:
    """A node's name; what Slurm would take for several nodes is none."""
    if not _NAME.fullmatch(name) or name.upper() == "ALL":
        raise BadInput("%r can't be the name of one node in Slurm; give the NodeName of slurm.conf as host" % name, host=name)
    return name


def parse_nodes(text: str) -> List[Node]:
    """The nodes in an answer to ``scontrol --oneliner show node``."""
    lines = [line for line in text.splitlines() if line.startswith("NodeName=")]
    if not lines:
        raise ParseFailed("scontrol answered %s where nodes were asked for" % first_line(text))
    return [_node(line) for line in lines]


def _node(line: str) -> Node:
    found = {key: re.search("(?:^| )%s=(\\S*)" % key, line) for key in ("NodeName", "State", "Partitions", "Weight", "CPUAlloc")}
    values = {key: match.group(1) for key, match in found.items() if match}
    reason = _REASON.search(line)
    try:
        base, flags = _state(values["State"])
        return Node(values["NodeName"], base, flags, tuple(filter(None, values.get("Partitions", "").split(","))), int(values["Weight"]),
                    int(values["CPUAlloc"]), reason.group(1) if reason else "")
    except (KeyError, ValueError) as error:
        raise ParseFailed("scontrol's answer about nodes is not understood (%s): %s" % (error, first_line(line))) from error


def _state(text: str) -> Tuple[str, FrozenSet[str]]:
    """Old versions write ``*`` for a node that does not respond, and other marks for those that save power."""
    match = _STATE.fullmatch(text)
    if not match:
        raise ValueError("state %r" % text)
    marks = {"*": _NOT_RESPONDING, "+": "", "-": ""}
    flags = [marks.get(mark, "MARKED") for mark in match.group(2)] + match.group(3).split("+")
    return match.group(1), frozenset(filter(None, flags))


def parse_jobs(text: str) -> List[Job]:
    """The jobs in an answer to ``squeue`` with our columns."""
    return [_job(line) for line in text.splitlines() if line.strip()]


def _job(line: str) -> Job:
    cells: Dict[str, str] = {}
    start = 0
    for name, width in _COLUMNS:
        cells[name] = line[start:start + width].strip()
        start += width
    try:
        if not cells["State"].replace("_", "").isupper() or len(line) < start - _COLUMNS[-1][1]:
            raise ValueError("no row of a job")
        return Job(int(cells["JobID"]), cells["JobArrayID"], cells["State"], cells["Requeue"] == "1", cells["BatchFlag"] == "1",
                   int(cells["RestartCnt"]), cells["Reason"], cells["Partition"], cells["UserName"], cells["NodeList"], cells["ReqNodes"])
    except ValueError as error:
        raise ParseFailed("squeue's answer is not understood (%s): %s" % (error, first_line(line))) from error


class Api:
    """Reads through ``runner``; with ``read_only`` whatever would change something is a failure."""

    def __init__(self, runner: Runner, read_only: bool = False) -> None:
        self._runner = runner
        self._read_only = read_only

    def nodes(self) -> List[Node]:
        """All nodes, those of hidden partitions too."""
        return parse_nodes(self._ask("scontrol", "--all", "--oneliner", "show", "nodes"))

    def node(self, name: str) -> Node:
        found = [node for node in parse_nodes(self._ask("scontrol", "--all", "--oneliner", "show", "node", name)) if node.name == name]
        if len(found) != 1:
            raise ParseFailed("scontrol was asked for node %s and told of %d of that name" % (name, len(found)), node=name)
        return found[0]

    def jobs_on(self, node: str) -> List[Job]:
        """All jobs that run there, are suspended there, or are ending."""
        return self._jobs("--nodelist", node)

    def jobs(self, ids: Sequence[int]) -> Dict[int, Job]:
        """Those of these jobs that Slurm still knows, ended or not."""
        try:
            rows = self._jobs("--states", "all", "--jobs", ",".join(map(str, ids)))
        except CommandFailed as error:
            # Said only where none of them is known; of some unknown ones among others nothing is said.
            if "Invalid job id" in error.data.get("stderr", ""):
                return {}
            raise
        return {job.id: job for job in rows}

    def hosts(self, nodes: str) -> List[str]:
        """The names in a list such as ``node[1-3,7]``."""
        return self._ask("scontrol", "show", "hostnames", nodes).split() if nodes else []

    def partitions(self) -> Dict[str, str]:
        """The state of each: UP, DOWN, DRAIN or INACTIVE."""
        text = self._ask("scontrol", "--all", "--oneliner", "show", "partitions")
        rows = [re.match(r"PartitionName=(\S+) .*?\bState=(\S+)", line) for line in text.splitlines() if line.strip()]
        if not all(rows):
            raise ParseFailed("scontrol answered %s where partitions were asked for" % first_line(text))
        return {row.group(1): row.group(2) for row in rows if row}

    def start_problems(self, partition: str) -> List[str]:
        """Whether Slurm would find a place for a small job now; none is submitted."""
        done = self._runner.run(["sbatch", "--test-only", "--partition=" + partition, "--ntasks=1", "--wrap=true"], limit=ANSWER_LIMIT)
        said = last_line(done.stderr.strip() or done.stdout)
        return [] if done.rc == 0 else ["no job would start in partition %s: %s" % (partition, said)]

    def update(self, node: str, state: Optional[str], reason: str = "") -> None:
        """``state``: DRAIN, RESUME or UNDRAIN."""
        words = ["State=" + state] if state else []
        self._change("scontrol", "update", "NodeName=" + node, *words, *(["Reason=" + reason] if reason else []))

    def requeue(self, job: int) -> None:
        """Only if it has not ended meanwhile: one that has would run a second time."""
        self._change("scontrol", "requeue", "Incomplete", str(job))

    def _jobs(self, *selection: str) -> List[Job]:
        columns = ",".join("%s:%d" % column for column in _COLUMNS)
        return parse_jobs(self._ask("squeue", "--noheader", "--all", "--array", *selection, "--Format", columns))

    def _change(self, *argv: str) -> None:
        if self._read_only:
            raise MaintenanceFailed("check mode refused to run %s; this is a mistake in the driver" % " ".join(argv))
        self._ask(*argv)

    def _ask(self, *argv: str) -> str:
        done = self._runner.run(argv, limit=ANSWER_LIMIT)
        if done.rc:
            raise CommandFailed("%s ended with rc %d and said: %s" % (argv[0], done.rc, last_line(done.stderr.strip() or done.stdout)), argv,
                                rc=done.rc, stderr=done.stderr[-2000:])
        return done.stdout
