# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a run: who, what, for which hosts, in which order. Everything that can be refused is refused here."""

from __future__ import annotations

import os
import secrets
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..module_utils.errors import BadInput
from .action import PatchtrainAction
from .host_settings import check_all, check_host
from .ledger import runs
from .ledger.engine import Ledger
from .ledger.owner import Owner, owner_of
from .ledger.rows import Run
from .play import actor, command_line, in_step_batch, play_targets, play_token, set_in_inventory
from .releasing.resolve import published, resolve
from .run_hooks import prepare_hooks
from .scheduling import budget
from .scheduling.names import default_run_name
from .scheduling.order import order, pick_canaries
from .settings import RUN_WIDE, Settings, agree, misspelt
from .variables import patch_variables


def open_run(action: PatchtrainAction, ledger: Ledger) -> Dict[str, Any]:
    """Open the play's run, or join the one that it opened already: ``run_id``, ``hooks``, ``created``."""
    owner, token = owner_of(os.getppid()), play_token(action)
    run = _joined(ledger, owner, token)
    created = run is None
    if run is None:
        run = _opened(action, ledger, owner, token)
    return {"run_id": run.name, "hooks": prepare_hooks(action, run.name, run.settings["targets"]), "created": created}


def _joined(ledger: Ledger, owner: Owner, token: str) -> Optional[Run]:
    with ledger.read() as c:
        for run in runs.recent(c, 20):
            if run.owner == owner.to_dict() and run.settings.get("play") == token:
                return run
    return None


def _opened(action: PatchtrainAction, ledger: Ledger, owner: Owner, token: str) -> Run:
    settings, targets = action.settings(), play_targets(action.variables)
    if not targets:
        raise BadInput("no host is targeted: the play's pattern matches none")
    for line in misspelt(name for name in action.variables if str(name).startswith("patch_")):
        action._display.warning(line)
    _agree(action, targets)
    in_set = sorted({*set_in_inventory(action, action.variables), *targets})
    _promises(action, settings, in_set)
    known = check_all(action.variables["hostvars"], targets)
    # What a play gives to the role is not among the variables of hosts.
    check_host(settings, action.host, action.variables["hostvars"])
    releases = _releases(ledger, settings, known, targets)
    canaries = pick_canaries(settings.patch_canaries, targets, known=action.variables["groups"]["all"])
    name = settings.patch_run_name or default_name(settings.patch_deployment)
    prepare_hooks(action, name, targets)
    new = runs.NewRun(
        name=name, deployment=settings.patch_deployment, owner=owner, change_id=settings.patch_change_id,
        targets=[runs.Target(host, host in canaries) for host in order(targets, canaries)],
        settings=dict(settings.for_record(), play=token, targets=targets, set=in_set, check=action.checking, **releases, **command_line()),
        **actor(action.variables))
    with ledger.write() as c:
        return runs.open_run(c, new)[0]


def _agree(action: PatchtrainAction, targets: Sequence[str]) -> None:
    hostvars = action.variables["hostvars"]
    agree({host: patch_variables(hostvars[host], None, RUN_WIDE) for host in targets if host in hostvars})


def _releases(ledger: Ledger, settings: Settings, known: Mapping[str, Settings], targets: Sequence[str]) -> Dict[str, Any]:
    """Which release each host is brought to. It stays the same for the whole run, whatever becomes of a stage meanwhile."""
    if settings.patch_rollback:
        with ledger.read() as c:
            runs.get(c, settings.patch_rollback)
        return {}
    asked = {host: (known[host].patch_release if host in known else "") or settings.patch_release for host in targets}
    found = {name: resolve(ledger, name) for name in sorted(set(asked.values())) if name}
    for release in found.values():
        published(ledger, release.digest)
    return {"releases": {name: {"name": release.name, "digest": release.digest} for name, release in found.items()},
            "host_releases": {host: found[name].digest for host, name in asked.items() if name}}


def _promises(action: PatchtrainAction, settings: Settings, in_set: List[str]) -> None:
    """A budget that could never be met is refused before anything is touched."""
    batch = in_step_batch(action._task, action.variables)
    budget.max_unavailable(settings.patch_max_unavailable, len(in_set), len(batch) or None)
    budget.max_failed(settings.patch_max_failed, len(in_set))


def default_name(deployment: str) -> str:
    """The deployment's name with the time, and something that keeps two of one second apart."""
    return "%s-%s" % (default_run_name(deployment, time.time()), secrets.token_hex(2))
