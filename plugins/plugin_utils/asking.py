# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's question for a slot, put together from its run. A host that waits asks again and again, so that what does not
change between two questions is worked out for the first alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from .ledger import asked, runs, slots
from .ledger.rows import Run
from .scheduling import budget
from .scheduling.budgets import Standing
from .scheduling.precedence import ORDER
from .settings import Settings


_GIVES_WAY = 4
"""So often in a row a host leaves a slot to those that come before it, before it takes it all the same."""


class Asking:
    """A host of a run that asks for its slot. Once it is on record that it has asked, later ones give way to it."""

    def __init__(self, run: Run, host: str) -> None:
        self._run, self._host = run, host
        self._given_way, self._known = 0, False
        self._own: List[str] = list(run.settings["set"])
        self._standing = Standing(host, slots.sets_of(run))
        self._sets: Dict[Tuple[str, ...], Set[str]] = {}
        self._slices: Dict[str, Optional[List[str]]] = {}

    def ask(self, c: Any, settings: Settings, in_step: Sequence[str]) -> slots.Ask:
        """The question as it is now: other slices of the deployment may have begun or ended."""
        slices = [name for name in runs.slices(c, self._run) if self._hosts_of(c, name) is not None]

        def of(host: str) -> slots.Ask:
            standing = self._standing if host == self._host else self._standing.of_another(host)
            unavailable, among = self._whole(c, settings, in_step, tuple(slices), host)
            return slots.Ask(self._run.id, host, among, unavailable, failures, bool(in_step), list(in_step), standing, slices, self._run.owner)

        failures = budget.max_failed(settings.patch_max_failed, len(self._own))
        return replace(of(self._host), of_another=of, patient=self._given_way < _GIVES_WAY)

    def is_new(self, decision: budget.Decision) -> bool:
        """Whether the host has to wait, and nobody knows yet that it does."""
        return decision.kind == "wait" and not self._known

    def settle(self, c: Any, settings: Settings, in_step: Sequence[str], looked: budget.Decision) -> budget.Decision:
        """Take what a look has shown to be free; where it has shown nothing, it is put on record that the host waits."""
        decision = slots.take_in(c, self.ask(c, settings, in_step)) if looked.granted else looked
        self._given_way = self._given_way + 1 if decision.budget == ORDER else 0
        if self.is_new(decision):
            asked.mark(c, self._run.id, self._host)
        self._known = decision.kind == "wait"
        return decision

    def _whole(self, c: Any, settings: Settings, in_step: Sequence[str], slices: Tuple[str, ...], host: str) -> Tuple[Optional[budget.Budget], Set[str]]:
        """What is promised of all hosts together, and of which. Nothing, where another budget limits this host and no number was given."""
        wanted, own = settings.patch_max_unavailable, self._standing.own
        if wanted is None and own.limited(host):
            return None, set()
        if wanted is None and any(rule.text for rule in own.rules):
            among = set(own.unlimited())
        else:
            # Nobody promised anything where the batch is the limit: other batches have their own.
            among = self._among(c, () if wanted is None and in_step else slices)
        return budget.max_unavailable(wanted, len(among), len(in_step) or None), among

    def _hosts_of(self, c: Any, name: str) -> Optional[List[str]]:
        """The set of another run; None of one in check mode, which takes nobody out of service and may be for other hosts: a percentage is not of them."""
        if name not in self._slices:
            known = runs.get(c, name).settings
            self._slices[name] = None if known.get("check") else list(known.get("set", ()))
        return self._slices[name]

    def _among(self, c: Any, slices: Tuple[str, ...]) -> Set[str]:
        if slices not in self._sets:
            self._sets[slices] = {*self._own, *(host for name in slices for host in self._hosts_of(c, name) or ())}
        return self._sets[slices]
