# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a lab's upstream on its bridge, in a process of its own that outlives ``lab up``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .addresses import SERVER_PORT, gateway
from .errors import LabError
from .images import python_environment, python_module
from .paths import LabPaths
from .processes import Process, alive, of_pid
from .shell import last_words
from .state import LabState

_LIMIT = 10.0


class Handler(SimpleHTTPRequestHandler):
    """Files below the link that names the level; one line a request goes to the log."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        print(f"{time.time():.3f} {self.client_address[0]} {format % args}", flush=True)


def start_server(paths: LabPaths, state: LabState) -> Process:
    """Start the lab's server, or leave the living one alone."""
    if state.server is not None and alive(state.server):
        return state.server
    address = gateway(state.subnet)
    with paths.server_log.open("ab") as log:
        process = subprocess.Popen(
            python_module("patchlab.server", address, paths.upstream, paths.server_log),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **python_environment()},
            start_new_session=True, cwd="/")
    assert process.stdout is not None
    told = process.stdout.readline()
    found = of_pid(process.pid)
    if told != b"serving\n" or found is None:
        raise LabError(f"upstream can't be served on {address}:{SERVER_PORT}: {last_words(paths.server_log.read_text(), 1)}")
    return found


def main() -> int:
    address, folder = sys.argv[1], Path(sys.argv[2])
    server = ThreadingHTTPServer((address, SERVER_PORT), partial(Handler, directory=str(folder)))
    print("serving", flush=True)
    os.dup2(os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
