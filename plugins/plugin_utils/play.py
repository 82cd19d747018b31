# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task can know about the play it runs in."""

from __future__ import annotations

import getpass
import os
import socket
from typing import Any, Dict, List, Mapping, Tuple

from ansible import context
from ansible.plugins.loader import lookup_loader

_IN_STEP = ("linear", "ansible.builtin.linear", "debug", "ansible.builtin.debug")


def in_step_batch(task: Any, variables: Mapping[str, Any]) -> Tuple[str, ...]:
    """The hosts of the batch that move in step with this one, empty where the strategy lets each go its own way."""
    if str(task.get_play().strategy) not in _IN_STEP:
        return ()
    return tuple(str(host) for host in variables.get("ansible_play_batch", ()))


def play_targets(variables: Mapping[str, Any]) -> List[str]:
    """The hosts of the play over all its batches."""
    return [str(host) for host in variables["ansible_play_hosts_all"] if host != "localhost" or "localhost" in variables["groups"]["all"]]


def out_of_play(variables: Mapping[str, Any]) -> List[str]:
    """The hosts of the play, over all its batches, that have left it: unreachable, or failed in any of its tasks."""
    present = set(variables["ansible_play_hosts"])
    return [str(host) for host in variables["ansible_play_hosts_all"] if host not in present]


def set_in_inventory(action: Any, variables: Mapping[str, Any]) -> List[str]:
    """What the play's pattern matches in the inventory, ``--limit`` left aside: percentages are of this set."""
    pattern = action._task.get_play().hosts
    terms = action._templar.template(pattern if isinstance(pattern, list) else [pattern])
    found = lookup_loader.get("ansible.builtin.inventory_hostnames", loader=action._loader, templar=action._templar).run(
        [str(term) for term in terms], variables=dict(variables))
    return [str(host) for host in found]


def play_token(action: Any) -> str:
    """The same for all tasks of one play in one controller process, different for any other."""
    return "%d:%s" % (os.getppid(), action._task.get_play()._uuid)


def actor(variables: Mapping[str, Any]) -> Dict[str, str]:
    """Who runs this, and as which job; AWX says both in variables."""
    names = [str(variables[key]) for key in ("awx_user_name", "tower_user_name") if variables.get(key)]
    jobs = [str(variables[key]) for key in ("awx_job_id", "tower_job_id") if variables.get(key)]
    return {"actor": names[0] if names else "%s@%s" % (_login(), socket.gethostname()), "job_id": jobs[0] if jobs else ""}


def _login() -> str:
    """A container may run under a number that has no name."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return "uid %d" % os.getuid()


def command_line() -> Dict[str, Any]:
    """Which inventories and which file of variables the command named, so that the next command can be told whole."""
    files = [str(word)[1:] for word in context.CLIARGS.get("extra_vars") or () if str(word).startswith("@")]
    inventories = [str(path) for path in context.CLIARGS.get("inventory") or ()]
    return {"inventory": inventories, "deployment_file": os.path.abspath(files[0]) if len(files) == 1 else ""}
