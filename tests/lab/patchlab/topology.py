# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a lab has; pure."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import LabError


@dataclass(frozen=True)
class HostSpec:
    """One host: its role says what is configured on it, its image what is installed."""

    name: str
    image: str
    number: int
    user: str = "root"
    groups: tuple[str, ...] = ()
    manager: str = "apt"


def _web(name: str, number: int, *, user: str = "root", image: str = "web") -> HostSpec:
    return HostSpec(name, image, number, user, ("web", "apt", "fleet"))


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
    "mini": (_LB, *_WEB[:2]),
    "apt1": (_web("web1", 1),),
}


def topology(name: str) -> tuple[HostSpec, ...]:
    """The hosts of a topology."""
    try:
        return TOPOLOGIES[name]
    except KeyError:
        raise LabError(f"there is no topology {name!r}; there are: {', '.join(sorted(TOPOLOGIES))}") from None


def members(hosts: tuple[HostSpec, ...], group: str) -> list[HostSpec]:
    return [host for host in hosts if group in host.groups]
