# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release a stage points to: its last move. Moves are added, never changed."""

from __future__ import annotations

from . import events, schema
from ._sqlalchemy import sa
from .errors import NotAllowed, ReleaseUnknown
from .rows import Release, StageMove
from . import releases

_m = schema.stage_moves
_r = schema.releases
_before = schema.releases.alias("before")


def moves(c: sa.Connection, stage: str | None = None, limit: int | None = None) -> list[StageMove]:
    """The newest first; of one stage, or of all."""
    query = (sa.select(_m, _r.c.name, _r.c.digest, _before.c.name.label("previous"))
             .join(_r, _r.c.id == _m.c.release_id).outerjoin(_before, _before.c.id == _m.c.previous_id))
    if stage is not None:
        query = query.where(_m.c.stage == stage)
    rows = c.execute(query.order_by(_m.c.id.desc()).limit(limit))
    return [StageMove(row.stage, row.name, row.digest, row.previous, row.at, row.actor, row.forced, row.reason) for row in rows]


def current(c: sa.Connection, stage: str) -> StageMove | None:
    found = moves(c, stage, 1)
    return found[0] if found else None


def release_of(c: sa.Connection, stage: str) -> Release:
    """The release that a stage points to; ``ReleaseUnknown`` where nothing was promoted to it."""
    found = current(c, stage)
    if found is None:
        known = sorted({move.stage for move in moves(c)})
        raise ReleaseUnknown("no release was promoted to the stage %s%s" % (stage, "; there are %s" % ", ".join(known) if known else ""), stage=stage)
    return releases.get(c, found.release)


def pointing_to(c: sa.Connection, digest: str) -> list[str]:
    """The stages whose release has this content."""
    return sorted(move.stage for move in {m.stage: m for m in reversed(moves(c))}.values() if move.digest == digest)


def move(c: sa.Connection, stage: str, release: Release, actor: str, forced: bool = False, reason: str = "", at: float | None = None) -> bool:
    """Let a stage point to a release; whether it did not before."""
    was = current(c, stage)
    if was is not None and was.release == release.name:
        return False
    previous = releases.get(c, was.release).id if was is not None else None
    c.execute(sa.insert(_m).values(stage=stage, release_id=release.id, previous_id=previous, at=events.stamp(at), actor=actor, forced=forced, reason=reason))
    events.append(c, "stage_moved", "%s: %s" % (stage, release.name), actor=actor, at=at, detail={
        "stage": stage, "release": release.name, "digest": release.digest, "previous": was.release if was else None, "forced": forced, "reason": reason})
    return True


def before(c: sa.Connection, stage: str) -> Release:
    """The release that a stage had before the present one; ``NotAllowed`` where there was none."""
    now = release_of(c, stage)
    found = current(c, stage)
    if found is None or found.previous is None:
        raise NotAllowed("the stage %s had no other release before %s" % (stage, now.name), stage=stage)
    return releases.get(c, found.previous)
