# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables. Times are seconds since the epoch, UTC. Whatever is new here needs a migration and a new ``VERSION``."""

from __future__ import annotations

from ._sqlalchemy import sa
from .columns import Document, Packed, Text

VERSION = 6
PRODUCT = "fleetops.patchtrain"

metadata = sa.MetaData()

meta = sa.Table(
    "meta", metadata,
    sa.Column("key", sa.String(50), primary_key=True),
    sa.Column("value", Text, nullable=False))

runs = sa.Table(
    "runs", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("deployment", Text, nullable=False),
    sa.Column("actor", Text, nullable=False),
    sa.Column("job_id", Text, nullable=False),
    sa.Column("change_id", Text, nullable=False),
    sa.Column("settings", Document, nullable=False),
    sa.Column("owner", Document, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("reason", Text, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False, index=True),
    sa.Column("finished_at", sa.Double))

run_hosts = sa.Table(
    "run_hosts", metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("host", Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("canary", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("came_from", sa.String(20), nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.Column("baseline", Packed),
    sa.Column("plan", Packed))

by_state = sa.Index("run_hosts_by_state", run_hosts.c.run_id, run_hosts.c.state)


def _of_a_host(*columns: sa.Column[object], name: str) -> sa.Table:
    """A table whose rows belong to one host of one run."""
    return sa.Table(
        name, metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("host", Text, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["run_id", "host"], ["run_hosts.run_id", "run_hosts.host"]),
        sa.Index(name + "_of_host", "run_id", "host"))


steps = _of_a_host(
    sa.Column("step", Text, nullable=False),
    sa.Column("place", Text, nullable=False),
    sa.Column("undo", Document),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("finished_at", sa.Double),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("message", Text, nullable=False),
    sa.Column("detail", Document),
    sa.Column("undone_at", sa.Double),
    name="steps")

slots = _of_a_host(
    sa.Column("taken_at", sa.Double, nullable=False),
    sa.Column("returned_at", sa.Double),
    sa.Column("reason", Text, nullable=False),
    name="slots")

# In words that all databases know: with an option for PostgreSQL, SQLAlchemy loads what it has for that, for everybody.
_ONE_OPEN = sa.DDL("CREATE UNIQUE INDEX slots_open ON slots (run_id, host) WHERE returned_at IS NULL")  # type: ignore[no-untyped-call]
sa.event.listen(slots, "after_create", _ONE_OPEN)

logs = _of_a_host(
    sa.Column("step", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("text", Packed, nullable=False),
    name="logs")

package_changes = _of_a_host(
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("name", Text, nullable=False, index=True),
    sa.Column("arch", Text, nullable=False),
    sa.Column("from_version", Text),
    sa.Column("to_version", Text),
    sa.Column("classification", Text, nullable=False),
    sa.Column("result", Text, nullable=False),
    sa.Column("reason", Text, nullable=False),
    name="package_changes")

package_references = sa.Table(
    "package_references", metadata,
    sa.Column("change_id", sa.ForeignKey("package_changes.id"), primary_key=True),
    sa.Column("reference", Text, primary_key=True, index=True))

assessments = sa.Table(
    "assessments", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id")),
    sa.Column("host", Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("document", Packed, nullable=False),
    sa.Index("assessments_of_host", "host", "at"))

events = sa.Table(
    "events", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.ForeignKey("runs.id"), index=True),
    sa.Column("host", Text),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("actor", Text, nullable=False),
    sa.Column("action", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("detail", Document))

by_action = sa.Index("events_by_action", events.c.run_id, events.c.action)

releases = sa.Table(
    "releases", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("parent", sa.String(64)),
    sa.Column("manifest", Packed, nullable=False),
    sa.Column("provenance", Document, nullable=False),
    sa.Column("captured_at", sa.Double, nullable=False),
    sa.Column("actor", Text, nullable=False),
    sa.Column("approved_at", sa.Double),
    sa.Column("approver", Text, nullable=False),
    sa.Column("evidence", Text, nullable=False))

publications = sa.Table(
    "publications", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("host", Text, nullable=False),
    sa.Column("root", Text, nullable=False),
    sa.Column("url", Text, nullable=False),
    sa.Column("keys", Document, nullable=False),
    sa.Column("files_digest", sa.String(64), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", Text, nullable=False),
    sa.Column("removed_at", sa.Double))

stage_moves = sa.Table(
    "stage_moves", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("stage", sa.String(100), nullable=False, index=True),
    sa.Column("release_id", sa.ForeignKey("releases.id"), nullable=False),
    sa.Column("previous_id", sa.ForeignKey("releases.id")),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", Text, nullable=False),
    sa.Column("forced", sa.Boolean, nullable=False),
    sa.Column("reason", Text, nullable=False))

upstream_updates = sa.Table(
    "upstream_updates", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False, index=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("document", Packed, nullable=False))

asked = sa.Table(
    "asked", metadata,
    sa.Column("run_id", sa.Integer, primary_key=True),
    sa.Column("host", Text, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.ForeignKeyConstraint(["run_id", "host"], ["run_hosts.run_id", "run_hosts.host"]))

leases = sa.Table(
    "leases", metadata,
    sa.Column("run_id", sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("until", sa.Double, nullable=False))
