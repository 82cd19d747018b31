# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What kind of update it is, by where its versions come from. Pure.

apt's sources carry no advisories: an update is security when any version after the installed one, up to the candidate, came
through a security suite, because the candidate then contains that fix, whatever suite it comes from itself.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from ..manager import Rules
from ..records import Came
from ..versions import compare_deb
from .parse import DPKG_STATUS, Policy, Target, Version

Targets = Mapping[str, Sequence[Target]]
"""By the text that ``apt-cache policy`` shows; two sources may share one."""


def by_text(targets: Sequence[Target]) -> Targets:
    found: Dict[str, Tuple[Target, ...]] = {}
    for target in targets:
        found[target.text] = found.get(target.text, ()) + (target,)
    return found


def is_security(target: Target, rules: Rules) -> bool:
    names = ("%s:%s" % (target.origin, target.suite), "%s:%s" % (target.label, target.codename))
    return any(fnmatchcase(name, rule) for name in names for rule in rules.security)


def tells(target: Target, rules: Rules) -> bool:
    """Whether this source says which of its updates are security."""
    return is_security(target, rules) or any(fnmatchcase(target.origin, rule) for rule in rules.known)


def classify(installed: str, candidate: str, policy: Policy, targets: Targets, rules: Rules) -> str:
    """The gravest of all versions after ``installed`` up to ``candidate``; one that nobody vouches for may be security as well."""
    between = _between(installed, candidate, policy)
    if any(_is_security(version, targets, rules) for version in between):
        return "security"
    return "other" if between and all(_tells(version, targets, rules) for version in between) else "unknown"


def history(installed: str, policy: Policy, targets: Targets, rules: Rules) -> List[Came]:
    """What each version up to the installed one that a source still has came as, oldest first."""
    # A table is sorted from the newest version down.
    known = [version for version in reversed(policy.versions) if set(version.sources) - {DPKG_STATUS}]
    return [Came(version.version, _kind(version, targets, rules)) for version in known if compare_deb(version.version, installed) <= 0]


def _kind(version: Version, targets: Targets, rules: Rules) -> str:
    if _is_security(version, targets, rules):
        return "security"
    return "other" if _tells(version, targets, rules) else "unknown"


def minimal(installed: str, candidate: str, policy: Policy, targets: Targets, rules: Rules) -> Optional[str]:
    """The lowest version that carries every security fix that was published after ``installed``: the newest one that came as
    security itself. None where there is none."""
    # A table is sorted from the newest version down.
    return next((version.version for version in _between(installed, candidate, policy)
                 if _is_security(version, targets, rules) and version.priority >= 0), None)


def _between(installed: str, candidate: str, policy: Policy) -> Sequence[Version]:
    return [version for version in policy.versions
            if compare_deb(installed, version.version) < 0 <= compare_deb(candidate, version.version)]


def _is_security(version: Version, targets: Targets, rules: Rules) -> bool:
    return any(is_security(target, rules) for text in version.sources for target in targets.get(text, ()))


def _tells(version: Version, targets: Targets, rules: Rules) -> bool:
    return any(tells(target, rules) for text in version.sources for target in targets.get(text, ()))
