# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From what apt says that it would do to a ``Transaction``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ..records import Change, Selection, Transaction, Wanted
from ..versions import compare_deb
from .names import Key, key, split
from .parse import DPKG_STATUS, Entry, Policy, Sizes, Step, source_id

Records = Mapping[Tuple[Key, str], Sizes]
"""By apt's own key and the version, because the architecture of a version may be what is asked."""


@dataclass(frozen=True)
class Host:
    """What has to be known of the host to read a simulation."""

    native: str
    entries: Mapping[Key, Entry]


def host(entries: Iterable[Entry], native: str) -> Host:
    return Host(native, {key(entry.name, entry.arch, native): entry for entry in entries if entry.present})


def changes(steps: Iterable[Step], at: Host) -> Tuple[Change, ...]:
    return tuple(sorted((_change(step, at) for step in steps), key=lambda change: change.key))


def _change(step: Step, at: Host) -> Change:
    name, qualifier = split(step.shown, at.native)
    entry = at.entries.get((name, qualifier))
    return Change(name, step.arch or (entry.arch if entry else qualifier), step.from_, step.to)


def refused(found: Sequence[Change], wanted: Iterable[Wanted], selection: Selection, at: Host) -> Optional[str]:
    """Why this is not what was asked for, though apt would do it."""
    reached = {(key(change.name, change.arch, at.native), change.to) for change in found}
    reached |= {(name, entry.version) for name, entry in at.entries.items()}
    missed = ["%s %s" % (w.name, w.version) for w in wanted if (key(w.name, w.arch, at.native), w.version) not in reached]
    if missed:
        return "apt would not install %s" % ", ".join(missed)
    lower = [c for c in found if c.from_ and c.to and compare_deb(c.to, c.from_) < 0 and not selection.allow_downgrade]
    return "would downgrade %s" % ", ".join("%s from %s to %s" % (c.name, c.from_, c.to) for c in lower) if lower else None


def unsigned(coming: Mapping[Key, str], policies: Mapping[Key, Policy], refused: AbstractSet[str]) -> Optional[str]:
    """Which of these versions come from nowhere but sources that apt does not accept."""
    bad = {}
    for (name, arch), to in sorted(coming.items()):
        policy = policies.get((name, arch))
        version = policy.find(to) if policy else None
        texts = [text for text in (version.sources if version else ()) if text != DPKG_STATUS]
        if texts and all(text in refused for text in texts):
            bad["%s %s" % (name, to)] = source_id(texts[0])
    if not bad:
        return None
    return "only in sources whose signatures apt does not accept: %s" % ", ".join("%s (%s)" % item for item in bad.items())


def specs(found: Iterable[Change]) -> List[Wanted]:
    """The versions that have to come onto the host."""
    return [Wanted(change.name, change.arch, change.to) for change in found if change.to]


def sized(found: Tuple[Change, ...], records: Records, cached: Iterable[str], at: Host) -> Transaction:
    """``cached`` are names of archives that need no download any more."""
    there = set(cached)
    missing = [change for change in found if change.to and archive(change.name, change.arch, change.to) not in there]
    download = sum(_record(change, records, at).download or 0 for change in missing)
    growth = sum(_record(change, records, at).installed - _size_before(change, at) for change in found)
    return Transaction(found, download_size=download, installed_size=growth)


def archive(name: str, arch: str, version: str) -> str:
    """How apt calls a package's file in its cache."""
    return "%s_%s_%s.deb" % (name, version.replace(":", "%3a"), arch)


def _record(change: Change, records: Records, at: Host) -> Sizes:
    return records.get((key(change.name, change.arch, at.native), change.to or ""), Sizes(change.arch, None, 0))


def _size_before(change: Change, at: Host) -> int:
    entry = at.entries.get(key(change.name, change.arch, at.native))
    return entry.size if entry else 0


def by_key(found: Mapping[Tuple[str, str, str], Sizes], native: str) -> Dict[Tuple[Key, str], Sizes]:
    return {(key(name, arch, native), version): sizes for (name, arch, version), sizes in found.items()}
