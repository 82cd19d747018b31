# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over a fake world of packages: known stories, and laws that hold in every world."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Plan, Replaced, Selection, Transaction, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.resolve import digest, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from .fake_world import ARCH, Release, World

ALL = Selection()


def resolve(world: World, selection: Selection = ALL, holds: tuple[str, ...] = ()) -> Plan:
    return plan(world.updates(), selection, holds, world.packages(), world.simulate)


def moved(found: Plan) -> dict[str, str | None]:
    return {change.name: change.to for change in found.transaction.changes}


def left(found: Plan) -> dict[str, tuple[str, str]]:
    return {outcome.name: (outcome.result, outcome.reason) for outcome in found.left_out}


def simple(**candidates: Release) -> World:
    """All installed at 1 without needs; the given ones have a version 2."""
    return World({name: {1: Release(), 2: release} for name, release in candidates.items()}, dict.fromkeys(candidates, 1))


def test_a_plan_without_obstacles_costs_one_simulation() -> None:
    world = simple(a=Release((("b", ">=", 2),)), b=Release(), c=Release())
    found = resolve(world)
    assert (moved(found), found.left_out, world.calls) == ({"a": "2", "b": "2", "c": "2"}, (), 1)
    assert found.classifications == {"a": "security", "b": "security", "c": "security"}


def test_nothing_to_do_is_not_asked_of_the_manager() -> None:
    world = simple()
    assert (resolve(world).transaction, world.calls) == (Transaction(), 0)


def test_new_dependencies_come_along() -> None:
    world = simple(a=Release((("new", ">=", 1),)))
    world.releases["new"] = {1: Release()}
    assert moved(resolve(world)) == {"a": "2", "new": "1"}


def test_what_needs_an_excluded_package_stays_behind_and_says_why() -> None:
    world = simple(a=Release((("b", ">=", 2),)), b=Release((("c", ">=", 2),)), c=Release(), d=Release())
    found = resolve(world, Selection(exclude=("c",)))
    assert moved(found) == {"d": "2"}
    assert left(found) == {
        "a": ("excluded", "needs c 2, which is excluded by c"),
        "b": ("excluded", "needs c 2, which is excluded by c"),
        "c": ("excluded", "excluded by c"),
    }


def test_what_needs_a_held_package_stays_behind_and_says_why() -> None:
    world = simple(a=Release((("b", ">=", 2),)), b=Release())
    found = resolve(world, holds=("b",))
    assert left(found) == {
        "a": ("excluded", "needs b 2, which is held by its administrator"), "b": ("held", "held by its administrator")}


def test_a_manager_that_knows_the_hold_itself_gives_the_same_result() -> None:
    world = simple(a=Release((("b", ">=", 2),)), b=Release())
    world.candidates["b"] = 1
    world.simulate([])
    found = plan([replace(u) for u in simple(a=Release(), b=Release()).updates()], ALL, ("b",), world.packages(), world.simulate)
    assert left(found)["a"] == ("excluded", "a : Depends: b (>= 2) (b is held by its administrator)")


def test_a_new_package_that_is_excluded_by_name_stays_out() -> None:
    world = simple(a=Release((("kernel-new", ">=", 1),)))
    world.releases["kernel-new"] = {1: Release()}
    found = resolve(world, Selection(exclude=("kernel*",)))
    assert (moved(found), left(found)) == ({}, {"a": ("excluded", "needs kernel-new 1, which is excluded by kernel*")})


def test_an_update_that_would_remove_something_is_left_out_with_what_it_would_remove() -> None:
    world = simple(a=Release(conflicts=("old",)), b=Release())
    world.releases["old"], world.installed["old"] = {1: Release()}, 1
    found = resolve(world)
    assert (moved(found), left(found)) == ({"b": "2"}, {"a": ("excluded", "would remove old 1")})


