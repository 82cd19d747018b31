# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypervisors that are not there, behind a virsh that answers in the words of the real one (data/libvirt-9.0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Sequence
from xml.sax.saxutils import escape

from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandTimeout, ToolMissing
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.driver import Context
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.registry import make
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

HERE = "qemu:///system"
HV1, HV2, HV3 = ("qemu+ssh://hv%d/system" % number for number in (1, 2, 3))
PEERS = {"peers": [HV1, HV2]}
GIB = 1024 * 1024

_INFO = """Id:             {id}
Name:           {name}
UUID:           {uuid}
OS Type:        hvm
State:          {state}
CPU(s):         1
Max memory:     {memory} KiB
Used memory:    {memory} KiB
Persistent:     {persistent}
Autostart:      {autostart}
Managed save:   {saved}
Security model: none
Security DOI:   0

"""
_XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <title>{title}</title>
  <metadata>{home}</metadata>
  <devices>
    {devices}
  </devices>
</domain>

"""


@dataclass
class FakeGuest:
    name: str
    number: int
    active: bool = True
    state: str = "running"
    memory: int = GIB
    persistent: bool = True
    autostart: bool = False
    saved: bool = False
    title: str = ""
    home: str = ""
    devices: str = ""
    obeys: bool = True
    restarts: int = 0
    states_saved: List[str] = field(default_factory=list)
    reason: str = ""
    agent: str = ""
    """The channel to its agent: empty for none, else connected or disconnected."""

    @property
    def uuid(self) -> str:
        return "00000000-0000-4000-8000-%012d" % self.number

    @property
    def looks(self) -> tuple:
        """What must be the same afterwards."""
        return (self.name, self.active, self.state, self.autostart, self.home, self.persistent)

    def told(self) -> str:
        words = {"id": "4" if self.active else "-", "name": self.name, "uuid": self.uuid, "state": self.state, "memory": self.memory,
                 "persistent": "yes" if self.persistent else "no", "autostart": "enable" if self.autostart else "disable",
                 "saved": "yes" if self.saved else "no"}
        home = self.home.replace("<home ", '<patchtrain:home xmlns:patchtrain="urn:fleetops:patchtrain:home" ')
        state = " state='%s'" % self.agent if self.active else ""
        channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'%s/></channel>" % state if self.agent else ""
        xml = _XML.format(name=escape(self.name), uuid=self.uuid, title=escape(self.title), home=home, devices=self.devices + channel)
        return _INFO.format(**words) + xml


@dataclass
class FakeHost:
    name: str
    guests: Dict[str, FakeGuest] = field(default_factory=dict)
    total: int = 64 * GIB
    free: int = 60 * GIB
    dead: bool = False

    def looks(self) -> list:
        return sorted(guest.looks for guest in self.guests.values())


class Stage:
    """A runner at hv1. ``faults`` are asked before each command: one may answer in its place, or change something behind the driver's back."""

    def __init__(self, *guests: FakeGuest) -> None:
        self.hosts = {HV1: FakeHost("hv1", {guest.uuid: guest for guest in guests}), HV2: FakeHost("hv2"), HV3: FakeHost("hv3")}
        self.at = HV1
        self.commands: List[Sequence[str]] = []
        self.faults: List[Callable[[Sequence[str], str], Optional[Completed]]] = []
        self.file_system = "ext2/ext3"
        self.time = 0.0
        self.snapshots = ""
        self.asked: List[Dict[str, str]] = []
        self.answering: Callable[[], bool] = lambda: True

    # What the driver sees of it

    def driver(self, host: str = "hv1", check_mode: bool = False, **options: Any) -> Any:
        clock = Clock(now=lambda: self.time, sleep=self._sleep)
        return make("libvirt", host, {**PEERS, **options}, Context(self, clock, check_mode))

    def _sleep(self, seconds: float) -> None:
        self.time += seconds

    def which(self, tool: str) -> Optional[str]:
        return None if tool == "missing" else tool

    def read(self, path: str) -> None:
        raise AssertionError("read %s" % path)

    def run(self, argv: Sequence[str], limit: Any = None, **_more: Any) -> Completed:
        assert all(isinstance(word, str) for word in argv) and limit, argv
        if argv[0] == "stat":
            return Completed(tuple(argv), 0, self.file_system + "\n", "")
        if argv[0] == "answers":
            self.asked.append(_more["env"])
            if len(self.asked) == 1:
                late(["answers"])
            return Completed(tuple(argv), 0 if self.answering() else 1, "", "")
        assert list(argv[:3]) == ["virsh", "--quiet", "--connect"], argv
        uri = self.at if argv[3] == HERE else argv[3]
        self.commands.append(argv[4:])
        for fault in self.faults:
            answer = fault(argv[4:], uri)
            if answer is not None:
                return answer
        if uri not in self.hosts or self.hosts[uri].dead:
            return bad("error: failed to connect to the hypervisor\nerror: Cannot recv data: ssh: connect to host: No route to host")
        return self._answer(self.hosts[uri], list(argv[4:]))

    @property
    def changes(self) -> List[str]:
        return [words[0] for words in self.commands if words[0] not in ("list", "domjobabort") and ";" not in words[0]]

    def looks(self) -> Dict[str, list]:
        return {uri: host.looks() for uri, host in self.hosts.items()}

    # virsh

    def _answer(self, host: FakeHost, words: List[str]) -> Completed:
        if words[0].startswith("hostname;"):
            memory = "\ntotal  :%21d KiB\nfree   :%21d KiB\nbuffers:%21d KiB\ncached :%21d KiB\n\n" % (host.total, host.free, 0, 0)
            return good(host.name + "\n" + memory + "".join(uuid + "\n" for uuid in host.guests) + "\n")
        if words[0].startswith("dominfo "):
            return good("".join(host.guests[part.split()[1]].told() for part in words[0].split("; ") if part.startswith("dominfo")
                                and part.split()[1] in host.guests))
        if words[0].startswith("domstate "):
            uuids = [part.split()[2] for part in words[0].split("; ")]
            return good("".join("%s\n\n" % (host.guests[uuid].reason or host.guests[uuid].state + " (user)") for uuid in uuids))
        if words[0] == "list":
            return good(self.snapshots if words[-1] == "--with-snapshot" else "")
        guest = host.guests.get(words[words.index("--domain") + 1])
        if guest is None:
            return bad("error: failed to get domain")
        answer = getattr(self, "_" + words[0].replace("-", "_"))(host, guest, words)
        return answer or good("")

    def _migrate(self, host: FakeHost, guest: FakeGuest, words: List[str]) -> Optional[Completed]:
        uri = words[words.index("--desturi") + 1]
        target = self.hosts[self.at if uri == HERE else uri]
        if target.dead:
            return bad("error: unable to connect to server")
        assert ("--live" in words) == guest.active and ("--persistent" in words) == ("--undefinesource" in words) == guest.persistent
        target.guests[guest.uuid] = host.guests.pop(guest.uuid)
        guest.autostart = False
        return None

    def _metadata(self, _host: FakeHost, guest: FakeGuest, words: List[str]) -> None:
        assert ("--live" in words) == guest.active and ("--config" in words) == guest.persistent
        guest.home = words[words.index("--set") + 1] if "--set" in words else ""

    def _autostart(self, _host: FakeHost, guest: FakeGuest, words: List[str]) -> None:
        guest.autostart = "--disable" not in words

    def _shutdown(self, _host: FakeHost, guest: FakeGuest, _words: List[str]) -> None:
        if guest.obeys:
            guest.active, guest.state = False, "shut off"

    def _managedsave(self, _host: FakeHost, guest: FakeGuest, _words: List[str]) -> None:
        guest.states_saved.append(guest.state)
        guest.active, guest.state, guest.saved = False, "shut off", True

    def _start(self, _host: FakeHost, guest: FakeGuest, _words: List[str]) -> None:
        guest.active, guest.state, guest.saved = True, guest.states_saved.pop() if guest.saved else "running", False
        guest.restarts += 1

    def _qemu_agent_command(self, _host: FakeHost, guest: FakeGuest, words: List[str]) -> Optional[Completed]:
        assert words[-1] == '{"execute": "guest-ping"}'
        return None if guest.active and guest.agent == "connected" and self.answering() else bad("error: Guest agent is not responding")

    def _domjobabort(self, _host: FakeHost, _guest: FakeGuest, _words: List[str]) -> Completed:
        return bad("error: Requested operation is not valid: no job is active on the domain")


def good(text: str) -> Completed:
    return Completed(("virsh",), 0, text, "")


def bad(text: str) -> Completed:
    return Completed(("virsh",), 1, "", text)


def late(words: Sequence[str]) -> None:
    raise CommandTimeout("virsh did not end within 1 s", ["virsh", *words])


def missing() -> None:
    raise ToolMissing("virsh can't be run: No such file or directory", tool="virsh")
