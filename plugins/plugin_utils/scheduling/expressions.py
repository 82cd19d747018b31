# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath expressions over what is known of a host. Pure, and the one place that imports jmespath."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...module_utils.errors import BadInput, ToolMissing

try:
    import jmespath
    from jmespath import exceptions as _exceptions
    from jmespath import functions
except ImportError:  # the settings can be imported without it, for documentation and linters
    jmespath = None  # type: ignore[assignment]

# Of these, the rest of the expression is over what the first part gave.
_CHAINS = ("subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten", "pipe", "index", "slice")
_SHOWN = 60


@dataclass(frozen=True)
class Expression:
    """``names`` are the variables that it looks at; None: it may look at all."""

    text: str
    names: frozenset[str] | None
    _parsed: Any

    def of(self, variables: Mapping[str, Any]) -> Any:
        """What the expression gives for a host; ``BadInput`` where it can't be applied to these variables."""
        try:
            return self._parsed.search(variables)
        except _exceptions.JMESPathError as error:
            raise BadInput(_one_line(error)) from None


def compiled(text: str) -> Expression:
    """The expression, or ``BadInput`` that shows where it is wrong."""
    if jmespath is None:
        raise ToolMissing("patch_budgets and patch_scope need jmespath, and the controller's Python has none: %s -m pip install jmespath" % sys.executable)
    try:
        parsed = jmespath.compile(text)
    except _exceptions.JMESPathError as error:
        raise BadInput("%r is no JMESPath expression (%s)" % (_cut(text), _one_line(error))) from None
    wrong = _mistake(parsed.parsed)
    if wrong:
        raise BadInput("%r is no JMESPath expression that could mean anything (%s)" % (_cut(text), wrong))
    names = _roots(parsed.parsed)
    return Expression(text, None if names is None else frozenset(names), parsed)


def value_of(found: Any) -> str | None:
    """What an expression gave as the name of a set; null is none. ``BadInput`` where it is no single value."""
    if found is None:
        return None
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, (str, int, float)):
        return str(found)
    raise BadInput("gives %s instead of one value" % ("a list" if isinstance(found, list) else "a mapping"))


def is_true(found: Any) -> bool:
    """Truth as JMESPath has it: null, false and whatever is empty are not; the number 0 is."""
    return not (found is None or found is False or found in ("", [], {}))


def _mistake(node: Mapping[str, Any]) -> str:
    """What parses and yet is no use: said now, and not for the first host that gets there."""
    kind, children = node["type"], [child for child in node.get("children", []) if isinstance(child, dict)]
    if kind == "function_expression" and node["value"] not in functions.Functions.FUNCTION_TABLE:
        return "there is no function %s" % node["value"]
    if kind in _CHAINS and kind != "pipe" and children and children[0]["type"] == "not_expression":
        return "! is taken before the dot, so that !a.b is always null: write !(a.b)"
    return next((found for found in map(_mistake, children) if found), "")


def _roots(node: Mapping[str, Any]) -> set[str] | None:
    """The names that are looked up in the whole; None where the whole itself is used."""
    kind, children = node["type"], node.get("children", [])
    if kind == "field":
        return {node["value"]}
    if kind in ("identity", "current"):
        return None
    if kind in ("literal", "expref"):
        return set()
    found: set[str] = set()
    for child in children[:1] if kind in _CHAINS else children:
        names = _roots(child)
        if names is None:
            return None
        found |= names
    return found


def _one_line(error: Exception) -> str:
    return _cut("".join(char if char.isprintable() else "?" for char in " ".join(str(error).split())), 160)


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else text[:most - 3] + "..."
