# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots: a host's right to be out of service. Decided by ``scheduling.budget``, kept here, for all runs at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..scheduling.budget import Budget, Decision, Host, Request, Room, decide
from ..scheduling.budgets import Sets, Standing, recorded
from ..scheduling.precedence import Claim, first_served, gives_way
from ..scheduling.states import HOST_FINAL, RUN_UNFINISHED, uses_up_failures
from . import asked, events, hosts, leases, runs, schema, steps
from ._sqlalchemy import sa
from .engine import Ledger
from .errors import NotAllowed
from .owner import is_gone
from .rows import Data, Held, Run, RunHost
from .statements import Statement, one_of, this_host

_t = schema.slots


def _holders(dialect: str) -> Any:
    runs_, targets = schema.runs, schema.run_hosts
    return leases.with_runs(
        dialect, _t.c.host, runs_.c.id.label("run_id"), runs_.c.name.label("run"), runs_.c.state.label("run_state"), runs_.c.owner, targets.c.state,
        targets.c.reason, _t.c.taken_at) \
        .join(_t, runs_.c.id == _t.c.run_id) \
        .join(targets, sa.and_(targets.c.run_id == _t.c.run_id, targets.c.host == _t.c.host)) \
        .where(_t.c.returned_at.is_(None)).order_by(_t.c.id)


def _unreachable(dialect: str) -> Any:
    runs_, targets = schema.runs, schema.run_hosts
    own = sa.select(targets.c.host).where(targets.c.run_id == sa.bindparam("b_run"))
    return leases.with_runs(dialect, targets.c.host, targets.c.state, runs_.c.name, runs_.c.owner).join(targets, runs_.c.id == targets.c.run_id).where(
        runs_.c.id != sa.bindparam("b_run"), one_of(runs_.c.state, RUN_UNFINISHED), targets.c.state == "unreachable", targets.c.host.not_in(own))


_HAD, _TAKE = Statement(lambda d: this_host(sa.select(_t.c.id), _t).limit(1)), Statement(lambda d: sa.insert(_t), "run_id", "host", "taken_at", "reason")
_OWN, _DROP = (Statement(lambda d: this_host(sa.select(_t.c.taken_at), _t).where(_t.c.returned_at.is_(None))),
               Statement(lambda d: this_host(sa.delete(_t), _t).where(_t.c.returned_at.is_(None))))
_RETURN = Statement(lambda d: this_host(sa.update(_t), _t).where(_t.c.returned_at.is_(None)), "returned_at", "reason")
_HOLDERS, _DOWN = Statement(_holders), Statement(_unreachable)


@dataclass(frozen=True)
class Ask:
    """``hosts`` is the set in the inventory that the budget is for, targeted or not. ``batch`` are the hosts that move in
    step with this one where ``in_step`` says that they do. ``standing`` is for all other budgets, ``slices`` are the runs whose
    hosts belong to the same fleet. ``owner`` is the controller that asks; unless it is given, nobody looks whose run it is. ``of_another`` is
    the question of another host of the run: where it is given, hosts get their slots in the plan's order. ``patient``: this one still gives way."""

    run_id: int
    host: str
    hosts: Collection[str]
    unavailable: Budget | None
    failures: Budget
    in_step: bool = False
    batch: Sequence[str] = ()
    standing: Standing | None = None
    slices: Sequence[str] = ()
    owner: Data | None = None
    of_another: Callable[[str], Ask] | None = None
    patient: bool = True

    @property
    def alike(self) -> Any:
        """What the answer depends on, beside the host itself."""
        return (self.unavailable, self.standing.under if self.standing else ())


@dataclass(frozen=True)
class _Out:
    """What every host of a run that asks is told: the hosts of the run that failed, and everybody who is out of service."""

    run: Run
    failed: Sequence[RunHost]
    held: Sequence[Host]
    down: Sequence[Host]

    def has(self, host: str) -> bool:
        return any(one.name == host for one in (*self.held, *self.down))


