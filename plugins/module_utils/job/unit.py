# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Start a job once, come back to it, wait for its end.

"Once" does not rest on the starter, who may be killed at any moment, but on the job: launching it is harmless however often
it is done, because the program begins only when it is the first to make ``begun.json``. So whoever finds a job that has not
begun launches it again, and a job that has begun is never launched again.

On a host with systemd the job is a transient unit of the system's own manager: it is in no session's control group, so that a
cut connection, a logout, or the end of the module do not reach it. Its settings, and why:

``KillMode=process``        ``systemctl stop`` and a shutdown send SIGTERM to our program alone, which puts it off until the package
                            manager is done. Nothing but the program is ever killed by the unit: not dpkg, and not what a
                            package's script left running when the job ends.
``TimeoutStopSec=1800``     a shutdown waits that long for the package manager; systemd's own limit for a reboot is the same.
``After=network.target``    at a shutdown the job is stopped first, and what it needs stays up until it has ended.
``--collect``               a unit that failed is forgotten too; the result on disk says more.

``Type=`` is left alone: ``exec`` is not known to the systemd of Enterprise Linux 8, and that the program runs is seen by its
``begun.json`` anyway.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Callable, List, Optional

from ..clock import Clock, Deadline
from ..errors import BadInput, CommandFailed
from ..runner import Completed, Runner
from .bundle import ISOLATED
from .files import Document
from .life import lives
from .journal import tail
from .request import differences
from .state import Job, State, job_id
from .transcript import done

SYSTEMD = "/run/systemd/system"
_POLL = 0.05
_BEGINS_WITHIN = 30.0
_OTHERS_BEGIN_WITHIN = 5.0
_SHOWN_LINES = 15

_PROPERTIES = ("KillMode=process", "TimeoutStopSec=1800", "After=network.target")

Autopsy = Callable[[Job], Document]


@dataclass(frozen=True)
class Host:
    """Where jobs are started: ``python`` runs them, ``systemd`` is whether a unit can be made."""

    runner: Runner
    python: str
    systemd: bool
    clock: Clock = field(default_factory=Clock)

    @staticmethod
    def this(runner: Runner, python: str) -> Host:
        return Host(runner, python, os.path.isdir(SYSTEMD))


def start(host: Host, state: State, run_id: str, step: str, spec: Document, program: bytes) -> Job:
    """The one job of this run and step, begun. Where there is one already, it is that one, however it ended."""
    state.prepare()
    job = state.job(job_id(run_id, step))
    if not job.exists():
        state.create(job.id, spec, program)
        state.prune()
    other = differences(job.spec(), spec)
    if other:
        raise BadInput(
            "run %s, step %s has a job on this host with another %s: repeat its options, or name another step" % (
                run_id, step, ", ".join(other)), run_id=run_id, step=step, differs=other)
    ensure_begun(host, job)
    return job


def ensure_begun(host: Host, job: Job) -> None:
    if job.begun() is None and job.result() is None:
        _await_beginning(host, job, _launch(host, job))


def describe(job: Job, python: str) -> Document:
    """How somebody finds the job again; ``python program.zip wait`` is all they need."""
    return {"id": job.id, "unit": job.unit, "directory": job.path, "python": python, "program": job.program}


def watch(host: Host, job: Job, limit: float, autopsy: Autopsy) -> Document:
    """What is known of a job when it has ended, or after ``limit`` seconds."""
    found: List[Document] = []

    def ended() -> bool:
        result = job.result() or _lost(host, job, autopsy)
        found.extend([] if result is None else [result])
        return result is not None

    return _seen(host, job, found[-1] if Deadline(limit, host.clock).until(ended, _POLL, soon=True) else None)


def _lost(host: Host, job: Job, autopsy: Autopsy) -> Optional[Document]:
    begun = job.begun()
    if begun is None or lives(host.runner, begun):
        return None
    # It may have ended between the look at its result and the look at its process.
    if job.result() is not None:
        return job.result()
    result = autopsy(job)
    try:
        job.finish(result)
    except OSError:
        # On a full disk it can't be kept: told now, and found again by who asks next.
        return result
    return job.result()


def _seen(host: Host, job: Job, result: Optional[Document]) -> Document:
    status = job.status() or {"phase": "begin", "since": None, "total": None}
    changes = (job.plan() or {}).get("changes", [])
    shown = dict(status, done=done(tail(job.log), [c["name"] for c in changes]), tail=tail(job.log, _SHOWN_LINES))
    seen = {"finished": result is not None, "job": describe(job, host.python), "status": shown}
    return seen if result is None else dict(seen, result=result)


def _launch(host: Host, job: Job) -> Completed:
    program = [host.python, *ISOLATED, job.program, "run"]
    if host.systemd:
        return host.runner.run(_unit_command(job) + program + [job.path])
    return host.runner.run(program + ["--detach", job.path])


def _unit_command(job: Job) -> List[str]:
    properties = ["--property=" + setting for setting in _PROPERTIES]
    description = "--description=Updates of this host, directory %s" % job.path
    return ["systemd-run", "--quiet", "--collect", "--unit=" + job.unit, description, *properties, "--"]


def _await_beginning(host: Host, job: Job, launched: Completed) -> None:
    """Somebody who launched it at the same moment made ours fail, so the job itself is the proof, not a return code."""
    limit = Deadline(_BEGINS_WITHIN if launched.rc == 0 else _OTHERS_BEGIN_WITHIN, host.clock)
    if not limit.until(lambda: job.begun() is not None, 0.02):
        launched.check()
        raise CommandFailed("%s was started and did not begin: see journalctl -u %s" % (job.unit, job.unit), launched.argv)
