# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``patch_scope``: which of the hosts that were named a run is really for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils.errors import BadInput
from .expressions import Expression, is_true

SCOPE = "patch_scope"
FROM_BLOCKED = "patch_from_blocked"
LEDGER = "ledger"
_SHOWN = 40


@dataclass(frozen=True)
class Scope:
    """``left_out`` has, for each host, what the expression gave for it."""

    expression: str
    selected: list[str]
    left_out: dict[str, str]

    def for_record(self) -> dict[str, Any]:
        return {"expression": self.expression, "selected": len(self.selected), "left_out": self.left_out}


def choose(expression: Expression, variables: Iterable[tuple[str, Mapping[str, Any]]]) -> Scope:
    """Those of the hosts for which the expression is true, in their order. None at all is an error, not a success."""
    selected, left_out = [], {}
    for host, known in variables:
        try:
            found = expression.of(known)
        except BadInput as error:
            raise BadInput("%s %r on host %s: %s" % (SCOPE, expression.text, host, error.message), host=host) from None
        if is_true(found):
            selected.append(host)
        else:
            left_out[host] = _shown(found)
    if not selected:
        raise BadInput("%s %r selects none of the %d hosts (first: %s): nothing to do is not what was asked for; change the expression or the hosts"
                       % (SCOPE, expression.text, len(left_out), ", ".join("%s gave %s" % found for found in list(left_out.items())[:3])))
    return Scope(expression.text, selected, left_out)


def only_blocked(run: str, blocked: Mapping[str, str], targets: Iterable[str]) -> tuple[list[str], dict[str, Any]]:
    """Those of the targets that ended blocked in a run (``blocked`` has why), and what is kept of that. None at all is an error, as with a scope."""
    asked = list(targets)
    chosen = [host for host in asked if host in blocked]
    if not chosen:
        raise BadInput("%s: of run %s %s blocked, and none of them is among the %d hosts of this play: nothing to do is not what was asked for"
                       % (FROM_BLOCKED, run, _named(list(blocked)), len(asked)), run=run)
    return chosen, {"run": run, "left_out": [host for host in asked if host not in blocked]}


def why_not_blocked(record: Mapping[str, Any], host: str) -> str | None:
    """Why a host is not targeted, from what a run keeps of ``patch_from_blocked``; None where it is."""
    left_out = host in record.get("left_out", ())
    return "not targeted: %s is for hosts that ended blocked in run %s, and %s did not" % (FROM_BLOCKED, record.get("run"), host) if left_out else None


def why_left_out(record: Mapping[str, Any], host: str) -> str | None:
    """Why a host is not targeted, from what a run keeps of its scope; None where it is."""
    found = record.get("left_out", {}).get(host)
    return None if found is None else "not targeted: %s %r gave %s for %s" % (SCOPE, record.get("expression"), found, host)


def _shown(found: Any) -> str:
    return {None: "null", False: "false", "": "empty text"}.get(found, "") if found is None or isinstance(found, (bool, str)) else "nothing"


def _named(hosts: list[str]) -> str:
    if not hosts:
        return "no host is"
    return "%s%s %s" % (", ".join(hosts[:5]), " and %d more" % (len(hosts) - 5) if len(hosts) > 5 else "", "is" if len(hosts) == 1 else "are")
