# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's bridge: guests meet each other and the lab's repositories, and nothing else."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from .addresses import SERVER_PORT, gateway, veth_name
from .errors import LabError
from .shell import run

_RULES = """
table inet {table} {{
  chain input {{
    type filter hook input priority -10; policy accept;
    iifname "{bridge}" ct state established,related accept
    iifname "{bridge}" ip daddr {gateway} tcp dport {port} accept
    iifname "{bridge}" ip daddr {gateway} icmp type echo-request accept
    iifname "{bridge}" drop
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "{bridge}" oifname "{bridge}" accept
    iifname "{bridge}" drop
    oifname "{bridge}" drop
  }}
}}
"""


def rules(bridge: str, subnet: str) -> str:
    """Packet filter of one lab. Guests have no route out either; this holds also when a guest makes one."""
    return _RULES.format(table=_table(bridge), bridge=bridge, gateway=gateway(subnet), port=SERVER_PORT)


def networks_in_use() -> list[IPv4Network]:
    """Every IPv4 network that an address or a route of this machine names."""
    found = _addresses() + _routes()
    return [network for network in map(_network, found) if isinstance(network, IPv4Network) and network.prefixlen > 0]


def create_bridge(bridge: str, subnet: str) -> None:
    """Make the bridge and its packet filter; fine when they exist."""
    if not bridge_exists(bridge):
        run(["ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0"])
    run(["ip", "addr", "replace", f"{gateway(subnet)}/{IPv4Network(subnet).prefixlen}", "dev", bridge])
    run(["ip", "link", "set", bridge, "up"])
    run(["nft", "-f", "-"], stdin=f"add table inet {_table(bridge)}\ndelete table inet {_table(bridge)}\n" + rules(bridge, subnet))


def delete_bridge(bridge: str) -> None:
    """Remove bridge and packet filter; fine when they are gone."""
    if bridge_exists(bridge):
        run(["ip", "link", "delete", bridge])
    run(["nft", "-f", "-"], stdin=f"add table inet {_table(bridge)}\ndelete table inet {_table(bridge)}\n")


def bridges() -> list[str]:
    """Every bridge of any lab on this machine."""
    return sorted(path.name for path in Path("/sys/class/net").glob("plab-*"))


def bridge_exists(bridge: str) -> bool:
    return Path("/sys/class/net", bridge).exists()


def cut(ident: str, bridge: str, host: str) -> None:
    """Packets to and from the host vanish from now on: its interface stays up, nobody hears of it."""
    _outer_end(ident, host)
    run(["ip", "link", "set", veth_name(ident, host), "nomaster"])


def mend(ident: str, bridge: str, host: str) -> None:
    """Undo ``cut``. A reboot of the host undoes it too: its interface is made anew."""
    _outer_end(ident, host)
    run(["ip", "link", "set", veth_name(ident, host), "master", bridge])


def _outer_end(ident: str, host: str) -> None:
    if not bridge_exists(veth_name(ident, host)):
        raise LabError(f"{host} is not running (no interface {veth_name(ident, host)}): lab up starts it")


def _table(bridge: str) -> str:
    return bridge.replace("-", "_")


def _addresses() -> list[str]:
    links = json.loads(run(["ip", "-j", "addr"]).stdout)
    return [f"{item['local']}/{item['prefixlen']}" for link in links for item in link.get("addr_info", [])]


def _routes() -> list[str]:
    return [route["dst"] for route in json.loads(run(["ip", "-j", "route", "show", "table", "all"]).stdout) if "dst" in route]


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
