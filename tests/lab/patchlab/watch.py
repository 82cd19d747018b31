# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a fleet from outside and writes down who was out of service, from when to when; knows nothing of Ansible.

A host is in service while it answers /health itself and, when a load balancer stands before it, is UP there. One that lets a look's whole limit pass is
``SILENT``: on a busy machine that may be this watcher's own lack of time, so it is out, from its first silence on, when the next look finds it silent again. A
refused connection, a wrong answer and whatever the load balancer says of it (a drain is seen there in the look at which it is given) count at once.
"""

from __future__ import annotations

import csv
import http.client
import io
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Mapping

from .roles import STATS_PORT, WEB_PORT

_UP = ("UP", "no check")
SILENT = "no answer in time"


@dataclass
class Absence:
    """A stretch of time in which a host did not serve."""

    began: float
    why: str
    ended: float | None = None


@dataclass
class Log:
    """What was seen; fed with one look after another, pure."""

    absences: dict[str, list[Absence]] = field(default_factory=dict)
    samples: int = 0
    blind: int = 0
    most: tuple[str, ...] = ()
    most_at: float | None = None
    _before: tuple[float, set[str], set[str]] = (0.0, set(), set())
    """Of the look before: when it was, who was away, and who was silent for the first time."""

    def look(self, at: float, out: Mapping[str, str | None]) -> None:
        """One look at all hosts: for each the reason why it is out of service, or None."""
        self.samples += 1
        then, away_then, doubtful = self._before
        away = {host for host, why in out.items() if why not in (None, SILENT)}
        silent = {host for host, why in out.items() if why == SILENT}
        confirmed = silent & doubtful
        away |= confirmed | (silent & away_then)
        # Who was silent then was out then, beside those that were.
        self._count(then, away_then | confirmed)
        for host, why in out.items():
            self._host(then if host in confirmed else at, host, why if host in away else None)
        self._count(at, away)
        self._before = (at, away, silent - away)

    def _count(self, at: float, away: set[str]) -> None:
        if len(away) > len(self.most):
            self.most, self.most_at = tuple(sorted(away)), at

    def document(self) -> dict[str, Any]:
        return {
            "samples": self.samples, "blind": self.blind, "most_out": len(self.most), "most_out_hosts": list(self.most),
            "most_out_at": self.most_at, "hosts": {
                host: [{"from": item.began, "to": item.ended, "why": item.why} for item in items]
                for host, items in sorted(self.absences.items())}}

    def _host(self, at: float, host: str, why: str | None) -> None:
        known = self.absences.setdefault(host, [])
        away = bool(known) and known[-1].ended is None
        if why is not None and not away:
            known.append(Absence(at, why))
        elif why is None and away:
            known[-1].ended = at


class Watch:
    """Looks several times a second, in a thread of its own: ``with Watch(...) as watch`` and then ``watch.result()``."""

    def __init__(self, hosts: Mapping[str, str], balancer: str | None, *, interval: float = 0.2, limit: float = 0.5) -> None:
        self.hosts = dict(hosts)
        self.balancer = balancer
        self.interval = interval
        self.limit = limit
        self.log = Log()
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Watch:
        self._thread.start()
        return self

    def stop(self) -> dict[str, Any]:
        self._stop.set()
        self._thread.join()
        return self.result()

    def result(self) -> dict[str, Any]:
        with self._guard:
            return self.log.document()

    def __enter__(self) -> Watch:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            self._look()
            self._stop.wait(max(0.0, self.interval - (time.monotonic() - began)))

    def _look(self) -> None:
        at = time.time()
        balancer: dict[str, str] | None = {} if self.balancer is None else self._balancer()
        out = self._direct()
        with self._guard:
            if balancer is None:
                self.log.blind += 1
            for host, status in (balancer or {}).items():
                if host in out and out[host] in (None, SILENT) and not status.startswith(_UP):
                    out[host] = f"{status} in the load balancer"
            self.log.look(at, out)

    def _balancer(self) -> dict[str, str] | None:
        """Server to status; None when the balancer itself can't be seen."""
        try:
            return parse_stats(_get(self.balancer or "", STATS_PORT, "/stats;csv", self.limit), "web")
        except (OSError, http.client.HTTPException):
            return None

    def _direct(self) -> dict[str, str | None]:
        """All hosts at once: a silent one must not hide the others."""
        found: dict[str, str | None] = {}
        threads = [threading.Thread(target=self._probe, args=(host, found)) for host in self.hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def _probe(self, host: str, found: dict[str, str | None]) -> None:
        try:
            said = _get(self.hosts[host], WEB_PORT, "/health", self.limit)
            found[host] = None if said.strip() == "ok" else f"health says {said.strip()[:60]}"
        except TimeoutError:
            found[host] = SILENT
        except (OSError, http.client.HTTPException) as problem:
            found[host] = f"no answer ({type(problem).__name__})"


def parse_stats(text: str, backend: str) -> dict[str, str]:
    """HAProxy's statistics as CSV: server to status of one backend; pure."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    return {row["svname"]: row["status"] for row in rows if row["pxname"] == backend and row["svname"] != "BACKEND"}


def _get(address: str, port: int, path: str, limit: float) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=limit)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.read().decode(errors="replace")
    finally:
        connection.close()
