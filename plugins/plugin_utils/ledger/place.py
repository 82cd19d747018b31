# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a ledger stands: its URL, its folder, and what lies beneath it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .errors import LedgerUnavailable, LedgerUnsafe

VARIABLE = "PATCHTRAIN_LEDGER"

_NETWORK = re.compile(
    r"(fuse\.)?(nfs\d?|cifs|smb\d?|smbfs|sshfs|9p|afs|ceph|glusterfs|lustre|beegfs|gpfs|ocfs2|gfs2|davfs2?|rclone|s3fs|gcsfuse|blobfuse2?"
    r"|curlftpfs|ncpfs|coda|orangefs|pvfs2|quobyte|juicefs|moosefs|mfs|vmhgfs|prl_fs|vboxsf)")
_OCTAL = re.compile(r"\\([0-7]{3})")


def default_target(environment: Mapping[str, str]) -> str:
    """``$PATCHTRAIN_LEDGER``, or a file in the user's state directory (XDG)."""
    named = environment.get(VARIABLE)
    if named:
        return named
    state = environment.get("XDG_STATE_HOME", "")
    base = Path(state) if os.path.isabs(state) else Path(os.path.expanduser("~"), ".local", "state")
    return str(base / "patchtrain" / "ledger.db")


def is_url(target: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+_.-]*://", target) is not None


def network_filesystem(path: str, mounts: str) -> str | None:
    """The type of the network file system that ``path`` (real and absolute) lies on, by the text of /proc/mounts."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[1])
        # A later mount on the same point hides the earlier one.
        if len(point) >= len(best) and (path + "/").startswith(point.rstrip("/") + "/"):
            best, kind = point, fields[2]
    return kind if _NETWORK.fullmatch(kind) else None


def prepare_folder(path: str) -> None:
    """Make the folder of a SQLite file, for its owner alone, unless it is there; refuse one that can't keep a database."""
    folder = os.path.dirname(path)
    _refuse_network(folder, path)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailable("the ledger's folder %s can't be made: %s" % (folder, error.strerror), path=path) from error


def _refuse_network(folder: str, path: str) -> None:
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return  # not Linux: nothing to look it up in
    kind = network_filesystem(os.path.realpath(folder), mounts)
    if kind:
        raise LedgerUnsafe("the ledger %s would stand on a network file system (%s), where SQLite's locks do not hold: use a local path, "
                           "or a PostgreSQL URL where several controllers share it" % (path, kind), path=path, filesystem=kind)
