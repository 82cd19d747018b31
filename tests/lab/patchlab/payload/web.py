# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's web service: answers who it is, tells its health, and finishes what it serves before it ends."""

from __future__ import annotations

import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qs, urlsplit

VERSION = "@VERSION@"
SICK = Path("/etc/patchlab-web.unhealthy")
"""While this file exists the service is unhealthy; a version written into it makes only that version so."""


class Server(ThreadingHTTPServer):
    """Waits for its requests when it closes."""

    daemon_threads = False
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    """``/`` who answers, ``/health``, ``/slow?seconds=N`` for sessions that last."""

    server_version = f"patchlab-web/{VERSION}"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/slow":
            time.sleep(min(float(parse_qs(parts.query).get("seconds", ["1"])[0]), 600.0))
        if sick():
            self._answer(503, f"unhealthy {VERSION}\n")
        elif parts.path == "/health":
            self._answer(200, "ok\n")
        elif parts.path in ("/", "/slow"):
            self._answer(200, f"patchlab-web {VERSION} on {socket.gethostname()}\n")
        else:
            self._answer(404, "not here\n")

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The journal of a lab host is not for every request."""


def sick() -> bool:
    try:
        said = SICK.read_text().strip()
    except FileNotFoundError:
        return False
    return said in ("", VERSION)


def main() -> None:
    server = Server(("0.0.0.0", 8080), Handler)

    def stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever(poll_interval=0.05)
    server.server_close()


if __name__ == "__main__":
    main()
