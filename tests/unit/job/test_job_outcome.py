# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each package, judged by what is seen."""

from __future__ import annotations

from typing import List

from ansible_collections.fleetops.patchtrain.plugins.module_utils.job import outcome
from ansible_collections.fleetops.patchtrain.plugins.module_utils.job.request import Request, differences, from_spec
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import (
    Change,
    Outcome,
    Package,
    Plan,
    Selection,
    Transaction,
    Wanted,
)
from hypothesis import given
from hypothesis import strategies as st

LEFT = Outcome("kept", "amd64", "1", "2", "other", "held", "its administrator holds it")
PLAN = Plan(
    Transaction((Change("a", "amd64", "1", "2"), Change("new", "all", None, "1"), Change("old", "amd64", "3", None)), 10, 20),
    (LEFT,), "d", {"a": "security"})

packages = st.lists(st.builds(Package, st.sampled_from("abcd"), st.sampled_from(["amd64", "all"]), st.sampled_from("123")), unique=True)
versions = st.one_of(st.none(), st.sampled_from("123"))
changes = st.lists(
    st.builds(Change, st.sampled_from("abcd"), st.sampled_from(["amd64", "all"]), versions, versions)
    .filter(lambda c: c.from_ != c.to), unique_by=lambda c: c.key)


def results(found: List[Outcome]) -> "dict[str, tuple[str, str]]":
    return {o.name: (o.result, o.reason) for o in found}


def test_what_is_seen_decides_whatever_the_tool_said() -> None:
    seen = outcome.seen([Package("a", "amd64", "2"), Package("old", "amd64", "3")])
    assert results(outcome.judged(PLAN, seen, {"a": "the tool complained", "old": "can't"}, "rc 1", {})) == {
        "a": ("installed", ""), "new": ("failed", "is not installed; rc 1"), "old": ("failed", "can't"),
        "kept": ("held", LEFT.reason)}


def test_a_removed_package_is_done_when_it_is_gone() -> None:
    found = outcome.judged(PLAN, outcome.seen([Package("a", "amd64", "1"), Package("new", "all", "1")]), {}, "rc 0", {})
    assert results(found)["old"] == ("installed", "removed")
    assert results(found)["a"] == ("failed", "has version 1; rc 0")


def test_a_script_that_failed_can_t_be_seen_and_counts() -> None:
    found = outcome.judged(PLAN, outcome.seen([Package("a", "amd64", "2"), Package("new", "all", "1")]), {}, "", {"a": "its %post script failed"})
    assert results(found)["a"] == ("failed", "2 is installed, but its %post script failed")
    assert results(found)["new"] == ("installed", "")


@given(changes, packages)
def test_installed_means_seen_at_its_version(plan: List[Change], there: List[Package]) -> None:
    found = outcome.judged(Plan(Transaction(tuple(plan))), outcome.seen(there), {}, "x", {})
    seen = {(p.name, p.arch, p.version) for p in there}
    for change, judged in zip(plan, found, strict=True):
        reached = (change.name, change.arch, change.to) in seen if change.to else (change.name, change.arch, change.from_) not in seen
        assert judged.result == ("installed" if reached else "failed")


def test_a_kernel_that_stands_beside_its_older_one_is_installed() -> None:
    plan = Plan(Transaction((Change("kernel-core", "x86_64", None, "6-2"),)))
    seen = outcome.seen([Package("kernel-core", "x86_64", "6-1"), Package("kernel-core", "x86_64", "6-2")])
    assert results(outcome.judged(plan, seen, {}, "", {}))["kernel-core"][0] == "installed"


def test_the_summary_names_the_failed_packages_in_one_line() -> None:
    failed = [Outcome("p%d" % n, "all", "1", "2", "other", "failed", "because") for n in range(7)]
    line = outcome.summary(failed + [Outcome("ok", "all", "1", "2", "other", "installed")])
    assert line is not None
    assert line.startswith("7 of 8 packages failed: p0 (because), ")
    assert line.endswith("p4 (because), 2 more")
    assert outcome.summary([LEFT]) is None


def test_the_diff_shows_what_changed_and_nothing_else() -> None:
    found = outcome.judged(PLAN, outcome.seen([Package("a", "amd64", "2"), Package("new", "all", "1")]), {}, "", {})
    assert outcome.diff(found, ("installed",)) == {"before": "a amd64 1\nold amd64 3\n", "after": "a amd64 2\nnew all 1\n"}


def test_a_plan_survives_its_document() -> None:
    again = outcome.plan_from(outcome.plan_document(PLAN))
    assert again.transaction == PLAN.transaction
    assert again.left_out == PLAN.left_out
    assert outcome.plan_document(again) == outcome.plan_document(PLAN)


def test_deviations_are_named() -> None:
    recorded = [Wanted("a", "amd64", "1.5"), Wanted("kept", "amd64", "2"), Wanted("gone", "all", "4")]
    assert outcome.deviations(PLAN, recorded, {}) == [
        "a would become 2, not 1.5", "new 1 would come in addition", "old 3 would be removed",
        "kept 2 would not be installed (its administrator holds it)", "gone 4 would not be installed"]


def test_work_that_is_done_already_is_no_deviation() -> None:
    plan = Plan(Transaction((Change("a", "amd64", "1", "2"),)))
    recorded = [Wanted("a", "amd64", "2"), Wanted("b", "amd64", "7")]
    assert outcome.deviations(plan, recorded, {("b", "amd64"): {"7"}}) == []
    assert outcome.deviations(plan, recorded, {("b", "amd64"): {"6"}}) == ["b 7 would not be installed"]


wanted = st.builds(Wanted, st.text(min_size=1), st.sampled_from(["all", ""]), st.text(min_size=1))
words = st.lists(st.text()).map(tuple)
selections = st.builds(
    Selection, classifications=words, include=words, exclude=words,
    packages=st.one_of(st.none(), st.lists(wanted).map(tuple)), security_level=st.sampled_from(["latest", "minimal"]),
    allow_downgrade=st.booleans(), allow_removals=st.booleans())
requests = st.builds(
    Request, selection=selections, rules=st.builds(Rules, words, words), refresh=st.booleans(),
    deadline=st.one_of(st.none(), st.floats(0, 1e10)), expect_digest=st.one_of(st.none(), st.text()),
    environment=st.dictionaries(st.text(), st.text()))


@given(requests)
def test_a_request_survives_its_written_form(request: Request) -> None:
    assert from_spec(request.to_spec()) == request
    assert differences(request.to_spec(), request.to_spec()) == []


def test_differences_of_requests_are_named_and_limits_are_none() -> None:
    one = Request(selection=Selection(exclude=("a",)), deadline=1.0)
    other = Request(selection=Selection(exclude=("b",)), deadline=2.0, timeout=5.0, download_only=True, environment={"http_proxy": "x"})
    assert differences(one.to_spec(), other.to_spec()) == ["download_only", "exclude"]
    assert differences(one.to_spec(), Request(selection=Selection(exclude=("a",)), timeout=9.0).to_spec()) == []
