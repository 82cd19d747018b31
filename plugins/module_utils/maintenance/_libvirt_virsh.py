# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""virsh: one hypervisor by its URI, looked at and told what to do. Guests are always named by their UUID, so that no name is ever
an option or a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

from ..errors import MaintenanceFailed, ParseFailed
from ..runner import Completed, Runner
from ..text import first_line, last_line
from ._libvirt_guests import HOME_URI, Guest, Home, Overview, is_uuid, parse_guests, parse_overview

LOOK_LIMIT = 30.0
_CHUNK = 50
_AGENT_LIMIT = "5"
_PING = '{"execute": "guest-ping"}'
_KEY = "patchtrain"


@dataclass(frozen=True)
class Hypervisor:
    """What was seen of one hypervisor at one moment. Memory in KiB."""

    uri: str
    host: str
    total: int
    free: int
    guests: Tuple[Guest, ...]

    @property
    def active(self) -> List[Guest]:
        return [guest for guest in self.guests if guest.active]

    @property
    def available(self) -> int:
        """Guests touch their memory only by and by: what is promised counts, not only what is taken."""
        return min(self.free, self.total - sum(guest.memory for guest in self.active))


def label(host: str) -> str:
    """A host's name as far as it is its own."""
    return host.split(".")[0].lower()


class Virsh:
    """``uri`` is where it connects to."""

    def __init__(self, uri: str, runner: Runner, check_mode: bool) -> None:
        self.uri = uri
        self._runner = runner
        self._check_mode = check_mode

    def look(self) -> Hypervisor:
        """The hypervisor and all its guests. One that vanishes between the two questions is asked for once more."""
        for _attempt in range(3):
            seen = self._overview()
            guests = self._guests(seen.uuids)
            if {guest.uuid for guest in guests} == set(seen.uuids):
                return Hypervisor(self.uri, seen.host, seen.total, seen.free, tuple(sorted(guests, key=lambda guest: (guest.name, guest.uuid))))
        raise ParseFailed("virsh at %s lists guests that it does not describe" % self.uri)

    def _overview(self) -> Overview:
        return parse_overview(self._read("hostname; nodememstats; list --all --uuid").stdout)

    def _guests(self, uuids: Sequence[str]) -> List[Guest]:
        found: List[Guest] = []
        for start in range(0, len(uuids), _CHUNK):
            words = "; ".join("dominfo %s; dumpxml %s" % (uuid, uuid) for uuid in uuids[start:start + _CHUNK] if is_uuid(uuid))
            # Its return code is that of the last command alone; who is missing is seen by the caller.
            found += parse_guests(self._run(LOOK_LIMIT, words).stdout)
        return found

    def with_snapshots(self) -> List[str]:
        """The UUIDs of guests that libvirt does not let go because of their snapshots or checkpoints."""
        found = [self._read("list", "--all", "--uuid", option).stdout.split() for option in ("--with-snapshot", "--with-checkpoint")]
        return [uuid for uuids in found for uuid in uuids]

    def reasons(self, guests: Sequence[Guest]) -> Dict[str, str]:
        """The states of guests with what led to them, such as ``paused (user)``, by UUID."""
        found: Dict[str, str] = {}
        for start in range(0, len(guests), _CHUNK):
            some = guests[start:start + _CHUNK]
            said = self._read("; ".join("domstate --domain %s --reason" % guest.uuid for guest in some)).stdout.split("\n")
            states = [first_line(line) for line in said if line.strip()]
            if len(states) != len(some):
                raise ParseFailed("virsh at %s told the states of %d guests where %d were asked for" % (self.uri, len(states), len(some)))
            found.update(zip((guest.uuid for guest in some), states))
        return found

    def agent_answers(self, guest: Guest) -> bool:
        """Whether QEMU's agent in the guest answers; one that has just booted has none for a while."""
        return self._run(LOOK_LIMIT, "qemu-agent-command", "--domain", guest.uuid, "--timeout", _AGENT_LIMIT, _PING).rc == 0

    # Changing

    def migrate(self, guest: Guest, target: str, copied: Sequence[str], limit: float) -> None:
        """Live where it is active, its mere definition where it is not. What is persistent is so there and no longer here: a hypervisor
        that knew it still could start it a second time."""
        kind = ["--live"] if guest.active else ["--offline"]
        keep = ["--persistent", "--undefinesource"] if guest.persistent else []
        copy = ["--copy-storage-all", "--migrate-disks", ",".join(copied)] if copied and guest.active else []
        self._change(limit, "migrate", *kind, *keep, *copy, "--domain", guest.uuid, "--desturi", target)

    def abort(self, guest: Guest) -> None:
        """End a migration that may still go on. That there is none is no failure."""
        self._refuse_in_check_mode("domjobabort")
        self._run(LOOK_LIMIT, "domjobabort", "--domain", guest.uuid)

    def mark(self, guest: Guest, home: Home) -> None:
        self._metadata(guest, "--set", home.xml())

    def unmark(self, guest: Guest) -> None:
        self._metadata(guest, "--remove")

    def _metadata(self, guest: Guest, *words: str) -> None:
        where = (["--live"] if guest.active else []) + (["--config"] if guest.persistent else [])
        self._change(LOOK_LIMIT, "metadata", "--domain", guest.uuid, "--uri", HOME_URI, "--key", _KEY, *where, *words)

    def autostart(self, guest: Guest, wanted: bool) -> None:
        if guest.persistent and guest.autostart != wanted:
            self._change(LOOK_LIMIT, "autostart", "--domain", guest.uuid, *([] if wanted else ["--disable"]))

    def shutdown(self, guest: Guest) -> None:
        """Asks the guest; whether it obeys is seen later."""
        self._change(LOOK_LIMIT, "shutdown", "--domain", guest.uuid)

    def save(self, guest: Guest, limit: float) -> None:
        self._change(limit, "managedsave", "--domain", guest.uuid)

    def start(self, guest: Guest, limit: float) -> None:
        self._change(limit, "start", "--domain", guest.uuid)

    # Running

    def _refuse_in_check_mode(self, command: str) -> None:
        if self._check_mode:
            raise MaintenanceFailed("check mode refused to run virsh %s; this is a mistake in the driver" % command)

    def _change(self, limit: float, *words: str) -> None:
        """All that changes something comes by here."""
        self._refuse_in_check_mode(words[0])
        self._good(self._run(limit, *words), words[0])

    def _read(self, *words: str) -> Completed:
        return self._good(self._run(LOOK_LIMIT, *words), words[0])

    def _good(self, done: Completed, command: str) -> Completed:
        if done.rc:
            said = last_line(done.stderr.strip() or done.stdout)
            raise MaintenanceFailed("virsh %s at %s: %s" % (command.partition(";")[0], self.uri, said[len("error: "):] if said.startswith("error: ") else said),
                                    rc=done.rc, stderr=done.stderr[-2000:], uri=self.uri)
        return done

    def _run(self, limit: float, *words: str) -> Completed:
        return self._runner.run(["virsh", "--quiet", "--connect", self.uri, *words], limit=max(limit, 1.0))
