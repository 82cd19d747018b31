# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From each version of the schema to the next. A step is never changed once it has been released."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import schema
from ._sqlalchemy import sa


def _releases(connection: sa.Connection) -> None:
    """New tables alone; one that changes them later has to write here what they were."""
    schema.metadata.create_all(connection, tables=[schema.releases, schema.publications, schema.stage_moves, schema.upstream_updates])


def _leases(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.leases])


def _asked(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.asked])


def _by_state(connection: sa.Connection) -> None:
    schema.by_state.create(connection)


def _by_action(connection: sa.Connection) -> None:
    schema.by_action.create(connection)


MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: _releases, 2: _leases, 3: _asked, 4: _by_state, 5: _by_action}
"""The step from version ``n`` to ``n + 1`` under ``n``, in the transaction that also sets the version."""
