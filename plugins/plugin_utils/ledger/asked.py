# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts have asked for their slot and wait: a mark for each, written once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from . import events, schema
from ._sqlalchemy import sa
from .statements import Statement, this_host

_t = schema.asked
_MOST = 200
"""Of so many that wait longest the order is kept; more would only hold up whoever asks."""


def _earlier() -> Any:
    targets = schema.run_hosts
    query = sa.select(_t.c.host).join(targets, sa.and_(targets.c.run_id == _t.c.run_id, targets.c.host == _t.c.host)).where(
        _t.c.run_id == sa.bindparam("b_run"), targets.c.state == "waiting", targets.c.position < sa.bindparam("b_position"))
    return query.order_by(targets.c.position).limit(_MOST)


_MARK, _UNMARK = Statement(lambda d: sa.insert(_t), "run_id", "host", "at"), Statement(lambda d: this_host(sa.delete(_t), _t))
_MARKED, _EARLIER = Statement(lambda d: this_host(sa.select(_t.c.at), _t)), Statement(lambda d: _earlier())


def mark(c: sa.Connection, run_id: int, host: str, at: float | None = None) -> None:
    """From now on later hosts give way to this one."""
    if not is_marked(c, run_id, host):
        _MARK.change(c, run_id=run_id, host=host, at=events.stamp(at))


def unmark(c: sa.Connection, run_id: int, among: Collection[str]) -> None:
    """Nobody gives way to these any more, until they ask for the first time again."""
    for host in among:
        _UNMARK.change(c, b_run=run_id, b_host=host)


def is_marked(c: sa.Connection, run_id: int, host: str) -> bool:
    return _MARKED.first(c, b_run=run_id, b_host=host) is not None


def earlier(c: sa.Connection, run_id: int, position: int) -> list[str]:
    """The hosts that have asked and wait, and come before this position in the plan's order."""
    return [row["host"] for row in _EARLIER.all(c, b_run=run_id, b_position=position)]
