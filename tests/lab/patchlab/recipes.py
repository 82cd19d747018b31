# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each image is made of, and the hash that names it; pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Mapping

FORMAT = 1
"""Goes up when the way of building changes, so that old images are not taken for new ones."""


@dataclass(frozen=True)
class Recipe:
    """An image: its parent, Debian packages, packages of the lab (at their first version), files, and commands inside it."""

    name: str
    parent: str | None
    debian: tuple[str, ...] = ()
    lab: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()


_BASE = Recipe(
    "base", None,
    debian=(
        "systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "sudo", "python3", "iproute2", "socat", "procps",
        "iputils-ping", "curl", "ca-certificates",
    ),
    files=(
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n"),
        ("etc/resolv.conf", ""),
        ("etc/sudoers.d/ops", "ops ALL=(ALL:ALL) NOPASSWD: ALL\n"),
        ("etc/machine-id", ""),
        ("etc/apt/sources.list", ""),
    ),
    commands=(
        ("useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash", "ops"),
        ("install", "-d", "-m", "0700", "/root/.ssh"),
        ("install", "-d", "-m", "0700", "-o", "ops", "-g", "ops", "/home/ops/.ssh"),
        ("systemctl", "enable", "systemd-networkd.service", "ssh.service"),
        ("find", "/etc/ssh", "-name", "ssh_host_*", "-delete"),
    ),
)

_WEB_PACKAGES = ("patchlab-web", "patchlab-kernelish", "patchlab-lib", "patchlab-app", "patchlab-conf")

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (
    _BASE,
    Recipe("web", "base"),
)}


def lineage(name: str) -> list[Recipe]:
    """The recipe and all it stands on, the base last."""
    chain = [RECIPES[name]]
    while chain[-1].parent is not None:
        chain.append(RECIPES[chain[-1].parent])
    return chain


def image_key(name: str, codename: str, arch: str, lab_packages: Mapping[str, str]) -> str:
    """The name of an image in the cache: another recipe, parent or package of the lab gives another one."""
    chain = [asdict(recipe) for recipe in lineage(name)]
    used = {package: lab_packages[package] for recipe in lineage(name) for package in recipe.lab}
    text = json.dumps([FORMAT, codename, arch, chain, used], sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
