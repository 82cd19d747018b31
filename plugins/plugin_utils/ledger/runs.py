# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs: opened once, changed by people, ended by what became of their hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..scheduling.names import check_run_name
from ..scheduling.states import HOST_WORKING, RUN_FINAL, RUN_UNFINISHED, run_may_go, uses_up_failures
from . import events, hosts, leases, schema
from ._sqlalchemy import sa
from .columns import clean
from .errors import NotAllowed, RunFinished, RunInUse, RunUnknown
from .owner import NOBODY, Owner, is_gone
from .rows import Data, Run, RunHost, read
from .statements import Statement, one_of

_t = schema.runs
_BY_ID = Statement(lambda d: leases.with_runs(d, _t).where(_t.c.id == sa.bindparam("b_id")))
_BY_NAME = Statement(lambda d: leases.with_runs(d, _t).where(_t.c.name == sa.bindparam("b_name")))
_WITHOUT_SETTINGS = Statement(lambda d: leases.with_runs(d, *(column for column in _t.c if column.name != "settings")).where(_t.c.id == sa.bindparam("b_id")))
_SLICES = Statement(lambda d: leases.with_runs(d, _t.c.name, _t.c.owner).where(
    _t.c.deployment == sa.bindparam("b_deployment"), one_of(_t.c.state, RUN_UNFINISHED), _t.c.id != sa.bindparam("b_id")).order_by(_t.c.name))

FAIL_ON = ("failed", "unreachable", "not_started", "blocked")


@dataclass(frozen=True)
class Target:
    host: str
    canary: bool = False


@dataclass(frozen=True)
class NewRun:
    """``targets`` are in the plan's order. ``settings`` are for the record; nothing secret may be in them."""

    name: str
    deployment: str
    owner: Owner
    targets: Sequence[Target]
    actor: str = ""
    job_id: str = ""
    change_id: str = ""
    settings: Data | None = None


@dataclass(frozen=True)
class Ending:
    """A finished run, and the hosts for which it is called failed."""

    run: Run
    offenders: tuple[RunHost, ...]


def open_run(c: sa.Connection, new: NewRun, at: float | None = None) -> tuple[Run, bool]:
    """The run, and whether this call made it. The process that opened a run may open it again; its targets stay as they were.

    Raises ``RunInUse`` where another process has it (``take_over`` is for one that is gone), ``RunFinished`` where it has ended.
    """
    check_run_name(new.name)
    existing = _find(c, new.name)
    if existing is None:
        return _create(c, new, events.stamp(at)), True
    if existing.state in RUN_FINAL:
        raise RunFinished("run %s has ended (%s), and a finished run is never resumed: give patch_run_name another name"
                          % (existing.name, existing.state), run=existing.name, state=existing.state)
    if existing.owner != new.owner.to_dict():
        raise _in_use(existing)
    return existing, False


def take_over(c: sa.Connection, name: str, owner: Owner, actor: str = "", at: float | None = None, detail: Data | None = None) -> Run:
    """Make another process the owner of an unfinished run, because the one it had is gone or a person says so. ``detail`` is kept beside."""
    run = get(c, name)
    if run.state in RUN_FINAL:
        raise RunFinished("run %s has ended (%s), and a finished run is never resumed" % (name, run.state), run=name, state=run.state)
    _update(c, run.id, owner=owner.to_dict())
    if owner == NOBODY:
        leases.end(c, run.id)
    else:
        leases.renew(c, run.id, lease_of(run))
    events.append(c, "taken_over", run_id=run.id, actor=actor, detail=dict(detail or {}, was=run.owner, **{"is": owner.to_dict()}), at=at)
    return get(c, name)


def lease_of(run: Run) -> float:
    """Seconds for which a run's controller is taken to live after it was last heard of, where nobody can see its process."""
    return float(run.settings.get("patch_lease") or leases.SECONDS)


def renew(c: sa.Connection, run: Run) -> bool:
    """The run's controller was heard of. False where it is not the controller any more: ``run`` is as it was when that was last known."""
    if leases.renewed(c, run.id, run.owner, lease_of(run)):
        return True
    if without_settings(c, run.id).owner != run.owner:
        return False
    leases.renew(c, run.id, lease_of(run))
    return True


def resume(c: sa.Connection, name: str, owner: Owner, play: str, actor: str = "", detail: Data | None = None, at: float | None = None) -> Run:
    """Go on with an unfinished run in another controller process. What was never touched gets its turn again."""
    run = take_over(c, name, owner, actor, at)
    _update(c, run.id, settings=dict(run.settings, play=play))
    for host in hosts.all_of(c, run.id, ("not_started", "deferred", "unreachable")):
        if host.state != "unreachable" or host.came_from == "waiting":
            hosts.set_state(c, run.id, host.host, "waiting", "the run goes on", actor, at)
    events.append(c, "gone_on_with", run_id=run.id, actor=actor, detail=detail, at=at)
    return get(c, name)


