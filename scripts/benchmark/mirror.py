# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mirror that is not fast: one large package whose update every host has to fetch, at so many bytes a second and connection."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME = "bench-bulk"
_PORT = 8480
_CHUNK = 64 * 1024


def make(folder: Path, megabytes: int) -> None:
    """The package's first version, a small one, and a repository with its second."""
    folder.mkdir()
    _build(folder / "old.deb", "1.0", b"small")
    _build(folder / "new.deb", "1.1", os.urandom(megabytes * 1_000_000))
    index = "%sFilename: ./new.deb\nSize: %d\nSHA256: %s\n\n" % (_control("1.1"), (folder / "new.deb").stat().st_size,
                                                             hashlib.sha256((folder / "new.deb").read_bytes()).hexdigest())
    (folder / "Packages").write_text(index)
    (folder / "Packages.gz").write_bytes(gzip.compress(index.encode()))
    sums = [_told(folder, name) for name in ("Packages", "Packages.gz")]
    (folder / "Release").write_text("Origin: Bench\nLabel: Bench\nSuite: stable\nDate: %s\nSHA256:\n %s\n" % (formatdate(usegmt=True), "\n ".join(sums)))


def _told(folder: Path, name: str) -> str:
    content = (folder / name).read_bytes()
    return "%s %d %s" % (hashlib.sha256(content).hexdigest(), len(content), name)


def source(address: str) -> str:
    """A line for apt. The mirror is this program's own, so it signs nothing."""
    return "deb [trusted=yes] http://%s:%d/ ./" % (address, _PORT)


@contextmanager
def served(folder: Path, address: str, pace: float) -> Iterator[None]:
    """Serve it, each file at ``pace`` million bytes a second, to the lab whose bridge has this address."""
    with _admitted(address):
        with _serving(folder, address, pace):
            yield


@contextmanager
def _admitted(address: str) -> Iterator[None]:
    """A lab's hosts reach nothing of this machine but the lab's own server."""
    bridge = next(link["ifname"] for link in json.loads(_said("ip", "-json", "address")) if any(a.get("local") == address for a in link["addr_info"]))
    chain = ["inet", bridge.replace("-", "_"), "input"]
    rule = ["iifname", bridge, "ip", "daddr", address, "tcp", "dport", str(_PORT), "accept"]
    handle = _said("nft", "--echo", "--handle", "insert", "rule", *chain, *rule).rsplit("handle", 1)[1].split()[0]
    try:
        yield
    finally:
        _said("nft", "delete", "rule", *chain, "handle", handle)


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def _serving(folder: Path, address: str, pace: float) -> Iterator[None]:
    server = ThreadingHTTPServer((address, _PORT), partial(_Handler, pace, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, pace: float, *args: object, **options: object) -> None:
        self._pause = _CHUNK / (pace * 1e6)
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def copyfile(self, source: object, outputfile: object) -> None:
        due = time.monotonic()
        while chunk := source.read(_CHUNK):  # type: ignore[attr-defined]
            outputfile.write(chunk)  # type: ignore[attr-defined]
            due += self._pause
            time.sleep(max(0.0, due - time.monotonic()))

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def _control(version: str) -> str:
    return ("Package: %s\nVersion: %s\nArchitecture: all\nSection: misc\nPriority: optional\nMaintainer: The benchmark <bench@patchlab.invalid>\n"
            "Description: large\n" % (NAME, version))


def _build(target: Path, version: str, content: bytes) -> None:
    tree = target.with_suffix(".tree")
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(_control(version))
    (tree / "usr" / "share" / NAME).mkdir(parents=True)
    (tree / "usr" / "share" / NAME / "content").write_bytes(content)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(target)], check=True, capture_output=True)
