# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a resolved transaction amounts to, and whether it is what was asked for. Pure."""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Sequence

from ..records import Change, Selection, Wanted
from ..versions import compare_rpm
from .parse import Entry, Key


def refused(changes: Iterable[Change], wanted: Sequence[Wanted], selection: Selection,
            there: Mapping[Key, Sequence[Entry]]) -> Optional[str]:
    """Why a transaction that the tool would do is not the one that was asked for, None where it is."""
    changes = list(changes)
    back = next((c for c in changes if c.from_ and c.to and compare_rpm(c.to, c.from_) < 0), None)
    if back is not None and not selection.allow_downgrade:
        return "%s would go back from %s to %s, and downgrades are not allowed" % (back.name, back.from_, back.to)
    reached = {(c.name, c.arch, c.to) for c in changes}
    return next((_stays(w, there) for w in wanted if (w.name, w.arch, w.version) not in reached and not _has(w, there)), None)


def _has(wanted: Wanted, there: Mapping[Key, Sequence[Entry]]) -> bool:
    return any(entry.nevra.version == wanted.version for entry in there.get(wanted.key, ()))


def _stays(wanted: Wanted, there: Mapping[Key, Sequence[Entry]]) -> str:
    versions = [entry.nevra.version for entry in there.get(wanted.key, ())]
    return "%s would not become %s, it %s" % (wanted.name, wanted.version, "stays at %s" % versions[-1] if versions else "is not installed")
