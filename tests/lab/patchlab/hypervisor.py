# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypervisors: libvirt and QEMU without hardware's help, and guests so small that several run on each; pure.

A guest counts on its serial line ten times a second. What it says is appended to a file on the hypervisor that it runs on.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

DEBIAN = (
    "libvirt-daemon-system", "libvirt-clients", "libvirt-daemon-driver-qemu", "qemu-system-x86", "qemu-utils", "netcat-openbsd",
    "busybox-static", "cpio", "linux-image-cloud-amd64",
)
GROUP = "hypervisor"
_HOME = "/usr/local/lib/patchlab-guest"
COUNTS = "var/lib/patchlab-guest"
"""Where guests count, below the root of their hypervisor."""

_PAYLOAD = Path(__file__).parent / "payload"
# Control groups, security labels and namespaces of a container are not for its guest to divide.
_QEMU = """user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
"""
FILES = (
    (f"{_HOME[1:]}/init", (_PAYLOAD / "guest-init.sh").read_text()),
    (f"{_HOME[1:]}/build", (_PAYLOAD / "guest-build.sh").read_text()),
    ("etc/libvirt/qemu.conf", _QEMU),
)
COMMANDS = (
    ("sh", f"{_HOME}/build"),
    ("install", "-d", f"/{COUNTS}"),
    ("systemctl", "enable", "libvirtd.service"),
    ("systemctl", "mask", "libvirt-guests.service"),
)

_GUEST = """<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{home}/vmlinuz</kernel>
    <initrd>{home}/initramfs</initrd>
    <cmdline>quiet</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <serial type='file'><source path={counts} append='on'/></serial>
    {devices}
  </devices>
</domain>
"""


def guest(name: str, counts: str = "", memory: int = 96, devices: str = "") -> str:
    """A guest's definition; ``counts`` is the name of its file, by default the guest's own."""
    return _GUEST.format(name=escape(name), memory=memory, home=_HOME, counts=quoteattr(f"/{COUNTS}/{counts or name}"), devices=devices)


def ssh_files(private: str, known: str) -> dict[str, tuple[str, int]]:
    """Hypervisors reach each other as root: path, text and mode of what that takes."""
    return {"root/.ssh/id_ed25519": (private, 0o600), "root/.ssh/known_hosts": (known, 0o600)}
