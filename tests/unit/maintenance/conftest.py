# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HAProxy in a folder of its own: everything is on unix sockets there, so that no port is ever in somebody's way."""

from __future__ import annotations

import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Iterator, List

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._haproxy_api import (Server, SocketTransport, parse_servers,
                                                                                                   parse_stat)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context

CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    stats socket {dir}/operator.sock level operator
    stats socket ipv4@127.0.0.1:{port} level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout check 500ms
    default-server check inter 20ms fall 1 rise 2
listen shop
    bind {dir}/shop.sock
    server web1 unix@{dir}/web1.sock
    server web2 unix@{dir}/web2.sock
    server sorry unix@{dir}/web2.sock backup
listen api
    bind {dir}/api.sock
    server web1 unix@{dir}/web1.sock
    server web2 unix@{dir}/web2.sock
listen lonely
    bind {dir}/lonely.sock
    server web3 unix@{dir}/web2.sock
    server sorry unix@{dir}/web2.sock backup
listen unchecked
    bind {dir}/unchecked.sock
    server plain1 unix@{dir}/web1.sock no-check
    server plain2 unix@{dir}/web2.sock no-check
listen tracking
    bind {dir}/tracking.sock
    server follower1 unix@{dir}/web1.sock no-check track shop/web1
    server follower2 unix@{dir}/web2.sock no-check track shop/web2
"""


def wait(condition, what: str, limit: float = 10) -> None:
    """Wait for a condition, never for a time."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "never came: %s" % what
        time.sleep(0.005)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while self.request.recv(4096):
            pass


class _Server(socketserver.ThreadingUnixStreamServer):
    # Checks that queue while a busy machine lets this thread wait must not count as failed.
    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address) -> None:
        """A health check that is cut off is no news."""


class Service:
    """A host's service: keeps each connection for as long as its client does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.start()

    @property
    def runs(self) -> bool:
        return self._path.exists()

    def start(self) -> None:
        self._server = _Server(str(self._path), _Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink()


class Balancer:
    """The running HAProxy, and what a test needs to know of it without the driver's help."""

    def __init__(self, folder: Path, config: str = CONFIG, **more: object) -> None:
        self.dir = folder
        self.services = {name: Service(folder / (name + ".sock")) for name in ("web1", "web2")}
        self.port = free_port()
        (folder / "haproxy.cfg").write_text(config.format(dir=folder, port=self.port, **more))
        self._log = (folder / "log").open("w")
        self.transport = SocketTransport(str(self.socket))
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(["haproxy", "-db", "-f", str(self.dir / "haproxy.cfg")], stdout=self._log, stderr=self._log)
        wait(lambda: self.socket.exists() and self._healthy(), "a healthy haproxy")

    @property
    def socket(self) -> Path:
        return self.dir / "admin.sock"

    def _healthy(self) -> bool:
        return all(server.up and server.weight for server in self.servers())

    def end(self) -> None:
        """HAProxy alone ends, and with it all that was said to it at run time."""
        self._process.terminate()
        self._process.wait()
        self.socket.unlink(missing_ok=True)

    def stop(self) -> None:
        self.end()
        self._log.close()
        for service in self.services.values():
            service.stop()

    def servers(self) -> List[Server]:
        return parse_servers(self.transport.ask("show servers state"))

    def server(self, path: str) -> Server:
        return next(server for server in self.servers() if server.path == path)

    def sessions(self, path: str) -> int:
        backend, name = path.split("/")
        return parse_stat(self.transport.ask("show stat"))[backend, name].sessions

    def states(self) -> List[str]:
        """How every server stands, without what changes by itself."""
        return ["%s %s %s" % (server.path, server.word, server.admin) for server in self.servers()]

    def set(self, path: str, state: str) -> None:
        assert not self.transport.ask("set server %s state %s" % (path, state)).strip()

    def session_at(self, path: str) -> socket.socket:
        """A session that HAProxy handed to this server, held open until the caller closes it; no other is left in the backend."""
        backend = path.split("/")[0]
        clients: List[socket.socket] = []
        while not self.sessions(path):
            clients.append(socket.socket(socket.AF_UNIX))
            clients[-1].connect(str(self.dir / (backend + ".sock")))
            wait(lambda: self._in_backend(backend) == len(clients), "the session at a server")
        for other in clients[:-1]:
            other.close()
        wait(lambda: self._in_backend(backend) == 1, "the end of the other sessions")
        return clients[-1]

    def _in_backend(self, backend: str) -> int:
        return sum(self.sessions(server.path) for server in self.servers() if server.backend == backend)

    def reset(self) -> None:
        """Every service runs, every server in service and up, no session anywhere: how each test finds it."""
        for service in self.services.values():
            if not service.runs:
                service.start()
        for server in self.servers():
            self.transport.ask("set server %s state ready" % server.path)
            if not server.checked:
                self.transport.ask("set server %s health up" % server.path)
        wait(self._healthy, "a healthy haproxy again")
        wait(lambda: not any(self.sessions(s.path) for s in self.servers()), "the end of all sessions")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def running_balancer() -> Iterator[Balancer]:
    if not shutil.which("haproxy"):
        pytest.skip("haproxy is not installed")
    # Not pytest's own folder: the path of a unix socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="pt-haproxy-") as folder:
        balancer = Balancer(Path(folder))
        yield balancer
        balancer.stop()


@pytest.fixture
def balancer(running_balancer: Balancer) -> Iterator[Balancer]:
    yield running_balancer
    running_balancer.reset()


class NoRunner:
    """For drivers that must not run anything."""

    def run(self, *args, **kwargs):
        raise AssertionError("ran %r" % (args,))

    which = read = run


@pytest.fixture
def context() -> Context:
    return Context(NoRunner(), Clock())
