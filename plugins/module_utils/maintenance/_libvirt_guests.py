# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Guests as virsh describes them, what keeps one where it is, and the mark that says where it belongs. Pure.

A guest that is taken away carries its home in the metadata of its definition, which migrates with it: whoever brings it back, even
after a crash of everything else, finds there where it came from and how it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from ..errors import ParseFailed
from ..text import first_line

HOME_URI = "urn:fleetops:patchtrain:home"
PINNED_URI = "urn:fleetops:patchtrain:pinned"

RUNNING, PAUSED, SHUT_OFF = "running", "paused", "shut off"
MOVE, SHUTDOWN, SAVE, STAY = "move", "shutdown", "save", "stay"
_WAYS = (MOVE, SHUTDOWN, SAVE, STAY)

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MEMORY = re.compile(r"(total|free|buffers|cached)\s*:\s*(\d+) KiB")
_FIELD = re.compile(r"([A-Z][A-Za-z ()]*):\s+(.*)")
# Of these devices the guest would lose its own, or QEMU refuses to go without.
_HELD_DEVICES = {"hostdev": "host device", "filesystem": "file system of the host", "vsock": "vsock", "shmem": "shared memory"}
_LOCAL_DISKS = ("file", "block", "dir")
_AGENT = "org.qemu.guest_agent.0"
_ANYWHERE_DISKS = ("network", "volume")


@dataclass(frozen=True)
class Home:
    """Where a guest belongs, how it was there, and in which way it was taken out of the way; of one that moves, the host that it goes to; of
    one that is stopped, whether its agent answered before."""

    host: str
    state: str
    autostart: bool
    way: str
    to: str = ""
    agent: bool = False

    def xml(self) -> str:
        return "<home host=%s state=%s autostart=%s way=%s%s%s/>" % (
            quoteattr(self.host), quoteattr(self.state), quoteattr("yes" if self.autostart else "no"), quoteattr(self.way),
            " to=%s" % quoteattr(self.to) if self.to else "", ' agent="yes"' if self.agent else "")


@dataclass(frozen=True)
class Disk:
    """A medium of a guest. ``path`` is empty where it is not a path of the host."""

    target: str
    kind: str
    path: str

    @property
    def anywhere(self) -> bool:
        """Whether every hypervisor reaches it under the same name."""
        return self.kind in _ANYWHERE_DISKS


@dataclass(frozen=True)
class Guest:
    """One guest on one hypervisor. ``held``: what in its definition can't leave the host; ``agent``: whether QEMU's agent runs in it."""

    uuid: str
    name: str
    title: str
    active: bool
    state: str
    memory: int
    persistent: bool
    autostart: bool
    saved: bool
    home: Optional[Home] = None
    pinned: Optional[str] = None
    held: Tuple[str, ...] = ()
    disks: Tuple[Disk, ...] = ()
    agent: bool = False

    @property
    def told(self) -> str:
        """Its name, fit for a message."""
        return first_line(self.name)


@dataclass(frozen=True)
class Overview:
    """A hypervisor without its guests' details; memory in KiB."""

    host: str
    total: int
    free: int
    uuids: Tuple[str, ...]


def is_uuid(text: str) -> bool:
    return bool(_UUID.fullmatch(text))


