# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is configured on a host for its role; pure."""

from __future__ import annotations

from typing import Sequence

from .addresses import SERVER_PORT, gateway, host_address
from .topology import HostSpec, members

STATS_PORT = 8404
WEB_PORT = 8080

_HAPROXY = """global
    log stdout format raw local0 notice
    stats socket /run/haproxy/admin.sock mode 660 level admin
    user haproxy
    group haproxy
    maxconn 2000

defaults
    mode http
    log global
    option redispatch
    retries 3
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout queue 5s

frontend front
    bind :80
    default_backend web

backend web
    balance roundrobin
    option httpchk GET /health
    default-server inter 500ms fall 2 rise 2
{servers}
frontend stats
    bind :{port}
    stats enable
    stats uri /stats
"""

_APT = """Types: deb
URIs: {base}/debian
Suites: {codename}
Components: main
Signed-By: {keyring}

Types: deb
URIs: {base}/debian-security
Suites: {codename}-security
Components: main
Signed-By: {keyring}

Types: deb
URIs: {base}/lab
Suites: lab
Components: main
Signed-By: {keyring}

Types: deb
URIs: {base}/lab-security
Suites: lab-security
Components: main
Signed-By: {keyring}
"""

KEYRING = "usr/share/keyrings/patchlab.asc"


def haproxy_config(subnet: str, fleet: Sequence[HostSpec]) -> str:
    """A load balancer over all web hosts of the lab, those that join later too, with its runtime API at /run/haproxy/admin.sock."""
    hosts = [*members(tuple(fleet), "web"), *members(tuple(fleet), "new")]
    servers = "".join(f"    server {spec.name} {host_address(subnet, spec.number)}:{WEB_PORT} check\n" for spec in hosts)
    return _HAPROXY.format(servers=servers, port=STATS_PORT)


def apt_sources(subnet: str, codename: str) -> str:
    return _APT.format(base=upstream_url(subnet), codename=codename, keyring=f"/{KEYRING}")


def rpm_repository(subnet: str) -> str:
    """The same file serves dnf and zypper."""
    return (f"[patchlab]\nname=The lab's upstream\nbaseurl={upstream_url(subnet)}/rpm\nenabled=1\ngpgcheck=0\n"
            "metadata_expire=60\nautorefresh=1\n")


def upstream_url(subnet: str) -> str:
    """An address, not a name: guests have no DNS."""
    return f"http://{gateway(subnet)}:{SERVER_PORT}"
