# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from the ledger, as plain records; each has the names of its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ..scheduling.states import HOST_FINAL, RUN_FINAL
from .owner import is_gone

Data = dict[str, Any]
R = TypeVar("R")


class Row(Protocol):
    @property
    def _mapping(self) -> Any: ...


def read(kind: type[R], row: Row) -> R:
    """The record of a row that has exactly its columns."""
    return kind(**row._mapping)


@dataclass(frozen=True)
class Run:
    id: int
    name: str
    deployment: str
    actor: str
    job_id: str
    change_id: str
    settings: Data
    owner: Data
    state: str
    reason: str
    started_at: float
    finished_at: float | None
    lease_left: float | None = field(default=None, compare=False)

    @property
    def left(self) -> bool:
        """Whether its controller is known to be gone."""
        return is_gone(self.owner, self.lease_left)


@dataclass(frozen=True)
class RunHost:
    """``came_from`` is the state before this one: ``unreachable`` from ``waiting`` was never reached at all."""

    run_id: int
    host: str
    position: int
    canary: bool
    state: str
    came_from: str
    reason: str
    changed_at: float


@dataclass(frozen=True)
class Step:
    """``outcome`` is empty while the step is going on, or when nobody lived to write it."""

    id: int
    run_id: int
    host: str
    step: str
    place: str
    undo: Data | None
    started_at: float
    finished_at: float | None
    outcome: str
    message: str
    detail: Data | None
    undone_at: float | None


@dataclass(frozen=True)
class Slot:
    id: int
    run_id: int
    host: str
    taken_at: float
    returned_at: float | None
    reason: str


@dataclass(frozen=True)
class Held:
    """A slot that is out, as a person asks for it: who, by which run, since when, and where the host stands."""

    host: str
    run_id: int
    run: str
    run_state: str
    owner: Data
    state: str
    reason: str
    taken_at: float
    lease_left: float | None = field(default=None, compare=False)

    @property
    def left(self) -> bool:
        """Whether the controller of its run is known to be gone."""
        return is_gone(self.owner, self.lease_left)

    @property
    def is_over(self) -> bool:
        """Whether nobody goes on with the host in that run: it has come to its end there, or the run has."""
        return self.state in HOST_FINAL or self.run_state in RUN_FINAL


@dataclass(frozen=True)
class Assessment:
    id: int
    run_id: int | None
    host: str
    at: float
    document: Data


@dataclass(frozen=True)
class PackageChange:
    """``run`` is the run's name; ``from_version`` None is a new package, ``to_version`` None a removed one."""

    run: str
    host: str
    at: float
    name: str
    arch: str
    from_version: str | None
    to_version: str | None
    classification: str
    result: str
    reason: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Log:
    step: str
    at: float
    text: str


@dataclass(frozen=True)
class Event:
    id: int
    run_id: int | None
    host: str | None
    at: float
    actor: str
    action: str
    text: str
    detail: Data | None


@dataclass(frozen=True)
class Release:
    """``parent`` is a digest. ``provenance`` tells what it was made from: ``golden`` hosts per platform, or what it was derived by.
    ``approved_at`` None is a candidate."""

    id: int
    name: str
    digest: str
    parent: str | None
    provenance: Data
    captured_at: float
    actor: str
    approved_at: float | None
    approver: str
    evidence: str


@dataclass(frozen=True)
class Publication:
    """``url`` is that of the repository's root; ``keys`` are armoured public keys."""

    id: int
    digest: str
    host: str
    root: str
    url: str
    keys: list[str]
    files_digest: str
    at: float
    actor: str
    removed_at: float | None


@dataclass(frozen=True)
class StageMove:
    """``release`` and ``previous`` are names."""

    stage: str
    release: str
    digest: str
    previous: str | None
    at: float
    actor: str
    forced: bool
    reason: str


@dataclass(frozen=True)
class Upstream:
    """What sources had, at one time, that a release has not: ``document`` is as ``releases.news`` makes it."""

    digest: str
    at: float
    document: Data
