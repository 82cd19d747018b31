# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a run: where each stands, what it was like before, and what is to be done to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..scheduling.states import HOST_FAILED, HOST_WORKING, RUN_FINAL, host_may_go
from . import events, schema
from ._sqlalchemy import sa
from .columns import clean
from .errors import HostUnknown, NotAllowed
from .rows import Data, RunHost, read
from .statements import Statement, one_of, this_host

_t = schema.run_hosts
_COLUMNS = (_t.c.run_id, _t.c.host, _t.c.position, _t.c.canary, _t.c.state, _t.c.came_from, _t.c.reason, _t.c.changed_at)

_CHECK = '%"check": true, "deployment_file": "%'
"""In the settings of a run in check mode, as they are stored: keys in order, and what is text has its quotes escaped. They grow with the hosts, and are not
read whole only for this."""


def _ahead() -> Any:
    mine = this_host(sa.select(_t.c.position), _t).scalar_subquery()
    of_run = sa.select(sa.func.count()).select_from(_t).where(_t.c.run_id == sa.bindparam("b_run"))
    under_way = [state for state in HOST_WORKING if state != "waiting"]
    waiting = of_run.where(_t.c.state == "waiting", _t.c.position < mine).scalar_subquery()
    return sa.select(waiting.label("waiting"), of_run.where(one_of(_t.c.state, under_way)).scalar_subquery().label("under_way"))


_GET = Statement(lambda d: this_host(sa.select(*_COLUMNS), _t))
_STANDS = Statement(lambda d: this_host(
    sa.select(*_COLUMNS, schema.runs.c.state.label("run_state")).join(schema.runs, schema.runs.c.id == _t.c.run_id), _t))
_FAILED = Statement(lambda d: sa.select(*_COLUMNS).where(_t.c.run_id == sa.bindparam("b_run"), one_of(_t.c.state, HOST_FAILED)).order_by(_t.c.position))
_AHEAD = Statement(lambda d: _ahead())
_MOVE = Statement(lambda d: this_host(sa.update(_t), _t), "state", "came_from", "reason", "changed_at")
_BASELINE, _SET_BASELINE = Statement(lambda d: this_host(sa.select(_t.c.baseline), _t)), Statement(lambda d: this_host(sa.update(_t), _t), "baseline")
_PLAN, _SET_PLAN = Statement(lambda d: this_host(sa.select(_t.c.plan), _t)), Statement(lambda d: this_host(sa.update(_t), _t), "plan")


def get(c: sa.Connection, run_id: int, host: str) -> RunHost:
    found = _GET.first(c, b_run=run_id, b_host=host)
    if found is None:
        raise _unknown(host)
    return RunHost(**found)


def all_of(c: sa.Connection, run_id: int, states: Collection[str] | None = None) -> list[RunHost]:
    """The hosts of a run in the plan's order, all or those in one of ``states``."""
    query = sa.select(*_COLUMNS).where(_t.c.run_id == run_id).order_by(_t.c.position)
    if states is not None:
        query = query.where(_t.c.state.in_(list(states)))
    return [read(RunHost, row) for row in c.execute(query)]


def failed(c: sa.Connection, run_id: int) -> list[RunHost]:
    """The hosts of a run that failed or were lost. They are few: they are found by their state, whatever number of hosts the run has."""
    return [RunHost(**row) for row in _FAILED.all(c, b_run=run_id)]


def ahead(c: sa.Connection, run_id: int, host: str) -> tuple[int, int]:
    """How many hosts of a run still wait that come before this one, and how many are on their way."""
    found = _AHEAD.all(c, b_run=run_id, b_host=host)[0]
    return int(found["waiting"]), int(found["under_way"])


def canaries(c: sa.Connection, run_id: int) -> list[RunHost]:
    """The hosts of a run that go first."""
    query = sa.select(*_COLUMNS).where(_t.c.run_id == run_id, _t.c.canary).order_by(_t.c.position)
    return [read(RunHost, row) for row in c.execute(query)]


def go_first(c: sa.Connection, run_id: int, first: Sequence[str]) -> None:
    """Make these hosts of a run its canaries, and nobody else; they go first."""
    chosen, rest = set(first), [host.host for host in all_of(c, run_id)]
    order = [*first, *(host for host in rest if host not in chosen)]
    statement = sa.update(_t).where(_t.c.run_id == run_id, _t.c.host == sa.bindparam("who")).values(
        position=sa.bindparam("at"), canary=sa.bindparam("is_first"))
    c.execute(statement, [{"who": host, "at": at, "is_first": host in chosen} for at, host in enumerate(order)])


