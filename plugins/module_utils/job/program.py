# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The command line of a job's ``program.zip``.

``run [--detach] DIR``     do the job that is described in DIR, unless it has begun already
``wait DIR --limit N``     wait for its end at most N seconds and print what is known, one line of JSON; launches a job that has
                           not begun, and stores the result of one that was lost
``release RUN``            let the host's own updaters go again, which the run RUN held off
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from typing import IO, Optional, Sequence

from ..errors import JobStopped, PatchtrainError
from ..packages.detect import detect
from ..packages.manager import PackageManager
from ..runner import Runner, SystemRunner
from . import result, unit
from .files import Document
from .journal import Journal
from .life import this_process
from .request import from_spec
from .state import Job
from .stop import Stopped, StopRequest


def main(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.function(SystemRunner(), chosen))
    except PatchtrainError as error:
        _print(sys.stderr, error.message)
        return 1


def _run(runner: Runner, chosen: argparse.Namespace) -> int:
    job = Job(chosen.directory)
    if chosen.detach and not _detached():
        return 0
    os.umask(0o022)
    if job.begin(this_process(runner)):
        job.finish(work(runner, job))
    return 0


def _wait(runner: Runner, chosen: argparse.Namespace) -> int:
    job = Job(chosen.directory)
    job.spec()
    host = unit.Host.this(runner, sys.executable)
    unit.ensure_begun(host, job)
    seen = unit.watch(host, job, chosen.limit, lambda gone: lost(runner, gone))
    _print(sys.stdout, json.dumps(seen))
    return 0


def _release(runner: Runner, chosen: argparse.Namespace) -> int:
    from . import hold

    _print(sys.stdout, json.dumps({"released": hold.release(runner, chosen.run)}))
    return 0


def lost(runner: Runner, job: Job) -> Document:
    """The result of a job that is gone."""
    return _autopsy(runner, job, result.lost(runner, job))


def _autopsy(runner: Runner, job: Job, error: PatchtrainError) -> Document:
    return result.autopsy(runner, lambda wanted: detect(runner, wanted), job, error)


def work(runner: Runner, job: Job) -> Document:
    """The job's result, also where it could not even begin."""
    # Not for who starts a job or asks for its end: a host is out of service for as long as that takes.
    from . import install

    stop = StopRequest()
    stop.listen()
    with Journal(job) as journal:
        try:
            request = from_spec(job.spec())
            os.environ.update(request.environment)
            manager: PackageManager = detect(runner, request.manager)
            return install.Installation(runner, manager, job, journal, stop).run()
        except Stopped as stopped:
            return _autopsy(runner, job, JobStopped(
                "%s asked the job to stop in phase %s, before it changed packages" % (stopped, journal.now)))
        except PatchtrainError as error:
            return _autopsy(runner, job, error)
        except Exception as error:  # noqa: BLE001 - a fault of ours has to end in a result too, and it is told, not swallowed
            journal.say(traceback.format_exc())
            return _autopsy(runner, job, PatchtrainError(
                "a fault in this collection: %s: %s (see %s)" % (type(error).__name__, error, job.log)))


def _detached() -> bool:
    """Leave the caller's session for good: True in the process that goes on, False in the one that the caller waits for."""
    if os.fork():
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="program.zip", description="One transaction of fleetops.patchtrain on this host.")
    commands = parser.add_subparsers(required=True, dest="command")
    run = commands.add_parser("run", help="do the job")
    run.add_argument("--detach", action="store_true", help="leave the caller's session first")
    run.set_defaults(function=_run)
    wait = commands.add_parser("wait", help="wait for its end and print what is known as JSON")
    wait.add_argument("--limit", type=float, default=0.0, help="seconds")
    wait.set_defaults(function=_wait)
    for command in (run, wait):
        command.add_argument("directory")
    release = commands.add_parser("release", help="let the host's own updaters go again")
    release.add_argument("run")
    release.set_defaults(function=_release)
    return parser


def _print(stream: Optional[IO[str]], line: str) -> None:
    if stream is not None:
        stream.write(line + "\n")
        stream.flush()
