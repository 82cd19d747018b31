# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this machine able to run a lab? One line when it is not, before anything is built."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from .errors import Missing

RUN_TOOLS = {
    "systemd-nspawn": "systemd-container", "ip": "iproute2", "nft": "nftables", "ssh": "openssh-client",
    "ssh-keygen": "openssh-client", "unshare": "util-linux", "mount": "mount",
}
BUILD_TOOLS = {
    "mmdebstrap": "mmdebstrap", "dpkg-deb": "dpkg", "apt-ftparchive": "apt-utils", "gpg": "gnupg", "rpm": "rpm",
    "rpmbuild": "rpm", "createrepo_c": "createrepo-c", "modifyrepo_c": "createrepo-c", "chroot": "coreutils",
}


@dataclass(frozen=True)
class Machine:
    """The machine underneath: images are of its own Debian release."""

    codename: str
    arch: str


def packages_needed() -> list[str]:
    """The Debian packages that hold every tool the lab calls."""
    return sorted({*RUN_TOOLS.values(), *BUILD_TOOLS.values(), "debian-archive-keyring", "python3-yaml"})


def check_machine() -> Machine:
    """Refuse, in one line, a machine on which a lab can't run."""
    release = _os_release()
    if release.get("ID") != "debian" or not release.get("VERSION_CODENAME"):
        raise Missing(f"the lab needs a Debian machine with apt; this one is {release.get('PRETTY_NAME') or platform.system()}")
    if os.geteuid() != 0:
        raise Missing("the lab needs root (mounts, a bridge, systemd-nspawn): run it with sudo")
    require_tools(RUN_TOOLS)
    if "overlay" not in Path("/proc/filesystems").read_text() and not Path("/sys/module/overlay").exists():
        _load_overlay()
    return Machine(release["VERSION_CODENAME"], {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()))


def require_tools(tools: dict[str, str]) -> None:
    """All missing tools in one line, with the command that brings them."""
    missing = sorted({package for tool, package in tools.items() if not shutil.which(tool, path=search_path())})
    if missing:
        raise Missing(f"missing on this machine: {', '.join(missing)}; install with: apt-get install -y {' '.join(missing)}")


def search_path() -> str:
    """The user's PATH and the folders of administration tools, which an ordinary PATH lacks."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _load_overlay() -> None:
    from .shell import run
    if run(["modprobe", "overlay"], ok=range(256)).returncode != 0:
        raise Missing("the kernel has no overlayfs and modprobe can't load it; the lab's hosts are overlays over an image")


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip('"') for key, _, value in pairs}


INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def allow_watchers(wanted: int = 1024) -> None:
    """Each guest's systemd takes some of the kernel's inotify instances; the default of 128 is used up by three labs."""
    if int(INOTIFY.read_text()) < wanted:
        INOTIFY.write_text(f"{wanted}\n")
