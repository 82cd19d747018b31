# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a run: who, what, for which hosts, in which order. Everything that can be refused is refused here."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from typing import Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from ..module_utils.errors import BadInput
from . import run_points
from .action import PatchtrainAction
from .host_settings import check_all, check_host, zones_of
from .ledger import durations, hosts, runs
from .ledger.engine import Ledger
from .ledger.owner import Owner, owner_of
from .ledger.rows import Run
from .play import actor, command_line, in_step_batch, play_targets, play_token, set_in_inventory
from .promises import chosen, sets_of_hosts
from .releasing.resolve import published, resolve
from .run_hooks import check_hooks, hooks_directory, prepare_hooks
from .scheduling import budget
from .scheduling.budgets import in_turn
from .scheduling.names import default_run_name
from .scheduling.order import longest_first, order, pick_canaries
from .scheduling.scope import FROM_BLOCKED, SCOPE, only_blocked
from .scheduling.states import HOST_FINAL, HOST_WORKING
from .settings import RUN_WIDE, Settings, agree, refuse_misspelt
from .standing import left_behind
from .variables import patch_variables
from .windowing import WindowClosed, Windowed, windowed


def open_run(action: PatchtrainAction, ledger: Ledger) -> Dict[str, Any]:
    """Open the play's run, or join the one that it opened already: ``run_id``, ``hooks``, ``created``."""
    seat = _Seat(owner_of(os.getppid()), play_token(action), action.host, action.settings())
    with ledger.read() as c:
        run, created = seat.found(c), False
    if run is None:
        run, created = _opened(action, ledger, seat)
    for line in left_behind(ledger, run) if created else ():
        # Not refused: a run that comes every night would leave all other hosts unpatched for the one.
        action.warn(line)
    return {"run_id": run.name, "hooks": prepare_hooks(action, run.name, run.settings["targets"]), "created": created}


@dataclass(frozen=True)
class _Seat:
    """Who asks for a run: which host, in which play of which controller process, with which settings."""

    owner: Owner
    token: str
    host: str
    settings: Settings

    def found(self, c: Any) -> Optional[Run]:
        """The run of this play that the host has its turn in, the oldest if several; None where one has to be opened. A role that is
        included again, or with another deployment, in the same play is another run."""
        mine = [run for run in self.of_play(c) if run.deployment == self.settings.patch_deployment
                and (self.settings.patch_run_name in (None, "", run.name) or run.settings.get("check"))]
        states = {run.id: self.state(c, run) for run in mine}
        # What ended without this host's turn is still the run that it belongs to: it is told so when it asks for a slot.
        return next((run for wanted in (HOST_WORKING, ("not_started",)) for run in mine if states[run.id] in wanted), None)

    def state(self, c: Any, run: Run) -> str:
        return next((host.state for host in hosts.all_of(c, run.id) if host.host == self.host), "waiting")

    def of_play(self, c: Any) -> List[Run]:
        return [run for run in runs.of_owner(c, self.owner) if run.settings.get("play") == self.token]


def _opened(action: PatchtrainAction, ledger: Ledger, seat: _Seat) -> Tuple[Run, bool]:
    try:
        new = _new_run(action, ledger, seat)
    except BadInput:
        # The run that another host of the play has opened meanwhile is in the ledger, and may have changed what patch_scope finds there.
        with ledger.read() as c:
            found = seat.found(c)
        if found:
            return found, False
        raise
    in_step = bool(in_step_batch(action._task, action.variables))
    with ledger.write() as c:
        # Where hosts don't move in step, several of them come here at the same moment, and one is the first.
        found = seat.found(c)
        if found:
            return found, False
        others = seat.of_play(c)
        if others and not in_step:
            raise BadInput("this play has opened run %s already, and under its strategy hosts can't be in two runs of one play: "
                           "include the role in a play of its own, or use strategy linear" % others[-1].name, run=others[-1].name)
        resumed = _resumed(action, c, new, seat)
        if resumed:
            return resumed, False
        ended = runs.end_abandoned(c, new.deployment, new.actor, checks_only=action.checking)
        _tell_missed_hooks(action, c, ended)
        run, created = runs.open_run(c, new)
        if not created and seat.state(c, run) in HOST_FINAL:
            raise BadInput("%s has come to its end in run %s already: give patch_run_name another name" % (seat.host, run.name), run=run.name)
        return run, created


def _tell_missed_hooks(action: PatchtrainAction, c: Any, ended: Sequence[str]) -> None:
    for name in ended:
        points = run_points.missed(c, runs.get(c, name))
        if points:
            action.warn("run %s, whose controller is gone, has ended with this start, and its hooks (%s) are not done" % (name, ", ".join(points)))


