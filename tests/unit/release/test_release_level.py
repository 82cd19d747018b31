# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host differs from its release, and what brings it there."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import TransactionImpossible
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Package, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.drift import drift, fed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.level import FAIL, HOLD, astray, level
from hypothesis import given
from hypothesis import strategies as st

from .world import DEB, KINDS, RPM, Kind, applied, packages, section

KERNEL = {"applicable": True, "running": "6.1.0-31-amd64", "default": "6.1.0-31-amd64"}


def differences(installed: list[Package], release: dict[str, Any], kind: Kind = DEB, exclude: tuple[str, ...] = (), **more: Any) -> list[tuple[Any, ...]]:
    found = drift(installed, release, exclude, kind.native, kind.compare, **more)
    return [(row["name"], row["kind"], row["is"], row["should"]) for row in found]


def refusal(installed: list[Package], release: dict[str, Any], **terms: Any) -> TransactionImpossible:
    with pytest.raises(TransactionImpossible) as caught:
        level(installed, release, DEB.terms(**terms))
    return caught.value


# ---------------------------------------------------------------- laws

@given(KINDS, st.data())
def test_after_its_level_a_host_has_no_drift_of_versions(kind: Kind, data: st.DataObject) -> None:
    installed, release = data.draw(kind.packages()), section(data.draw(kind.packages()))
    wanted = level(installed, release, kind.terms(allow_downgrade=True)).wanted
    after = applied(installed, wanted)
    assert [row for row in differences(after, release, kind) if row[1] == "version"] == []
    assert level(after, release, kind.terms()).wanted == ()


@given(KINDS, st.data())
def test_the_golden_host_itself_has_no_drift_and_nothing_to_do(kind: Kind, data: st.DataObject) -> None:
    golden = data.draw(kind.packages())
    assert differences(golden, section(golden), kind) == []
    assert level(golden, section(golden), kind.terms(unknown_packages=FAIL)).wanted == ()


@given(KINDS, st.data())
def test_nothing_goes_down_unasked(kind: Kind, data: st.DataObject) -> None:
    installed, release = data.draw(kind.packages()), section(data.draw(kind.packages()))
    try:
        after = applied(installed, level(installed, release, kind.terms()).wanted)
    except TransactionImpossible as error:
        assert error.data["packages"]
        assert "patch_allow_downgrade" in error.message
        return
    before = {(p.name, p.arch): p.version for p in installed if p.name not in kind.kernels}
    assert all(kind.compare(p.version, before.get((p.name, p.arch), p.version)) >= 0 for p in after)


@given(KINDS, st.data())
def test_what_is_not_installed_is_not_wanted_but_for_kernels(kind: Kind, data: st.DataObject) -> None:
    installed, release = data.draw(kind.packages()), section(data.draw(kind.packages()))
    names = {p.name for p in installed} | (set(kind.kernels) if any(p.name in kind.kernels for p in installed) else set())
    assert {w.name for w in level(installed, release, kind.terms(allow_downgrade=True)).wanted} <= names


@given(KINDS, st.data())
def test_no_kernel_of_the_host_is_taken_away(kind: Kind, data: st.DataObject) -> None:
    installed, release = data.draw(kind.packages()), section(data.draw(kind.packages()))
    after = applied(installed, level(installed, release, kind.terms(allow_downgrade=True)).wanted)
    assert {p.name for p in installed if p.name in kind.kernels} <= {p.name for p in after}
    if kind is RPM:
        assert {p for p in installed if p.name in kind.kernels} <= {Package(p.name, p.arch, p.version) for p in after}


# ---------------------------------------------------------------- single cases

def test_each_architecture_goes_its_own_way() -> None:
    installed = packages("libc6=2.36-9", "libc6:i386=2.36-9", "tool:i386=1")
    release = section(packages("libc6=2.36-9+deb12u1", "libc6:i386=2.36-9+deb12u1", "tool=2"))
    assert level(installed, release, DEB.terms()).wanted == (Wanted("libc6", "amd64", "2.36-9+deb12u1"), Wanted("libc6", "i386", "2.36-9+deb12u1"))
    assert differences(installed, release)[2] == ("tool", "unknown", "1", None)


def test_a_package_that_became_independent_of_the_architecture_is_the_same_package() -> None:
    assert level(packages("docs=1"), section(packages("docs:all=2")), DEB.terms()).wanted == (Wanted("docs", "all", "2"),)


