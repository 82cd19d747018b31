# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the host's tools and kernel files say, turned into data. Pure."""

from __future__ import annotations

import ipaddress
import re
import struct
import sys
from typing import Dict, List, NamedTuple, Sequence, Tuple

from ..errors import ParseFailed
from ..text import first_line

_OCTAL = re.compile(r"\\([0-7]{3})")
_PROCESS = re.compile(r'users:\(\("(.*?)",pid=')
_LISTENING = {"tcp": "0A", "udp": "07"}
_UNNAMED = ""

# File systems that hold no data of their own, or that come and go by themselves.
_PSEUDO = frozenset(
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs iso9660 mqueue nfsd nsfs "
    "proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tracefs fuse.gvfsd-fuse fuse.lxcfs fuse.portal".split())
_PRIVATE = ("/proc", "/sys", "/dev", "/run", "/snap", "/var/lib/containers", "/var/lib/containerd", "/var/lib/docker",
            "/var/lib/kubelet")
_REMOTE = frozenset("9p afs beegfs ceph cifs glusterfs gpfs lustre nfs nfs4 smb3 smbfs".split())


class Unit(NamedTuple):
    name: str
    active: str
    sub: str


class Job(NamedTuple):
    unit: str
    type: str
    state: str


class Mount(NamedTuple):
    path: str
    source: str
    type: str
    read_only: bool

    @property
    def local(self) -> bool:
        """Whether asking for its space can't hang on another machine."""
        return self.type not in _REMOTE and not self.type.startswith("fuse")


class Socket(NamedTuple):
    """A listening socket; ``address`` as ``ss`` writes it, for example ``0.0.0.0``, ``[::]``, ``*`` (both) or ``127.0.0.53%lo``."""

    protocol: str
    address: str
    port: int
    process: str

    @property
    def key(self) -> str:
        return "%s %s:%d" % (self.protocol, self.address, self.port)

    def __str__(self) -> str:
        return ("%s %s" % (self.key, self.process)).rstrip()


def properties(text: str) -> List[Dict[str, str]]:
    """The blocks of ``systemctl show``, one for each unit asked for."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]


def units(text: str) -> List[Unit]:
    """``systemctl list-units --plain --no-legend``; older ones put a bullet before what is wrong all the same."""
    rows = [line.lstrip("●*×↻ ").split() for line in text.splitlines()]
    return [Unit(row[0], row[2], row[3]) for row in rows if len(row) >= 4]


def jobs(text: str) -> List[Job]:
    """``systemctl list-jobs --no-legend``; without any job some versions say so in words."""
    rows = [line.split() for line in text.splitlines()]
    return [Job(row[1], row[2], row[3]) for row in rows if len(row) == 4 and row[0].isdigit()]


def routine(blocks: Sequence[Dict[str, str]]) -> List[str]:
    """Units that a timer starts and that end by themselves: their jobs are the host's daily work, no sign of a host that starts."""
    return [block.get("Id", "") for block in blocks
            if block.get("Type") == "oneshot" and any(name.endswith(".timer") for name in block.get("TriggeredBy", "").split())]


def restarts(blocks: Sequence[Dict[str, str]]) -> Dict[str, int]:
    """How often systemd has restarted each unit by itself, where it has."""
    counts = {block.get("Id", ""): int(block["NRestarts"]) for block in blocks if block.get("NRestarts", "").isdigit()}
    return {name: count for name, count in sorted(counts.items()) if count and name}


def port_range(text: str) -> Tuple[int, int]:
    """``/proc/sys/net/ipv4/ip_local_port_range``: the ports that the kernel hands out by itself."""
    words = text.split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        raise ParseFailed("the range of ephemeral ports is not understood: %s" % first_line(text))
    return int(words[0]), int(words[1])


def ss_sockets(text: str) -> List[Socket]:
    """``ss -Hlntup``."""
    rows = [(line, line.split(None, 6)) for line in text.splitlines() if line.strip()]
    return [_ss_socket(line, row) for line, row in rows]


def _ss_socket(line: str, row: Sequence[str]) -> Socket:
    address, _colon, port = (row[4] if len(row) > 4 else "").rpartition(":")
    if not address or not port.isdigit():
        raise ParseFailed("ss printed a line that is not understood: %s" % first_line(line))
    process = _PROCESS.search(line)
    return Socket(row[0], address, int(port), first_line(process.group(1)) if process else _UNNAMED)


def proc_sockets(protocol: str, text: str) -> List[Socket]:
    """``/proc/net/{tcp,tcp6,udp,udp6}``, which know neither interface nor process. ``protocol``: tcp or udp."""
    rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
    if any(len(row) < 4 or row[1].count(":") != 1 for row in rows):
        raise ParseFailed("the kernel's table of %s sockets is not understood" % protocol)
    return [_proc_socket(protocol, row[1]) for row in rows if row[3] == _LISTENING[protocol]]


def _proc_socket(protocol: str, local: str) -> Socket:
    digits, port = local.split(":")
    words = struct.unpack(">%dI" % (len(digits) // 8), bytes.fromhex(digits))
    # The kernel prints each 32-bit word as it lies in memory.
    address = ipaddress.ip_address(struct.pack("%s%dI" % ("<" if sys.byteorder == "little" else ">", len(words)), *words))
    if address.version == 4:
        return Socket(protocol, str(address), int(port, 16), _UNNAMED)
    # Whether [::] takes IPv4 too is not said here; it does unless the program asked otherwise.
    return Socket(protocol, "*" if address.is_unspecified else "[%s]" % address, int(port, 16), _UNNAMED)


def lasting(sockets: Sequence[Socket], ephemeral: Tuple[int, int]) -> List[str]:
    """The listening sockets as the health document has them: sorted, each once, none on a port that the kernel gave out."""
    low, high = ephemeral
    return sorted({str(socket) for socket in sockets if not low <= socket.port <= high})


def mounts(text: str) -> List[Mount]:
    """The mounts that matter in ``/proc/self/mounts``, each path once: what is mounted last hides what was there."""
    rows = [[_unescape(word) for word in line.split(" ")] for line in text.splitlines() if line.strip()]
    if any(len(row) < 4 for row in rows):
        raise ParseFailed("the kernel's list of mounts is not understood")
    found = {row[1]: Mount(row[1], row[0], row[2], "ro" in row[3].split(",")) for row in rows}
    # What an automounter mounts it takes away again when nobody uses it.
    fleeting = _PRIVATE + tuple(row[1] for row in rows if row[2] == "autofs")
    return [found[path] for path in sorted(found) if found[path].type not in _PSEUDO and not _under(path, fleeting)]


def _under(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders if folder != "/")


def _unescape(word: str) -> str:
    """Characters that would break the format (blanks, backslash) are written in octal."""
    return _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), word)


def uptime(kernel: str, init: str, ticks: int) -> float:
    """Seconds that this system has run, from ``/proc/uptime`` and ``/proc/1/stat``: in a container the kernel has run longer."""
    words = kernel.split()
    # The program's name, in parentheses, may hold anything, spaces and parentheses too.
    fields = init.rpartition(")")[2].split()
    if not words or not re.fullmatch(r"\d+(\.\d+)?", words[0]):
        raise ParseFailed("the kernel's uptime is not understood: %s" % first_line(kernel))
    started = int(fields[19]) / ticks if len(fields) > 19 and fields[19].isdigit() else 0.0
    return round(max(0.0, float(words[0]) - started), 1)
