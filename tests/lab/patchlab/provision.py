# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that make an image this very host, written into its empty upper layer."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from . import cluster, hypervisor, roles, slurm
from .addresses import gateway, host_address
from .paths import HostPaths, LabPaths
from .shell import run
from .signing import public_key
from .state import LabState
from .topology import HostSpec


@dataclass(frozen=True)
class HostFile:
    """A file of a host; the folders above it are made like those of the image."""

    path: str
    text: str
    mode: int = 0o644
    owner: int = 0


def host_files(paths: LabPaths, state: LabState, hosts: Sequence[HostSpec], host: HostSpec) -> list[HostFile]:
    """All files of one host."""
    return [*_identity(paths, state.subnet, hosts, host), *_keys(paths, host), *_role(state, hosts, host),
            *_hypervisor(paths, state.subnet, hosts, host)]


def write_files(layers: Sequence[Path], upper: Path, files: Sequence[HostFile]) -> None:
    """Write them below the upper layer; a folder there hides the image's folder of the same name, so it takes its mode and owner."""
    for item in files:
        target = upper / item.path
        _make_parents(layers, upper, target.parent)
        target.write_text(item.text)
        target.chmod(item.mode)
        os.chown(target, item.owner, item.owner)


def make_host_keys(paths: HostPaths, name: str) -> None:
    """A host keeps its key over resets: who knows it need not learn it again."""
    key = paths.keys / "ssh_host_ed25519_key"
    if not key.exists():
        make_key(key, name)


def make_key(key: Path, comment: str) -> None:
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key])


def known_hosts(paths: LabPaths, subnet: str, hosts: Sequence[HostSpec]) -> str:
    """The lab's own known_hosts file."""
    lines = []
    for host in hosts:
        public = (paths.host(host.name).keys / "ssh_host_ed25519_key.pub").read_text().split()
        lines.append(f"{host.name},{host_address(subnet, host.number)} {public[0]} {public[1]}\n")
    return "".join(lines)


def _identity(paths: LabPaths, subnet: str, hosts: Sequence[HostSpec], host: HostSpec) -> list[HostFile]:
    address = host_address(subnet, host.number)
    names = "".join(f"{host_address(subnet, other.number)} {other.name}\n" for other in hosts)
    return [
        HostFile("etc/hostname", f"{host.name}\n"),
        HostFile("etc/machine-id", hashlib.md5(f"{paths.root}/{host.name}".encode(), usedforsecurity=False).hexdigest() + "\n", 0o444),
        HostFile("etc/hosts", f"127.0.0.1 localhost\n{gateway(subnet)} upstream\n{names}"),
        HostFile("etc/systemd/network/10-host0.network",
                 f"[Match]\nName=host0\n\n[Network]\nAddress={address}/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"),
    ]


def _keys(paths: LabPaths, host: HostSpec) -> list[HostFile]:
    public = paths.key.with_suffix(".pub").read_text()
    own = paths.host(host.name).keys / "ssh_host_ed25519_key"
    return [
        HostFile("root/.ssh/authorized_keys", public, 0o600),
        HostFile("home/ops/.ssh/authorized_keys", public, 0o600, 1000),
        HostFile("etc/ssh/ssh_host_ed25519_key", own.read_text(), 0o600),
        HostFile("etc/ssh/ssh_host_ed25519_key.pub", own.with_suffix(".pub").read_text()),
    ]


def _role(state: LabState, hosts: Sequence[HostSpec], host: HostSpec) -> list[HostFile]:
    found = []
    if host.manager == "apt":
        found.append(HostFile(roles.KEYRING, public_key().read_text()))
        found.append(HostFile("etc/apt/sources.list.d/patchlab.sources", roles.apt_sources(state.subnet, state.codename)))
    else:
        folder = "etc/yum.repos.d" if host.manager == "dnf" else "etc/zypp/repos.d"
        found.append(HostFile(f"{folder}/patchlab.repo", roles.rpm_repository(state.subnet)))
    if "lb" in host.groups:
        found.append(HostFile("etc/haproxy/haproxy.cfg", roles.haproxy_config(state.subnet, hosts)))
    found.extend(HostFile(path, text) for path, text in slurm.files(hosts, host).items())
    if "ha" in host.groups:
        nodes = [(other.name, other.number) for other in hosts if "ha" in other.groups]
        found.extend(HostFile(path, text) for path, text in cluster.node_files(state.subnet, nodes).items())
    return found


def _hypervisor(paths: LabPaths, subnet: str, hosts: Sequence[HostSpec], host: HostSpec) -> list[HostFile]:
    """Guests move from one to the other by ssh."""
    if hypervisor.GROUP not in host.groups:
        return []
    files = hypervisor.ssh_files(paths.key.read_text(), known_hosts(paths, subnet, hosts))
    return [HostFile(path, text, mode) for path, (text, mode) in files.items()]


def _make_parents(layers: Sequence[Path], upper: Path, folder: Path) -> None:
    missing = []
    while folder != upper and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        _like_image(layers, path, path.relative_to(upper))


def _like_image(layers: Sequence[Path], path: Path, relative: Path) -> None:
    for layer in layers:
        original = layer / relative
        if original.is_dir() and not original.is_symlink():
            shutil.copystat(original, path)
            os.chown(path, original.stat().st_uid, original.stat().st_gid)
            return
