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


def why_left_out(record: Mapping[str, Any], host: str) -> str | None:
    """Why a host is not targeted, from what a run keeps of its scope; None where it is."""
    found = record.get("left_out", {}).get(host)
    return None if found is None else "not targeted: %s %r gave %s for %s" % (SCOPE, record.get("expression"), found, host)


def _shown(found: Any) -> str:
    return {None: "null", False: "false", "": "empty text"}.get(found, "") if found is None or isinstance(found, (bool, str)) else "nothing"
