# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key with which the lab signs its repositories."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .paths import cache_home
from .shell import run
from .state import locked

_USER = "patchlab repository key"


def public_key() -> Path:
    """The public key as apt reads it (armoured), made with its secret half when there is none."""
    home = cache_home() / "keys"
    public, secret = home / "patchlab.asc", home / "secret.asc"
    with locked(home / "lock"):
        if not (public.exists() and secret.exists()):
            _make(public, secret)
    return public


def clearsign(text: str) -> str:
    """The text with a signature around it, as InRelease wants it."""
    public_key()
    with _keyring() as gpg:
        run([*gpg, "--import", cache_home() / "keys" / "secret.asc"])
        return run([*gpg, "--clearsign"], stdin=text).stdout


def _make(public: Path, secret: Path) -> None:
    with _keyring() as gpg:
        run([*gpg, "--passphrase", "", "--quick-generate-key", _USER, "rsa2048", "sign", "never"])
        text = run([*gpg, "--armor", "--export-secret-keys"]).stdout
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(text)
        public.write_text(run([*gpg, "--armor", "--export"]).stdout)


@contextmanager
def _keyring() -> Iterator[list[str]]:
    """gpg with a keyring of its own in a folder with a short name (its sockets need one); its agent is ended."""
    home = tempfile.mkdtemp(prefix="plabgpg")
    try:
        yield ["gpg", "--batch", "--quiet", "--homedir", home]
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)
