# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how long the controller of a run is taken to live by machines that can't see its process.

All of it is in the database's own time, so that it does not matter whose clock is wrong.
"""

from __future__ import annotations

from typing import Any

from . import schema
from ._sqlalchemy import sa
from .rows import Data

SECONDS = 7200.0
"""Where a run's settings don't say."""

_t = schema.leases
_NOW = {"sqlite": "((julianday('now') - 2440587.5) * 86400.0)", "postgresql": "cast(extract(epoch from clock_timestamp()) as double precision)"}


def now(c: sa.Connection) -> Any:
    """The database's time, as an expression."""
    return sa.literal_column(_NOW[c.dialect.name], sa.Double)


def with_runs(c: sa.Connection, *columns: Any) -> Any:
    """A query of runs that also gives ``lease_left``, in seconds; None where a run has no lease."""
    left = (_t.c.until - now(c)).label("lease_left")
    return sa.select(*columns, left).select_from(schema.runs.outerjoin(_t, _t.c.run_id == schema.runs.c.id))


def renew(c: sa.Connection, run_id: int, seconds: float) -> None:
    """The run's controller is taken to live for so long from now."""
    values = {"until": now(c) + float(seconds)}
    if c.execute(sa.update(_t).where(_t.c.run_id == run_id).values(values)).rowcount == 0:
        c.execute(sa.insert(_t).values(run_id=run_id, **values))


def renewed(c: sa.Connection, run_id: int, owner: Data, seconds: float) -> bool:
    """The same for who is the run's controller only if it has not changed hands. False where it has, and where there is no lease."""
    same = sa.exists().where(schema.runs.c.id == run_id, schema.runs.c.owner == owner)
    return bool(c.execute(sa.update(_t).where(_t.c.run_id == run_id, same).values(until=now(c) + float(seconds))).rowcount)


def end(c: sa.Connection, run_id: int) -> None:
    """The run belongs to nobody."""
    c.execute(sa.delete(_t).where(_t.c.run_id == run_id))
