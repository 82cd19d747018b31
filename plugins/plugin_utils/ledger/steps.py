# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a host: written before they are done, with what undoes them, and ended afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import events, hosts, schema
from ._sqlalchemy import sa
from .errors import NotAllowed
from .rows import Data, Step, read
from .statements import Statement, this_host

OUTCOMES = ("ok", "failed", "unreachable", "skipped")

ANOTHER_TURN = "another turn"
"""Stands between the steps of two slots that a host had in one run."""

_t = schema.steps
_ENDED = ("finished_at", "outcome", "message", "detail")


def _open() -> Any:
    return sa.update(_t).where(_t.c.id == sa.bindparam("b_id"), _t.c.finished_at.is_(None))


_BEGIN = Statement(lambda d: sa.insert(_t), "run_id", "host", "step", "place", "undo", "started_at", "outcome", "message")
_END, _END_OTHERWISE = Statement(lambda d: _open(), *_ENDED), Statement(lambda d: _open(), *_ENDED, "undo")
_UNDONE = Statement(lambda d: sa.update(_t).where(_t.c.id == sa.bindparam("b_id"), _t.c.undone_at.is_(None)), "undone_at")
_OF_HOST = Statement(lambda d: this_host(sa.select(_t), _t).order_by(_t.c.id))


def begin(c: sa.Connection, run_id: int, host: str, step: str, place: str = "", undo: Data | None = None,
          at: float | None = None) -> int:
    """Write that a step is about to be done, and return its id. ``undo`` is what a later process needs to undo it."""
    with hosts.targeted(host):
        return _BEGIN.add(c, run_id=run_id, host=host, step=step, place=place, undo=undo, started_at=events.stamp(at), outcome="", message="")


def end(c: sa.Connection, step_id: int, outcome: str, message: str = "", detail: Data | None = None, at: float | None = None,
        undo: Data | None = None) -> None:
    """Write how a step ended, once: ``ok``, ``failed``, ``unreachable`` or ``skipped`` (it was not necessary). With ``undo`` something else than was
    thought before undoes it."""
    if outcome not in OUTCOMES:
        raise NotAllowed("a step ends %s, not %r" % (", ".join(OUTCOMES), outcome), step_id=step_id)
    ended = {"b_id": step_id, "finished_at": events.stamp(at), "outcome": outcome, "message": message, "detail": detail}
    changed = _END_OTHERWISE.change(c, undo=undo, **ended) if undo else _END.change(c, **ended)
    if changed != 1:
        raise NotAllowed("step %d is not open: how it ended is written already" % step_id, step_id=step_id)


def done(c: sa.Connection, run_id: int, step: str, details: Mapping[str, Data], at: float | None = None) -> None:
    """Write of many hosts, by name, a step that was done well already, each with its detail."""
    when = events.stamp(at)
    rows = [{"run_id": run_id, "host": host, "step": step, "place": "", "started_at": when, "finished_at": when, "outcome": "ok", "message": "",
             "detail": detail} for host, detail in details.items()]
    if rows:
        c.execute(sa.insert(_t), rows)


def all_of(c: sa.Connection, run_id: int, host: str | None = None) -> list[Step]:
    """The steps of a run, or of one of its hosts, in the order in which they were begun."""
    if host is not None:
        return [Step(**row) for row in _OF_HOST.all(c, b_run=run_id, b_host=host)]
    return [read(Step, row) for row in c.execute(sa.select(_t).where(_t.c.run_id == run_id).order_by(_t.c.id))]


def latest(c: sa.Connection, run_id: int, step: str) -> dict[str, Step]:
    """Of each host that has a step of this name, the one that was begun last."""
    query = sa.select(_t).where(_t.c.run_id == run_id, _t.c.step == step).order_by(_t.c.id)
    return {row.host: read(Step, row) for row in c.execute(query)}


def to_undo(walked: Sequence[Step]) -> list[Step]:
    """Of all steps of a host what they changed and has not been undone, last first. A step that failed, or was cut, may be half done, so it counts."""
    return [s for s in reversed(walked) if s.undo is not None and s.undone_at is None and s.outcome != "skipped"]


def mark_undone(c: sa.Connection, step_id: int, at: float | None = None) -> None:
    """Write that a step's effect is gone; the first time stays."""
    _UNDONE.change(c, b_id=step_id, undone_at=events.stamp(at))
