# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Driver ``slurm``: a node of a Slurm cluster takes no new jobs, is waited for, or its jobs go to other nodes.

Entering: ``drain``, wait for the jobs that run; those that do not end are waited for to the limit, requeued, or the drain is given up, as
``running_jobs`` says. A requeued job counts as moved when it is seen elsewhere, not when Slurm has accepted the request. Leaving: once
the node answers, ``resume``. The reason of the drain is its owner's mark: a node whose reason has become another's is not resumed.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..clock import Clock, Deadline
from ..errors import BadInput, CannotMove, CommandFailed, CommandTimeout, MaintenanceFailed, PatchtrainError
from ..options import Option, one_of, seconds, whole_number
from ..runner import Runner
from ..text import first_line
from .driver import ENTERED, IN_SERVICE, LEFT, NOTHING_BEGUN, UNDO_LIMIT, Context, Kind, Result, Undo, undoing
from ._slurm_api import Api, Job, Node, checked_name

DEFAULT_REASON = "patchtrain: maintenance"
DRAINED = "drained"
FAILING = "failing"
DOWN = "down"
_TOLD = 20


def checked_reason(value: Any) -> str:
    """Slurm drops quotes around a reason and shows line breaks in a way that can't be read back."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or '"' in value or "'" in value or " [" in value:
        raise ValueError("%r is no reason; give one line of text without quotes and brackets" % (value,))
    return value.strip()


def _grace(value: Any) -> float:
    return 0.0 if str(value) in ("0", "0.0") else seconds(value)


OPTIONS = {
    "running_jobs": Option(one_of("wait", "requeue", "undo"), default="wait"),
    "grace": Option(_grace),
    "reason": Option(checked_reason, default=DEFAULT_REASON),
    "min_peers": Option(whole_number, default=1),
    "poll": Option(seconds, default=2.0),
}


class Slurm:
    """One node of the cluster whose controller ``runner`` reaches."""

    def __init__(self, node: str, options: Mapping[str, Any], runner: Runner, clock: Clock, check_mode: bool) -> None:
        self._name = node
        self._then: str = options["running_jobs"]
        self._grace: Optional[float] = options["grace"]
        self._reason: str = options["reason"]
        self._min_peers: int = options["min_peers"]
        self._poll: float = options["poll"]
        self._api = Api(runner, read_only=check_mode)
        self._clock = clock
        self._check_mode = check_mode

    def prior(self) -> str:
        return _word(self._api.node(self._name))

    def enter(self, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        found, peers = self._look_around()
        prior = _word(found)
        begins = not found.drained and prior != FAILING
        if prior == IN_SERVICE:
            self._refuse_alone(peers)
        if self._check_mode:
            return Result(begins, ENTERED, prior, self._foreseen(found, peers, begins))
        work = _Work()
        undo = Undo(lambda: self._put_back(prior), self._words_of_undo(prior)) if begins else NOTHING_BEGUN
        undoing(lambda: self._take_out(found, begins, deadline, work), undo, prior)
        return Result(begins, ENTERED, prior, self._detail(found, peers=_names(peers), seconds=round(deadline.elapsed, 1), **work.told()))

    def verify(self, state: str) -> None:
        node = self._api.node(self._name)
        good = self._empty(node) if state == ENTERED else _in_service(node)
        if not good:
            raise MaintenanceFailed("node %s is not seen as %s: it is %s" % (self._name, state, _describe(node)), detail=self._detail(node))

    def leave(self, prior: str, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        _check_prior(prior)
        found = self._api.node(self._name)
        if prior in (DRAINED, FAILING):
            return Result(False, LEFT, prior, self._detail(found, note="left as found: it was %s before" % prior))
        begins = found.drained
        if begins:
            self._refuse_others(found)
        if self._check_mode:
            return Result(begins, LEFT, prior, self._detail(found, would=self._would_leave(prior) if begins else []))
        undo = Undo(self._take_back, "node %s is drained as before" % self._name) if begins else NOTHING_BEGUN
        undoing(lambda: self._bring_back(prior, deadline), undo, prior)
        return Result(begins, LEFT, prior, self._detail(self._api.node(self._name)))

    # Reading

    def _look_around(self) -> Tuple[Node, Dict[str, List[Node]]]:
        """Our node, and the other usable nodes of each of its partitions."""
        nodes = self._api.nodes()
        mine = next((node for node in nodes if node.name == self._name), None)
        if mine is None:
            raise MaintenanceFailed("Slurm has no node %s; it has: %s" % (self._name, _some([node.name for node in nodes])), node=self._name)
        others = [node for node in nodes if node.name != self._name and node.usable]
        return mine, {part: [node for node in others if part in node.partitions] for part in mine.partitions}

    def _refuse_alone(self, peers: Mapping[str, Sequence[Node]]) -> None:
        for partition, nodes in sorted(peers.items()):
            if len(nodes) < self._min_peers:
                raise CannotMove("partition %s has %d other usable nodes than %s, min_peers wants %d" % (
                    partition, len(nodes), self._name, self._min_peers), partition=partition, node=self._name, peers=_names(peers),
                    min_peers=self._min_peers)

    def _refuse_others(self, node: Node) -> None:
        if node.reason != self._reason:
            raise MaintenanceFailed("node %s is drained for a reason that is not ours, so it is not resumed: %s" % (
                self._name, first_line(node.reason)), node=self._name, reason=node.reason)

    def _empty(self, node: Node) -> bool:
        return not _in_service(node) and not node.busy and not self._api.jobs_on(self._name)

    def _out_of_service(self, found: Node) -> Node:
        node = self._api.node(self._name)
        if found.works and node.base == "DOWN":
            raise MaintenanceFailed("node %s went down while it was waited for: %s" % (self._name, _describe(node)), detail=self._detail(node))
        if not node.drained and "FAIL" not in node.flags:
            raise MaintenanceFailed("node %s is %s although taken out: does somebody else work on it?" % (self._name, _describe(node)))
        return node

    def _await(self, done: Callable[[], bool], deadline: Deadline) -> bool:
        """A controller that restarts answers again: of failed questions only the last one counts."""
        problems: List[PatchtrainError] = []

        def look() -> bool:
            del problems[:]
            try:
                return done()
            except (CommandFailed, CommandTimeout) as error:
                problems.append(error)
                return False

        ended = deadline.until(look, self._poll)
        if problems:
            raise problems[0]
        return ended

    # Changing

    def _take_out(self, found: Node, begins: bool, deadline: Deadline, work: _Work) -> None:
        if begins:
            self._api.update(self._name, "DRAIN", self._reason)
            # Somebody else may have drained a peer since we looked: of two that did so at the same time, none keeps its drain.
            if found.works:
                self._refuse_alone(self._look_around()[1])
        if self._then == "wait":
            left = self._await_empty(found, deadline)
        else:
            left = self._await_empty(found, Deadline(min(self._patience(deadline), deadline.left), self._clock))
            if left and self._then == "requeue":
                left = self._move(left, found, deadline, work)
        if left:
            # Asked to give up for jobs that do not end, the host is blocked; a limit that passes is a failure.
            raise (CannotMove if self._then == "undo" else MaintenanceFailed)("jobs did not end within %g s on node %s: %s" % (
                round(deadline.elapsed), self._name, _some([str(job) for job in left])), jobs=[_job(job) for job in left])
        if not self._empty(self._out_of_service(found)):
            raise MaintenanceFailed("node %s has work again although it is drained: %s" % (self._name, _describe(self._api.node(self._name))))

    def _patience(self, deadline: Deadline) -> float:
        if self._grace is not None:
            return self._grace
        return deadline.seconds / 2 if self._then == "requeue" else deadline.seconds

    def _await_empty(self, found: Node, deadline: Deadline) -> List[Job]:
        """The jobs that are still there when the limit has passed; none when the node is idle."""
        left: List[Job] = []
        seen: List[Node] = []

        def empty() -> bool:
            seen[:] = [self._out_of_service(found)]
            left[:] = self._api.jobs_on(self._name)
            return not left and not seen[0].busy

        if not self._await(empty, deadline) and not left:
            raise MaintenanceFailed("node %s is %s after %g s and no job is listed there; only root and SlurmUser may see all jobs where "
                                    "PrivateData hides them" % (self._name, _describe(seen[0]), deadline.seconds))
        return left

    def _move(self, jobs: Sequence[Job], found: Node, deadline: Deadline, work: _Work) -> List[Job]:
        """Requeue them and see each of them elsewhere; those that are ending already are only waited for."""
        going = [job for job in jobs if job.state not in ("COMPLETING", "STAGE_OUT")]
        self._refuse_stuck(going)
        for job in going:
            work.requeued.append(job)
            self._api.requeue(job.id)
        still: List[Job] = []

        def moved() -> bool:
            self._note_moved(work)
            still[:] = self._api.jobs_on(self._name)
            return not work.awaited and not still and not self._out_of_service(found).busy

        if not self._await(moved, deadline):
            raise MaintenanceFailed("requeued jobs are not seen elsewhere within %g s: %s" % (
                deadline.seconds, _some(work.awaited_words() or [str(job) for job in still])), **work.told())
        return []

    def _refuse_stuck(self, jobs: Sequence[Job]) -> None:
        stuck = ["%s: %s" % (job, why) for job, why in ((job, self._stuck(job)) for job in jobs) if why]
        if stuck:
            raise CannotMove("jobs on node %s can't be moved: %s" % (self._name, _some(stuck)))

    def _stuck(self, job: Job) -> str:
        """Why a job can't go elsewhere; empty when it can."""
        if not job.batch:
            return "it is interactive, and only batch jobs can be requeued"
        if not job.requeueable:
            return "it was submitted with --no-requeue"
        return "it wants this very node" if job.wants and self._name in self._api.hosts(job.wants) else ""

    def _note_moved(self, work: _Work) -> None:
        if not work.awaited:
            return
        known = self._api.jobs([job.id for job in work.awaited])
        for job in work.awaited:
            now = known.get(job.id)
            if now is None:
                raise MaintenanceFailed("job %s was requeued, and Slurm forgot it before it was seen elsewhere (MinJobAge)" % job.label, **work.told())
            if now.ended and (now.restarts == job.restarts or not now.nodes):
                work.ended.append(_job(now))
            elif now.restarts > job.restarts and self._elsewhere(now):
                what = "job %s of %s" % (now.label, now.user)
                work.moved.append({"what": what, "job": now.label, "id": now.id, "from": self._name, "to": now.nodes, "state": now.state})

    def _elsewhere(self, job: Job) -> bool:
        return (job.ended or job.state in ("RUNNING", "SUSPENDED")) and bool(job.nodes) and self._name not in self._api.hosts(job.nodes)

    def _put_back(self, prior: str) -> None:
        """Undo of entering: only the drain is taken away; a node that went down meanwhile stays down."""
        def back() -> bool:
            node = self._api.node(self._name)
            if node.drained:
                self._refuse_others(node)
                self._undrain(prior)
            return not self._api.node(self._name).drained

        if not self._await(back, Deadline(UNDO_LIMIT, self._clock)):
            raise MaintenanceFailed("node %s stays %s" % (self._name, _describe(self._api.node(self._name))), node=self._name)

    def _undrain(self, prior: str) -> None:
        """What was down before is down again, with its reason; Slurm keeps no reason for a node that works."""
        self._api.update(self._name, "UNDRAIN")
        before = prior.partition(": ")[2]
        if before and self._api.node(self._name).base == "DOWN":
            self._api.update(self._name, None, before)

    def _bring_back(self, prior: str, deadline: Deadline) -> None:
        if prior != IN_SERVICE:
            self._put_back(prior)
            return
        self._await_state(lambda node: node.responds and node.base != "UNKNOWN", "did not answer Slurm", deadline)
        node = self._api.node(self._name)
        if node.drained:
            self._refuse_others(node)
            self._api.update(self._name, "RESUME")
        self._await_state(_in_service, "is not in service", deadline)

    def _await_state(self, good: Callable[[Node], bool], words: str, deadline: Deadline) -> None:
        if not self._await(lambda: good(self._api.node(self._name)), deadline):
            node = self._api.node(self._name)
            raise MaintenanceFailed("node %s %s within %g s: it is %s" % (self._name, words, deadline.seconds, _describe(node)), detail=self._detail(node))

    def _take_back(self) -> None:
        if not self._api.node(self._name).drained:
            self._api.update(self._name, "DRAIN", self._reason)
        if not self._await(lambda: self._api.node(self._name).drained, Deadline(UNDO_LIMIT, self._clock)):
            raise MaintenanceFailed("node %s could not be drained again" % self._name)

    # Telling

    def _foreseen(self, found: Node, peers: Mapping[str, Sequence[Node]], begins: bool) -> Dict[str, Any]:
        jobs = [dict(_job(job), stuck=self._stuck(job) if self._then == "requeue" else "") for job in self._api.jobs_on(self._name)]
        verb = {"wait": "wait for", "requeue": "wait for, then requeue,", "undo": "wait for, or give up for,"}[self._then]
        would = ["scontrol update NodeName=%s State=DRAIN Reason=%s" % (self._name, self._reason)] if begins else []
        would += ["%s job %s of %s%s" % (verb, job["job"], job["user"], ": can't be moved, " + job["stuck"] if job["stuck"] else "") for job in jobs]
        return self._detail(found, peers=_names(peers), jobs=jobs, would=would)

    def _would_leave(self, prior: str) -> List[str]:
        return ["scontrol update NodeName=%s State=%s" % (self._name, "RESUME" if prior == IN_SERVICE else "UNDRAIN")]

    def _words_of_undo(self, prior: str) -> str:
        return "node %s takes jobs as before" % self._name if prior == IN_SERVICE else "node %s is down as before" % self._name

    @staticmethod
    def _detail(node: Node, **more: Any) -> Dict[str, Any]:
        return dict({"node": {"name": node.name, "state": node.state, "reason": node.reason, "weight": node.weight,
                              "partitions": list(node.partitions)}}, **more)


