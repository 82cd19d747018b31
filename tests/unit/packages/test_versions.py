# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of versions against the real dpkg, recorded answers of the real rpm, and the laws of an order."""

from __future__ import annotations

import shutil
import subprocess
from functools import cmp_to_key
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.versions import (
    Compare, comparator, compare_deb, compare_rpm,
)
from hypothesis import given, settings
from hypothesis import strategies as st

RECORDED = [line.split() for line in (Path(__file__).parent / "data" / "rpm_vercmp.txt").read_text().splitlines()]

_upstream = st.from_regex(r"[0-9][0-9a-zA-Z.+~]{0,6}", fullmatch=True)
_revision = st.from_regex(r"(-[0-9a-zA-Z.+~]{1,4})?", fullmatch=True)
_epoch = st.sampled_from(["", "", "0:", "1:", "10:"])
deb_versions = st.builds(lambda e, u, r: e + u + r, _epoch, _upstream, _revision)
rpm_versions = st.from_regex(r"([0-9]{1,2}:)?[0-9a-z.+~^_]{1,6}-[0-9a-z.+~^_]{1,4}", fullmatch=True)


@st.composite
def near_pairs(draw: st.DrawFn) -> tuple[str, str]:
    """Two versions that differ in a character or two: far ones prove little."""
    one = draw(deb_versions)
    at = draw(st.integers(one.find(":") + 2, len(one)))
    return one, draw(st.sampled_from([
        one, one[:at] + draw(st.sampled_from(["~", "+", ".", "a", "0", "1"])) + one[at:], draw(deb_versions)]))


def _dpkg_says(one: str, other: str) -> int:
    def holds(relation: str) -> bool:
        return subprocess.run(["dpkg", "--compare-versions", one, relation, other], check=False, stderr=subprocess.DEVNULL).returncode == 0
    return -1 if holds("lt") else 1 if holds("gt") else 0


@pytest.mark.skipif(not shutil.which("dpkg"), reason="no dpkg here to ask")
@settings(max_examples=80, deadline=None)
@given(near_pairs())
def test_debian_versions_compare_as_dpkg_says(pair: tuple[str, str]) -> None:
    assert compare_deb(*pair) == _dpkg_says(*pair)


@pytest.mark.parametrize(("one", "other"), [
    ("1.0~rc1", "1.0"), ("1.0", "1.0+deb12u1"), ("1.0-1", "1.0-1+b1"), ("2:0.1", "3:0"), ("9.9", "1:0.1"), ("1.0-9", "1.0-10"),
    ("1.0~", "1.0"), ("1.0~~", "1.0~"), ("1.0a", "1.0+"), ("5.36.0-7+deb12u3", "5.36.0-7+deb12u4"),
])
def test_debian_order_of_known_pairs(one: str, other: str) -> None:
    assert (compare_deb(one, other), compare_deb(other, one)) == (-1, 1)


@pytest.mark.parametrize(("one", "other"), [("1.0", "0:1.0"), ("1.0", "1.00"), ("1.0", "1.0-0"), ("1.a", "1.a0")])
def test_debian_spellings_of_the_same_version(one: str, other: str) -> None:
    assert compare_deb(one, other) == 0


def test_rpm_versions_compare_as_rpm_itself_said() -> None:
    wrong = [(one, other, said, compare_rpm(one, other)) for one, other, said in RECORDED if compare_rpm(one, other) != int(said)]
    assert len(RECORDED) >= 700
    assert wrong == []


@pytest.mark.parametrize(("one", "other", "expected"), [
    ("1.0-1.el9", "1.0-2.el9", -1), ("1:1.0-1", "2.0-1", 1), ("0:1.0-1", "1.0-1", 0), ("1.0", "1.0-5", -1), ("1.0~rc1-9", "1.0-1", -1),
    ("1.0^git1-1", "1.0-9", 1), ("5.14.0-70.el9", "5.14.0-162.el9", -1),
])
def test_rpm_versions_with_epoch_and_release(one: str, other: str, expected: int) -> None:
    assert compare_rpm(one, other) == expected


@pytest.mark.parametrize("compare", [compare_deb, compare_rpm])
def test_endless_digits_are_only_long_numbers(compare: Compare) -> None:
    assert compare("1" * 6000, "2" * 5999) == 1


def test_each_manager_has_its_comparison() -> None:
    assert [comparator(name) for name in ("apt", "dnf", "zypper")] == [compare_deb, compare_rpm, compare_rpm]


@pytest.mark.parametrize(("compare", "versions"), [(compare_deb, deb_versions), (compare_rpm, rpm_versions)])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_is_a_total_order(compare: Compare, versions: st.SearchStrategy[str], data: st.DataObject) -> None:
    items = sorted(data.draw(st.lists(versions, min_size=3, max_size=6)), key=cmp_to_key(compare))
    for index, one in enumerate(items):
        assert compare(one, one) == 0
        for other in items[index + 1:]:
            assert compare(one, other) <= 0
            assert compare(other, one) == -compare(one, other)
