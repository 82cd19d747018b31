# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream had published, at the times when it was asked, that a release does not carry."""

from __future__ import annotations

from collections.abc import Collection

from . import events, schema
from ._sqlalchemy import sa
from .rows import Data, Upstream

_t = schema.upstream_updates


def record(c: sa.Connection, digest: str, document: Data, at: float | None = None) -> None:
    c.execute(sa.insert(_t).values(digest=digest, at=events.stamp(at), document=document))


def latest(c: sa.Connection, digests: Collection[str]) -> dict[str, Upstream]:
    """The newest answer for each of these releases that has one."""
    newest = sa.select(sa.func.max(_t.c.id)).where(_t.c.digest.in_(list(digests))).group_by(_t.c.digest)
    rows = c.execute(sa.select(_t).where(_t.c.id.in_(newest)))
    return {row.digest: Upstream(row.digest, row.at, row.document) for row in rows}