class _Work:
    """What became of the jobs that were requeued."""

    def __init__(self) -> None:
        self.requeued: List[Job] = []
        self.moved: List[Dict[str, Any]] = []
        self.ended: List[Dict[str, Any]] = []

    @property
    def awaited(self) -> List[Job]:
        seen = {job["id"] for job in self.moved + self.ended}
        return [job for job in self.requeued if job.id not in seen]

    def awaited_words(self) -> List[str]:
        return ["%s of %s" % (job.label, job.user) for job in self.awaited]

    def told(self) -> Dict[str, Any]:
        return {"moved": self.moved, "ended": self.ended, "awaited": [job.label for job in self.awaited]}


def _word(node: Node) -> str:
    """How a node is found; a node that is down keeps its reason in it, because draining it writes another one over it."""
    if node.drained:
        return DRAINED
    if "FAIL" in node.flags:
        return FAILING
    if node.base == "DOWN":
        return "%s: %s" % (DOWN, node.reason) if node.reason else DOWN
    if not node.works:
        raise MaintenanceFailed("node %s is %s, of which this driver knows nothing; is the controller still starting?" % (node.name, node.state))
    return IN_SERVICE


def _check_prior(prior: str) -> None:
    if prior not in (IN_SERVICE, DRAINED, FAILING, DOWN) and not prior.startswith(DOWN + ": "):
        raise BadInput("prior_state %r is not what entering reported; it is one of %s, or down: reason" % (
            prior, ", ".join((IN_SERVICE, DRAINED, FAILING, DOWN))), prior_state=prior)


def _in_service(node: Node) -> bool:
    return node.works and node.responds and not node.drained and "FAIL" not in node.flags


def _describe(node: Node) -> str:
    return "%s%s" % (node.state, " (%s)" % first_line(node.reason) if node.reason else "")


def _job(job: Job) -> Dict[str, Any]:
    return {"job": job.label, "id": job.id, "user": job.user, "partition": job.partition, "state": job.state, "nodes": job.nodes}


def _names(peers: Mapping[str, Sequence[Node]]) -> Dict[str, List[str]]:
    return {partition: [node.name for node in nodes] for partition, nodes in peers.items()}


def _some(words: Sequence[str]) -> str:
    rest = len(words) - _TOLD
    return (", ".join(words[:_TOLD]) + (", and %d more" % rest if rest > 0 else "")) or "none"


def _build(host: str, options: Mapping[str, Any], context: Context) -> Slurm:
    return Slurm(checked_name(host), options, context.runner, context.clock, context.check_mode)


KIND = Kind("a node of a Slurm cluster, through scontrol and squeue", OPTIONS, _build)
