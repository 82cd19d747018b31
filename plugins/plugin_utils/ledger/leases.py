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
from .statements import Statement

SECONDS = 7200.0
"""Where a run's settings don't say."""

_t = schema.leases
_NOW = {"sqlite": "((julianday('now') - 2440587.5) * 86400.0)", "postgresql": "cast(extract(epoch from clock_timestamp()) as double precision)"}


def now(dialect: str) -> Any:
    """The database's time, as an expression."""
    return sa.literal_column(_NOW[dialect], sa.Double)


def with_runs(dialect: str, *columns: Any) -> Any:
    """A query of runs that also gives ``lease_left``, in seconds; None where a run has no lease."""
    left = (_t.c.until - now(dialect)).label("lease_left")
    return sa.select(*columns, left).select_from(schema.runs.outerjoin(_t, _t.c.run_id == schema.runs.c.id))


def _later(dialect: str) -> Any:
    return now(dialect) + sa.bindparam("b_seconds", type_=sa.Double)


def _of_owner() -> Any:
    return sa.exists().where(schema.runs.c.id == sa.bindparam("b_run"), schema.runs.c.owner == sa.bindparam("b_owner"))


_RENEW = Statement(lambda d: sa.update(_t).where(_t.c.run_id == sa.bindparam("b_run")).values(until=_later(d)))
_RENEW_OF_OWNER = Statement(lambda d: sa.update(_t).where(_t.c.run_id == sa.bindparam("b_run"), _of_owner()).values(until=_later(d)))
_BEGIN = Statement(lambda d: sa.insert(_t).values(run_id=sa.bindparam("b_run"), until=_later(d)))


def renew(c: sa.Connection, run_id: int, seconds: float) -> None:
    """The run's controller is taken to live for so long from now."""
    if _RENEW.change(c, b_run=run_id, b_seconds=float(seconds)) == 0:
        _BEGIN.change(c, b_run=run_id, b_seconds=float(seconds))


def renewed(c: sa.Connection, run_id: int, owner: Data, seconds: float) -> bool:
    """The same for who is the run's controller only if it has not changed hands. False where it has, and where there is no lease."""
    return _RENEW_OF_OWNER.change(c, b_run=run_id, b_owner=owner, b_seconds=float(seconds)) == 1


def end(c: sa.Connection, run_id: int) -> None:
    """The run belongs to nobody."""
    c.execute(sa.delete(_t).where(_t.c.run_id == run_id))
