# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which updates are asked for, and what becomes of the others. Pure.

All criteria have to be met: an update is asked for when its classification is one of those wanted, something in ``include`` matches it
(or ``include`` is empty), and nothing in ``exclude`` does. What is held stays, whoever asks for it. An update that its publisher
still phases in differs from host to host; it waits, unless it is named in ``include`` or in an exact list.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import BadInput
from .kernels import install_only
from .records import Outcome, Package, Selection, Update, Wanted

Barred = Callable[[str, str], Optional[str]]
"""Why a package, by name and arch, must not move: None where it may. An empty arch stands for any."""

Fixed = Mapping[Tuple[str, str], str]
"""Packages that must not move for other reasons than a hold, by name and arch, with the reason."""

HELD = "held by its administrator"
_NEUTRAL = ("all", "noarch")


class Selected(NamedTuple):
    wanted: Tuple[Wanted, ...]
    left_out: Tuple[Outcome, ...]


def select(updates: Iterable[Update], selection: Selection, holds: Sequence[str], installed: Iterable[Package]) -> Selected:
    """What to ask the package manager for. Both lists are sorted by name and arch."""
    pending = sorted(updates, key=lambda update: update.key)
    if selection.packages is not None:
        return _exactly(selection.packages, pending, holds, Presence(installed))
    wanted: List[Wanted] = []
    left_out: List[Outcome] = []
    for update in pending:
        verdict = _verdict(update, selection, holds)
        if verdict is None:
            wanted.append(Wanted(update.name, update.arch, update.candidate))
        else:
            left_out.append(outcome(update, *verdict))
    return Selected(tuple(wanted), tuple(left_out))


def barred(updates: Iterable[Update], selection: Selection, holds: Sequence[str], fixed: Optional[Fixed] = None) -> Barred:
    """What may not move even as a dependency of something else; ``fixed`` are further packages, with their reasons."""
    exclude = () if selection.packages is not None else selection.exclude
    found: Dict[Tuple[str, str], str] = {}
    for (name, arch), reason in (fixed or {}).items():
        found[name, arch] = found[name, ""] = reason
    for update in updates:
        rule = _matching(update, exclude)
        if update.held or rule:
            found[update.key] = found[update.name, ""] = HELD if update.held else _excluded(rule or "")

    def why(name: str, arch: str) -> Optional[str]:
        if is_held(name, arch, holds):
            return HELD
        # New packages are excluded by name, though there is no update of them.
        rule = next((rule for rule in exclude if fnmatchcase(name, rule)), None)
        return found.get((name, arch)) or (_excluded(rule) if rule else None)
    return why


def is_held(name: str, arch: str, holds: Sequence[str]) -> bool:
    """``holds`` are names, names with an arch (``libc6:i386``), or the globs that some managers lock by."""
    return any(fnmatchcase(name, hold) or fnmatchcase("%s:%s" % (name, arch), hold) for hold in holds)


class Presence:
    """Which versions of a package are installed; a package may have moved between its own architecture and a neutral one."""

    def __init__(self, installed: Iterable[Package]) -> None:
        self._by_name: Dict[str, List[Package]] = {}
        for package in installed:
            self._by_name.setdefault(package.name, []).append(package)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def versions(self, name: str, arch: str) -> List[str]:
        return [p.version for p in self._by_name.get(name, ()) if same_arch(p.arch, arch)]


def same_arch(one: str, other: str) -> bool:
    return one == other or one in _NEUTRAL or other in _NEUTRAL


def outcome(update: Update, result: str, reason: str) -> Outcome:
    return Outcome(update.name, update.arch, update.installed, update.candidate, update.classification, result, reason)


def _verdict(update: Update, selection: Selection, holds: Sequence[str]) -> Optional[Tuple[str, str]]:
    """Result and reason of an update that is left out."""
    if update.held or is_held(update.name, update.arch, holds):
        return "held", HELD
    rule = _matching(update, selection.exclude)
    if rule:
        return "excluded", _excluded(rule)
    named = _matching(update, selection.include)
    if selection.include and not named:
        return "pending", "not included"
    if update.classification not in selection.classifications:
        return "pending", "classification %s is not asked for" % update.classification
    if update.phased and not named:
        return "deferred", "its publisher still phases it in"
    return None


def _matching(update: Update, rules: Sequence[str]) -> Optional[str]:
    return next((rule for rule in rules if fnmatchcase(update.name, rule) or rule in update.advisories or rule in update.cves), None)


def _excluded(rule: str) -> str:
    return "excluded by %s" % rule


def _exactly(packages: Sequence[Wanted], updates: Sequence[Update], holds: Sequence[str], there: Presence) -> Selected:
    known = {update.key: update for update in updates}
    wanted: List[Wanted] = []
    left_out: List[Outcome] = []
    for item in sorted(_once(packages), key=lambda w: w.key + (w.version,)):
        versions, update = there.versions(item.name, item.arch), known.get(item.key)
        if item.version in versions:
            continue
        if is_held(item.name, item.arch, holds) or (update and update.held):
            left_out.append(unreached(item, update, versions, "held", HELD))
        else:
            wanted.append(item)
    return Selected(tuple(wanted), tuple(left_out))


def unreached(item: Wanted, update: Optional[Update], versions: Sequence[str], result: str, reason: str) -> Outcome:
    return Outcome(item.name, item.arch, versions[-1] if versions else None, item.version,
                   update.classification if update else "unknown", result, reason)


def _once(packages: Sequence[Wanted]) -> List[Wanted]:
    found: Dict[Tuple[str, str], Wanted] = {}
    for item in packages:
        if found.setdefault(item.key, item) != item and not install_only(item.name):
            raise BadInput("packages names %s (%s) twice, as %s and as %s: leave one" % (
                item.name, item.arch, found[item.key].version, item.version), option="packages", package=item.name)
    return list(dict.fromkeys(packages))
