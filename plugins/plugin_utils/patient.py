# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installation, watched from the controller: start it, then ask rarely, and attach again when the connection is cut.

The host does the waiting: one execution returns when the job is done or after ``POLL`` seconds, so that watching ten minutes costs
about fourteen executions. The job goes on whatever happens to the connection; starting it twice is impossible, because its
name is made of run and step.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, Mapping

from ..module_utils.errors import ParseFailed, PatchtrainError
from .remote import Lost, Remote

POLL = 45.0
"""Seconds that the host waits in one execution."""

MARGIN = 60.0
"""Seconds that an execution may take beyond its own waiting, before the host counts as silent."""

PAUSE = 2.0
"""Seconds between two attempts to reach a host that does not answer."""


class StillRunning(PatchtrainError):
    """The limit passed and the host is still at it; the job was not touched."""


Begin = Callable[[Dict[str, Any], float], Dict[str, Any]]


def install(remote: Remote, begin: Begin, args: Mapping[str, Any], timeout: float, patience: float,
            clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> Dict[str, Any]:
    """Start (or attach to) the job by ``begin(args, seconds)``, the module, and wait for its result, at most ``timeout`` seconds; the module's result.

    A host that can't be reached for ``patience`` seconds in a row raises ``Lost``; a job that outlasts ``timeout`` raises
    ``StillRunning``, which names its unit.
    """
    watch = _Watch(remote, begin, dict(args), patience, clock, sleep)
    ends = clock() + timeout
    result = watch.ask()
    while not result.get("finished", True):
        if clock() >= ends:
            raise StillRunning("%s is still installing after %g s, in unit %s; it was left alone" % (
                remote.name, timeout, result["job"]["unit"]), host=remote.name, job=result["job"])
        result = watch.ask()
    result["executions"] = watch.executions
    return result


class _Watch:
    def __init__(self, remote: Remote, begin: Begin, args: Dict[str, Any], patience: float,
                 clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._remote = remote
        self._begin = begin
        self._args = args
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._since = clock()
        self._job: Dict[str, Any] = {}
        self.executions = 0

    def ask(self) -> Dict[str, Any]:
        """One answer of the host, however many attempts it takes within the patience."""
        lost_at = 0.0
        while True:
            try:
                return self._once()
            except Lost:
                lost_at = lost_at or self._clock()
                if self._clock() - lost_at >= self._patience:
                    raise
                self._remote.forget_connection()
                self._sleep(PAUSE)

    def _once(self) -> Dict[str, Any]:
        self.executions += 1
        if not self._job:
            result = self._begin(dict(self._args, wait=POLL, **self._left()), POLL + MARGIN)
            if not result.get("finished", True):
                self._job = result["job"]
            return result
        job = self._job
        said = self._remote.command([job["python"], "-I", "-S", "%s/program.zip" % job["directory"], "wait", job["directory"],
                                     "--limit", "%g" % POLL], POLL + MARGIN)
        return dict(_answer(said), job=job)

    def _left(self) -> Dict[str, Any]:
        """What is said in seconds from now is less each time. What is no number the module refuses."""
        within = self._args.get("begin_within")
        try:
            return {} if within is None else {"begin_within": max(0.0, float(within) - (self._clock() - self._since))}
        except (TypeError, ValueError):
            return {}


def _answer(said: Mapping[str, Any]) -> Dict[str, Any]:
    if said["rc"] != 0:
        raise ParseFailed("waiting for the job ended with rc %s: %s" % (said["rc"], str(said["stderr"]).strip()[-500:]))
    try:
        status = json.loads(str(said["stdout"]).strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise ParseFailed("waiting for the job printed no JSON: %r" % str(said["stdout"])[-200:]) from error
    result: Dict[str, Any] = status.get("result") or {}
    return dict(result, finished=bool(status.get("finished")))