LOST = "lost"
"""What a decision names where the run is another controller's by now."""


def take(ledger: Ledger, ask: Ask, at: float | None = None) -> Decision:
    """Count, decide and take in one transaction that no other writer can enter. Asking again for a slot that the host has
    is granted; the slot stays as it was."""
    with ledger.write() as c:
        return take_in(c, ask, at)


def take_in(c: sa.Connection, ask: Ask, at: float | None = None) -> Decision:
    """The same within a transaction of ``ledger.write()``."""
    run = runs.without_settings(c, ask.run_id)
    if _lost(run, ask):
        return _no_longer(run)
    me, out = _asker(c, ask, run), _out(c, run)
    request = _request(c, ask, out)
    decision = decide(request)
    there = [h for h in request.holders if h.name == ask.host]
    if not decision.granted or any(h.run == request.run for h in there):
        if decision.granted and any(h.abandoned for h in there[_last_of(request.run, there):]):
            _again(c, ask.run_id, ask.host)
        return decision
    first = _first_served(c, ask, out, me) if ask.of_another and not ask.in_step else ()
    if first and ask.patient:
        return gives_way(first)
    # Those that did not take what was left to them have nobody to ask for them, or are busy: nobody gives way to them until they ask again.
    asked.unmark(c, run.id, [*first, ask.host])
    _given(c, ask.run_id, ask.host, events.stamp(at))
    return decision


def _given(c: sa.Connection, run_id: int, host: str, at: float) -> None:
    """A host that had a slot of this run before begins anew, which its steps have to tell: no clock does, where several controllers share a ledger."""
    if _HAD.first(c, b_run=run_id, b_host=host) is not None:
        steps.end(c, steps.begin(c, run_id, host, steps.ANOTHER_TURN, at=at), "ok", at=at)
    _TAKE.change(c, run_id=run_id, host=host, taken_at=at, reason="")


def _last_of(run: str, slots: Sequence[Host]) -> int:
    return max(at for at, slot in enumerate(slots) if slot.run == run)


def _again(c: sa.Connection, run_id: int, host: str) -> None:
    """A host that a later run had taken up, and has left in the middle too: the slot is the latest from now on, so that the later run waits for this one
    when it is gone on with."""
    taken_at = _OWN.value(c, b_run=run_id, b_host=host)
    _DROP.change(c, b_run=run_id, b_host=host)
    _TAKE.change(c, run_id=run_id, host=host, taken_at=taken_at, reason="")


def _first_served(c: sa.Connection, ask: Ask, out: _Out, me: RunHost) -> tuple[str, ...]:
    """Who comes before this host, could go now, and would have to wait for it."""
    def claim(question: Ask) -> Claim:
        return Claim(question.host, (question.alike, question.host if out.has(question.host) else ""),
                     lambda reserved: _request(c, question, replace(out, held=[*out.held, *reserved])))

    of = ask.of_another
    return first_served(claim(ask), (claim(of(host)) for host in asked.earlier(c, out.run.id, me.position)), out.run.name) if of else ()


def look(c: sa.Connection, ask: Ask) -> Decision:
    """What ``take_in`` would say now; takes nothing, and keeps no writer waiting."""
    run = runs.without_settings(c, ask.run_id)
    if _lost(run, ask):
        return _no_longer(run)
    _asker(c, ask, run)
    return decide(_request(c, ask, _out(c, run)))


def _lost(run: Run, ask: Ask) -> bool:
    return ask.owner is not None and run.owner != ask.owner and run.state in RUN_UNFINISHED


def _no_longer(run: Run) -> Decision:
    return Decision("refused", no_longer(run), LOST)


def no_longer(run: Run) -> str:
    """Why a controller that has lost its run starts nothing in it."""
    return "run %s was taken over (by process %s on %s): this controller starts no further host in it" % (
        run.name, run.owner.get("pid"), run.owner.get("host"))


