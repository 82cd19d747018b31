# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened and who did it. Rows are added, never changed and never removed."""

from __future__ import annotations

import time
from typing import Any

from . import schema
from ._sqlalchemy import sa
from .rows import Event, read


def stamp(at: float | None) -> float:
    """The time to write: the one that is given, or now."""
    return time.time() if at is None else float(at)


def append(c: sa.Connection, action: str, text: str = "", *, run_id: int | None = None, host: str | None = None,
           actor: str = "", detail: dict[str, Any] | None = None, at: float | None = None) -> None:
    """Note one thing. ``action`` is a short word (``paused``, ``host_state``, ``slot_returned``, ``note``, ...)."""
    c.execute(sa.insert(schema.events).values(
        run_id=run_id, host=host, at=stamp(at), actor=actor, action=action, text=text, detail=detail))


def of_run(c: sa.Connection, run_id: int, host: str | None = None, action: str | None = None) -> list[Event]:
    """The events of a run in the order in which they were written."""
    t = schema.events
    query = sa.select(t).where(t.c.run_id == run_id).order_by(t.c.id)
    if host is not None:
        query = query.where(t.c.host == host)
    if action is not None:
        query = query.where(t.c.action == action)
    return [read(Event, row) for row in c.execute(query)]


def latest(*actions: str) -> sa.Select[Any]:
    """A query for the newest event among these, by its number; None where there is none."""
    t = schema.events
    return sa.select(t.c.id).where(t.c.action.in_(actions)).order_by(t.c.id.desc()).limit(1)


def latest_of(run_id: int, *actions: str) -> sa.Select[Any]:
    """The same among the events of one run, which costs the same however many others there are."""
    t = schema.events
    return sa.select(sa.func.max(t.c.id)).where(t.c.run_id == run_id, t.c.action.in_(actions))


def count(c: sa.Connection) -> int:
    """How many things are on record, over all runs."""
    return int(c.execute(sa.select(sa.func.count()).select_from(schema.events)).scalar_one())
