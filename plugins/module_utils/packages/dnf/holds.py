# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What this host's administrator keeps dnf from touching: ``exclude`` in its configuration, and versionlock's list. Pure.

``dnf repoquery`` obeys the first but not the second, which dnf applies only when it resolves a transaction.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence

from ..rpm.classify import Candidate
from ..rpm.names import Nevra
from ..rpm.parse import Entry

_PART = r"([^-:(/=<> ]+)"
_NAME = r"([^:(/=<> ]+?)"
_EPOCH = r"(?:([0-9]+):)?"
# In versionlock's order: the first reading of a pattern that fits a package counts.
_FORMS = [re.compile(form) for form in (
    _NAME + "-" + _EPOCH + _PART + "-" + _PART + r"\.([^-:.(/=<> ]+)", _NAME + "-" + _EPOCH + _PART + "-" + _PART + r"()",
    _NAME + "-" + _EPOCH + _PART + r"()()", _NAME + r"()()()\.([^-:.(/=<> ]+)", _NAME + r"()()()()")]


class Reading(NamedTuple):
    """One way to read a pattern; an empty part fits everything."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str

    def fits(self, nevra: Nevra) -> bool:
        epoch, _colon, rest = nevra.version.rpartition(":")
        version, _dash, release = rest.rpartition("-")
        pairs = ((nevra.name, self.name), (version, self.version), (release, self.release), (nevra.arch, self.arch))
        return (not self.epoch or self.epoch == (epoch or "0")) and all(not glob or fnmatchcase(value, glob) for value, glob in pairs)


class Lock(NamedTuple):
    """One line of versionlock: nothing but this version (``bars`` False), or anything but it."""

    readings: Sequence[Reading]
    bars: bool


def readings(pattern: str) -> List[Reading]:
    matches = (form.fullmatch(pattern) for form in _FORMS)
    return [Reading(*(part or "" for part in match.groups())) for match in matches if match]


def locks(text: str) -> List[Lock]:
    """From ``dnf versionlock list``."""
    lines = [line.strip() for line in text.splitlines()]
    found = [Lock(readings(line.lstrip("!")), line.startswith("!")) for line in lines if line and not line.startswith("#")]
    return [lock for lock in found if lock.readings]


def allows(rules: Sequence[Lock], known: Iterable[Nevra]) -> Callable[[Candidate], bool]:
    """Whether versionlock lets a version be installed; ``known`` are the packages that patterns may mean."""
    packages = list(known)
    bound = [(lock, _meant(lock.readings, packages)) for lock in rules]

    def allowed(candidate: Candidate) -> bool:
        nevra = Nevra(candidate.name, candidate.version, candidate.arch)
        return not any(_forbids(lock, meant, nevra) for lock, meant in bound)

    return allowed


def _meant(choices: Sequence[Reading], packages: Sequence[Nevra]) -> Optional[Reading]:
    return next((reading for reading in choices if any(reading.fits(package) for package in packages)), None)


def _forbids(lock: Lock, meant: Optional[Reading], nevra: Nevra) -> bool:
    fits = meant is not None and meant.fits(nevra)
    if lock.bars:
        return fits
    # versionlock binds every name that it tried on the way to the reading that fits.
    tried = lock.readings[:lock.readings.index(meant) + 1] if meant else lock.readings
    return not fits and any(fnmatchcase(nevra.name, reading.name) for reading in tried)


def held(excludes: Iterable[str], rules: Iterable[Lock], installed: Sequence[Entry]) -> List[str]:
    """Names of installed packages that have to stay as they are. A lock that leaves room for other versions is none."""
    packages = [entry.nevra for entry in installed]
    by_exclude = [reading for pattern in excludes for reading in readings(pattern) if not reading.version]
    by_lock = [meant for lock in rules for meant in [_meant(lock.readings, packages)] if meant and not lock.bars and _exact(meant)]
    return sorted({p.name for p in packages if any(reading.fits(p) for reading in by_exclude + by_lock)})


def _exact(reading: Reading) -> bool:
    return bool(reading.version and reading.release) and not re.search(r"[*?\[]", reading.version + reading.release)