def get(c: sa.Connection, name: str) -> Run:
    run = _find(c, name)
    if run is None:
        raise RunUnknown("there is no run %s in this ledger" % name, run=name)
    return run


def by_id(c: sa.Connection, run_id: int) -> Run:
    found = _BY_ID.first(c, b_id=run_id)
    if found is None:
        raise RunUnknown("there is no run with id %d in this ledger" % run_id, run_id=run_id)
    return Run(**found)


def of_owner(c: sa.Connection, owner: Owner) -> list[Run]:
    """All runs that a process opened or took over, the oldest first."""
    t = schema.runs
    return [read(Run, row) for row in c.execute(leases.with_runs(c.dialect.name, t).where(t.c.owner == owner.to_dict()).order_by(t.c.id))]


def without_settings(c: sa.Connection, run_id: int) -> Run:
    """As ``by_id``, but for what is asked again and again: the settings, which grow with the hosts, are not read."""
    found = _WITHOUT_SETTINGS.first(c, b_id=run_id)
    if found is None:
        raise RunUnknown("there is no run with id %d in this ledger" % run_id, run_id=run_id)
    return Run(settings={}, **found)


def slices(c: sa.Connection, run: Run) -> list[str]:
    """The other unfinished runs of a run's deployment that somebody works on, by name: a controller that cuts its inventory into slices gives
    each a part."""
    found = _SLICES.all(c, b_deployment=run.deployment, b_id=run.id)
    return [row["name"] for row in found if not is_gone(row["owner"], row["lease_left"])]


def latest(c: sa.Connection, deployment: str | None = None) -> Run | None:
    """The run that was opened last, of all or of one deployment."""
    found = recent(c, 1, deployment=deployment)
    return found[0] if found else None


def recent(c: sa.Connection, limit: int = 50, deployment: str | None = None, unfinished: bool = False) -> list[Run]:
    """Runs, newest first."""
    t = schema.runs
    query = leases.with_runs(c.dialect.name, t).order_by(t.c.started_at.desc(), t.c.id.desc()).limit(limit)
    if deployment is not None:
        query = query.where(t.c.deployment == deployment)
    if unfinished:
        query = query.where(t.c.state.in_(RUN_UNFINISHED))
    return [read(Run, row) for row in c.execute(query)]


def set_state(c: sa.Connection, run_id: int, state: str, actor: str = "", reason: str = "", at: float | None = None, detail: Data | None = None) -> Run:
    """``running``, ``paused`` or ``stopping``; final states are for ``finish`` to find. ``detail`` is kept beside. Where it is in that state already, another
    reason is a change too."""
    run = by_id(c, run_id)
    if state not in RUN_UNFINISHED or not run_may_go(run.state, state):
        raise NotAllowed("run %s is %s and can't become %s" % (run.name, run.state, state), run=run.name, state=run.state)
    if state != run.state or clean(reason) not in ("", run.reason):
        _update(c, run_id, state=state, reason=reason)
        events.append(c, "run_state", reason, run_id=run_id, actor=actor, detail=dict(detail or {}, was=run.state, **{"is": state}), at=at)
    return by_id(c, run_id)


def finish(c: sa.Connection, run_id: int, fail_on: Collection[str] = FAIL_ON, actor: str = "", at: float | None = None) -> Ending:
    """End the run. Hosts that have not come to an end do so now: what was never touched is ``not_started``, what was left in
    the middle ``failed``. ``stopped`` where it was being stopped, ``failed`` where a host is in a state of ``fail_on``. Again: the same."""
    run = by_id(c, run_id)
    if run.state not in RUN_FINAL:
        at = events.stamp(at)
        _end_hosts(c, run, at)
        if run.settings.get("check"):
            # Nothing was to be started, so that is nothing to be called failed for.
            fail_on = [state for state in fail_on if state != "not_started"]
        state = "stopped" if run.state == "stopping" else "failed" if _offenders(c, run_id, fail_on) else "succeeded"
        _update(c, run_id, state=state, finished_at=at)
        events.append(c, "run_state", run_id=run_id, actor=actor, detail={"was": run.state, "is": state}, at=at)
    return Ending(by_id(c, run_id), _offenders(c, run_id, fail_on))


