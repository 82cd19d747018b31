# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts printed, step by step, in full."""

from __future__ import annotations

from . import events, hosts, schema
from ._sqlalchemy import sa
from .columns import clean
from .rows import Log, read
from .statements import Statement, this_host

_t = schema.logs
_STORE = Statement(lambda d: sa.insert(_t), "run_id", "host", "step", "at", "text")
_HAS = Statement(lambda d: this_host(sa.select(_t.c.id), _t).where(_t.c.step == sa.bindparam("b_step")).limit(1))


def store(c: sa.Connection, run_id: int, host: str, step: str, text: str, at: float | None = None) -> None:
    """Keep the log of a step."""
    with hosts.targeted(host):
        _STORE.change(c, run_id=run_id, host=host, step=step, at=events.stamp(at), text=clean(text))


def has(c: sa.Connection, run_id: int, host: str, step: str) -> bool:
    """Whether the log of this step was kept."""
    return _HAS.first(c, b_run=run_id, b_host=host, b_step=step) is not None


def of_host(c: sa.Connection, run_id: int, host: str) -> list[Log]:
    """The logs of a host in a run, in the order in which they came."""
    query = sa.select(_t.c.step, _t.c.at, _t.c.text).where(_t.c.run_id == run_id, _t.c.host == host).order_by(_t.c.id)
    return [read(Log, row) for row in c.execute(query)]


def of_run(c: sa.Connection, run_id: int) -> dict[str, list[Log]]:
    """The logs of every host that printed something in a run."""
    found: dict[str, list[Log]] = {}
    for row in c.execute(sa.select(_t.c.host, _t.c.step, _t.c.at, _t.c.text).where(_t.c.run_id == run_id).order_by(_t.c.id)):
        found.setdefault(row.host, []).append(Log(row.step, row.at, row.text))
    return found
