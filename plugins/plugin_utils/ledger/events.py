# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened and who did it. Rows are added, never changed and never removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from . import schema
from ._sqlalchemy import sa
from .rows import Event, read
from .statements import Statement, one_of

_t = schema.events
_APPEND = Statement(lambda d: sa.insert(_t), "run_id", "host", "at", "actor", "action", "text", "detail")
_OF_ACTION = Statement(lambda d: sa.select(_t).where(_t.c.run_id == sa.bindparam("b_run"), _t.c.action == sa.bindparam("b_action")).order_by(_t.c.id))

Asked = Callable[[Any], Any]


def stamp(at: float | None) -> float:
    """The time to write: the one that is given, or now."""
    return time.time() if at is None else float(at)


def append(c: sa.Connection, action: str, text: str = "", *, run_id: int | None = None, host: str | None = None,
           actor: str = "", detail: dict[str, Any] | None = None, at: float | None = None) -> None:
    """Note one thing. ``action`` is a short word (``paused``, ``host_state``, ``slot_returned``, ``note``, ...)."""
    _APPEND.change(c, run_id=run_id, host=host, at=stamp(at), actor=actor, action=action, text=text, detail=detail)


def of_run(c: sa.Connection, run_id: int, host: str | None = None, action: str | None = None) -> list[Event]:
    """The events of a run in the order in which they were written."""
    if action is not None and host is None:
        return [Event(**row) for row in _OF_ACTION.all(c, b_run=run_id, b_action=action)]
    query = sa.select(_t).where(_t.c.run_id == run_id).order_by(_t.c.id)
    if host is not None:
        query = query.where(_t.c.host == host)
    if action is not None:
        query = query.where(_t.c.action == action)
    return [read(Event, row) for row in c.execute(query)]


def latest(*actions: str) -> Asked:
    """What asks for the newest event among these, by its number; None where there is none."""
    newest = Statement(lambda d: sa.select(_t.c.id).where(one_of(_t.c.action, actions)).order_by(_t.c.id.desc()).limit(1))
    return newest.value


def latest_of_run(*actions: str) -> Callable[[int], Asked]:
    """The same among the events of one run, which costs the same however many others there are."""
    newest = Statement(lambda d: sa.select(sa.func.max(_t.c.id)).where(_t.c.run_id == sa.bindparam("b_run"), one_of(_t.c.action, actions)))
    return lambda run_id: lambda c: newest.value(c, b_run=run_id)


def count(c: sa.Connection) -> int:
    """How many things are on record, over all runs."""
    return int(c.execute(sa.select(sa.func.count()).select_from(schema.events)).scalar_one())