def sets_of(run: Run) -> Sets:
    """The sets of hosts that a run kept when it opened."""
    return recorded(sorted(run.settings.get("set", ())), run.settings.get("budgets", ()), run.deployment)


def give_back(c: sa.Connection, run_id: int, host: str, state: str | None = None, reason: str = "", actor: str = "",
              at: float | None = None, detail: Data | None = None) -> bool:
    """Return a host's slot, and with ``state`` write where the host has come to, so that nobody sees one without the other.
    False where it had none. Also the way to release what a vanished controller has left, with actor, reason and what is kept beside (``detail``)."""
    at = events.stamp(at)
    returned = _RETURN.change(c, b_run=run_id, b_host=host, returned_at=at, reason=reason) == 1
    if returned:
        events.append(c, "slot_returned", reason, run_id=run_id, host=host, actor=actor, detail=detail, at=at)
    if state is not None:
        hosts.set_state(c, run_id, host, state, reason, actor, at)
    return returned


def holders(c: sa.Connection, among: Collection[str] | None = None) -> list[Held]:
    """All slots that are out, oldest first, of all runs, finished ones too: what they left behind is still out of service."""
    # Slots are few, sets may be thousands: the choice is made here.
    return [Held(**row) for row in _HOLDERS.all(c) if among is None or row["host"] in among]


def of_run(c: sa.Connection, run_id: int) -> list[Any]:
    """Every slot that the run ever took, in order: rows with host, taken_at and returned_at."""
    return list(c.execute(sa.select(_t.c.host, _t.c.taken_at, _t.c.returned_at).where(_t.c.run_id == run_id).order_by(_t.c.id)))


def _asker(c: sa.Connection, ask: Ask, run: Run) -> RunHost:
    me = hosts.get(c, ask.run_id, ask.host)
    if me.state in HOST_FINAL:
        raise NotAllowed("host %s has come to its end in run %s (%s) and takes no slot" % (me.host, run.name, me.state), host=me.host)
    return me


def _out(c: sa.Connection, run: Run) -> _Out:
    # Whoever waits asks again and again, and holds up all writers meanwhile: nothing is read of the hosts that fare well.
    mine = hosts.failed(c, run.id)
    return _Out(run, mine, [Host(h.host, h.run, h.state, _abandoned(h, run)) for h in holders(c)], _down(c, run, mine))


def _request(c: sa.Connection, ask: Ask, out: _Out) -> Request:
    return Request(
        ask.host, out.run.name, out.run.state, ask.unavailable, ask.failures, _among(ask, out.held), _among(ask, out.down),
        [h.host for h in out.failed if uses_up_failures(h.state, h.came_from)],
        [h.host for h in out.failed if h.canary], ask.in_step, ask.batch, _rooms(c, ask, [*out.down, *out.held]))


def _among(ask: Ask, out: Sequence[Host]) -> list[Host]:
    # Out of service are few, sets may be thousands.
    return [host for host in out if host.name == ask.host or host.name in ask.hosts]


def _rooms(c: sa.Connection, ask: Ask, out: Sequence[Host]) -> list[Room]:
    if ask.standing is None:
        return []
    for name in ask.standing.unknown(out, ask.slices):
        ask.standing.learn(name, sets_of(runs.get(c, name)))
    return ask.standing.rooms(out, ask.slices)


def _abandoned(held: Held, run: Run) -> bool:
    return held.run_id != run.id and held.run_state in RUN_UNFINISHED and held.left


def _down(c: sa.Connection, run: Run, mine: Sequence[RunHost]) -> list[Host]:
    """Hosts that nobody can reach. What this run knows of its own targets counts more than what another found earlier."""
    down = [Host(h.host, run.name, h.state) for h in mine if h.state == "unreachable"]
    others = [row for row in _DOWN.all(c, b_run=run.id) if not is_gone(row["owner"], row["lease_left"])]
    return down + [Host(row["host"], row["name"], row["state"]) for row in others]
