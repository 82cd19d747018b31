# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which subnet and which names a lab takes; pure."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Network
from typing import Collection, Iterable, Iterator

from .errors import LabError

_FIRST_HOST = 10
_LONGEST = 8
SERVER_PORT = 8471


def choose_subnet(key: str, taken: Iterable[IPv4Network]) -> IPv4Network:
    """A /24 inside 10.64.0.0/10: the one that the key hashes to, or the next that overlaps nothing taken."""
    used = list(taken)
    for candidate in _candidates(key):
        if not any(candidate.overlaps(other) for other in used):
            return candidate
    raise LabError("no free subnet in 10.64.0.0/10: take some labs down, or run: lab prune")


def choose_ident(key: str, taken: Collection[str]) -> str:
    """Four hex digits: short, because a host's interface name has 15 characters in all."""
    start = _number(key) % 65536
    for step in range(65536):
        ident = f"{(start + step) % 65536:04x}"
        if ident not in taken:
            return ident
    raise LabError("no free name for a lab: run: lab prune")


def bridge_name(ident: str) -> str:
    return f"plab-{ident}"


def machine_name(ident: str, host: str) -> str:
    """Cut and made different again where the name of its interface would be too long."""
    if len(host) > _LONGEST:
        host = f"{host[:_LONGEST - 3]}{_number(host) % 4096:03x}"
    return f"{ident}{host}"


def veth_name(ident: str, host: str) -> str:
    """What systemd-nspawn calls the outer end; longer ones than 15 characters it would shorten by a hash."""
    return f"vb-{machine_name(ident, host)}"


def gateway(subnet: str) -> str:
    """The lab's own address on the bridge, where its repositories are served."""
    return str(IPv4Network(subnet)[1])


def host_address(subnet: str, number: int) -> str:
    """The address of the host with this number in its topology."""
    return str(IPv4Network(subnet)[_FIRST_HOST + number])


def _candidates(key: str) -> Iterator[IPv4Network]:
    start = _number(key) % 16384
    for step in range(16384):
        index = (start + step) % 16384
        yield IPv4Network((0x0A400000 + (index << 8), 24))


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
