# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates are asked for, and why the others are not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import (
    CLASSIFICATIONS, Outcome, Package, Selection, Update, Wanted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.selection import barred, select
from hypothesis import given
from hypothesis import strategies as st


def update(name: str, kind: str = "security", **more: object) -> Update:
    return Update(name, "amd64", "1", "2", kind, **more)  # type: ignore[arg-type]


def asked(updates: Sequence[Update], selection: Selection, holds: Sequence[str] = ()) -> list[str]:
    return [wanted.name for wanted in select(updates, selection, holds, []).wanted]


def said(updates: Sequence[Update], selection: Selection, holds: Sequence[str] = ()) -> dict[str, tuple[str, str]]:
    return {o.name: (o.result, o.reason) for o in select(updates, selection, holds, []).left_out}


FLEET = [update("openssl", advisories=("DSA-1",), cves=("CVE-2026-1",)), update("bash", "bugfix"), update("linux-image-amd64"), update("vim", "other")]


@pytest.mark.parametrize(("selection", "names"), [
    (Selection(), ["bash", "linux-image-amd64", "openssl", "vim"]), (Selection(classifications=("security",)), ["linux-image-amd64", "openssl"]),
    (Selection(include=("openssl", "b*")), ["bash", "openssl"]), (Selection(exclude=("linux-*",)), ["bash", "openssl", "vim"]),
    (Selection(include=("CVE-2026-1",)), ["openssl"]), (Selection(exclude=("DSA-1",)), ["bash", "linux-image-amd64", "vim"]),
    (Selection(include=("*",), exclude=("*",)), []), (Selection(classifications=("security",), include=("bash",)), []),
    (Selection(include=("dsa-1",)), []), (Selection(include=("Bash",)), []),
])
def test_all_criteria_have_to_be_met(selection: Selection, names: list[str]) -> None:
    assert asked(FLEET, selection) == names


def test_each_that_is_left_out_says_why() -> None:
    found = said([*FLEET, update("libc6", held=True), update("apt", phased=True)],
                 Selection(classifications=("security", "bugfix"), exclude=("linux-*", "DSA-1")), ["bash"])
    assert found == {
        "bash": ("held", "held by its administrator"), "libc6": ("held", "held by its administrator"),
        "linux-image-amd64": ("excluded", "excluded by linux-*"), "openssl": ("excluded", "excluded by DSA-1"),
        "vim": ("pending", "classification other is not asked for"), "apt": ("deferred", "its publisher still phases it in")}
    assert said(FLEET, Selection(include=("vim",)))["bash"] == ("pending", "not included")


def test_a_phased_update_comes_when_it_is_named() -> None:
    assert asked([update("apt", phased=True)], Selection(include=("apt",))) == ["apt"]
    assert asked([update("apt", phased=True)], Selection(packages=(Wanted("apt", "amd64", "2"),))) == ["apt"]


@pytest.mark.parametrize(("hold", "arch", "held"), [
    ("libc6", "amd64", True), ("libc6", "i386", True), ("libc6:i386", "i386", True), ("libc6:i386", "amd64", False), ("lib*", "amd64", True),
])
def test_holds_are_names_names_with_an_arch_and_globs(hold: str, arch: str, held: bool) -> None:
    one = Update("libc6", arch, "1", "2", "security")
    assert (asked([one], Selection(), [hold]) == []) is held


def test_of_an_exact_list_nothing_else_counts_but_holds() -> None:
    exact = Selection(classifications=(), exclude=("*",), packages=(
        Wanted("new", "amd64", "5"), Wanted("bash", "amd64", "2"), Wanted("vim", "amd64", "1"), Wanted("tzdata", "amd64", "3"), Wanted("kept", "amd64", "2")))
    there = [Package("bash", "amd64", "1"), Package("vim", "amd64", "1"), Package("tzdata", "all", "3"), Package("kept", "amd64", "1")]
    found = select([update("bash")], exact, ["kept"], there)
    assert [w.name for w in found.wanted] == ["bash", "new"]
    assert found.left_out == (Outcome("kept", "amd64", "1", "2", "unknown", "held", "held by its administrator"),)


def test_two_versions_of_one_package_are_refused() -> None:
    with pytest.raises(BadInput, match="bash \\(amd64\\) twice, as 1 and as 2"):
        select([], Selection(packages=(Wanted("bash", "amd64", "1"), Wanted("bash", "amd64", "2"))), [], [])


def test_what_is_barred_is_barred_as_a_dependency_too() -> None:
    why = barred([update("held", held=True), update("fix", cves=("CVE-1",))], Selection(exclude=("kernel*", "CVE-1")), ["lock"])
    assert [why(name, "amd64") for name in ("held", "lock", "fix", "kernel-new", "free")] == [
        "held by its administrator", "held by its administrator", "excluded by CVE-1", "excluded by kernel*", None]
    assert [why(name, "") for name in ("held", "fix", "free")] == ["held by its administrator", "excluded by CVE-1", None]
    assert barred([], Selection(exclude=("*",), packages=()), [])("x", "amd64") is None


names = st.sampled_from(["a", "ab", "b", "c"])
some_updates = st.lists(st.builds(
    Update, names, st.sampled_from(["amd64", "i386"]), st.just("1"), st.just("2"), st.sampled_from(CLASSIFICATIONS), held=st.booleans(),
    phased=st.booleans()), unique_by=lambda u: u.key)


@given(some_updates, st.builds(Selection, include=st.lists(names, max_size=2).map(tuple), exclude=st.lists(names, max_size=2).map(tuple)),
       st.lists(names, max_size=1))
def test_every_update_is_asked_for_or_left_out_with_a_reason(updates: list[Update], selection: Selection, holds: list[str]) -> None:
    found = select(updates, selection, holds, [])
    assert sorted([w.key for w in found.wanted] + [(o.name, o.arch) for o in found.left_out]) == sorted(u.key for u in updates)
    assert all(o.reason for o in found.left_out)
    why = barred(updates, selection, holds)
    assert not any(why(*w.key) for w in found.wanted)