def test_of_two_architectures_the_native_one_takes_it_over() -> None:
    release = section(packages("tool:i386=2", "tool:amd64=3"))
    assert level(packages("tool:all=1"), release, DEB.terms()).wanted == (Wanted("tool", "amd64", "3"),)


@pytest.mark.parametrize(("older", "newer"), [
    ("1:1.0~rc1+b2", "1:1.0+b2"), ("2.0-1~bpo12+1", "2.0-1"), ("1.0-2+b6", "1.0-2+deb12u1"), ("9.9", "1:0.1"), ("1.0", "1.0+b1")])
def test_up_is_what_the_package_manager_calls_up(older: str, newer: str) -> None:
    assert level(packages("p=" + older), section(packages("p=" + newer)), DEB.terms()).wanted == (Wanted("p", "amd64", newer),)
    error = refusal(packages("p=" + newer), section(packages("p=" + older)))
    assert (error.data["packages"], "p %s (release: %s)" % (newer, older) in error.message) == (["p"], True)
    down = level(packages("p=" + newer), section(packages("p=" + older)), DEB.terms(allow_downgrade=True))
    assert down.wanted == (Wanted("p", "amd64", older),)


def test_a_kernel_of_the_release_comes_beside_the_host_s_own() -> None:
    installed = packages("linux-image-6.1.0-31-amd64=6.1.128-1")
    release = section(packages("linux-image-6.1.0-32-amd64=6.1.129-1"), "6.1.0-32-amd64")
    assert level(installed, release, DEB.terms()).wanted == (Wanted("linux-image-6.1.0-32-amd64", "amd64", "6.1.129-1"),)
    assert differences(installed, release, kernel=KERNEL) == [
        ("linux-image-6.1.0-32-amd64", "version", None, "6.1.129-1"),
        ("running kernel", "kernel", "6.1.0-31-amd64", "6.1.0-32-amd64"), ("boot default", "kernel", "6.1.0-31-amd64", "6.1.0-32-amd64")]
    both = installed + packages("linux-image-6.1.0-32-amd64=6.1.129-1")
    booted = dict(KERNEL, running="6.1.0-32-amd64", default="6.1.0-32-amd64")
    assert differences(both, release, kernel=booted) == [], "an older one beside it is the package manager's matter"


def test_a_kernel_newer_than_the_release_s_is_unknown_to_it_and_stays() -> None:
    installed = packages("linux-image-6.1.0-32-amd64=6.1.129-1", "linux-image-6.1.0-31-amd64=6.1.128-1")
    release = section(packages("linux-image-6.1.0-31-amd64=6.1.128-1"), "6.1.0-31-amd64")
    assert level(installed, release, DEB.terms(allow_downgrade=True)).wanted == ()
    assert differences(installed, release, kernel=dict(KERNEL, running="6.1.0-32-amd64")) == [
        ("linux-image-6.1.0-32-amd64", "unknown", "6.1.129-1", None), ("running kernel", "kernel", "6.1.0-32-amd64", "6.1.0-31-amd64")]


def test_a_container_has_no_kernel_to_differ() -> None:
    assert differences([], section([], "6.1.0-32-amd64"), kernel=dict(KERNEL, applicable=False)) == []


def test_what_the_release_excludes_is_not_looked_at() -> None:
    installed, release = packages("agent=9", "gpg-pubkey=1"), section(packages("agent=1"))
    assert differences(installed, release, exclude=("agent", "gpg-*")) == []
    assert level(installed, release, DEB.terms(exclude=("agent", "gpg-*"))).wanted == ()


def test_what_is_unknown_is_told_with_who_feeds_it() -> None:
    rows = drift(packages("mine=1", "theirs=1", "p=1"), section(packages("p=2")), (), "amd64", DEB.compare)
    told = fed(rows, {("theirs", "amd64"): "vendor", ("p", "amd64"): "release"})
    assert [(row["name"], row["kind"], row["source"]) for row in told] == [("mine", "unknown", ""), ("p", "version", ""), ("theirs", "unknown", "vendor")]


def test_strays_are_drift() -> None:
    stray = {"name": "vendor", "arch": "", "kind": "source", "is": "visible", "should": "hidden", "source": "vendor"}
    assert drift([], section([]), (), "amd64", DEB.compare, strays=[stray]) == [stray]


