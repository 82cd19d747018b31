# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts were found to lack, and when. Nothing is overwritten: what was known on a past day can be asked for."""

from __future__ import annotations

from collections.abc import Collection

from . import events, schema
from ._sqlalchemy import sa
from .rows import Assessment, Data, read

_t = schema.assessments


def record(c: sa.Connection, host: str, document: Data, run_id: int | None = None, at: float | None = None) -> None:
    """Keep an assessment; ``run_id`` where a run made it."""
    c.execute(sa.insert(_t).values(run_id=run_id, host=host, at=events.stamp(at), document=document))


def latest(c: sa.Connection, hosts: Collection[str] | None = None, as_of: float | None = None) -> dict[str, Assessment]:
    """The newest assessment of each host, of all that have one or of those named; with ``as_of``, the newest at that time."""
    newest = sa.select(sa.func.max(_t.c.id)).group_by(_t.c.host)
    if as_of is not None:
        newest = newest.where(_t.c.at <= as_of)
    query = sa.select(_t).where(_t.c.id.in_(newest))
    found = (read(Assessment, row) for row in c.execute(query))
    return {item.host: item for item in found if hosts is None or item.host in hosts}
