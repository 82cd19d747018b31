# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does next about a host, with the exact command. Pure.

A command is meant to be copied into a shell, and names come from inventories and people: a name that isn't plain never
gets into one. Braces in particular: Ansible would evaluate them as a template.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .hosts import Data, Host, items, section, word
from .words import FAILED_STATES, STATES, rank

_COLLECTION = "fleetops.patchtrain"
_PLAIN_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_.:+/, -]{0,999}")
_MOST_NAMES = 20
_LONGEST_RUN = 100
_AGAIN = re.compile(r"-again-[0-9a-f]{6}")
_ENDED = ("succeeded", "failed", "stopped")

_TODO = {
    "failed": ("Repair the host, then patch it again:", "patch"),
    "unreachable": ("Make the host reachable, then look at it again:", "assess"),
    "blocked": ("Remove what stands in the way, then run the same deployment for those that were blocked:", "patch-blocked"),
    "not_started": ("Once the others are repaired, patch the rest:", "patch"),
    "reboot_pending": ("A reboot is due; patch again with one allowed:", "patch-reboot"),
}


@dataclass(frozen=True)
class Advice:
    """``todo`` in words; ``command`` None where no command can be given."""

    todo: str
    command: str | None


@dataclass(frozen=True)
class Group:
    """Hosts in the same state for the same reason, and what to do about all of them."""

    state: str
    reason: str
    hosts: tuple[Host, ...]
    advice: Advice


def _todo(state: str, out: bool) -> tuple[str, str] | None:
    """In words, and the playbook; None where nobody has to do anything."""
    if out and state in FAILED_STATES:
        return ("Still out of service. Repair the host, then give it back:", "restore")
    return _TODO.get(state)


def _inventory(model: Data) -> list[str]:
    """The run's inventories where the model names them; else Ansible's configuration says which."""
    run = section(model, "run")
    paths = [str(path) for path in items(run, "inventory")] or [word(run, "inventory")]
    return [part for path in paths if _PLAIN_PATH.fullmatch(path) for part in ("-i", path)]


def _deployment(model: Data) -> list[str]:
    """The deployment's file where the model names it: in it are checks and hooks without which a host is not to come back, and the ledger's address."""
    path = word(section(model, "run"), "deployment_file")
    return ["-e", f"@{path}"] if _PLAIN_PATH.fullmatch(path) else []


def _from_blocked(model: Data) -> list[str]:
    """For those that this run left alone, and nobody else: no host has to be named."""
    name = word(section(model, "run"), "name")
    return ["-e", f"patch_from_blocked={name}"] if _PLAIN_HOST.fullmatch(name) else []


def _named(model: Data) -> bool:
    """Whether somebody gave the run its name: a window's is made another by ``patch_from_blocked`` itself."""
    return bool(section(section(model, "run"), "settings").get("patch_run_name"))


def _fresh_name(model: Data, hosts: Sequence[Host]) -> list[str]:
    """A name for the run that patches these hosts again, where the same start would get that of the model's run, which has ended: its window gives it, or
    the deployment's file. Other hosts get another name, since each command opens a run of its own; so does who tries again after that."""
    run = section(model, "run")
    known, name = section(run, "settings"), word(run, "name")
    if not (known.get("occurrence") or known.get("patch_run_name")) or known.get("check") or word(run, "state") not in _ENDED:
        return []
    if not _PLAIN_HOST.fullmatch(name):
        return []
    told = hashlib.sha256("\n".join([name, *(host.name for host in hosts)]).encode()).hexdigest()[:6]
    return ["-e", "patch_run_name=%s-again-%s" % (_AGAIN.sub("", name)[:_LONGEST_RUN - len("-again-") - len(told)], told)]


def only_checked(model: Data) -> bool:
    """Whether the run was in check mode: nothing was to be started."""
    return bool(section(section(model, "run"), "settings").get("check"))


def command(model: Data, playbook: str, hosts: Sequence[Host]) -> str | None:
    """None where a name can't safely stand in a command, or where there are too many for a line."""
    if playbook == "patch-blocked" and _from_blocked(model):
        return shlex.join(["ansible-playbook", *_inventory(model), f"{_COLLECTION}.patch", *_deployment(model), *_from_blocked(model),
                           *(_fresh_name(model, hosts) if _named(model) else [])])
    if len(hosts) > _MOST_NAMES or any(_PLAIN_HOST.fullmatch(host.name) is None for host in hosts):
        return None
    name, _dash, variant = playbook.partition("-")
    parts = ["ansible-playbook", *_inventory(model), f"{_COLLECTION}.{name}", *_deployment(model)]
    parts += ["-e", "patch_reboot=if_required"] if variant == "reboot" else []
    parts += _fresh_name(model, hosts) if name == "patch" else []
    return shlex.join([*parts, "--limit", ",".join(host.name for host in hosts)])


def go_on_with(model: Data) -> str | None:
    """The model's run in another controller process, by its name; None where that can't safely stand in a command."""
    name = word(section(model, "run"), "name")
    if not _PLAIN_HOST.fullmatch(name):
        return None
    return shlex.join(["ansible-playbook", *_inventory(model), f"{_COLLECTION}.patch", *_deployment(model), "-e", f"patch_run_name={name}"])


def _left_by_another(model: Data, hosts: Sequence[Host]) -> Advice:
    """Out of service, and not by the model's run."""
    holder = hosts[0].holder
    if holder.get("resume") is True:
        return Advice(f"Out of service by run {hosts[0].left_by}, whose controller is gone. Go on with that run:", go_on_with({"run": holder}))
    return Advice(f"Still out of service by run {hosts[0].left_by}. Repair the host, then give it back:", command({"run": holder}, "restore", hosts))


def advice(model: Data, state: str, hosts: Sequence[Host]) -> Advice | None:
    if hosts and hosts[0].left_by:
        return _left_by_another(model, hosts)
    if state == "not_started" and only_checked(model):
        return None
    found = _todo(state, hosts[0].out_since is not None) if hosts else None
    return None if found is None else Advice(found[0], command(model, found[1], hosts))


def needs_person(model: Data, hosts: Iterable[Host]) -> list[Group]:
    """Worst first, then the largest groups."""
    groups: dict[tuple[str, bool, str, str], list[Host]] = {}
    for host in hosts:
        groups.setdefault((host.state, host.out_since is not None, host.left_by, host.reason), []).append(host)
    found = []
    for (state, _out, _by, reason), members in groups.items():
        told = advice(model, state, members)
        if told is not None:
            found.append(Group(state, reason, tuple(members), told))
    return sorted(found, key=lambda group: (rank(STATES, group.state), -len(group.hosts), group.hosts[0].order))
