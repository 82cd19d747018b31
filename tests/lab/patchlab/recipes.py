# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each image is made of, and the hash that names it; pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from . import cluster, hypervisor
from .definitions import LEVELS

FORMAT = 1
"""Goes up when the way of building changes, so that old images are not taken for new ones."""


@dataclass(frozen=True)
class Recipe:
    """An image: its parent, Debian packages, packages of the lab (at their first version), files, and commands inside it."""

    name: str
    parent: str | None
    debian: tuple[str, ...] = ()
    lab: tuple[str, ...] = ()
    manager: str = "dpkg"
    files: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    level: str = ""
    """Everything is updated to what upstream shows at this level."""


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

_LAB = ("patchlab-web", "patchlab-kernelish", "patchlab-lib", "patchlab-app", "patchlab-conf")
# Debian's rpm keeps each user's packages apart; a host that lives on rpm has one database, and libzypp knows no other.
_RPM_DATABASE = ("etc/rpm/macros", "%_dbpath /var/lib/rpm\n")
_NO_APT = ("find", "/usr/bin", "(", "-name", "apt*", "-o", "-name", "dpkg*", ")", "-delete")
"""A host of another family has no apt: whoever calls it there shall fail loudly."""


def _os_release(name: str, like: str) -> str:
    return (f'PRETTY_NAME="Patchlab {name} 1"\nNAME="Patchlab {name}"\nID=patchlab-rpm\nID_LIKE="{like}"\nVERSION_ID="1"\nVERSION="1"\n'
            f'CPE_NAME="cpe:/o:patchlab:{name}:1"\n')


_SITE = """server {
    listen 80 default_server;
    root /srv/patchtrain;
    autoindex on;
    default_type application/octet-stream;
}
"""

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (
    _BASE,
    Recipe("lb", "base", debian=("haproxy",)),
    # Without a site of its own: HAProxy has the port of Debian's.
    Recipe("lb-keepalived", "lb", debian=("keepalived", "nginx"), files=(("etc/nginx/sites-available/default", ""),)),
    Recipe(
        "repo", "base", debian=("nginx", "apt-utils", "createrepo-c", "gnupg", "rpm"), files=(("etc/nginx/sites-available/default", _SITE),),
        commands=(("install", "-d", "/srv/patchtrain"),)),
    Recipe("web", "base", lab=_LAB, commands=(("apt-mark", "auto", "patchlab-lib"),)),
    Recipe("web-needrestart", "web", debian=("needrestart",)),
    # What Ansible's own apt module needs, and nothing of this collection.
    Recipe("web-python-apt", "web", debian=("python3-apt",)),
    Recipe("ha", "web", debian=cluster.DEBIAN, files=cluster.FILES, commands=cluster.COMMANDS),
    Recipe("hypervisor", "web", debian=hypervisor.DEBIAN, files=hypervisor.FILES, commands=hypervisor.COMMANDS),
    # munge makes its key when it is installed, so that all hosts of this image share one.
    Recipe("slurm", "web", debian=("munge", "slurm-client", "slurmctld", "slurmd")),
    Recipe(
        "dnf", "base", debian=("dnf", "dnf-plugins-core", "rpm"), manager="dnf", lab=("patchlab-release", *_LAB),
        files=(("etc/os-release", _os_release("dnf", "fedora")), ("etc/dnf/plugins/local.conf", "[main]\nenabled = false\n")),
        commands=(_NO_APT,)),
    Recipe(
        "zypper", "base", debian=("zypper", "rpm", "lsof"), manager="zypper", lab=("patchlab-release", *_LAB),
        files=(("etc/os-release", _os_release("zypper", "suse")), _RPM_DATABASE), commands=(_NO_APT,)),
)}
RECIPES.update({recipe.name: recipe for recipe in (
    Recipe(f"{parent}-{level}", parent, manager=RECIPES[parent].manager, level=level)
    for parent in ("web", "dnf", "zypper") for level in LEVELS[1:])})


def plain(name: str) -> str:
    """The image as it was before it was brought to a level."""
    recipe = RECIPES[name]
    return recipe.parent if recipe.level and recipe.parent else name


def lineage(name: str) -> list[Recipe]:
    """The recipe and all it stands on, the base last."""
    chain = [RECIPES[name]]
    while chain[-1].parent is not None:
        chain.append(RECIPES[chain[-1].parent])
    return chain


def image_key(name: str, codename: str, arch: str, packages: str, upstream: str = "") -> str:
    """The name of an image in the cache: another recipe or parent gives another one, and other packages of the lab if it holds any."""
    chain = [_document(recipe) for recipe in lineage(name)]
    text = json.dumps([FORMAT, codename, arch, chain, packages if any(recipe.lab for recipe in lineage(name)) else ""], sort_keys=True)
    return f"{name}-{hashlib.sha256((text + upstream).encode()).hexdigest()[:12]}"


def _document(recipe: Recipe) -> dict[str, Any]:
    """Images without a level keep the names that they had before there were levels."""
    return {key: value for key, value in asdict(recipe).items() if key != "level" or value}
