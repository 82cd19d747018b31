# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of budgets as people write them, and where hosts belong by them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budgets import recorded, refuse_contradiction, sort_into_sets
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.expressions import compiled, is_true, value_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.rules import parse_rules, sets_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.scope import choose, why_left_out

QUORUM = {"name": "quorum", "max_unavailable": 1, "per": "cluster"}
ZONES = {"name": "zones", "exclusive": "zone", "within": "app"}


def place(entry: dict[str, Any], **variables: Any) -> Any:
    return sets_of(parse_rules([entry])[0], "web1", variables)


def refused(*entries: Any) -> str:
    with pytest.raises(BadInput) as caught:
        parse_rules(entries)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(("entries", "says"), [
    ([{"max_unavailable": 1}], "entry 1 has no name: use a name"),
    ([QUORUM, {"name": "a b", "max_unavailable": 1}], "entry 2: name 'a b' can't be a name"),
    ([{"name": "patch_max_failed", "max_unavailable": 1}], "entry 1 can't have the name patch_max_failed"),
    ([{"name": "x", "max": 1}], "budget x: there is no key 'max'; use name, max_unavailable, per, exclusive, within"),
    ([{"name": "x"}], "budget x: use either max_unavailable or exclusive"),
    ([{"name": "x", "max_unavailable": 1, "exclusive": "zone"}], "budget x: use either max_unavailable or exclusive"),
    ([{"name": "x", "max_unavailable": 1, "within": "app"}], "budget x: within belongs to exclusive"),
    ([{"name": "x", "exclusive": "zone", "per": "app"}], "budget x: per belongs to max_unavailable"),
    ([{"name": "x", "exclusive": "zone", "within": "zone"}], "budget x: exclusive and within are the same expression"),
    ([{"name": "x", "max_unavailable": 0}], "budget x: max_unavailable is 0, so no host could ever be patched"),
    ([{"name": "x", "max_unavailable": "0%"}], "budget x: max_unavailable is 0%, so no host"),
    ([{"name": "x", "max_unavailable": "many"}], "budget x: max_unavailable is 'many': use a number of hosts"),
    ([{"name": "x", "max_unavailable": 1, "per": "a."}], "budget x: per: 'a.' is no JMESPath expression"),
    ([{"name": "x", "max_unavailable": 1, "per": ["a"]}], "budget x: per is not text"),
    ([{"name": "x", "exclusive": "nosuch(a)"}], "budget x: exclusive: 'nosuch(a)' is no JMESPath expression that could mean anything (there is no function"),
    ([{"name": "x", "exclusive": "x || !a.b"}], "budget x: exclusive: 'x || !a.b' is no JMESPath expression that could mean anything (! is taken before"),
    ([{"name": "x", "exclusive": "nosuch(a"}], "budget x: exclusive: 'nosuch(a' is no JMESPath"),
    ([QUORUM, QUORUM], "budget quorum: there are two of this name"),
    ([QUORUM, dict(QUORUM, name="other", max_unavailable=2)], "budgets quorum and other contradict each other: both are of the same hosts, 1 and 2"),
    ([ZONES, dict(ZONES, name="again")], "budgets zones and again are the same"),
])
def test_what_is_refused_says_which_and_why(entries: list[Any], says: str) -> None:
    assert refused(*entries).startswith(says)


def test_a_count_and_a_percentage_of_one_set_are_no_contradiction() -> None:
    assert len(parse_rules([QUORUM, dict(QUORUM, name="share", max_unavailable="50%"), {"name": "all", "max_unavailable": 3}, ZONES])) == 4


def test_the_shorthand_is_a_budget_of_the_whole_set_too() -> None:
    rules = parse_rules([QUORUM, {"name": "all", "max_unavailable": 3}])
    refuse_contradiction("50%", rules)
    refuse_contradiction(None, rules)
    with pytest.raises(BadInput, match=r"patch_max_unavailable \(2\) and budget all \(3\) contradict each other"):
        refuse_contradiction(2, rules)


def test_where_hosts_belong() -> None:
    assert place(QUORUM, cluster="a") == ("a", "") and place(QUORUM, cluster=7) == ("7", "") and place(QUORUM, cluster=True) == ("true", "")
    assert place(QUORUM) is None and place({"name": "x", "max_unavailable": 1}) == ("", "")
    assert place(ZONES, app="shop", zone="z1") == ("shop", "z1") and place(ZONES, zone="z1") is None
    assert place(dict(QUORUM, per="join('/', [tenant, rack.name])"), tenant="t", rack={"name": "r1"}) == ("t/r1", "")


