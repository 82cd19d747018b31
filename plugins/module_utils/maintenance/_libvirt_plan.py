# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Where each guest of a hypervisor can go, or why it can't. Pure: the same answers give the same plan."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import BadInput
from ._libvirt_guests import MOVE, PAUSED, RUNNING, SAVE, SHUTDOWN, STAY, Disk, Guest, Home
from ._libvirt_virsh import Hypervisor

REFUSE = "refuse"
_MIB = 1024


@dataclass(frozen=True)
class Rules:
    """What the options say of guests. ``local_path`` tells whether a path of this host is one of its own alone."""

    unmovable: str
    pinned: Tuple[str, ...]
    copy_storage: bool
    reserve: int
    local_path: Callable[[str], bool]
    snapshots: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Peers:
    """The hypervisors that can take guests, and why others can't (URI and reason). ``promised``: memory in KiB that guests of others are on
    their way to, by host."""

    usable: Tuple[Hypervisor, ...]
    unusable: Tuple[Tuple[str, str], ...] = ()
    promised: Mapping[str, int] = field(default_factory=dict)

    def room(self, peer: Hypervisor, reserve: int) -> int:
        return peer.available - reserve * _MIB - self.promised.get(peer.host, 0)

    def told(self) -> str:
        return ", ".join("%s: %s" % item for item in self.unusable)


@dataclass(frozen=True)
class Step:
    """What becomes of one guest. ``peer`` is the URI that it moves to, ``copied`` the disks that go along, ``to`` the peer's own name."""

    guest: Guest
    way: str
    peer: str = ""
    copied: Tuple[str, ...] = ()
    to: str = ""

    @property
    def would(self) -> str:
        words = {MOVE: "migrate %s to %s" % (self.guest.told, self.peer), SHUTDOWN: "shut down %s" % self.guest.told,
                 SAVE: "save %s" % self.guest.told, STAY: "hold back the automatic start of %s" % self.guest.told}
        return words[self.way]

    def unmarked(self, host: str) -> bool:
        """Whether its mark has to be written. It says where the guest goes too, so that others leave it its room there."""
        home = self.guest.home
        return home is None or (home.host == host and home.way != self.way) or home.to != self.to

    def home(self, host: str) -> Home:
        """A guest that is only parked here keeps the mark of where it belongs."""
        known = self.guest.home
        if known and (known.host != host or known.way == self.way):
            return replace(known, to=self.to)
        return Home(host, self.guest.state, self.guest.autostart, self.way, self.to, self.guest.agent and self.way in (SHUTDOWN, SAVE))


@dataclass(frozen=True)
class Plan:
    """Moves first, so that nothing is stopped in vain. ``stuck``: guests that can do neither, with the reason."""

    steps: Tuple[Step, ...] = ()
    stuck: Tuple[Tuple[Guest, str], ...] = ()


@dataclass
class _Space:
    """Memory that peers have left, less and less of it as guests are given places."""

    peers: Peers
    reserve: int
    left: Dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left = {peer.uri: self.peers.room(peer, self.reserve) for peer in self.peers.usable}

    def take(self, guest: Guest) -> Tuple[Optional[Hypervisor], str]:
        """The peer with the most memory left, the first of them in the user's order; or the reason why there is none."""
        reasons = ["%s: %s" % item for item in self.peers.unusable]
        for peer in sorted(self.peers.usable, key=lambda peer: -self.left[peer.uri]):
            reason = self._refuses(peer, guest)
            if not reason:
                self.left[peer.uri] -= guest.memory
                return peer, ""
            reasons.append("%s %s" % (peer.host, reason))
        return None, "no peer takes it (%s)" % ("; ".join(reasons) or "the option peers names none")

    def _refuses(self, peer: Hypervisor, guest: Guest) -> str:
        if any(other.name == guest.name and other.uuid != guest.uuid for other in peer.guests):
            return "has another guest of this name"
        if any(other.uuid == guest.uuid and other.active for other in peer.guests):
            return "runs a guest of this UUID"
        if self.left[peer.uri] >= guest.memory:
            return ""
        promised = self.peers.promised.get(peer.host, 0) // _MIB
        return "has %d MiB for guests, it needs %d%s" % (max(0, self.left[peer.uri]) // _MIB, guest.memory // _MIB,
                                                         "; %d are promised to guests on their way" % promised if promised else "")