def parse_overview(text: str) -> Overview:
    """What ``hostname; nodememstats; list --all --uuid`` print one after the other."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    memory: Dict[str, int] = {match[1]: int(match[2]) for match in map(_MEMORY.fullmatch, lines) if match}
    uuids = tuple(line for line in lines if is_uuid(line))
    if not lines or " " in lines[0] or is_uuid(lines[0]) or not {"total", "free"} <= set(memory):
        raise ParseFailed("virsh told neither name nor memory of its host; it answered: %s" % first_line(text))
    return Overview(lines[0], memory["total"], memory["free"] + memory.get("buffers", 0) + memory.get("cached", 0), uuids)


def parse_guests(text: str) -> List[Guest]:
    """What ``dominfo X; dumpxml X`` print for each guest, one after the other."""
    parts = re.split(r"(?m)^(?=Id:\s)", text)
    if parts[0].strip():
        raise ParseFailed("virsh described its guests in a way that is not understood: %s" % first_line(parts[0]))
    return [_guest(part) for part in parts[1:]]


def _guest(text: str) -> Guest:
    at = text.find("\n<domain")
    fields: Dict[str, str] = {match[1]: match[2] for match in map(_FIELD.fullmatch, text[:at].splitlines()) if match}
    if at < 0 or not is_uuid(fields.get("UUID", "")) or "State" not in fields:
        raise ParseFailed("virsh described a guest in a way that is not understood: %s" % first_line(text))
    try:
        root = ElementTree.fromstring(text[at:].strip())
    except ElementTree.ParseError as error:
        raise ParseFailed("the definition of guest %s is no XML: %s" % (fields["UUID"], error)) from error
    return Guest(
        fields["UUID"], root.findtext("name", ""), root.findtext("title", ""), fields.get("Id") != "-", _state(fields["State"]),
        _kib(fields.get("Max memory", "")), fields.get("Persistent") == "yes", fields.get("Autostart") == "enable",
        fields.get("Managed save") == "yes", _home(root), _pinned(root), tuple(_held(root)), tuple(_disks(root)), _agent(root))


def _state(word: str) -> str:
    """``idle`` and ``no state`` are words of other hypervisors for a guest that runs and has nothing to do."""
    return RUNNING if word in (RUNNING, "idle", "no state") else word


def _kib(text: str) -> int:
    number, _space, unit = text.partition(" ")
    if not number.isdigit() or unit != "KiB":
        raise ParseFailed("virsh told a guest's memory as %s" % first_line(text))
    return int(number)


def _home(root: Element) -> Optional[Home]:
    item = root.find("metadata/{%s}home" % HOME_URI)
    if item is None or item.get("way") not in _WAYS:
        return None
    return Home(item.get("host", ""), item.get("state", ""), item.get("autostart") == "yes", item.get("way", ""), item.get("to", ""),
                item.get("agent") == "yes")


def _pinned(root: Element) -> Optional[str]:
    item = root.find("metadata/{%s}pinned" % PINNED_URI)
    return None if item is None else first_line(item.get("reason") or "it is marked so")


def _agent(root: Element) -> bool:
    return any(item.get("name") == _AGENT and item.get("state") == "connected" for item in root.findall("devices/channel/target"))


def _held(root: Element) -> List[str]:
    devices = root.find("devices")
    found: Dict[str, None] = {}
    for item in devices if devices is not None else ():
        word = _holds(item)
        if word:
            found[word] = None
    return list(found)


def _holds(item: Element) -> str:
    if item.tag in _HELD_DEVICES:
        kind = item.get("type") or ""
        return "a %s%s" % (_HELD_DEVICES[item.tag], " (%s)" % first_line(kind) if kind else "")
    if item.tag == "interface" and item.get("type") in ("hostdev", "vdpa") and not _replaceable(item):
        return "a network device of the host"
    backend = item.find("backend") if item.tag == "tpm" else None
    return "the host's TPM" if backend is not None and backend.get("type") == "passthrough" else ""


def _replaceable(interface: Element) -> bool:
    """libvirt takes it off before the migration and plugs it in afterwards."""
    teaming = interface.find("teaming")
    return teaming is not None and teaming.get("type") == "transient"


def _disks(root: Element) -> List[Disk]:
    found = []
    for item in root.findall("devices/disk"):
        source, target = item.find("source"), item.find("target")
        if source is not None and target is not None:
            path = next((source.get(key) or "" for key in ("file", "dev", "dir") if source.get(key)), "")
            found.append(Disk(target.get("dev", ""), item.get("type", ""), path))
    # An empty drive has nothing that could be missing elsewhere.
    return [disk for disk in found if disk.path or disk.kind not in _LOCAL_DISKS]


def some(words: Sequence[str], most: int = 5) -> str:
    """As many as a message can hold."""
    return "; ".join(words[:most]) + ("; and %d more" % (len(words) - most) if len(words) > most else "")
