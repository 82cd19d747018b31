# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that take another's place."""

from __future__ import annotations

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.parse import takes_over
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Package, Replaced, Transaction
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.replaced import heirs, removed, replaced

GONE, NEW = Change("old", "amd64", "1", None), Change("new", "all", None, "2")
BOTH = Replaced("old", "amd64", "new", "all")


def test_who_says_that_it_takes_the_place_replaces() -> None:
    assert replaced([NEW, GONE], {"old": ["new", "other"]}, {}) == (BOTH,)
    assert replaced([NEW, GONE], {"old": ["other"]}, {}) == ()
    swallowing = Change("new", "all", "1", "2")
    assert replaced([swallowing, GONE], {"old": ["new"]}, {}) == (BOTH,), "a package may take in another one"


def test_what_comes_back_was_gone_before() -> None:
    assert replaced([NEW, GONE], {}, {"old": ["new"]}) == (BOTH,)
    assert replaced([Change("new", "all", "1", "2"), GONE], {}, {"old": ["new"]}) == ()


def test_what_has_a_successor_is_not_merely_removed() -> None:
    other = Change("other", "amd64", "1", None)
    assert removed(Transaction((NEW, GONE, other), replaced=(BOTH,))) == [other]


def test_an_heir_has_the_install_reason_of_what_it_replaces() -> None:
    plan = Transaction((NEW, GONE), replaced=(BOTH,))
    assert heirs([Package("old", "amd64", "1", reason="manual")], plan) == [Package("new", "all", "1", reason="manual")]
    there = [Package("old", "amd64", "1", reason="manual"), Package("new", "all", "1", reason="automatic")]
    assert heirs(there, plan) == [], "it has one of its own"


def record(**fields: str) -> str:
    return "Package: new\nVersion: 2\n" + "".join("%s: %s\n" % field for field in fields.items())


def test_debian_s_ways_to_take_a_place() -> None:
    assert takes_over(record(Replaces="old (<< 2), docs", Conflicts="old")) == {"new": {"old"}}
    assert takes_over(record(Replaces="old (<< 2)", Breaks="old (<< 2)", Provides="old (= 2)")) == {"new": {"old"}}


def test_to_take_over_some_files_is_not_one_of_them() -> None:
    assert takes_over(record(Replaces="old-common (<< 2)", Breaks="old-common (<< 2)")) == {"new": set()}
    assert takes_over(record(Conflicts="old")) == takes_over(record()) == {"new": set()}