def make(here: Hypervisor, peers: Peers, rules: Rules) -> Plan:
    """What becomes of each guest. The largest are given places first, while there is room."""
    space, moves, stops, stuck = _Space(peers, rules.reserve), [], [], []
    for guest in sorted(here.active, key=lambda guest: (-guest.memory, guest.name, guest.uuid)):
        peer: Optional[Hypervisor] = None
        reason = _keeps(guest, rules)
        if not reason:
            peer, reason = space.take(guest)
        if peer:
            moves.append(Step(guest, MOVE, peer.uri, _copied(guest, rules), peer.host))
            continue
        against = _against_stop(guest, rules.unmovable)
        if against is None:
            stops.append(Step(guest, rules.unmovable))
        else:
            stuck.append((guest, reason + against))
    held = [Step(guest, STAY) for guest in here.guests if not guest.active and guest.autostart]
    return Plan((*held, *moves, *stops), tuple(stuck))


def _keeps(guest: Guest, rules: Rules) -> str:
    """Why a guest can't leave this host, whatever its peers are like."""
    by = next((glob for glob in rules.pinned if _matches(guest, glob)), None)
    if by is not None:
        return "the option pinned names it (%s)" % by
    if guest.pinned is not None:
        return "it is pinned: %s" % guest.pinned
    if guest.state not in (RUNNING, PAUSED):
        return "it is %s" % guest.state
    if guest.held:
        return "it has %s" % " and ".join(guest.held)
    if guest.uuid in rules.snapshots:
        return "it has snapshots or checkpoints, with which libvirt lets no guest go"
    local = [disk for disk in _local(guest, rules) if not rules.copy_storage]
    return "its disk %s (%s) is on this host alone" % (local[0].target, local[0].path or local[0].kind) if local else ""


def _matches(guest: Guest, glob: str) -> bool:
    return guest.uuid == glob or fnmatchcase(guest.name, glob) or fnmatchcase(guest.title, glob)


def _local(guest: Guest, rules: Rules) -> List[Disk]:
    return [disk for disk in guest.disks if not disk.anywhere and (not disk.path or rules.local_path(disk.path))]


def _copied(guest: Guest, rules: Rules) -> Tuple[str, ...]:
    return tuple(disk.target for disk in _local(guest, rules)) if rules.copy_storage else ()


def _against_stop(guest: Guest, way: str) -> Optional[str]:
    """None: it can be stopped, and will be what it was afterwards."""
    if way == REFUSE:
        return ""
    if not guest.persistent:
        return ", and it would not come back from being stopped (it is transient)"
    if way == SHUTDOWN and guest.state != RUNNING:
        return ", and it can't shut down while it is %s" % guest.state
    if way == SAVE and (guest.held or guest.state not in (RUNNING, PAUSED)):
        return ", and it can't be saved"
    return None


# What entering found, for leaving.


def describe(host: str, steps: Sequence[Step]) -> str:
    """How the host was found, as text that goes to the ledger and comes back."""
    guests = [{"uuid": step.guest.uuid, "name": step.guest.name, "state": step.guest.state, "autostart": step.guest.autostart}
              for step in sorted(steps, key=lambda step: step.guest.uuid)]
    return json.dumps({"host": host, "guests": guests}, sort_keys=True)


def read_description(text: str, host: str) -> Dict[str, Dict[str, Any]]:
    """The guests in it, by UUID."""
    try:
        found: Any = json.loads(text)
        guests = {str(item["uuid"]): dict(item, state=str(item["state"]), autostart=bool(item["autostart"])) for item in found["guests"]}
        where = str(found["host"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput("prior_state is not what entering reported: in_service, or the list of guests as JSON", prior_state=text) from error
    if where != host:
        raise BadInput("prior_state is that of %s, and this is %s" % (where, host), prior_state=text)
    return guests


def homes(guests: Mapping[str, Mapping[str, Any]], host: str) -> Dict[str, Home]:
    """What is recorded of guests, for those that lost their mark."""
    return {uuid: Home(host, item["state"], item["autostart"], STAY if item["state"] not in (RUNNING, PAUSED) else MOVE)
            for uuid, item in guests.items()}
