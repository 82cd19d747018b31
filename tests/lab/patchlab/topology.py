# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a lab has; pure."""

from __future__ import annotations

from dataclasses import dataclass

from . import cluster
from .errors import LabError
from .recipes import plain


@dataclass(frozen=True)
class HostSpec:
    """One host: its role says what is configured on it, its image what is installed."""

    name: str
    image: str
    number: int
    user: str = "root"
    groups: tuple[str, ...] = ()
    manager: str = "apt"
    later: bool = False
    """Not started by ``up`` but by name: a host that joins."""
    options: tuple[str, ...] = ()
    """What systemd-nspawn is told beside the usual."""


def _web(name: str, number: int, *, user: str = "root", image: str = "web") -> HostSpec:
    return HostSpec(name, image, number, user, ("web", "apt", "fleet"))


def _rpm(name: str, number: int, image: str) -> HostSpec:
    manager = image.partition("-")[0]
    return HostSpec(name, image, number, groups=(manager, "fleet"), manager=manager)


def _golden(manager: str, number: int) -> HostSpec:
    """At the level that hosts are meant to come to."""
    image = "web" if manager == "apt" else manager
    return HostSpec(f"gold-{manager}", f"{image}-advanced", number, groups=("golden", manager), manager=manager)


def _repository(number: int) -> HostSpec:
    return HostSpec("repo1", "repo", number, groups=("repository", "apt"))


def _node(number: int) -> HostSpec:
    return HostSpec(f"ha{number}", "ha", number, groups=("ha", "apt", "fleet"), options=(cluster.CAPABILITIES,))


_LB = HostSpec("lb1", "lb", 0, groups=("lb", "apt"))
_WEB = (_web("web1", 1), _web("web2", 2, user="ops"), _web("web3", 3, user="ops"), _web("web4", 4, image="web-needrestart"))

TOPOLOGIES: dict[str, tuple[HostSpec, ...]] = {
    "web": (
        _LB, *_WEB,
        HostSpec("dnf1", "dnf", 5, groups=("dnf", "fleet"), manager="dnf"),
        HostSpec("zypper1", "zypper", 6, groups=("zypper", "fleet"), manager="zypper"),
    ),
    "fleet": (
        _LB, *_WEB, *(_web(f"web{number}", number, user="ops" if number % 2 else "root") for number in range(5, 9)),
        *(HostSpec(f"dnf{number}", "dnf", 8 + number, groups=("dnf", "fleet"), manager="dnf") for number in (1, 2)),
        *(HostSpec(f"zypper{number}", "zypper", 10 + number, groups=("zypper", "fleet"), manager="zypper") for number in (1, 2)),
    ),
    "bench": (_LB, *(_web(f"web{number}", number, user="ops" if number % 2 else "root", image="web-python-apt") for number in range(1, 13))),
    "mini": (_LB, *_WEB[:2]),
    "pair": (
        *(HostSpec(name, "lb-keepalived", number, groups=("lb", "apt", "fleet")) for name, number in (("lb1", 0), ("lb2", 3))), *_WEB[:2],
    ),
    "apt1": (_web("web1", 1),),
    "train": (
        _LB, _web("web1", 1), _web("web2", 2, user="ops", image="web-advanced"), _web("web3", 3, image="web-next"),
        _rpm("dnf1", 5, "dnf"), _rpm("zypper1", 6, "zypper-next"),
        _golden("apt", 7), _golden("dnf", 8), _golden("zypper", 9), _repository(10),
        HostSpec("new1", "web", 11, groups=("new", "apt"), later=True),
    ),
    "demo": (
        _LB, _web("web1", 1), _web("web2", 2, user="ops", image="web-advanced"), _web("web3", 3, user="ops", image="web-next"), _web("web4", 4),
        _rpm("dnf1", 5, "dnf"), _rpm("zypper1", 6, "zypper-next"),
        _golden("apt", 7), _golden("dnf", 8), _golden("zypper", 9), _repository(10),
    ),
    "release1": (_LB, _web("web1", 1), _golden("apt", 7), _repository(10)),
    "slurm": (
        HostSpec("slurm1", "slurm", 1, groups=("slurm_controller", "apt")),
        *(HostSpec(f"node{number}", "slurm", number + 1, groups=("slurm_node", "apt", "fleet")) for number in (1, 2, 3)),
    ),
    "pacemaker": (_node(1), _node(2)),
    "balanced": (_LB, _node(1), _node(2)),
    "release2": (_rpm("dnf1", 5, "dnf"), _rpm("zypper1", 6, "zypper"), _golden("dnf", 8), _golden("zypper", 9), _repository(10)),
    "libvirt": tuple(HostSpec(f"hv{number}", "hypervisor", number, groups=("hypervisor", "apt", "fleet")) for number in (1, 2, 3)),
}


def topology(name: str) -> tuple[HostSpec, ...]:
    """The hosts of a topology."""
    try:
        return TOPOLOGIES[name]
    except KeyError:
        raise LabError(f"there is no topology {name!r}; there are: {', '.join(sorted(TOPOLOGIES))}") from None


def supplied(fleet: tuple[HostSpec, ...]) -> list[str]:
    """The images whose packages the lab's upstream has. Labs with releases share one upstream, and so the images that come from it."""
    wider = TOPOLOGIES["train"] if any("repository" in spec.groups for spec in fleet) else ()
    return sorted({plain(spec.image) for spec in (*fleet, *wider)})


def members(hosts: tuple[HostSpec, ...], group: str) -> list[HostSpec]:
    return [host for host in hosts if group in host.groups]