@pytest.mark.parametrize(("entry", "variables", "says"), [
    (QUORUM, {"cluster": ["a"]}, "budget quorum: 'cluster' on host web1: gives a list instead of one value"),
    (QUORUM, {"cluster": {"a": 1}}, "budget quorum: 'cluster' on host web1: gives a mapping"),
    (dict(QUORUM, per="length(cluster)"), {"cluster": 7}, "budget quorum: 'length(cluster)' on host web1: "),
    (ZONES, {"app": "shop"}, "budget zones: exclusive 'zone' gives null for host web1"),
])
def test_what_can_not_be_judged_names_budget_and_host(entry: dict[str, Any], variables: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        place(entry, **variables)
    assert caught.value.message.startswith(says)


@pytest.mark.parametrize(("text", "names"), [
    ("cluster", {"cluster"}), ("a.b.c", {"a"}), ("a[?x=='1'].y | [0]", {"a"}), ("a || b.c", {"a", "b"}), ("contains(group_names, 'web')", {"group_names"}),
    ("{x: a, y: [b, c]}", {"a", "b", "c"}), ("max_by(a, &c)", {"a"}), ("`1`", set()), ("!(a == 'x') && b[1:2]", {"a", "b"}), ("@", None), ("*.x", None),
    ("[?x]", None), ("length(@)", None), ("a[].b", {"a"})])
def test_the_variables_that_an_expression_looks_at(text: str, names: Any) -> None:
    assert compiled(text).names == names


@given(st.text(max_size=30))
def test_whatever_is_written_is_an_expression_or_one_line(text: str) -> None:
    try:
        compiled(text).of({"a": 1})
    except BadInput as error:
        assert error.message.isprintable()


@pytest.mark.parametrize(("found", "true"), [
    (None, False), (False, False), ("", False), ([], False), ({}, False), (0, True), (0.0, True), ("no", True), ([0], True)])
def test_truth_is_that_of_jmespath(found: Any, true: bool) -> None:
    assert is_true(found) is true


def test_no_value_is_null() -> None:
    assert value_of(None) is None and value_of(False) == "false"


def test_a_percentage_of_a_set_that_rounds_down_to_none_is_refused_where_a_target_is_in_it() -> None:
    fleet = {"a1": {"cluster": "a"}, "a2": {"cluster": "a"}, "b1": {"cluster": "b"}}
    rules = parse_rules([dict(QUORUM, max_unavailable="50%")])
    with pytest.raises(BadInput, match=r"^quorum of b is 50% of 1 hosts, rounded down none"):
        sort_into_sets(rules, fleet, fleet)
    assert sort_into_sets(rules, fleet, ["a1"]).limited("a2")


def test_a_record_is_the_sets_again() -> None:
    fleet = {"h%d" % n: {"cluster": str(n % 3) if n != 4 else None, "zone": "z%d" % (n % 2), "app": "x"} for n in range(9)}
    sets = sort_into_sets(parse_rules([QUORUM, ZONES]), fleet, fleet)
    again = recorded(list(sets.hosts), sets.for_record())
    for rule in sets.rules:
        assert [again.place(rule, host) for host in fleet] == [sets.place(rule, host) for host in fleet]
    assert not sets.knows("h99") and sets.place(sets.rules[0], "h99") is None and sets.place(sets.rules[0], "h4") is None
    assert sets.limited("h1") and not sets.limited("h4")


SCOPE = compiled("role == 'web' && ledger.last_assessment.total")


def test_a_scope_selects_and_says_what_it_gave_for_the_rest() -> None:
    web = {"role": "web", "ledger": {"last_assessment": {"total": 3}}}
    found = choose(SCOPE, [("w1", web), ("d1", {"role": "db"}), ("w2", {"role": "web", "ledger": {"last_assessment": None}})])
    assert found.for_record() == {"expression": SCOPE.text, "selected": 1, "left_out": {"d1": "false", "w2": "null"}}
    assert why_left_out(found.for_record(), "d1") == "not targeted: patch_scope %r gave false for d1" % SCOPE.text
    assert why_left_out(found.for_record(), "w1") is None and why_left_out({}, "w1") is None


def test_an_empty_scope_is_an_error() -> None:
    with pytest.raises(BadInput, match="patch_scope .* selects none of the 2 hosts .first: a gave false, b gave false"):
        choose(compiled("role == 'web'"), [("a", {}), ("b", {"role": "db"})])


def test_a_scope_that_can_not_be_judged_names_the_host() -> None:
    with pytest.raises(BadInput, match="patch_scope 'length.role.' on host a: "):
        choose(compiled("length(role)"), [("a", {"role": 3})])
