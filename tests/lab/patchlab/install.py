# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts more of the lab's packages on a host, in their first version or a named one, as its administrator would."""

from __future__ import annotations

from pathlib import Path

from .definitions import Version, find
from .errors import LabError
from .hosts import LabHost
from .inventory import ssh_options
from .pool import Pool, package_pool
from .shell import run

_COMMANDS = {
    "apt": ("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--install"),
    "dnf": ("dnf", "-y", "--disablerepo=*", "--nogpgcheck", "install"),
    "zypper": ("zypper", "--non-interactive", "--no-refresh", "install", "--allow-unsigned-rpm", "--oldpackage"),
}


def install(host: LabHost, wanted: list[str]) -> list[str]:
    """Install packages named as ``NAME`` or ``NAME=VERSION``; returns what was installed."""
    items = [_version(word) for word in wanted]
    files = [_file(package_pool(), item, host.spec.manager) for item in items]
    options = [*ssh_options(host.lab), "-q", "-i", str(host.lab.key)]
    run(["scp", *options, *files, f"root@{host.address}:/var/tmp/"])
    names = [f"/var/tmp/{file.name}" for file in files]
    run(["ssh", *options, f"root@{host.address}", *_COMMANDS[host.spec.manager], *names], limit=120)
    return [f"{item.name} {item.version}" for item in items]


def _version(word: str) -> Version:
    name, _, version = word.partition("=")
    try:
        return find(name, version or None)
    except KeyError as problem:
        raise LabError(f"the lab has no package {problem.args[0]}") from None


def _file(pool: Pool, item: Version, manager: str) -> Path:
    return pool.deb(item) if manager == "apt" else pool.rpm(item)
