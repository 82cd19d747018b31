# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``patch_budgets`` as people write them: each rule checked, and which set a host belongs to by it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...module_utils.errors import BadInput
from .budget import CANARIES, MAX_FAILED, MAX_UNAVAILABLE, Amount, parse_amount
from .expressions import Expression, compiled, value_of
from .names import check_budget_name

_KEYS = ("name", "max_unavailable", "per", "exclusive", "within")
_RESERVED = (MAX_UNAVAILABLE, MAX_FAILED, CANARIES, "run")


class Place(NamedTuple):
    """Where a host belongs by one rule: to which set, and, where only one value of it may be out at a time, with which value."""

    set: str
    value: str = ""


@dataclass(frozen=True)
class Rule:
    """``amount`` hosts of each set, or, where it is None, hosts of one value of ``exclusive`` at a time in each set."""

    name: str
    amount: Amount | None
    per: Expression | None = None
    exclusive: Expression | None = None
    within: Expression | None = None

    @property
    def sets(self) -> Expression | None:
        """What tells sets apart; None: there is one, of all hosts."""
        return self.per if self.amount else self.within

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(found for found in (self.sets, self.exclusive) if found)


def parse_rules(entries: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules of ``patch_budgets``; ``BadInput`` names the one that is wrong, why, and what to write."""
    rules = tuple(_rule(entry, number) for number, entry in enumerate(entries, 1))
    for number, rule in enumerate(rules):
        for earlier in rules[:number]:
            _check_pair(earlier, rule)
    return rules


def sets_of(rule: Rule, host: str, variables: Mapping[str, Any]) -> Place | None:
    """Where the host belongs; None: the rule is not about it. ``BadInput`` names host and rule."""
    own = _value(rule, rule.sets, host, variables) if rule.sets else ""
    if own is None or rule.amount:
        return None if own is None else Place(own)
    value = _value(rule, rule.exclusive, host, variables) if rule.exclusive else ""
    if value is None:
        raise BadInput("budget %s: exclusive %r gives null for host %s, so nobody can say which others it excludes: set the variable, or leave "
                       "the host out with a within that gives null for it" % (rule.name, rule.exclusive.text if rule.exclusive else "", host),
                       name=rule.name, host=host)
    return Place(own, value)


def _value(rule: Rule, expression: Expression, host: str, variables: Mapping[str, Any]) -> str | None:
    try:
        return value_of(expression.of(variables))
    except BadInput as error:
        raise BadInput("budget %s: %r on host %s: %s" % (rule.name, expression.text, host, error.message), name=rule.name, host=host) from None


def _rule(entry: Mapping[str, Any], number: int) -> Rule:
    name = _name(entry, number)
    unknown = sorted(str(key) for key in set(entry) - set(_KEYS))
    if unknown:
        raise _wrong(name, "there is no key %r; use %s" % (unknown[0], ", ".join(_KEYS)))
    given = {key for key in _KEYS if entry.get(key) is not None}
    if ("max_unavailable" in given) == ("exclusive" in given):
        raise _wrong(name, "use either max_unavailable or exclusive, and two budgets where you want both")
    if "within" in given and "exclusive" not in given:
        raise _wrong(name, "within belongs to exclusive; sets of max_unavailable are told apart by per")
    if "per" in given and "exclusive" in given:
        raise _wrong(name, "per belongs to max_unavailable; the scope of exclusive is within")
    found = {key: _expression(name, key, entry[key]) for key in ("per", "exclusive", "within") if key in given}
    if "within" in found and found["within"].text == found["exclusive"].text:
        raise _wrong(name, "exclusive and within are the same expression, so no two hosts could ever exclude each other: use two")
    return Rule(name, _amount(name, entry["max_unavailable"]) if "max_unavailable" in given else None, **found)


def _name(entry: Mapping[str, Any], number: int) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise BadInput("entry %d has no name: use a name, it appears in every refusal" % number)
    try:
        check_budget_name(name)
    except BadInput as error:
        raise BadInput("entry %d: %s" % (number, error.message)) from None
    if name in _RESERVED:
        raise BadInput("entry %d can't have the name %s, which has a meaning of its own: use another" % (number, name))
    return name


def _amount(name: str, value: Any) -> Amount:
    try:
        amount = parse_amount(value, "max_unavailable")
    except BadInput as error:
        raise _wrong(name, error.message) from None
    if not (amount.count or amount.percent):
        raise _wrong(name, "max_unavailable is %s, so no host could ever be patched: use 1 or more" % amount.text)
    return amount


def _expression(name: str, key: str, value: Any) -> Expression:
    if not isinstance(value, str):
        raise _wrong(name, "%s is not text: use a JMESPath expression over the host's variables, for example cluster" % key)
    try:
        return compiled(value)
    except BadInput as error:
        raise _wrong(name, "%s: %s" % (key, error.message)) from None


def _check_pair(one: Rule, two: Rule) -> None:
    if one.name == two.name:
        raise _wrong(one.name, "there are two of this name: give one of them another")
    same = [None if rule.sets is None else rule.sets.text for rule in (one, two)]
    if one.amount and two.amount and same[0] == same[1] and (one.amount.count is None) == (two.amount.count is None):
        raise BadInput("budgets %s and %s contradict each other: both are of the same hosts, %s and %s: keep one of them"
                       % (one.name, two.name, one.amount.text, two.amount.text), name=two.name)
    if one.exclusive and two.exclusive and one.exclusive.text == two.exclusive.text and same[0] == same[1]:
        raise BadInput("budgets %s and %s are the same: keep one of them" % (one.name, two.name), name=two.name)


def _wrong(name: str, why: str) -> BadInput:
    return BadInput("budget %s: %s" % (name, why), name=name)
