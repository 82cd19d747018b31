# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two labs never meet: neither in addresses nor in names."""

from __future__ import annotations

from ipaddress import IPv4Network, collapse_addresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from patchlab.addresses import bridge_name, choose_ident, choose_subnet, gateway, host_address, machine_name, veth_name
from patchlab.errors import LabError
from patchlab.topology import TOPOLOGIES

RANGE = IPv4Network("10.64.0.0/10")
networks = st.builds(
    lambda number, length: IPv4Network((number, length), strict=False),
    st.integers(int(RANGE[0]), int(RANGE[-1])), st.integers(12, 30))


def every_subnet_is_taken(taken: list[IPv4Network]) -> bool:
    subnets = [network if network.prefixlen <= 24 else network.supernet(new_prefix=24) for network in taken]
    return list(collapse_addresses(subnets)) == [RANGE]


@given(st.text(), st.lists(networks, max_size=20))
@example("", list(RANGE.subnets(new_prefix=12)))
def test_subnet_overlaps_nothing_taken(key: str, taken: list[IPv4Network]) -> None:
    if every_subnet_is_taken(taken):
        with pytest.raises(LabError):
            choose_subnet(key, taken)
        return
    found = choose_subnet(key, taken)
    assert found.prefixlen == 24
    assert found.subnet_of(RANGE)
    assert not any(found.overlaps(other) for other in taken)


def test_same_lab_gets_the_same_subnet_when_it_is_free() -> None:
    first = choose_subnet("lab", [])
    assert choose_subnet("lab", []) == first
    assert choose_subnet("lab", [first]) != first


def test_no_room_is_said() -> None:
    with pytest.raises(LabError, match="no free subnet"):
        choose_subnet("lab", [RANGE])


@given(st.text(), st.sets(st.integers(0, 65535).map(lambda number: f"{number:04x}"), max_size=50))
def test_ident_is_free(key: str, taken: set[str]) -> None:
    found = choose_ident(key, taken)
    assert found not in taken
    assert len(found) == 4


def test_interface_names_fit_the_kernel() -> None:
    """Fifteen characters; a longer one systemd-nspawn shortens by a hash, and ``cut`` would not find it."""
    names = [veth_name("0000", spec.name) for hosts in TOPOLOGIES.values() for spec in hosts]
    assert max(map(len, [*names, bridge_name("0000")])) <= 15


@given(st.text("ab-1", min_size=1, max_size=30))
def test_no_host_of_any_name_is_too_long(name: str) -> None:
    assert len(veth_name("0000", name)) <= 15
    assert len(name) > 8 or machine_name("0000", name) == f"0000{name}"


def test_long_names_with_one_beginning_stay_apart() -> None:
    assert machine_name("0000", "gold-zypper") != machine_name("0000", "gold-zypper2")


def test_hosts_have_addresses_of_their_own() -> None:
    for hosts in TOPOLOGIES.values():
        addresses = [host_address("10.64.7.0/24", spec.number) for spec in hosts]
        assert len({*addresses, gateway("10.64.7.0/24")}) == len(hosts) + 1