def test_removals_are_made_when_they_are_allowed_but_never_of_what_is_barred() -> None:
    world = simple(a=Release(conflicts=("old",)))
    world.releases["old"], world.installed["old"] = {1: Release()}, 1
    assert moved(resolve(world, Selection(allow_removals=True))) == {"a": "2", "old": None}
    found = resolve(world, Selection(allow_removals=True), holds=("old",))
    assert left(found) == {"a": ("excluded", "would remove old 1, which is held by its administrator")}


def test_who_asks_for_exactly_a_package_gets_it_in_the_place_of_the_one_that_it_replaces() -> None:
    world = simple(a=Release(conflicts=("old",)))
    world.releases["old"], world.installed["old"] = {1: Release()}, 1

    def simulate(wanted: Sequence[Wanted]) -> Transaction:
        found = world.simulate(wanted)
        return replace(found, replaced=(Replaced("old", ARCH, "a", ARCH),)) if found.removals else found

    def moves(selection: Selection, holds: tuple[str, ...] = ()) -> dict[str, str | None]:
        return moved(plan(world.updates(), selection, holds, world.packages(), simulate))
    exact = Selection(packages=(Wanted("a", ARCH, "2"),))
    assert moves(exact) == {"a": "2", "old": None}
    assert moves(exact, ("old",)) == {}
    assert moves(ALL) == {}, "an update that would is left out, as ever"
    assert moved(plan(world.updates(), exact, (), world.packages(), world.simulate)) == {}, "and so is what replaces nothing"


def test_the_unsolvable_one_is_named_with_the_managers_reason() -> None:
    world = simple(a=Release((("nowhere", ">=", 3),)), b=Release(), c=Release())
    found = resolve(world)
    assert (moved(found), left(found)) == ({"b": "2", "c": "2"}, {"a": ("pending", "a : Depends: nowhere (>= 3)")})


def test_one_of_many_is_found_in_few_simulations() -> None:
    names = ["p%03d" % number for number in range(200)]
    world = simple(**{name: Release() for name in names})
    world.releases["p137"][2] = Release((("nowhere", ">=", 1),))
    found = resolve(world)
    assert list(left(found)) == ["p137"]
    assert world.calls <= 2 * 8 + 1


def test_those_that_need_an_excluded_package_are_named_by_the_manager_itself() -> None:
    names = ["p%03d" % number for number in range(100)]
    world = simple(core=Release(), **{name: Release() for name in names})
    for name in names[10::40]:
        world.releases[name][2] = Release((("core", ">=", 2),))
    found = resolve(world, Selection(exclude=("core",)))
    assert set(left(found)) == {"core", "p010", "p050", "p090"}
    assert len(moved(found)) == 97
    assert world.calls <= 20


def test_packages_that_only_go_together_are_found_though_each_alone_fails() -> None:
    world = World(
        {"left": {1: Release(), 2: Release(), 3: Release()}, "right": {v: Release((("left", "=", v),)) for v in (1, 2, 3)},
         "bad": {1: Release(), 2: Release((("nowhere", ">=", 1),))}, "nice": {1: Release(), 2: Release()}},
        {"left": 1, "right": 1, "bad": 1, "nice": 1})
    minimal = [replace(u, candidate="2") for u in world.updates()]
    found = plan(minimal, ALL, (), world.packages(), world.simulate)
    assert (moved(found), list(left(found))) == ({"left": "2", "right": "2", "nice": "2"}, ["bad"])


def test_what_was_not_asked_for_but_is_needed_is_no_longer_left_out() -> None:
    world = simple(a=Release((("b", ">=", 2),)), b=Release())
    updates = [replace(u, classification="other") if u.name == "b" else u for u in world.updates()]
    found = plan(updates, Selection(classifications=("security",)), (), world.packages(), world.simulate)
    assert (moved(found), found.left_out) == ({"a": "2", "b": "2"}, ())
    assert found.classifications == {"a": "security", "b": "other"}


def test_an_exact_list_that_cannot_be_met_has_failed() -> None:
    world = simple(a=Release((("nowhere", ">=", 1),)), b=Release())
    wanted = (Wanted("a", ARCH, "2"), Wanted("b", ARCH, "2"), Wanted("b2", ARCH, "7"))
    found = resolve(world, Selection(packages=wanted))
    assert moved(found) == {"b": "2"}
    assert left(found) == {"a": ("failed", "a : Depends: nowhere (>= 1)"), "b2": ("failed", "Unable to locate b2")}


