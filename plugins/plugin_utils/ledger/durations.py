# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long hosts were out of service: the history from which ``scheduling.estimate`` tells how long they will be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ..scheduling.estimate import Past
from . import schema
from ._sqlalchemy import sa

_s, _h, _r, _e = schema.slots, schema.run_hosts, schema.runs, schema.events

RUNS = 12
"""So many of the newest runs are looked at: a host is in each of them once at most, so what is read has a limit however old the ledger is."""
_BROUGHT_BACK = ("succeeded", "reboot_pending")
_CHANGED_HANDS = ("taken_over", "gone_on_with")
_FEW = 500


@dataclass(frozen=True)
class _Slot:
    id: int
    run_id: int
    host: str
    taken_at: float
    returned_at: float


def past(c: sa.Connection, deployment: str, hosts: Collection[str] | None = None, newest: int = 500) -> list[Past]:
    """The newest times out of service in a deployment's newest runs, newest first; of ``hosts`` only if given.

    Only of hosts that were brought back: one that failed kept its slot until somebody came. A run that changed hands tells nothing of the hosts
    that were out of service meanwhile: they waited for a controller. The soak is left out, because the host serves by then.
    """
    # Runs in check mode take no slot, and however many there were, they tell nothing.
    took_slots = sa.exists().where(_s.c.run_id == _r.c.id)
    run_ids = list(c.scalars(sa.select(_r.c.id).where(_r.c.deployment == deployment, took_slots).order_by(_r.c.id.desc()).limit(RUNS)))
    changed_hands = _changed_hands(c, run_ids)
    slots = [slot for slot in _slots(c, run_ids, hosts, newest) if not _interrupted(slot, changed_hands)]
    changed, soaks, reboots = _changes(c, slots), _steps(c, slots, "soak"), _steps(c, slots, "reboot")
    return [Past(slot.host, max(slot.returned_at - slot.taken_at - soaks.get(_key(slot), 0.0), 0.0), changed.get(_key(slot), 0),
                 reboots.get(_key(slot), 0.0), slot.returned_at) for slot in slots]


def _slots(c: sa.Connection, run_ids: Sequence[int], hosts: Collection[str] | None, newest: int) -> list[_Slot]:
    if hosts is None:
        return _of_runs(c, run_ids, sa.true(), newest)
    wanted, found = sorted(set(hosts)), list[_Slot]()
    for first in range(0, len(wanted), _FEW):  # databases limit how many values a statement may have
        found += _of_runs(c, run_ids, _s.c.host.in_(wanted[first:first + _FEW]), newest)
    return sorted(found, key=lambda slot: -slot.id)[:newest]


def _of_runs(c: sa.Connection, run_ids: Sequence[int], wanted: sa.ColumnElement[bool], newest: int) -> list[_Slot]:
    query = sa.select(_s.c.id, _s.c.run_id, _s.c.host, _s.c.taken_at, _s.c.returned_at) \
        .join(_h, sa.and_(_h.c.run_id == _s.c.run_id, _h.c.host == _s.c.host)) \
        .where(_s.c.run_id.in_(run_ids), _s.c.returned_at.is_not(None), _h.c.state.in_(_BROUGHT_BACK), wanted)
    return [_Slot(**row._mapping) for row in c.execute(query.order_by(_s.c.id.desc()).limit(newest))]


def _changed_hands(c: sa.Connection, run_ids: Sequence[int]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for row in c.execute(sa.select(_e.c.run_id, _e.c.at).where(_e.c.run_id.in_(run_ids), _e.c.action.in_(_CHANGED_HANDS))):
        found.setdefault(row.run_id, []).append(row.at)
    return found


def _interrupted(slot: _Slot, changed_hands: dict[int, list[float]]) -> bool:
    return any(slot.taken_at <= at <= slot.returned_at for at in changed_hands.get(slot.run_id, ()))


def _changes(c: sa.Connection, slots: Sequence[_Slot]) -> dict[tuple[int, str], int]:
    """How many packages were changed, by run and host."""
    t = schema.package_changes
    return {key: int(count) for key, count in _by_host(c, slots, t, sa.func.count(), t.c.result == "installed").items()}


def _steps(c: sa.Connection, slots: Sequence[_Slot], step: str) -> dict[tuple[int, str], float]:
    """How long a step took, by run and host."""
    t = schema.steps
    return _by_host(c, slots, t, sa.func.sum(t.c.finished_at - t.c.started_at), sa.and_(t.c.step == step, t.c.outcome == "ok"))


def _by_host(c: sa.Connection, slots: Sequence[_Slot], t: sa.Table, what: sa.ColumnElement[Any], wanted: sa.ColumnElement[bool]
             ) -> dict[tuple[int, str], float]:
    """Only the hosts of ``slots`` are asked for, so that one host's history costs as little in a fleet of many."""
    found: dict[tuple[int, str], float] = {}
    for run_id in sorted({slot.run_id for slot in slots}):
        hosts = sorted({slot.host for slot in slots if slot.run_id == run_id})
        for first in range(0, len(hosts), _FEW):
            some = sa.and_(t.c.run_id == run_id, t.c.host.in_(hosts[first:first + _FEW]), wanted)
            found.update({(run_id, row.host): float(row[1]) for row in c.execute(sa.select(t.c.host, what).where(some).group_by(t.c.host))})
    return found


def _key(slot: _Slot) -> tuple[int, str]:
    return slot.run_id, slot.host