def test_unknown_packages_are_kept_held_or_refused() -> None:
    installed, release = packages("mine=1", "p=1"), section(packages("p=2"))
    assert level(installed, release, DEB.terms()).fixed == {}
    assert list(level(installed, release, DEB.terms(unknown_packages=HOLD)).fixed) == [("mine", "amd64")]
    error = refusal(installed, release, unknown_packages=FAIL)
    assert (error.data["packages"], "mine 1" in error.message) == (["mine"], True)


@pytest.mark.parametrize("terms", [{"holds": ("p",)}, {"holds": ("p:amd64",)}, {"barred": ("p*",)}])
def test_a_level_without_what_may_not_move_is_none(terms: dict[str, Any]) -> None:
    assert refusal(packages("p=1", "q=1"), section(packages("p=2", "q=2")), **terms).data["packages"] == ["p"]
    assert level(packages("p=2"), section(packages("p=2")), DEB.terms(**terms)).wanted == (), "at its version it may be held"


def test_many_are_counted_and_all_are_in_the_data() -> None:
    names = ["p%02d" % number for number in range(12)]
    error = refusal(packages(*["%s=2" % name for name in names]), section(packages(*["%s=1" % name for name in names])))
    assert "and 4 more" in error.message
    assert error.data["packages"] == names


# ---------------------------------------------------------------- renamed

def successor(name: str = "new", version: str = "2") -> Any:
    return lambda asked: {(p.name, p.arch): (Wanted(name, "all", version),) for p in asked if p.name == "old"}


RENAMED = section(packages("new:all=2"))


def test_what_took_the_place_of_an_unknown_package_is_wanted() -> None:
    assert level(packages("old=1"), RENAMED, DEB.terms(unknown_packages=FAIL), successor()).wanted == (Wanted("new", "all", "2"),)


@pytest.mark.parametrize("terms", [{"unknown_packages": HOLD}, {"holds": ("old",)}, {"barred": ("old",)}, {"barred": ("new",)}])
def test_but_not_of_one_that_has_to_stay(terms: dict[str, Any]) -> None:
    assert level(packages("old=1"), RENAMED, DEB.terms(**terms), successor()).wanted == ()


@pytest.mark.parametrize("offer", [successor("other"), successor("new", "3")])
def test_and_only_by_a_package_of_the_release_at_its_version(offer: Any) -> None:
    assert level(packages("old=1"), RENAMED, DEB.terms(), offer).wanted == ()


def former(*names: str) -> Any:
    return lambda asked: {(p.name, p.arch): names for p in asked if p.name == "new"}


BEFORE = section(packages("old=1", "docs:all=1"))
DOWN = {"allow_downgrade": True}


@pytest.mark.parametrize(("names", "back"), [(("old",), ["old"]), (("docs", "never-there", "old"), ["docs", "old"]), (("never-there",), [])])
def test_on_the_way_down_a_package_gives_the_place_back_that_it_took(names: tuple[str, ...], back: list[str]) -> None:
    found = level(packages("new=2"), BEFORE, DEB.terms(**DOWN), successor(), former(*names))
    assert [item.name for item in found.wanted] == back


@pytest.mark.parametrize(("host", "terms"), [
    ("new=2", {}), ("new=2", {"unknown_packages": HOLD, **DOWN}), ("new=2", {"holds": ("new",), **DOWN}), ("new=2", {"barred": ("old",), **DOWN}),
    ("new=2 old=1", DOWN)])
def test_but_not_unasked_nor_where_it_has_to_stay(host: str, terms: dict[str, Any]) -> None:
    assert level(packages(*host.split()), BEFORE, DEB.terms(**terms), successor(), former("old")).wanted == ()


def test_dependencies_have_the_release_s_version() -> None:
    changes = [Change("p", "amd64", "1", "2"), Change("lib", "amd64", None, "3"), Change("theirs", "amd64", None, "1"), Change("gone", "amd64", "1", None)]
    release = section(packages("p=2", "lib=2", "gone=1"))
    assert astray(changes, release, DEB.terms()) == [Wanted("lib", "amd64", "2")]
    assert astray(changes, release, DEB.terms(exclude=("lib",))) == []


def test_nobody_is_told_to_remove_the_kernel_that_runs() -> None:
    release = section(packages("a=1", "linux-image-6.1.0-31-amd64=1"))
    told = refusal(packages("a=1", "linux-image-6.1.0-31-amd64=1", "linux-image-6.1.0-32-amd64=1"), release, unknown_packages=FAIL)
    assert "remove them (a kernel that runs only once another one was started)" in str(told)
    assert "kernel" not in str(refusal(packages("a=1", "mine=1"), release, unknown_packages=FAIL))