def finish_if_done(c: sa.Connection, run_id: int, fail_on: Collection[str] = FAIL_ON, actor: str = "",
                   at: float | None = None) -> Ending | None:
    """``finish``, but only once every host has come to an end; for a role that does not know which of its hosts is the last."""
    if hosts.all_of(c, run_id, HOST_WORKING):
        return None
    return finish(c, run_id, fail_on, actor, at)


def end_abandoned(c: sa.Connection, deployment: str, actor: str = "", at: float | None = None, checks_only: bool = False) -> list[str]:
    """End the runs of a deployment whose controller process is gone and that hold no slot, because another one begins: nobody works on
    them, and nobody is out of service. Their names. A run in check mode ends only others in check mode: the rest may still be gone on with."""
    t, slots = schema.runs, schema.slots
    holding = sa.select(slots.c.run_id).where(slots.c.returned_at.is_(None))
    query = leases.with_runs(c.dialect.name, t).where(t.c.deployment == deployment, t.c.state.in_(RUN_UNFINISHED), t.c.id.not_in(holding)).order_by(t.c.id)
    left = [run for run in (read(Run, row) for row in c.execute(query)) if run.left and (run.settings.get("check") or not checks_only)]
    for run in left:
        finish(c, run.id, run.settings.get("patch_fail_on", FAIL_ON), actor, at)
    return [run.name for run in left]


def summary(c: sa.Connection, run_id: int) -> dict[str, Any]:
    """Counts: ``hosts``, ``states``, ``failed`` (against ``patch_max_failed``), ``never_reached`` (unreachable from the start)
    and ``slots`` that are out."""
    all_hosts = hosts.all_of(c, run_id)
    slots = schema.slots
    held = c.execute(sa.select(sa.func.count()).select_from(slots).where(slots.c.run_id == run_id, slots.c.returned_at.is_(None)))
    return {
        "hosts": len(all_hosts),
        "states": dict(sorted(Counter(h.state for h in all_hosts).items())),
        "failed": sum(uses_up_failures(h.state, h.came_from) for h in all_hosts),
        "never_reached": sum(h.state == "unreachable" and h.came_from == "waiting" for h in all_hosts),
        "slots": held.scalar_one(),
    }


def _find(c: sa.Connection, name: str) -> Run | None:
    found = _BY_NAME.first(c, b_name=name)
    return None if found is None else Run(**found)


def _create(c: sa.Connection, new: NewRun, at: float) -> Run:
    result = c.execute(sa.insert(schema.runs).values(
        name=new.name, deployment=new.deployment, actor=new.actor, job_id=new.job_id, change_id=new.change_id,
        settings=new.settings or {}, owner=new.owner.to_dict(), state="running", reason="", started_at=at))
    run_id = int(result.inserted_primary_key[0])  # type: ignore[index]
    rows = [{"run_id": run_id, "host": target.host, "position": position, "canary": target.canary, "state": "waiting",
             "came_from": "", "reason": "", "changed_at": at} for position, target in enumerate(new.targets)]
    if rows:
        c.execute(sa.insert(schema.run_hosts), rows)
    leases.renew(c, run_id, lease_of(by_id(c, run_id)))
    events.append(c, "opened", run_id=run_id, actor=new.actor, at=at,
                  detail={"job_id": new.job_id, "change_id": new.change_id, "hosts": len(rows)})
    return by_id(c, run_id)


def _in_use(run: Run) -> RunInUse:
    gone = run.left
    doing = "was left unfinished by a controller process that is gone" if gone else "is being worked on"
    advice = "start it with the playbook fleetops.patchtrain.patch to go on with it" if gone else "wait for its end"
    return RunInUse("run %s %s (process %s on %s): %s, or give patch_run_name another name"
                    % (run.name, doing, run.owner.get("pid"), run.owner.get("host"), advice), run=run.name, owner=run.owner, gone=gone)


def _end_hosts(c: sa.Connection, run: Run, at: float) -> None:
    for host in hosts.all_of(c, run.id, HOST_WORKING):
        if host.state == "waiting":
            hosts.set_state(c, run.id, host.host, "not_started", "check mode" if run.settings.get("check") else "the run ended before its turn", at=at)
        else:
            hosts.set_state(c, run.id, host.host, "failed", "the run ended while it was %s" % host.state, at=at)


def _offenders(c: sa.Connection, run_id: int, fail_on: Collection[str]) -> tuple[RunHost, ...]:
    return tuple(hosts.all_of(c, run_id, fail_on))


def _update(c: sa.Connection, run_id: int, **values: Any) -> None:
    c.execute(sa.update(schema.runs).where(schema.runs.c.id == run_id).values(**values))
