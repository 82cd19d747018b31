# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From what is asked for to a transaction that keeps every promise, over any package manager's ``simulate``. Pure.

Nothing excluded or held moves, nothing is removed unless that is allowed. When all of it together keeps the promises, one
simulation is enough. Otherwise parts are tried, until each update that stands in the way stands alone and its reason is known;
what needs it stays behind for the same reason. Packages that only go together (each wants the other at exactly its new version)
fail when they are tried alone, and are found again by their names in each other's reasons.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, Iterable, List, Optional, Sequence, Set, Tuple

from .records import Change, Outcome, Package, Plan, Selection, Transaction, Update, Wanted
from .replaced import removed
from .selection import Barred, Fixed, Presence, barred, same_arch, select, unreached

Simulate = Callable[[Sequence[Wanted]], Transaction]

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_LISTED = 4
_FEW = 4
"""Below this, trying costs no more than asking for a hint."""
_SUSPECTS = 12
"""Up to so many that a reason names are tried one by one; beyond it, most are innocent."""


@dataclass(frozen=True)
class Verdict:
    """Why a transaction is not acceptable. ``mentions`` are the names of packages that have to do with it; ``anchors`` are
    installed packages that must not move and would."""

    result: str
    reason: str
    mentions: FrozenSet[str]
    anchors: Tuple[Wanted, ...] = ()


@dataclass(frozen=True)
class _Rejected:
    item: Wanted
    verdict: Verdict
    beside: int
    """How many were accepted when it was tried."""


def plan(updates: Sequence[Update], selection: Selection, holds: Sequence[str], installed: Sequence[Package], simulate: Simulate,
         fixed: Optional[Fixed] = None) -> Plan:
    """The largest transaction found that keeps all promises, and what was left out with the reasons. ``fixed`` are packages that must
    not move, beside the held ones, with the reason."""
    selected = select(updates, selection, holds, installed)
    known = {update.key: update for update in updates}
    there = Presence(installed)
    search = _Search(simulate, _Judge(selection, barred(updates, selection, holds, fixed), there))
    search.run(selected.wanted)
    rejected = [unreached(r.item, known.get(r.item.key), there.versions(*r.item.key), r.verdict.result, r.verdict.reason)
                for r in search.rejected.values()]
    # What was not asked for, or could not be asked for alone, may still have come along as a dependency.
    moved = {change.key + (change.to,) for change in search.transaction.changes}
    left_out = [outcome for outcome in list(selected.left_out) + rejected if (outcome.name, outcome.arch, outcome.to) not in moved]
    return Plan(
        search.transaction, tuple(sorted(left_out, key=_place)), digest(search.transaction.changes),
        {change.name: known[change.key].classification for change in search.transaction.changes if change.key in known})


def digest(changes: Iterable[Change]) -> str:
    """Equal for transactions that change the same packages from and to the same versions."""
    rows = [change.to_dict() for change in sorted(changes, key=lambda change: change.key + (change.to or "",))]
    return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _place(outcome: Outcome) -> Tuple[str, str]:
    return (outcome.name, outcome.arch)


class _Judge:
    """Whether what the package manager would do may be done."""

    def __init__(self, selection: Selection, why_barred: Barred, there: Presence) -> None:
        self._selection = selection
        self._barred = why_barred
        self._there = there

    def verdict(self, wanted: Sequence[Wanted], found: Transaction) -> Optional[Verdict]:
        if found.problem:
            return self._unsolvable(found.problem)
        return self._touching(found) or self._removing(found) or self._missing(wanted, found)

    def _unsolvable(self, problem: str) -> Verdict:
        mentions = frozenset(_TOKEN.findall(problem))
        reasons = sorted("%s is %s" % (name, why) for name in mentions if name in self._there for why in [self._barred(name, "")] if why)
        if reasons:
            return Verdict("excluded", "%s (%s)" % (problem, ", ".join(reasons)), mentions)
        # What was asked for by name and can't be done has failed; of many updates one just stays pending.
        return Verdict("pending" if self._selection.packages is None else "failed", problem, mentions)

    def _touching(self, found: Transaction) -> Optional[Verdict]:
        touched = [(change, why) for change in found.changes for why in [self._barred(change.name, change.arch)] if why]
        if not touched:
            return None
        said = ["%s, which is %s" % (_change(change), why) for change, why in touched]
        return _moving("excluded", said, [change for change, _why in touched])

    def _removing(self, found: Transaction) -> Optional[Verdict]:
        gone = self._unasked(found)
        return _moving("excluded", [_change(change) for change in gone], gone) if gone else None

    def _unasked(self, found: Transaction) -> Sequence[Change]:
        """Who asks for exactly this package asks for it in the place of the one that it replaces."""
        if self._selection.allow_removals:
            return ()
        return found.removals if self._selection.packages is None else removed(found)

    def _missing(self, wanted: Sequence[Wanted], found: Transaction) -> Optional[Verdict]:
        """A tool that leaves out what it does not like, and says nothing, is not believed."""
        missing = [item for item in wanted if not self._reached(item, found)]
        if not missing:
            return None
        said = "the package manager would leave out %s" % ", ".join("%s %s" % (w.name, w.version) for w in missing[:_LISTED])
        return Verdict("pending" if self._selection.packages is None else "failed", said, frozenset(w.name for w in missing))

    def _reached(self, item: Wanted, found: Transaction) -> bool:
        return item.version in self._there.versions(item.name, item.arch) or any(
            change.name == item.name and change.to == item.version and same_arch(change.arch, item.arch) for change in found.changes)


