# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is said about packages, whatever the package manager. Pure data; every record knows its JSON form.

Versions are written as the package manager writes them: Debian ``[epoch:]upstream[-revision]``, RPM
``[epoch:]version-release`` with a zero epoch left out. ``arch`` is the manager's word (``amd64``, ``x86_64``, ``noarch``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

CLASSIFICATIONS = ("security", "bugfix", "enhancement", "other", "unknown")
"""``other``: the source is known to say which updates are security, and this one is not. ``unknown``: it says nothing."""

SEVERITIES = ("critical", "important", "moderate", "low", "unknown")

RESULTS = ("installed", "failed", "pending", "excluded", "deferred", "held")


class Record:
    """Mixin of the frozen dataclasses below."""

    def to_dict(self) -> Dict[str, Any]:
        """The record as JSON-serialisable data; a field ``from_`` or ``to`` keeps its word without the underscore."""
        return {f.name.rstrip("_"): _plain(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


@dataclass(frozen=True)
class Platform(Record):
    """``id`` and ``version`` are os-release's ``ID`` and ``VERSION_ID``; ``arch`` is the manager's native one."""

    id: str
    version: str
    arch: str


@dataclass(frozen=True)
class Package(Record):
    """An installed package. ``reason`` is ``manual``, ``automatic`` or ``unknown``; ``source`` is the id of the repository
    it is available from at this version, empty where none has it."""

    name: str
    arch: str
    version: str
    source: str = ""
    reason: str = "unknown"


@dataclass(frozen=True)
class Update(Record):
    """A pending update. ``size`` is the download in bytes (None: not known); ``classification`` is the gravest of all
    versions after ``installed`` up to ``candidate``."""

    name: str
    arch: str
    installed: str
    candidate: str
    classification: str = "unknown"
    severity: str = "unknown"
    advisories: Tuple[str, ...] = ()
    cves: Tuple[str, ...] = ()
    source: str = ""
    size: Optional[int] = None
    held: bool = False
    phased: bool = False

    @property
    def key(self) -> Tuple[str, str]:
        return (self.name, self.arch)


@dataclass(frozen=True)
class Came(Record):
    """What one version of a package came as."""

    version: str
    classification: str = "unknown"
    severity: str = "unknown"
    advisories: Tuple[str, ...] = ()
    cves: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted(Record):
    """One package that a transaction is asked to bring to exactly ``version``."""

    name: str
    arch: str
    version: str

    @property
    def key(self) -> Tuple[str, str]:
        return (self.name, self.arch)


@dataclass(frozen=True)
class Change(Record):
    """What a transaction does to one package: ``from_`` None is a new package, ``to`` None a removed one."""

    name: str
    arch: str
    from_: Optional[str]
    to: Optional[str]

    @property
    def key(self) -> Tuple[str, str]:
        return (self.name, self.arch)


@dataclass(frozen=True)
class Replaced(Record):
    """A package that goes because ``by`` takes its place, or takes it back."""

    name: str
    arch: str
    by: str
    by_arch: str


@dataclass(frozen=True)
class Transaction(Record):
    """What the package manager says that it would do. ``problem`` is its one-line reason where it would do nothing
    because it can't. ``changes`` are sorted. Sizes in bytes; ``installed_size`` is the growth on disk. ``replaced`` are those of the
    removed packages that another one replaces; ``erases`` where the tool has to be told that it may remove."""

    changes: Tuple[Change, ...] = ()
    download_size: int = 0
    installed_size: int = 0
    problem: Optional[str] = None
    replaced: Tuple[Replaced, ...] = ()
    erases: bool = False

    @property
    def removals(self) -> Tuple[Change, ...]:
        return tuple(c for c in self.changes if c.to is None)


@dataclass(frozen=True)
class Outcome(Record):
    """What became of one package: ``result`` is one of ``RESULTS``, ``reason`` says why in words where it is not obvious."""

    name: str
    arch: str
    from_: Optional[str]
    to: Optional[str]
    classification: str
    result: str
    reason: str = ""


@dataclass(frozen=True)
class Reboot(Record):
    """``required`` None: not known. ``reasons`` name what asks for it, for example ``package: linux-image-amd64``."""

    required: Optional[bool]
    reasons: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection(Record):
    """Which updates are asked for. ``include``/``exclude`` are globs over names, or exact advisory and CVE ids. ``packages``, when not None,
    is an exact list and the other criteria do not count. ``security_level`` ``minimal`` takes the lowest version that
    carries the security fix, ``latest`` the candidate."""

    classifications: Tuple[str, ...] = CLASSIFICATIONS
    include: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    packages: Optional[Tuple[Wanted, ...]] = None
    security_level: str = "latest"
    allow_downgrade: bool = False
    allow_removals: bool = False


@dataclass(frozen=True)
class Plan(Record):
    """A transaction that passed all rules, with what was left out and why. ``digest`` identifies it: equal digests
    change the same packages from and to the same versions. The other fields are by name."""

    transaction: Transaction
    left_out: Tuple[Outcome, ...] = ()
    digest: str = ""
    classifications: Dict[str, str] = field(default_factory=dict)
    advisories: Dict[str, Tuple[str, ...]] = field(default_factory=dict)
    cves: Dict[str, Tuple[str, ...]] = field(default_factory=dict)


def counts(updates: Sequence[Mapping[str, Any]]) -> Dict[str, int]:
    """Of updates in their JSON form: how many of each classification, how many are held, and how many there are."""
    found = {kind: sum(1 for update in updates if update["classification"] == kind) for kind in CLASSIFICATIONS}
    return dict(found, held=sum(1 for update in updates if update["held"]), total=len(updates))
