# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible inventory of a lab; pure."""

from __future__ import annotations

import shlex
from typing import Any, Sequence

import yaml

from .addresses import host_address
from .paths import LabPaths
from .topology import HostSpec

_GROUPS = ("lb", "web", "apt", "dnf", "zypper", "fleet", "golden", "repository", "new", "ha", "slurm_controller", "slurm_node", "hypervisor")


def ssh_options(paths: LabPaths) -> list[str]:
    """Options that keep the lab away from the user's own ssh files."""
    return [
        "-o", f'UserKnownHostsFile="{paths.known_hosts}"',
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes",
    ]


def inventory_document(paths: LabPaths, subnet: str, hosts: Sequence[HostSpec]) -> dict[str, Any]:
    """The inventory as a plain document: hosts, then groups that have members."""
    groups: dict[str, Any] = {}
    for group in _GROUPS:
        names = [host.name for host in hosts if group in host.groups]
        if names:
            groups[group] = {"hosts": dict.fromkeys(names)}
    return {"all": {
        "vars": _common(paths),
        "hosts": {host.name: _variables(subnet, host) for host in hosts},
        "children": groups,
    }}


def render_inventory(paths: LabPaths, subnet: str, hosts: Sequence[HostSpec]) -> str:
    return yaml.safe_dump(inventory_document(paths, subnet, hosts), sort_keys=False)


def _common(paths: LabPaths) -> dict[str, Any]:
    return {
        "ansible_ssh_private_key_file": str(paths.key),
        "ansible_ssh_common_args": shlex.join(ssh_options(paths)),
        "ansible_python_interpreter": "/usr/bin/python3",
        "lab_name": paths.name,
        "lab_home": str(paths.root),
    }


def _variables(subnet: str, host: HostSpec) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ansible_host": host_address(subnet, host.number),
        "ansible_user": host.user,
        "ansible_pkg_mgr": host.manager,
    }
    if host.user != "root":
        found["ansible_become"] = True
    return found