def _moving(result: str, said: Sequence[str], changes: Sequence[Change]) -> Verdict:
    anchors = tuple(Wanted(change.name, change.arch, change.from_) for change in changes if change.from_)
    return Verdict(result, _some(said), frozenset(change.name for change in changes), anchors)


def _change(change: Change) -> str:
    if change.to is None:
        return "would remove %s %s" % (change.name, change.from_)
    return "needs %s %s" % (change.name, change.to)


def _some(said: Sequence[str]) -> str:
    more = ["and %d more" % (len(said) - _LISTED)] if len(said) > _LISTED else []
    return ", ".join(list(said[:_LISTED]) + more)


def _parts(items: List[Wanted], mentions: FrozenSet[str]) -> List[List[Wanted]]:
    """What the reason does not name is likely to be fine all together, and what it names is likely to fail one by one. Where it names
    all or none of them, halves tell more."""
    named = [item for item in items if item.name in mentions]
    rest = [item for item in items if item.name not in mentions]
    if named and rest:
        return [rest] + ([[item] for item in named] if len(named) <= _SUSPECTS else [named])
    middle = len(items) // 2
    return [items[:middle], items[middle:]]


class _Search:
    """Grows ``accepted``; ``transaction`` is always what was simulated for exactly these."""

    def __init__(self, simulate: Simulate, judge: _Judge) -> None:
        self._simulate = simulate
        self._judge = judge
        self._left = 0
        self._anchoring = True
        self.accepted: List[Wanted] = []
        self.transaction = Transaction()
        self.rejected: Dict[Wanted, _Rejected] = {}

    def run(self, wanted: Sequence[Wanted]) -> None:
        self._left = 2 * len(wanted)
        self._take(list(wanted))
        while self._retry():
            pass

    def _take(self, items: List[Wanted]) -> None:
        if not items:
            return
        verdict = self._try(items)
        if verdict is None:
            return
        if len(items) == 1:
            self.rejected[items[0]] = _Rejected(items[0], verdict, len(self.accepted))
            return
        for part in _parts(items, verdict.mentions | self._hint(items, verdict)):
            self._take(part)

    def _hint(self, items: Sequence[Wanted], verdict: Verdict) -> FrozenSet[str]:
        """What must not move is asked for at the version that it has. A manager that takes this as a demand can't solve it any more,
        and so names those that wanted it to move; one that takes it as done already is not asked again."""
        if not verdict.anchors or not self._anchoring or len(items) < _FEW:
            return frozenset()
        found = self._simulate(sorted(self.accepted + list(items) + list(verdict.anchors), key=lambda item: item.key))
        self._anchoring = found.problem is not None
        return frozenset(_TOKEN.findall(found.problem or ""))

    def _try(self, items: Sequence[Wanted]) -> Optional[Verdict]:
        together = sorted(self.accepted + list(items), key=lambda item: item.key)
        found = self._simulate(together)
        verdict = self._judge.verdict(together, found)
        if verdict is None:
            self.accepted, self.transaction = together, found
        return verdict

    def _retry(self) -> bool:
        """One more look at what was rejected alone; True when some of it could be accepted."""
        tried: Set[FrozenSet[Wanted]] = set()
        for one in sorted(self.rejected.values(), key=lambda r: r.item.key):
            group = self._company(one)
            if frozenset(group) in tried or not self._worth(one, group):
                continue
            tried.add(frozenset(group))
            if self._accept_again(group):
                return True
        return False

    def _accept_again(self, group: Sequence[Wanted]) -> bool:
        # What is refused even after many attempts stays behind: a plan in time is worth more than the last package.
        if self._left <= 0:
            return False
        self._left -= 1
        verdict = self._try(group)
        if verdict is None:
            for item in group:
                del self.rejected[item]
            return True
        if len(group) == 1:
            self.rejected[group[0]] = _Rejected(group[0], verdict, len(self.accepted))
        return False

    def _company(self, one: _Rejected) -> List[Wanted]:
        """A rejected package with all other rejected ones that its reason names, and theirs."""
        group: Dict[Wanted, None] = {one.item: None}
        todo = [one]
        while todo:
            mentions = todo.pop().verdict.mentions
            found = [r for r in self.rejected.values() if r.item.name in mentions and r.item not in group]
            group.update((r.item, None) for r in found)
            todo += found
        return sorted(group, key=lambda item: item.key)

    def _worth(self, one: _Rejected, group: Sequence[Wanted]) -> bool:
        """Whether anything that its reason names has changed since it was tried alone."""
        return len(group) > 1 or (len(self.accepted) > one.beside and any(item.name in one.verdict.mentions for item in self.accepted))
