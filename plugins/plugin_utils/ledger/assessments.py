# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts were found to lack, and when. Nothing is overwritten: what was known on a past day can be asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta, timezone

from . import events, schema
from ._sqlalchemy import sa
from .rows import Assessment, Data, read
from .statements import Statement

_t = schema.assessments
_FEW = 500
_RECORD = Statement(lambda d: sa.insert(_t), "run_id", "host", "at", "document")
_LAST = Statement(lambda d: sa.select(_t).where(_t.c.host == sa.bindparam("b_host")).order_by(_t.c.at.desc(), _t.c.id.desc()).limit(1))


def record(c: sa.Connection, host: str, document: Data, run_id: int | None = None, at: float | None = None) -> None:
    """Keep an assessment; ``run_id`` where a run made it."""
    _RECORD.change(c, run_id=run_id, host=host, at=events.stamp(at), document=document)


def last(c: sa.Connection, host: str) -> Assessment | None:
    """The newest assessment of one host, if it has any."""
    found = _LAST.first(c, b_host=host)
    return Assessment(**found) if found else None


def latest(c: sa.Connection, hosts: Collection[str] | None = None, as_of: float | None = None) -> dict[str, Assessment]:
    """The newest assessment of each host, of all that have one or of those named; with ``as_of``, the newest at that time."""
    turn = sa.func.row_number().over(partition_by=_t.c.host, order_by=(_t.c.at.desc(), _t.c.id.desc())).label("turn")
    known = sa.select(_t.c.id, turn)
    if as_of is not None:
        known = known.where(_t.c.at <= as_of)
    if hosts is not None and len(hosts) <= _FEW:
        known = known.where(_t.c.host.in_(list(hosts)))
    ranked = known.subquery()
    query = sa.select(_t).join(ranked, ranked.c.id == _t.c.id).where(ranked.c.turn == 1)
    found = (read(Assessment, row) for row in c.execute(query))
    return {item.host: item for item in found if hosts is None or item.host in hosts}


def history(c: sa.Connection, host: str, since: float, limit: int) -> list[Assessment]:
    """A host's assessments, the newest first: those since a time, and the last one before it."""
    older = sa.select(sa.func.max(_t.c.at)).where(_t.c.host == host, _t.c.at <= since).scalar_subquery()
    query = sa.select(_t).where(_t.c.host == host, _t.c.at >= sa.func.coalesce(older, since)).order_by(_t.c.at.desc(), _t.c.id.desc())
    return [read(Assessment, row) for row in c.execute(query.limit(limit))]


def end_of(day: date) -> float:
    """The last moment of a day (UTC), for ``as_of``."""
    return datetime.combine(day + timedelta(days=1), time(), timezone.utc).timestamp() - 0.001


def as_of(c: sa.Connection, day: date, hosts: Collection[str] | None = None) -> dict[str, Assessment]:
    """What was known of each host when a past day (UTC) ended."""
    return latest(c, hosts, end_of(day))
