# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic client and the watcher, against services that misbehave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patchlab.traffic import KEPT_FAILURES, Failed, Traffic, fetch
from patchlab.watch import SILENT, Log, parse_stats

GOOD = b"patchlab-web 1.0 on web1\n"


@contextmanager
def service(status: int, body: bytes, length: int | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _served(traffic: Traffic, at_least: int) -> None:
    """Wait for requests, whatever became of them."""
    pause = threading.Event()
    while traffic.served + traffic.failed < at_least:
        pause.wait(0.005)


def test_served_requests_are_counted_by_answer() -> None:
    with service(200, GOOD) as url, Traffic(url, rate=500, workers=4) as traffic:
        _served(traffic, 10)
    result = traffic.result()
    assert result["failed"] == 0
    assert result["answers"] == {"patchlab-web 1.0 on web1": result["served"]}
    assert result["served"] >= 10


@pytest.mark.parametrize(("status", "body", "length"), [
    (503, GOOD, None), (200, b"", None), (200, b"patchlab-web 1", None), (200, b"somebody else\n", None), (200, GOOD, 500)])
def test_everything_but_a_whole_answer_is_a_failure(status: int, body: bytes, length: int | None) -> None:
    with service(status, body, length) as url, Traffic(url, rate=500, workers=2) as traffic:
        _served(traffic, 3)
    assert traffic.served == 0
    assert traffic.result()["failures"][0]["problem"]


def test_nobody_there_is_a_failure_and_only_some_are_kept() -> None:
    with service(200, GOOD) as url:
        gone = url
    with Traffic(gone, rate=2000, workers=4) as traffic:
        _served(traffic, KEPT_FAILURES + 5)
    assert traffic.failed > KEPT_FAILURES
    assert len(traffic.result()["failures"]) == KEPT_FAILURES


def test_fetch_says_the_status() -> None:
    with service(503, GOOD) as url, pytest.raises(Failed, match="503"):
        fetch(url, 2.0)


looks = st.lists(st.fixed_dictionaries({host: st.sampled_from([None, "away"]) for host in ("a", "b", "c")}), max_size=30)


@given(looks)
def test_the_log_tells_who_was_away_when(seen: list[dict[str, str | None]]) -> None:
    log = Log()
    for at, look in enumerate(seen):
        log.look(float(at), look)
    found = log.document()
    assert found["most_out"] == max((sum(why is not None for why in look.values()) for look in seen), default=0)
    for host, absences in found["hosts"].items():
        away = {at for at, look in enumerate(seen) if look[host] is not None}
        told = {at for item in absences for at in range(int(item["from"]), int(item["to"] if item["to"] is not None else len(seen)))}
        assert told == away


silences = st.lists(st.fixed_dictionaries({host: st.sampled_from([None, "away", SILENT]) for host in ("a", "b", "c")}), max_size=30)


@given(silences)
def test_one_silence_by_itself_is_none_and_two_in_a_row_are_counted_from_the_first(seen: list[dict[str, str | None]]) -> None:
    log = Log()
    for at, look in enumerate(seen):
        log.look(float(at), look)
    out = [set[str]() for _look in seen]
    for at, look in enumerate(seen):
        for host, why in look.items():
            beside = [seen[other][host] for other in (at - 1, at + 1) if 0 <= other < len(seen)]
            lasts = at > 0 and host in out[at - 1]
            if why == "away" or (why == SILENT and (lasts or SILENT in beside)):
                out[at].add(host)
    found = log.document()
    assert found["most_out"] == max(map(len, out), default=0)
    for host in ("a", "b", "c"):
        told = {at for item in found["hosts"].get(host, ()) for at in range(int(item["from"]), int(item["to"] if item["to"] is not None else len(seen)))}
        assert told == {at for at, away in enumerate(out) if host in away}


def test_statistics_of_the_load_balancer() -> None:
    text = "# pxname,svname,qcur,status,\nfront,FRONTEND,,OPEN,\nweb,web1,0,UP,\nweb,web2,0,DRAIN,\nweb,BACKEND,0,UP,\n"
    assert parse_stats(text, "web") == {"web1": "UP", "web2": "DRAIN"}
