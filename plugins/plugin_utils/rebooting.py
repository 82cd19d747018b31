# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reboot, proved by the boot id. Small commands instead of modules: the cost is the host's own time and a few seconds."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from ..module_utils.errors import CommandFailed, PatchtrainError
from .remote import CannotRun, Lost, Remote

BOOT_ID = "/proc/sys/kernel/random/boot_id"
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_ANSWER = 8.0
"""Seconds for one question while the host is going down or coming up."""


class NotBack(PatchtrainError):
    """The host did not come back with another boot id within the limit."""


@dataclass(frozen=True)
class Rebooted:
    boot_id: str
    elapsed: float
    executions: int


def boot_id(remote: Remote, seconds: float = 30.0) -> str:
    """The host's boot id; ``CommandFailed`` where what comes back does not look like one."""
    said = remote.command(["cat", BOOT_ID], seconds)
    found = str(said["stdout"]).strip()
    if said["rc"] != 0 or not _UUID.match(found):
        raise CommandFailed("%s gave no boot id: %r" % (remote.name, found or said["stderr"]), ["cat", BOOT_ID], rc=said["rc"])
    return found


def reboot(remote: Remote, timeout: float, order: Sequence[str] = ("systemctl", "reboot"), known: str = "",
           clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> Rebooted:
    """Reboot and wait for another boot id. Where one is ``known`` from a moment ago, the host is asked for it and given the order in one execution.
    Raises ``NotBack`` when ``timeout`` seconds pass."""
    begun = clock()
    before, executions = (_ordered(remote, order, known), 1) if known else (_asked_and_ordered(remote, order), 2)
    now, asked = _wait(remote, timeout - (clock() - begun), lambda found: found != before, clock, sleep)
    if now is None:
        raise NotBack("%s did not come back within %g s after its reboot" % (remote.name, timeout), host=remote.name, boot_id=before)
    return Rebooted(now, clock() - begun, executions + asked)


def _asked_and_ordered(remote: Remote, order: Sequence[str]) -> str:
    before = boot_id(remote)
    _order(remote, order)
    return before


def _ordered(remote: Remote, order: Sequence[str], known: str) -> str:
    """The boot id before the reboot: what the host says as it takes the order, or, where its answer is lost on the way down, the known one."""
    said = str(_order(remote, ["sh", "-c", 'cat "$0" && exec "$@"', BOOT_ID, *order]).get("stdout") or "").splitlines()
    return next((line.strip() for line in said if _UUID.match(line.strip())), known)


def _order(remote: Remote, order: Sequence[str]) -> Mapping[str, Any]:
    try:
        said = remote.command(order, 30.0)
    except Lost:
        return {}  # the host was faster than its answer; the boot id will tell
    if said["rc"] not in (0, 255, -15, 143):
        raise CommandFailed("%s refused to reboot: %s" % (remote.name, str(said.get("stderr")).strip()), order, rc=said["rc"])
    return said


def rebooted_since(remote: Remote, before: str, timeout: float, clock: Callable[[], float] = time.monotonic,
                   sleep: Callable[[float], None] = time.sleep) -> Optional[Rebooted]:
    """After a reboot that somebody else ordered, or may have: whether the host has booted since it had that boot id, as soon as it
    answers. None where it has not, or where no boot id was recorded, so that nothing proves it. Raises ``NotBack`` when ``timeout`` seconds pass."""
    begun = clock()
    now, asked = _wait(remote, timeout, lambda found: True, clock, sleep)
    if now is None:
        raise NotBack("%s does not answer, %g s after it may have been rebooted" % (remote.name, timeout), host=remote.name, boot_id=before)
    return Rebooted(now, clock() - begun, asked) if before and now != before else None


def _wait(remote: Remote, seconds: float, wanted: Callable[[str], bool], clock: Callable[[], float],
          sleep: Callable[[float], None]) -> Tuple[Optional[str], int]:
    """The boot id as soon as it is as wanted, None when the time passes; and how often was asked."""
    ends, asked = clock() + seconds, 0
    while clock() < ends:
        remote.forget_connection()
        asked += 1
        try:
            now = boot_id(remote, _ANSWER)
        except (Lost, CannotRun, CommandFailed):
            now = ""
        if now and wanted(now):
            return now, asked
        sleep(0.5)
    return None, asked
