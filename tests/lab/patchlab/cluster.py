# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Pacemaker cluster: its nodes' packages and files, an address and a service that it keeps running, one instance on each node beside; pure."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Sequence

from .addresses import host_address

DEBIAN = ("corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents", "pcs", "crmsh")
CAPABILITIES = "--capability=CAP_IPC_LOCK,CAP_SYS_NICE"
"""What corosync wants of the machine: memory that is not swapped out, and its turn in time."""
FIRST = "ha1"
"""The node that brings the first configuration."""
PORT = 8090
_FLOATING = 200

_SERVICE = """[Unit]
Description=The service that the cluster keeps running
After=network.target

[Service]
ExecStartPre=/usr/bin/test ! -e /etc/patchlab-ha.fail
ExecStart=/usr/bin/python3 /usr/local/lib/patchlab-ha.py
"""

_FOUND = f"""[Unit]
Description=The first resources of the cluster
After=pacemaker.service
ConditionHost={FIRST}
ConditionPathExists=!/var/lib/patchlab-cluster.done
StartLimitIntervalSec=0

[Service]
Type=oneshot
# Not before the nodes have met: of two databases that grew apart the cluster takes one.
ExecStartPre=/bin/sh -c 'test "$(crm_mon --one-shot --output-as=xml | grep -c "<node name=.* online=.true. .* pending=.false.")" = 2'
ExecStart=/usr/sbin/cibadmin --replace --scope resources --xml-file /etc/patchlab-cluster.xml
ExecStartPost=/usr/bin/touch /var/lib/patchlab-cluster.done
Restart=on-failure
RestartSec=500ms

[Install]
WantedBy=multi-user.target
"""

# Its nodes start together, so none waits long for others before it elects itself.
_DATABASE = """<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="option-stonith" name="stonith-enabled" value="false"/>
        <nvpair id="option-deadtime" name="dc-deadtime" value="3s"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources/>
    <constraints/>
  </configuration>
  <status/>
</cib>
"""

FILES = (
    ("var/lib/pacemaker/cib/cib.xml", _DATABASE),
    ("usr/local/lib/patchlab-ha.py", (Path(__file__).parent / "payload" / "ha.py").read_text()),
    ("etc/systemd/system/patchlab-ha.service", _SERVICE),
    ("etc/systemd/system/patchlab-cluster.service", _FOUND),
)
COMMANDS = (
    ("chown", "hacluster:haclient", "/var/lib/pacemaker/cib/cib.xml"),
    ("chmod", "0600", "/var/lib/pacemaker/cib/cib.xml"),
    ("systemctl", "enable", "corosync.service", "pacemaker.service", "patchlab-cluster.service"),
    ("systemctl", "disable", "pcsd.service", "pcsd-ruby.service"),
)

_COROSYNC = """totem {{
    version: 2
    cluster_name: patchlab
    transport: knet
    crypto_cipher: none
    crypto_hash: none
}}
system {{
    allow_knet_handle_fallback: yes
}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
}}
logging {{
    to_syslog: yes
}}
nodelist {{
{nodes}}}
"""

_NODE = """    node {{
        name: {name}
        nodeid: {number}
        ring0_addr: {address}
    }}
"""

_RESOURCES = """<resources>
  <group id="front">
    <primitive id="front-address" class="ocf" provider="heartbeat" type="IPaddr2">
      <instance_attributes id="front-address-attributes">
        <nvpair id="front-address-ip" name="ip" value="{address}"/>
        <nvpair id="front-address-mask" name="cidr_netmask" value="24"/>
      </instance_attributes>
      <operations><op id="front-address-monitor" name="monitor" interval="5s" timeout="20s"/></operations>
    </primitive>
    <primitive id="front-service" class="systemd" type="patchlab-ha">
      <operations>
        <op id="front-service-start" name="start" interval="0s" timeout="20s"/>
        <op id="front-service-monitor" name="monitor" interval="5s" timeout="20s"/>
      </operations>
    </primitive>
  </group>
  <clone id="everywhere">
    <primitive id="beside" class="ocf" provider="pacemaker" type="Dummy">
      <operations><op id="beside-monitor" name="monitor" interval="10s" timeout="20s"/></operations>
    </primitive>
  </clone>
</resources>
"""


def floating(subnet: str) -> str:
    """The address that moves with the service."""
    return str(IPv4Network(subnet)[_FLOATING])


def front(subnet: str) -> str:
    """Where clients find the cluster's service."""
    return f"http://{floating(subnet)}:{PORT}/"


def node_files(subnet: str, nodes: Sequence[tuple[str, int]]) -> dict[str, str]:
    """The files of every node, from the names and numbers of all of them."""
    told = "".join(_NODE.format(name=name, number=number, address=host_address(subnet, number)) for name, number in nodes)
    return {
        "etc/corosync/corosync.conf": _COROSYNC.format(nodes=told),
        "etc/patchlab-cluster.xml": _RESOURCES.format(address=floating(subnet)),
    }
