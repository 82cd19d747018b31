# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From dnf's steps to what becomes of each package, and what that takes. Pure."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ..records import Change, Transaction
from ..rpm.names import Nevra
from ..rpm.parse import Entry, Key
from .parse import INBOUND, OUTBOUND, Offer, Step

There = Mapping[Key, Sequence[Entry]]


def changes(steps: Sequence[Step], there: There) -> Tuple[Change, ...]:
    """One change a package. A kernel that pushes out the oldest one, because only so many are kept, is a change from that to the
    new one: nothing that anybody asked for is removed."""
    replaced = {step.nevra.name: step.nevra.version for step in steps if step.does == "upgraded"}
    leaving = {(s.nevra.name, s.nevra.arch): s.nevra.version for s in steps if s.does in OUTBOUND}
    coming = [step for step in steps if step.does in INBOUND]
    found = [_coming(step, there, replaced, leaving) for step in coming]
    arriving = {change.key for change in found}
    found += [Change(name, arch, version, None) for (name, arch), version in leaving.items() if (name, arch) not in arriving]
    return tuple(sorted(found, key=lambda change: (change.name, change.arch, change.to or "")))


def _coming(step: Step, there: There, replaced: Mapping[str, str], leaving: Mapping[Key, str]) -> Change:
    name, version, arch = step.nevra
    if step.does == "installed":
        return Change(name, arch, leaving.get((name, arch)), version)
    entries = there.get((name, arch))
    # A package that changes its architecture is not there under the new one.
    return Change(name, arch, entries[-1].nevra.version if entries else replaced.get(name), version)


def sized(found: Sequence[Change], offers: Iterable[Offer], cached: Mapping[str, int], there: There) -> Transaction:
    """``cached`` are files that were downloaded before, with their sizes."""
    sizes: Dict[Tuple[str, str, Optional[str]], Offer] = {(o.candidate.name, o.candidate.arch, o.candidate.version): o for o in offers}
    coming = [sizes[(c.name, c.arch, c.to)] for c in found if (c.name, c.arch, c.to) in sizes]
    download = sum(offer.candidate.size or 0 for offer in coming if cached.get(_file(offer)) != offer.candidate.size)
    freed = sum(entry.size for change in found for entry in there.get(change.key, ()) if entry.nevra.version == change.from_)
    return Transaction(tuple(found), download, sum(offer.installed_size for offer in coming) - freed)


def _file(offer: Offer) -> str:
    """The name of a package's file, in which the epoch does not stand."""
    name, arch, version = offer.candidate[:3]
    return "%s-%s.%s.rpm" % (name, version.rpartition(":")[2], arch)


def arriving(found: Iterable[Change]) -> List[Nevra]:
    return [Nevra(change.name, change.to, change.arch) for change in found if change.to is not None]
