# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roots in which the real tools work without touching this machine: Debian's dnf or zypper, an empty rpm database, the shipyard's
repositories over loopback. Wants root, mmdebstrap and unshare."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Iterator, List

PORT = 8123
PACKAGES = {"dnf": "dnf,dnf-plugins-core", "zypper": "zypper,libzypp-config"}
REPOSITORY = "[%s]\nname=Harbor 9 - %s\nbaseurl=http://127.0.0.1:%d/%s\nenabled=1\ngpgcheck=0\n"
FOLDERS = ("etc/rpm", "etc/yum.repos.d", "etc/zypp/repos.d", "etc/products.d", "collection/ansible_collections/fleetops/patchtrain", "out")


def base(kind: str, cache: Path) -> Path:
    """The image of a host with this tool; built once."""
    target = cache / kind
    if not (target / "etc").is_dir():
        include = "--include=rpm,python3,procps," + PACKAGES[kind]
        subprocess.run(["mmdebstrap", "--variant=minbase", include, "bookworm", str(target)], check=True)
    return target


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", PORT), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def root(lower: List[Path], work: Path, checkout: Path) -> Iterator[Path]:
    """A root over these layers, as it is left it in ``work``/upper."""
    shutil.rmtree(work, ignore_errors=True)
    for name in ("upper", "scratch", "root"):
        (work / name).mkdir(parents=True)
    top = work / "root"
    options = "lowerdir=%s,upperdir=%s,workdir=%s" % (":".join(map(str, lower)), work / "upper", work / "scratch")
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(top)], check=True)
    try:
        _furnish(top)
        collection = top / "collection/ansible_collections/fleetops/patchtrain"
        subprocess.run(["mount", "--bind", "-o", "ro", str(checkout), str(collection)], check=True)
        yield top
    finally:
        subprocess.run(["umount", "-R", str(top)], check=True)


def _furnish(top: Path) -> None:
    for folder in FOLDERS:
        (top / folder).mkdir(parents=True, exist_ok=True)
    # Debian's rpm keeps its database in the home folder.
    (top / "etc/rpm/macros").write_text("%_dbpath /var/lib/rpm\n")
    for plugin in ("local", "copr", "post-transaction-actions", "debuginfo-install"):
        if (top / "etc/dnf/plugins").is_dir():
            (top / "etc/dnf/plugins" / (plugin + ".conf")).write_text("[main]\nenabled=0\n")
    (top / "usr/lib/python3/dist-packages/dnf-plugins/local.py").unlink(missing_ok=True)
    for name in ("base", "extra"):
        for folder in ("etc/yum.repos.d", "etc/zypp/repos.d"):
            (top / folder / (name + ".repo")).write_text(REPOSITORY % (name, name, PORT, name))


def inside(top: Path, argv: List[str]) -> None:
    """Run a program in a root, with a process tree and a /run of its own."""
    prepare = "mount -t proc proc \"$0/proc\"; mount -t tmpfs tmpfs \"$0/run\"; mount -t devtmpfs dev \"$0/dev\"; exec chroot \"$0\" \"$@\""
    subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", prepare, str(top)] + argv, check=True)
