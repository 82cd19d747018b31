# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the web service: ask at a bounded rate until told to stop, and count what came back.

``with Traffic(url) as traffic: ...`` and then ``traffic.result()``; or ``lab traffic``, which writes the result when it is ended.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

KEPT_FAILURES = 20
EXPECTED = b"patchlab-web "


class Failed(Exception):
    """The answer was not what a client wants."""


class Traffic:
    """A handful of clients that together ask ``rate`` times a second; a slow answer makes them ask less often, never in bursts."""

    def __init__(self, url: str, *, rate: float = 50.0, workers: int = 8, limit: float = 5.0) -> None:
        self.url = url
        self.pause = workers / rate
        self.limit = limit
        self.served = 0
        self.failed = 0
        self.slowest = 0.0
        self.answers: Counter[str] = Counter()
        self.failures: list[dict[str, Any]] = []
        self.began = time.time()
        self._ended: float | None = None
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,), daemon=True) for number in range(workers)]

    def start(self) -> Traffic:
        self.began = time.time()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> dict[str, Any]:
        """End all clients after the request they are in."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._ended = time.time()
        return self.result()

    def result(self) -> dict[str, Any]:
        with self._guard:
            return {
                "url": self.url, "served": self.served, "failed": self.failed, "answers": dict(sorted(self.answers.items())),
                "failures": list(self.failures), "slowest_s": round(self.slowest, 3), "began": self.began,
                "seconds": round((self._ended or time.time()) - self.began, 3)}

    def __enter__(self) -> Traffic:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _client(self, number: int) -> None:
        self._stop.wait(self.pause * number / len(self._threads))
        while not self._stop.is_set():
            began = time.monotonic()
            self._ask()
            self._stop.wait(max(0.0, self.pause - (time.monotonic() - began)))

    def _ask(self) -> None:
        at, began = time.time(), time.monotonic()
        try:
            answer, problem = fetch(self.url, self.limit), None
        except (OSError, http.client.HTTPException, Failed) as caught:
            answer, problem = "", f"{type(caught).__name__}: {caught}"
        self._count(at, time.monotonic() - began, answer, problem)

    def _count(self, at: float, seconds: float, answer: str, problem: str | None) -> None:
        with self._guard:
            self.slowest = max(self.slowest, seconds)
            if problem is None:
                self.served += 1
                self.answers[answer] += 1
                return
            self.failed += 1
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append({"at": at, "after_s": round(seconds, 3), "problem": problem})


def fetch(url: str, limit: float) -> str:
    """One request on a connection of its own; anything but 200 with a whole body of the service is a failure."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=limit)
    try:
        connection.request("GET", parts.path or "/", headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Failed(f"status {response.status}")
        if not body.startswith(EXPECTED) or not body.endswith(b"\n"):
            raise Failed(f"short or foreign body of {len(body)} bytes")
        return body.decode().strip()
    finally:
        connection.close()
