# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The plan that brings a host to its release: all of it or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

from ..errors import TransactionImpossible
from ..packages.kernels import losing
from ..packages.manager import PackageManager
from ..packages.records import Package, Plan
from ..packages.selection import Presence
from ..packages.versions import comparator
from ..release import host as release_host
from ..release import streams
from ..release.host import Target
from ..release.level import Level, Terms, astray, level
from ..runner import Runner
from .install import planned
from .request import Request

_ROUNDS = 5
_LISTED = 5
_THERE = "at the release's version already"


def plan_to_release(runner: Runner, manager: PackageManager, request: Request, installed: Sequence[Package], root: str) -> Plan:
    """``TransactionImpossible`` names what keeps the host from its release."""
    should = release_host.required(runner, root, request.release or "")
    streams.refuse(streams.differing(runner, manager, should.section))
    asked = request.selection
    terms = Terms(manager.arch(), comparator(manager.name), should.exclude, asked.exclude, manager.holds(), asked.allow_downgrade,
                  request.unknown_packages)
    goal = level(installed, should.section, terms, manager.successors, manager.predecessors)
    plan = _settled(manager, request, installed, goal, should, terms)
    whole(plan, "the host can't be brought to the release")
    return keeps_kernel(runner, plan)


def _settled(manager: PackageManager, request: Request, installed: Sequence[Package], goal: Level, should: Target, terms: Terms) -> Plan:
    """What comes along as a dependency comes at the release's version, too: what does not is asked for until it does."""
    wanted, fixed, advice = list(goal.wanted), dict(goal.fixed), release_host.advice_of(manager, should)
    there = Presence(installed)
    for _round in range(_ROUNDS):
        exact = replace(request, selection=replace(request.selection, packages=tuple(wanted)))
        plan = planned(manager, exact, installed, fixed, advice)
        stray = astray(plan.transaction.changes, should.section, terms)
        if not stray:
            return plan
        # Nothing is asked of what is there already: it must not move instead.
        fixed.update({item.key: _THERE for item in stray if item.version in there.versions(*item.key)})
        wanted += [item for item in stray if item not in wanted]
    raise TransactionImpossible("the package manager insists on other versions than the release's: %s" % _some(
        ["%s %s" % (item.name, item.version) for item in stray]), packages=sorted(item.name for item in stray))


def whole(plan: Plan, otherwise: str) -> Plan:
    """Some of a release is no release, and half of a way back leads nowhere."""
    left = ["%s %s (%s)" % (out.name, out.to, out.reason) for out in plan.left_out]
    if left:
        raise TransactionImpossible("%s: %s" % (otherwise, _some(left)), packages=sorted(o.name for o in plan.left_out))
    return plan


def keeps_kernel(runner: Runner, plan: Plan) -> Plan:
    running = runner.run(["uname", "-r"]).check().stdout.strip()
    lost = ["%s %s" % (change.name, change.from_) for change in losing(plan.transaction.changes, running)]
    if lost:
        raise TransactionImpossible("the running kernel would be removed: %s; boot another one first" % _some(lost), packages=lost)
    return plan


def _some(lines: List[str]) -> str:
    return "; ".join(lines[:_LISTED] + (["and %d more" % (len(lines) - _LISTED)] if len(lines) > _LISTED else []))
