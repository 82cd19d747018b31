# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From a dry run to what becomes of each package. Pure."""

from __future__ import annotations

from typing import Mapping, Sequence, Tuple

from ..records import Change
from ..rpm.parse import Entry, Key
from .parse import Step

_REMOVES = "to-remove"


def changes(steps: Sequence[Step], there: Mapping[Key, Sequence[Entry]]) -> Tuple[Change, ...]:
    """One change a package. What is installed again at its version is none, though zypper lists it as removed, too."""
    found = [_coming(step, there) for step in steps if step.does != _REMOVES]
    arriving = {change.key for change in found}
    found += [Change(s.nevra.name, s.nevra.arch, s.nevra.version, None) for s in steps
              if s.does == _REMOVES and (s.nevra.name, s.nevra.arch) not in arriving]
    return tuple(sorted((c for c in found if c.from_ != c.to), key=lambda change: (change.name, change.arch, change.to or "")))


def _coming(step: Step, there: Mapping[Key, Sequence[Entry]]) -> Change:
    name, version, arch = step.nevra
    if step.before:
        return Change(name, arch, step.before, version)
    # zypper tells no former version of what it installs anew, or beside others.
    same = [entry for entry in there.get((name, arch), ()) if entry.nevra.version == version]
    return Change(name, arch, version if same else None, version)