def test_a_manager_that_leaves_something_out_in_silence_is_not_believed() -> None:
    world = simple(a=Release(), b=Release())

    def silent(wanted: Sequence[Wanted]) -> Transaction:
        return world.simulate([item for item in wanted if item.name != "a"])
    found = plan(world.updates(), ALL, (), world.packages(), silent)
    assert (moved(found), left(found)) == ({"b": "2"}, {"a": ("pending", "the package manager would leave out a 2")})


def test_the_digest_is_of_the_changes_alone() -> None:
    world = simple(a=Release(), b=Release())
    changes = resolve(world).transaction.changes
    assert digest(changes) == digest(reversed(changes)) != digest(changes[:1])


# ---------------------------------------------------------------- laws

NAMES = ["p%d" % number for number in range(6)]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Six packages with up to three versions, whose first versions fit together."""
    releases: dict[str, dict[int, Release]] = {}
    for name in NAMES:
        others = [other for other in NAMES if other != name]
        need = st.tuples(st.sampled_from([*others, "nowhere"]), st.sampled_from([">=", ">=", "="]), st.integers(1, 3))
        release = st.builds(Release, st.lists(need, max_size=2).map(tuple), st.lists(st.sampled_from(others), max_size=1).map(tuple))
        newer = draw(st.lists(release, max_size=2))
        releases[name] = {1: Release(), **dict(enumerate(newer, 2))}
    installed = draw(st.lists(st.sampled_from(NAMES), min_size=3, unique=True))
    return World(releases, dict.fromkeys(installed, 1))


selections = st.builds(Selection, exclude=st.lists(st.sampled_from(NAMES), max_size=1).map(tuple), allow_removals=st.booleans())
held = st.lists(st.sampled_from(NAMES), max_size=1).map(tuple)


@settings(max_examples=40, deadline=None)
@given(worlds(), selections, held)
def test_no_plan_breaks_a_promise(world: World, selection: Selection, holds: tuple[str, ...]) -> None:
    found = resolve(world, selection, holds)
    assert not set(moved(found)) & (set(holds) | set(selection.exclude))
    assert selection.allow_removals or not found.transaction.removals
    assert found.transaction.problem is None
    assert all(outcome.reason for outcome in found.left_out)
    assert {u.name for u in world.updates()} <= set(moved(found)) | set(left(found))
    assert world.calls <= 5 * len(world.updates())


@settings(max_examples=40, deadline=None)
@given(worlds(), selections, held)
def test_nothing_that_was_left_out_could_have_come_too(world: World, selection: Selection, holds: tuple[str, ...]) -> None:
    found = resolve(world, selection, holds)
    asked = {u.name: Wanted(u.name, ARCH, u.candidate) for u in world.updates()}
    accepted = [item for name, item in asked.items() if name not in left(found)]
    kept = set(holds) | set(selection.exclude)
    for name in set(left(found)) - kept:
        more = world.simulate([*accepted, asked[name]])
        names = {change.name for change in more.changes}
        assert more.problem or names & kept or (more.removals and not selection.allow_removals), name


@settings(max_examples=40, deadline=None)
@given(worlds(), selections, held, st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(world: World, selection: Selection, holds: tuple[str, ...], rng: random.Random) -> None:
    updates, installed = world.updates(), world.packages()
    rng.shuffle(updates)
    rng.shuffle(installed)
    assert plan(updates, selection, holds, installed, world.simulate) == resolve(world, selection, holds)


@pytest.mark.parametrize("count", [1, 7, 40])
def test_the_worst_world_still_ends(count: int) -> None:
    world = simple(**{"p%02d" % n: Release((("nowhere", ">=", 1),)) for n in range(count)})
    assert len(resolve(world).left_out) == count
    assert world.calls <= 4 * count
