# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run promises and for whom, from the variables of its hosts: their sets under ``patch_budgets``, and ``patch_scope``.

Both are worked out once, when the run opens, and kept with it.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ansible.errors import AnsibleError

from ..module_utils.errors import BadInput
from ..module_utils.text import first_line
from .ledger import assessments, hosts
from .ledger.engine import Ledger
from .scheduling.budgets import Sets, refuse_contradiction, sort_into_sets
from .scheduling.expressions import Expression, compiled
from .scheduling.rules import Rule, parse_rules
from .scheduling.scope import LEDGER, SCOPE, Scope, choose
from .settings import Settings
from .variables import plain, templated


def sets_of_hosts(hostvars: Mapping[str, Any], settings: Settings, in_set: Sequence[str], targets: Iterable[str]) -> Sets:
    """The sets of all hosts by all rules; what could never be kept is refused by its name."""
    rules = parse_rules(settings.patch_budgets)
    refuse_contradiction(settings.patch_max_unavailable, rules)
    return sort_into_sets(rules, {host: _for_rules(hostvars, host, rules) for host in in_set}, targets) if rules else Sets(sorted(in_set))


def chosen(hostvars: Mapping[str, Any], ledger: Ledger, text: str, targets: Sequence[str]) -> Optional[Scope]:
    """Which of the targets ``patch_scope`` leaves, None where there is none."""
    if not text:
        return None
    expression = compiled(text)
    return choose(expression, _for_scope(hostvars, ledger, expression, targets))


def _for_rules(hostvars: Mapping[str, Any], host: str, rules: Sequence[Rule]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for rule in rules:
        for expression in rule.expressions:
            found.update(_known(hostvars, host, expression, "budget %s" % rule.name, set(found)))
    return found


def _for_scope(hostvars: Mapping[str, Any], ledger: Ledger, expression: Expression, targets: Sequence[str]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    asked = expression.names is None or LEDGER in expression.names
    history = facts_of_ledger(ledger, targets) if asked else {}
    for host in targets:
        known = _known(hostvars, host, expression, SCOPE, {LEDGER})
        yield host, dict(known, **{LEDGER: history.get(host)})


def facts_of_ledger(ledger: Ledger, names: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    """What the ledger knows of hosts: ``last_assessment`` {counts of updates, age_s, reboot} or None, ``last_state`` in a run or None."""
    with ledger.read() as c:
        found, states = assessments.latest(c, names), hosts.last_states(c, names)
    now = time.time()
    return {host: {"last_state": states.get(host), "last_assessment": _last(found[host], now) if host in found else None} for host in names}


def _last(assessment: Any, now: float) -> Dict[str, Any]:
    document = assessment.document
    return dict(document.get("counts") or {}, age_s=max(0.0, now - assessment.at), reboot=bool((document.get("reboot") or {}).get("required")))


def _known(hostvars: Mapping[str, Any], host: str, expression: Expression, what: str, but: Set[str]) -> Dict[str, Any]:
    """The variables that an expression looks at, templated. One that looks at all of them gets those that can be."""
    if host not in hostvars:
        return {}
    variables, found = hostvars[host], {}
    wanted: List[str] = list(variables) if expression.names is None else [name for name in sorted(expression.names) if name in variables]
    for name in wanted:
        if name in but:
            continue
        try:
            found[name] = plain(templated(variables[name]))
        except AnsibleError as error:
            if expression.names is not None:
                raise BadInput("%s: %r on host %s: its variable %s can't be templated: %s"
                               % (what, expression.text, host, name, first_line(str(error))), host=host, name=name) from error
    return found
