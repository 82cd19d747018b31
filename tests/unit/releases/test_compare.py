# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences that a person reads."""

from __future__ import annotations

from builders import manifest, package, snapshot, update
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases import compare

CONTENT = st.dictionaries(st.sampled_from(["a", "b", "c", "libx"]), st.sampled_from(["1", "1:1", "2~rc1", "2", "2+b1"]))


@given(CONTENT, CONTENT)
def test_there_and_back_is_the_same_seen_from_the_other_side(one: dict[str, str], other: dict[str, str]) -> None:
    first = manifest(*(package(n, v) for n, v in one.items()))
    second = manifest(*(package(n, v) for n, v in other.items()))
    there, back = compare.releases(first, second), compare.releases(second, first)
    turned = {"added": "removed", "removed": "added", "up": "down", "down": "up"}
    assert [(c["name"], turned[c["change"]], c["to"], c["from"]) for c in there] == [(c["name"], c["change"], c["from"], c["to"]) for c in back]
    assert {c["name"] for c in there} == {n for n in {*one, *other} if one.get(n) != other.get(n)}
    assert compare.releases(first, first) == []


def test_what_lies_between_is_the_newer_one_s_in_both_directions() -> None:
    history = [update("1", cves=("CVE-1",)), update("2", advisories=("A-2",), cves=("CVE-2",)), update("3", "bugfix", advisories=("A-3",))]
    old, new = manifest(package("a", "1", updates=history[:1])), manifest(package("a", "3", updates=history))
    for change in (*compare.releases(old, new), *compare.releases(new, old)):
        assert (change["classification"], change["advisories"], change["cves"]) == ("security", ["A-2", "A-3"], ["CVE-2"])


def test_a_table_for_a_person() -> None:
    one = manifest(package("a", "1"), package("old"))
    other = manifest(package("a", "2", updates=[update("2", cves=("CVE-2",))]), package("a-new"))
    text = compare.table(compare.releases(one, other))
    lines = text.splitlines()
    assert lines[0] == "debian-12-amd64-apt" and lines[1].split() == ["package", "arch", "from", "to", "class", "advisories", "and", "CVEs"]
    assert lines[2].split() == ["a", "amd64", "up", "1", "2", "security", "CVE-2"]
    assert lines[-1] == "1 added, 1 removed, 1 up"
    assert compare.table([]) == "no difference"


def test_what_hosts_call_their_packages_stays_in_its_cell() -> None:
    hostile = manifest(package("a\x1b[2J\nb", "1\u202e"))
    assert [line.split() for line in compare.table(compare.releases(manifest(), hostile)).splitlines()[2:3]] == [
        ["a?[2J?b", "amd64", "added", "-", "1?", "unknown"]]


def test_a_host_is_held_against_what_it_has() -> None:
    release = manifest(package("a", "2", updates=[update("2")]), package("never-there"), package("b", "1"))
    changes = compare.with_host(snapshot(package("a", "1"), package("b", "2"), package("mine")), release)
    assert [(c["name"], c["change"], c["from"], c["to"]) for c in changes] == [
        ("a", "up", "1", "2"), ("b", "down", "2", "1"), ("mine", "extra", "1", None)]
    assert compare.counts(changes) == {"added": 0, "removed": 0, "up": 1, "down": 1, "extra": 1}


def test_module_streams_beside_the_packages() -> None:
    one = manifest(package("a", "1"), streams=("nodejs:18", "old:1", "same:1"))
    other = manifest(package("a", "1"), streams=("new:2", "nodejs:20", "same:1"))
    rows = compare.streams(one, other)
    assert [(r["module"], r["change"], r["from"], r["to"]) for r in rows] == [
        ("new", "added", None, "new:2"), ("nodejs", "switched", "nodejs:18", "nodejs:20"), ("old", "removed", "old:1", None)]
    lines = compare.table(compare.releases(one, other), rows).splitlines()
    assert lines[0] == "debian-12-amd64-apt" and lines[1].split() == ["module", "from", "to"]
    assert lines[3].split() == ["nodejs", "switched", "nodejs:18", "nodejs:20"]
    assert lines[-1] == "3 module streams"
    assert compare.streams(one, one) == []


def test_a_host_is_told_of_the_modules_that_it_makes_use_of() -> None:
    release = manifest(package("a"), streams=("nodejs:20", "never-there:1", "same:1"))
    rows = compare.streams_with_host(snapshot(package("a"), streams=["nodejs:18", "same:1", "mine:3"]), release)
    assert [(r["module"], r["change"], r["from"], r["to"]) for r in rows] == [
        ("mine", "extra", "mine:3", None), ("nodejs", "switched", "nodejs:18", "nodejs:20")]
    both = compare.table(compare.releases(manifest(package("a", "1")), manifest(package("a", "2"))), rows)
    assert both.splitlines()[-1] == "1 up, 2 module streams" and "extra" in both
