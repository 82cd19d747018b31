# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Packages that were renamed: one goes because another, which says so itself, takes its place. Pure."""

from __future__ import annotations

from typing import Collection, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .records import Change, Package, Replaced, Transaction

Names = Mapping[str, Collection[str]]


def replaced(changes: Sequence[Change], successors: Names, predecessors: Names) -> Tuple[Replaced, ...]:
    """``successors`` are the names that say that they take a removed package's place; ``predecessors`` those whose place the removed one
    took, and that may come back."""
    arriving = [change for change in changes if change.to is not None]
    found = [_by(change, arriving, successors.get(change.name, ()), predecessors.get(change.name, ())) for change in changes if change.to is None]
    return tuple(item for item in found if item is not None)


def _by(gone: Change, arriving: Iterable[Change], successors: Collection[str], predecessors: Collection[str]) -> Optional[Replaced]:
    for change in arriving:
        # What was there before may have swallowed the other package; only what was gone can come back.
        if change.name in successors or (change.name in predecessors and change.from_ is None):
            return Replaced(gone.name, gone.arch, change.name, change.arch)
    return None


def removed(transaction: Transaction) -> List[Change]:
    """What would go and has no successor."""
    known = {(item.name, item.arch) for item in transaction.replaced}
    return [change for change in transaction.removals if change.key not in known]


def heirs(before: Sequence[Package], transaction: Transaction) -> List[Package]:
    """What comes in the place of another package, as if it had been there for the same reason."""
    was: Dict[Tuple[str, str], Package] = {(package.name, package.arch): package for package in before}
    pairs = [((item.by, item.by_arch), was.get((item.name, item.arch))) for item in transaction.replaced]
    return [Package(name, arch, package.version, package.source, package.reason)
            for (name, arch), package in pairs if package is not None and (name, arch) not in was]