def last_states(c: sa.Connection, among: Collection[str]) -> dict[str, str]:
    """Where each of these hosts that was ever in a run stands in the one that changed it last. A run in check mode does nothing to hosts, and tells nothing."""
    settings = sa.type_coerce(schema.runs.c.settings, sa.Text)
    turn = sa.func.row_number().over(partition_by=_t.c.host, order_by=(_t.c.changed_at.desc(), _t.c.run_id.desc())).label("turn")
    ranked = sa.select(_t.c.host, _t.c.state, turn).join(schema.runs, schema.runs.c.id == _t.c.run_id).where(settings.not_like(_CHECK)).subquery()
    rows = c.execute(sa.select(ranked.c.host, ranked.c.state).where(ranked.c.turn == 1))
    wanted = set(among)
    return {row.host: row.state for row in rows if row.host in wanted}


def stands(c: sa.Connection, run_id: int, host: str) -> tuple[RunHost, str]:
    """Where a host stands, and its run."""
    found = _STANDS.first(c, b_run=run_id, b_host=host)
    if found is None:
        raise _unknown(host)
    run_state: str = found.pop("run_state")
    return RunHost(**found), run_state


def set_state(c: sa.Connection, run_id: int, host: str, state: str, reason: str = "", actor: str = "",
              at: float | None = None) -> RunHost:
    """Write where a host stands now; staying where it is changes nothing but the reason. Every change is an event too."""
    return move(c, *stands(c, run_id, host), state, reason, actor, at)


def move(c: sa.Connection, was: RunHost, run_state: str, state: str, reason: str = "", actor: str = "", at: float | None = None) -> RunHost:
    """The same for who knows, from this very transaction, where the host and its run stand."""
    if was.state == state and reason in ("", was.reason):
        return was
    _check(was, run_state, state)
    now = replace(was, state=state, came_from=was.came_from if was.state == state else was.state, reason=clean(reason), changed_at=events.stamp(at))
    _MOVE.change(c, b_run=was.run_id, b_host=was.host, state=now.state, came_from=now.came_from, reason=now.reason, changed_at=now.changed_at)
    events.append(c, "host_state", reason, run_id=was.run_id, host=was.host, actor=actor, detail={"was": was.state, "is": state}, at=at)
    return now


def lose(c: sa.Connection, run_id: int, lost: Collection[str], at: float | None = None) -> None:
    """Hosts that left their play without a word to the ledger: nobody works on them any more, and nobody can say that they serve."""
    state = c.execute(sa.select(schema.runs.c.state).where(schema.runs.c.id == run_id)).scalar_one()
    for host in all_of(c, run_id, HOST_WORKING) if state not in RUN_FINAL else ():
        if host.host in lost:
            when = "before its turn" if host.state == "waiting" else "while it was %s" % host.state
            set_state(c, run_id, host.host, "unreachable", "it left the play %s: unreachable, or failed in another task" % when, at=at)


def _check(was: RunHost, run_state: str, state: str) -> None:
    if run_state in RUN_FINAL:
        raise NotAllowed("host %s can't become %s: its run has ended (%s)" % (was.host, state, run_state), host=was.host, state=was.state)
    if not host_may_go(was.state, state):
        raise NotAllowed("host %s is %s and can't become %s" % (was.host, was.state, state), host=was.host, state=was.state)


def set_baseline(c: sa.Connection, run_id: int, host: str, health: Data) -> None:
    """Keep the health that the host had before it was touched."""
    _keep(c, _SET_BASELINE, run_id, host, baseline=health)


def baseline(c: sa.Connection, run_id: int, host: str) -> Data | None:
    return _kept(c, _BASELINE, run_id, host, "baseline")


def set_plan(c: sa.Connection, run_id: int, host: str, plan: Data) -> None:
    """Keep exactly what is to be installed."""
    _keep(c, _SET_PLAN, run_id, host, plan=plan)


def plan(c: sa.Connection, run_id: int, host: str) -> Data | None:
    return _kept(c, _PLAN, run_id, host, "plan")


def _keep(c: sa.Connection, statement: Statement, run_id: int, host: str, **values: Any) -> None:
    if statement.change(c, b_run=run_id, b_host=host, **values) != 1:
        raise _unknown(host)


def _kept(c: sa.Connection, statement: Statement, run_id: int, host: str, column: str) -> Data | None:
    row = statement.first(c, b_run=run_id, b_host=host)
    if row is None:
        raise _unknown(host)
    found: Data | None = row[column]
    return found


def _unknown(host: str) -> HostUnknown:
    return HostUnknown("host %s is not among the targets of this run, which are fixed when it is opened" % host, host=host)


@contextmanager
def targeted(host: str) -> Iterator[None]:
    """Around one statement that writes of a host: the database itself refuses one that the run does not have."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise _unknown(host) from error
