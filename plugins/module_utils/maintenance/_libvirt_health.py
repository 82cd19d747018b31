# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the guests of a hypervisor are well, wherever they are: those that belong to it, and all that its peers have."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import List, Sequence
from urllib.parse import urlsplit

from ..errors import PatchtrainError
from ..runner import Runner
from ._libvirt_guests import MOVE, RUNNING, Guest
from ._libvirt_virsh import Hypervisor, Virsh, label

# A guest is paused, or shut off, by somebody who wanted it so, unless the reason is one of these.
_BROKEN = re.compile(r"crashed|panicked|I/O error|watchdog|failed|api error|daemon", re.IGNORECASE)


def guest_problems(runner: Runner, uri: str, peers: Sequence[str], ignore: Sequence[str]) -> List[str]:
    """One line for each thing that is wrong. A guest that was taken out of this host's way has to be at a peer as it was at home; one that is
    stopped until the host is left is well."""
    virsh = Virsh(uri, runner, check_mode=True)
    here = virsh.look()
    found = _of_guests(virsh, here, here.host, ignore)
    for peer in peers:
        if label(urlsplit(peer).hostname or "") != label(here.host):
            found += _of_peer(Virsh(peer, runner, check_mode=True), here.host, ignore)
    return found


def _of_peer(virsh: Virsh, home: str, ignore: Sequence[str]) -> List[str]:
    try:
        return _of_guests(virsh, virsh.look(), home, ignore)
    except PatchtrainError as error:
        if "signal" in error.data:
            raise
        return ["%s: %s" % (virsh.uri, error.message)]


def _of_guests(virsh: Virsh, seen: Hypervisor, home: str, ignore: Sequence[str]) -> List[str]:
    guests = [guest for guest in seen.guests if not any(fnmatchcase(guest.name, glob) or guest.uuid == glob for glob in ignore)]
    displaced = [guest for guest in guests if guest.home and guest.home.host == home and guest.home.way == MOVE]
    lost = {guest.uuid: "guest %s is %s at %s, and was %s" % (guest.told, guest.state, seen.host, guest.home.state)
            for guest in displaced if guest.home and guest.state != guest.home.state}
    return list(lost.values()) + _broken(virsh, seen.host, [guest for guest in guests if guest.state != RUNNING and guest.uuid not in lost])


def _broken(virsh: Virsh, host: str, guests: Sequence[Guest]) -> List[str]:
    reasons = virsh.reasons(guests)
    return ["guest %s is %s at %s" % (guest.told, reasons[guest.uuid], host) for guest in guests if _BROKEN.search(reasons[guest.uuid])]