def _resumed(action: PatchtrainAction, c: Any, new: runs.NewRun, seat: _Seat) -> Optional[Run]:
    """The unfinished run of that name whose controller is gone, taken up by this one; None where there is none."""
    run = next((run for run in _left(c) if run.name == new.name), None)
    if run is None:
        return None
    if run.deployment != new.deployment:
        raise BadInput("run %s is unfinished, and of deployment %s, not %s: give patch_run_name another name" % (run.name, run.deployment, new.deployment),
                       run=run.name)
    now, then = {target.host for target in new.targets}, set(run.settings["targets"])
    _refuse_to_leave(c, run, now)
    detail = {"joiners": sorted(now - then), "leavers": sorted(then - now)}
    for what, names in detail.items():
        if names:
            action.warn("run %s keeps the targets of its beginning; %s since: %s" % (run.name, what, ", ".join(names)))
    return runs.resume(c, run.name, seat.owner, seat.token, new.actor, dict(detail, job_id=new.job_id, change_id=new.change_id))


def _refuse_to_leave(c: Any, run: Run, targets: Collection[str]) -> None:
    """A host in the middle that this start leaves out would be waited for in vain, and then be called failed while nobody had looked at it."""
    middle = ["%s (%s)" % (host.host, host.state) for host in hosts.all_of(c, run.id, HOST_WORKING) if host.state != "waiting" and host.host not in targets]
    if middle:
        raise BadInput("run %s was left in the middle of %s, which this start leaves out: start it for all of its hosts, or give up what is gone for good "
                       "(playbook fleetops.patchtrain.control, -e control=released)" % (run.name, ", ".join(middle)), run=run.name)


def _left(c: Any) -> List[Run]:
    """Unfinished runs that nobody works on any more."""
    return [run for run in runs.recent(c, 200, unfinished=True) if run.left]


def _begun(action: PatchtrainAction, ledger: Ledger, settings: Settings) -> Optional[Run]:
    """The run that this start goes on with: the one that is named, else the one whose name the window gives now."""
    with ledger.read() as c:
        left = _left(c)
    return next((run for run in left if run.name == (settings.patch_run_name or _name_by_window(action, settings, run))), None)


def _name_by_window(action: PatchtrainAction, settings: Settings, run: Run) -> str:
    """What a run of the same hosts would be called if it began now; empty where its name does not come from a window."""
    if not settings.patch_window or run.deployment != settings.patch_deployment:
        return ""
    try:
        return _window(action, settings, {}, run.settings["targets"], enforced=False).name
    except WindowClosed:
        return ""


def _window(action: PatchtrainAction, settings: Settings, known: Mapping[str, Settings], targets: Sequence[str], enforced: bool) -> Windowed:
    zones = zones_of(action.variables["hostvars"], targets, known)
    return windowed(settings, zones, str(hooks_directory("", action.variables)), time.time(), enforced)


def _window_now(action: PatchtrainAction, ledger: Ledger, settings: Settings, known: Mapping[str, Settings], targets: Sequence[str]) -> Windowed:
    """Where it is closed, the run that may go on all the same is named: after a window it is what people come back for."""
    try:
        return _window(action, settings, known, targets, not action.checking)
    except WindowClosed as error:
        with ledger.read() as c:
            left = [run.name for run in _left(c) if run.deployment == settings.patch_deployment and not run.settings.get("check")]
        if not left:
            raise
        raise WindowClosed("%s; unfinished is run %s, which the same start with -e patch_run_name=%s goes on with and brings back what it left out of "
                           "service" % (error.message, left[0], left[0])) from error


