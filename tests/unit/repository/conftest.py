# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A keyring, packages and a repository host in a folder, with the real tools."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .building import Built, Keyring, Repository, build_deb, build_rpm, run

TOOLS = ("gpg", "gpgconf", "dpkg-deb", "apt-ftparchive", "createrepo_c", "modifyrepo_c", "rpm", "rpmbuild")


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"lacks {', '.join(missing)}")
    assert not missing


@pytest.fixture(scope="session")
def keyring(tools: None) -> Iterator[Keyring]:
    """Its folder has a short name, because sockets need one."""
    home = tempfile.mkdtemp(prefix="ptgpg", dir="/tmp")
    gpg = ("gpg", "--batch", "--quiet", "--homedir", home, "--pinentry-mode", "loopback", "--passphrase", "")
    try:
        for name, created, expires in (("one", "20220101", "never"), ("two", "20210101", "never"), ("expired", "20200101", "1d")):
            run(*gpg, "--faked-system-time", f"{created}T000000", "--quick-generate-key", f"Key {name} <{name}@patchtrain.invalid>", "ed25519", "sign", expires)
        listed = run(*gpg, "--with-colons", "--list-secret-keys")
        yield Keyring(home, *[line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")])
    finally:
        run("gpgconf", "--homedir", home, "--kill", "all")
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def debs(tools: None, tmp_path_factory: pytest.TempPathFactory) -> list[Built]:
    """Versions with an epoch, a tilde and a plus sign; one name in two architectures."""
    folder = tmp_path_factory.mktemp("debs")
    return [build_deb(folder, "tool", "1:1.0~rc1+b1"), build_deb(folder, "libx", "2.0-1", "amd64"), build_deb(folder, "libx", "2.0-1", "i386")]


@pytest.fixture(scope="session")
def rpms(tools: None, tmp_path_factory: pytest.TempPathFactory) -> list[Built]:
    return [build_rpm(tmp_path_factory.mktemp("rpms"), "tool", "1.0~rc1", 1)]


@pytest.fixture
def repository(tmp_path: Path, keyring: Keyring) -> Repository:
    return Repository(tmp_path, keyring)
