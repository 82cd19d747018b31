# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of one's own: a folder that is thrown away, a free port of the loopback, ended with its starter.

``python -m patchlab.postgresql`` (with PYTHONPATH=tests/lab) runs one until interrupted and prints the ledger's URL.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ACCOUNTS = ("postgres", "nobody")
_ROLE = "patchtrain"
_PASSWORD = "loopback-only"
_PATIENCE = 60.0


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs; Debian keeps them out of PATH, a folder a version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def server(settings: Sequence[str] = ()) -> Iterator[str]:
    """Start a server and give the URL of an empty database; ``settings`` are of its configuration (``name=value``)."""
    where = programs()
    if where is None:
        raise FileNotFoundError("PostgreSQL's initdb is missing: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="patchlab-pg-"))
    try:
        account = _account(folder)
        _make(where, folder, account)
        with _running(where, folder, account, settings) as port:
            yield "postgresql+psycopg://%s:%s@127.0.0.1:%d/postgres" % (_ROLE, _PASSWORD, port)
    finally:
        shutil.rmtree(folder)


def _account(folder: Path) -> list[str]:
    """The server refuses to be root; how to become somebody else, to whom the folder then belongs."""
    if os.geteuid() != 0:
        return []
    name = next(name for name in _ACCOUNTS if _exists(name))
    shutil.chown(folder, name)
    entry = pwd.getpwnam(name)
    return ["--reuid=%d" % entry.pw_uid, "--regid=%d" % entry.pw_gid, "--clear-groups"]


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _make(where: Path, folder: Path, account: Sequence[str]) -> None:
    secret = folder / "password"
    secret.write_text(_PASSWORD)
    ended = subprocess.run(
        ["setpriv", *account, str(where / "initdb"), "-D", str(folder / "data"), "-U", _ROLE, "--pwfile", str(secret), "--auth", "scram-sha-256",
         "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if ended.returncode:
        raise RuntimeError("initdb failed: %s" % ended.stderr.strip())


@contextmanager
def _running(where: Path, folder: Path, account: Sequence[str], settings: Sequence[str]) -> Iterator[int]:
    port = _free_port()
    options = ["listen_addresses=127.0.0.1", "port=%d" % port, "unix_socket_directories=", "fsync=off", *settings]
    command = ["setpriv", *account, "--pdeathsig", "INT", str(where / "postgres"), "-D", str(folder / "data")]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([*command, *(part for option in options for part in ("-c", option))], cwd=folder, stdout=log, stderr=log)
    try:
        _wait(where, port, process, folder / "log")
        yield port
    finally:
        process.send_signal(signal.SIGINT)  # whoever is still connected is cut off
        process.wait(_PATIENCE)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _wait(where: Path, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    command = [str(where / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
    until = time.monotonic() + _PATIENCE
    while subprocess.run(command, timeout=_PATIENCE, check=False).returncode:
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the server did not start: %s" % log.read_text(errors="replace").strip())
        time.sleep(0.05)


def main() -> None:
    with server() as url:
        print(url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