def _new_run(action: PatchtrainAction, ledger: Ledger, seat: _Seat) -> runs.NewRun:
    settings, targets = seat.settings, play_targets(action.variables)
    if not targets:
        raise BadInput("no host is targeted: the play's pattern matches none")
    refuse_misspelt(action.variables)
    _agree(action, targets)
    in_set = sorted({*set_in_inventory(action, action.variables), *targets})
    begun = _begun(action, ledger, settings)
    targets, scope = _in_scope(action, ledger, settings, targets, begun)
    _promises(action, settings, in_set)
    sets = sets_of_hosts(action.variables["hostvars"], settings, in_set, targets)
    known = check_all(action.variables["hostvars"], targets)
    # What a play gives to the role is not among the variables of hosts.
    check_host(settings, action.host, action.variables["hostvars"])
    releases = _releases(ledger, seat, known, targets)
    ordered = in_turn(sets, targets)
    took = _took(ledger, settings.patch_deployment, targets)
    canaries = pick_canaries(settings.patch_canaries, ordered, known=action.variables["groups"]["all"])
    # A run that is gone on with keeps its window, which its hosts are asked for one by one: what it left out of service comes back at any time.
    window = Windowed(begun.name, {}) if begun and not action.checking else _window_now(action, ledger, settings, known, targets)
    name = begun.name if begun and not action.checking else _name(settings, window.name, action.checking)
    check_hooks(action, targets)
    return runs.NewRun(
        name=name, deployment=settings.patch_deployment, owner=seat.owner, change_id=settings.patch_change_id,
        targets=[runs.Target(host, host in canaries) for host in order(in_turn(sets, longest_first(targets, took)), canaries)],
        settings=dict(settings.for_record(), play=seat.token, targets=targets, set=in_set, check=action.checking, budgets=sets.for_record(),
                      **scope, **releases, **window.record, **command_line()),
        **actor(action.variables))


def _took(ledger: Ledger, deployment: str, targets: Sequence[str]) -> Dict[str, float]:
    """Seconds out of service of each host that was patched before, by the newest of its times."""
    with ledger.read() as c:
        past = durations.past(c, deployment, newest=len(targets))
    return {one.host: one.seconds for one in sorted(past, key=lambda one: one.at)}


def _in_scope(action: PatchtrainAction, ledger: Ledger, settings: Settings, targets: List[str], begun: Optional[Run]) -> Tuple[List[str], Dict[str, Any]]:
    """The targets that ``patch_scope`` leaves, and the record of it. A run that is gone on with keeps what was left out when it opened: what
    it has done since may have changed what the expression would give now."""
    if begun:
        known = begun.settings
        left_out = {*known.get("scope", {}).get("left_out", ()), *known.get("from_blocked", {}).get("left_out", ())}
        return [host for host in targets if host not in left_out], {}
    targets, record = _from_blocked(action, ledger, settings.patch_from_blocked, targets)
    scope = chosen(action.variables["hostvars"], ledger, settings.patch_scope, targets)
    if scope is None:
        return targets, record
    action._display.display("%s %r selects %d of %d hosts" % (SCOPE, scope.expression, len(scope.selected), len(targets)))
    return scope.selected, dict(record, scope=scope.for_record())


def _from_blocked(action: PatchtrainAction, ledger: Ledger, run: str, targets: List[str]) -> Tuple[List[str], Dict[str, Any]]:
    """The targets that ended blocked in an earlier run, and the record of it."""
    if not run:
        return targets, {}
    with ledger.read() as c:
        blocked = {host.host: host.reason for host in hosts.all_of(c, runs.get(c, run).id, ["blocked"])}
    selected, record = only_blocked(run, blocked, targets)
    action._display.display("%s: %d of %d hosts ended blocked in run %s" % (FROM_BLOCKED, len(selected), len(targets), run))
    return selected, {"from_blocked": record}


def _agree(action: PatchtrainAction, targets: Sequence[str]) -> None:
    hostvars = action.variables["hostvars"]
    agree({host: patch_variables(hostvars[host], None, RUN_WIDE) for host in targets if host in hostvars})


def _releases(ledger: Ledger, seat: _Seat, known: Mapping[str, Settings], targets: Sequence[str]) -> Dict[str, Any]:
    """Which release each host is brought to. It stays the same for the whole run, whatever becomes of a stage meanwhile."""
    if seat.settings.patch_rollback:
        with ledger.read() as c:
            runs.get(c, seat.settings.patch_rollback)
        return {}
    own = {host: known[host].patch_release if host in known else "" for host in targets}
    # What the host that opens the run has of its own is no other's; what the play or the role says is every host's.
    given = "" if seat.settings.patch_release == own.get(seat.host, "") else seat.settings.patch_release
    asked = {host: given or name for host, name in own.items()}
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


def _name(settings: Settings, by_window: str, checking: bool) -> str:
    """One in check mode has a name of its own: the run that it looks at is not to be finished before it began. Those that a run had blocked are tried
    again in another one, also within the same occurrence of the window."""
    if checking:
        return default_name(settings.patch_deployment)
    if by_window and settings.patch_from_blocked and not settings.patch_run_name:
        return _distinct(by_window)
    return settings.patch_run_name or by_window or default_name(settings.patch_deployment)


def default_name(deployment: str) -> str:
    """The deployment's name with the time, and something that keeps two of one second apart."""
    return _distinct(default_run_name(deployment, time.time()))


def _distinct(name: str) -> str:
    return "%s-%s" % (name, secrets.token_hex(2))
