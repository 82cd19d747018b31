# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream publishes at each level, and what is read from apt."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from patchlab.aptsource import Source, parse_targets
from patchlab.debs import changelog, control, deb_name
from patchlab.definitions import GONE, LEVELS, MODULES, SHOWN, VERSIONS, Version, find, index, modules, next_level, published
from patchlab.rpms import ADVISORIES, modulemd, rpm_name, spec, updateinfo
from patchlab.security import Pending, choose, parse_pending, parse_sizes
from patchlab.upstream import level_time, package_of

SIMULATION = """\
NOTE: This is only a simulation!
Inst liblzma5 [5.4.1-1+deb12u1] (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst perl [5.36.0-7+deb12u3] (5.36.0-7+deb12u4 Debian-Security:12/oldstable-security [amd64]) []
Inst base-files [12.4] (12.5 Debian:12.15/oldstable [amd64])
Inst newcomer (1.0 Debian-Security:12/oldstable-security [amd64])
Conf liblzma5 (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
"""


def test_pending_is_what_is_installed_and_newer_in_the_security_suite() -> None:
    assert parse_pending(SIMULATION, "Debian-Security") == [
        Pending("liblzma5", "5.4.1-1+deb12u2"), Pending("perl", "5.36.0-7+deb12u4")]


def test_sizes_are_read_from_the_file_that_would_be_fetched() -> None:
    item = Pending("liblzma5", "5.4.1-1+deb12u2")
    answer = "'http://x.invalid/pool/liblzma5_5.4.1-1%2bdeb12u2_amd64.deb' liblzma5_5.4.1-1+deb12u2_amd64.deb 205000 SHA256:00\n"
    assert parse_sizes(answer, {"liblzma5": item}) == {item: 205000}


pending = st.dictionaries(
    st.builds(Pending, st.text("abc", min_size=1, max_size=4), st.sampled_from("12345678")), st.integers(1, 6_000_000), max_size=30)


@given(pending)
def test_the_handful_is_bounded_and_takes_sources_whole(sizes: dict[Pending, int]) -> None:
    chosen = choose(sizes, most=8, most_bytes=9_000_000)
    assert len(chosen) <= 8
    assert sum(sizes[item] for item in chosen) <= 9_000_000
    taken = {item.version for item in chosen}
    assert set(chosen) == {item for item in sizes if item.version in taken}


def test_targets_are_read_once_each_and_of_main_alone() -> None:
    text = "http://m/d/|s|main\nhttp://m/d/|s|main\nhttp://m/d/|s|contrib\n"
    assert parse_targets(text) == [Source("http://m/d/", "s")]


def test_levels_only_ever_add() -> None:
    for earlier, later in zip(LEVELS, LEVELS[1:]):
        assert set(published(earlier)) < set(published(later))
        assert next_level(earlier) == later
    assert next_level(LEVELS[-1]) == LEVELS[-1]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("suite", ["lab", "lab-security"])
def test_a_suite_lists_the_newest_of_each_package(level: str, suite: str) -> None:
    versions: dict[str, list[Version]] = defaultdict(list)
    for item in published(level):
        if item.suite == suite and item.until != level:
            versions[item.name].append(item)
    shown = index(level, suite)
    assert {item.name for item in shown} == set(versions)
    assert not [(item, other) for item in shown for other in versions[item.name] if newer(other, item)]


def newer(one: Version, other: Version) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", one.version, "gt", other.version], check=False).returncode == 0


@pytest.mark.parametrize("level", LEVELS)
def test_once_old_versions_are_gone_one_of_each_package_is_left(level: str) -> None:
    left = published(level + GONE)
    assert sorted(item.name for item in left) == sorted({item.name for item in published(level) if item.until != level})
    assert not [item for item in left for other in published(level) if other.name == item.name and newer(other, item)]
    assert sorted(map(repr, left)) == sorted(repr(item) for suite in ("lab", "lab-security") for item in index(level + GONE, suite))


def test_time_goes_on_from_what_is_shown_to_what_is_left_of_it() -> None:
    assert SHOWN == ("initial", "initial-gone", "advanced", "advanced-gone", "next", "next-gone")
    assert sorted(SHOWN, key=level_time) == list(SHOWN)
    assert next_level("advanced" + GONE) == "next"


def test_what_has_no_source_is_nowhere() -> None:
    assert find("patchlab-unsourced", None) not in published("next")


def test_a_new_name_takes_the_place_of_the_old_one() -> None:
    new = find("patchlab-newname", None)
    assert {"Provides: patchlab-oldname (= 2.0)", "Replaces: patchlab-oldname", "Conflicts: patchlab-oldname"} <= set(control(new).splitlines())
    assert "Obsoletes: patchlab-oldname < 2.0\n" in spec(new, Path("/s"))


def test_an_epoch_is_in_the_version_and_not_in_the_name_of_the_file() -> None:
    item = find("patchlab-odd", "1:0.9")
    assert (deb_name(item, "all"), rpm_name(item, "all")) == ("patchlab-odd_0.9_all.deb", "patchlab-odd-0.9-1.noarch.rpm")
    assert "Version: 1:0.9\n" in control(item)
    assert "Version: 0.9\n" in spec(item, Path("/s")) and "Epoch: 1\n" in spec(item, Path("/s"))


def test_a_package_for_two_architectures() -> None:
    item = find("patchlab-multi", "1.0")
    assert [deb_name(item, arch) for arch in item.archs] == ["patchlab-multi_1.0_amd64.deb", "patchlab-multi_1.0_i386.deb"]
    assert [package_of(Path(deb_name(item, arch))) for arch in item.archs] == [("patchlab-multi", "amd64"), ("patchlab-multi", "i386")]
    assert "Multi-Arch: same\n" in control(item, "i386")


@pytest.mark.parametrize(("shown", "artifacts"), [
    ("initial", ["1.0", "2.0"]), ("advanced", ["1.0", "1.1", "2.0"]), ("next", ["1.0", "1.1", "2.0"]), ("next" + GONE, ["1.1", "2.0"])])
def test_module_streams_have_what_was_built_of_them_until_it_is_gone(shown: str, artifacts: list[str]) -> None:
    told = [document["data"] for document in yaml.safe_load_all(modulemd(shown))]
    assert [one["artifacts"]["rpms"] for one in told] == [[f"patchlab-modular-0:{version}-1.noarch"] for version in artifacts]
    assert len({(one["stream"], one["version"]) for one in told}) == len(told) == len(modules(shown))
    labels = {f"ModularityLabel: {one['name']}:{one['stream']}:{one['version']}:{one['context']}" for one in told}
    assert labels == {line for item in modules(shown) for line in spec(item, Path("/s")).splitlines() if line.startswith("Modularity")}


def test_what_is_in_a_module_is_nowhere_else() -> None:
    assert not {item.name for item in MODULES} & {item.name for item in VERSIONS}
    assert "Modularity" not in spec(find("patchlab-web", None), Path("/s"))


def test_hosts_begin_with_nothing_from_security() -> None:
    assert index("initial", "lab-security") == []


def test_security_between_installed_and_candidate() -> None:
    """At the last level the web service's candidate is no security update, and the one before it was."""
    assert [(item.version, item.suite) for item in VERSIONS if item.name == "patchlab-web"] == [
        ("1.0", "lab"), ("1.1", "lab-security"), ("1.2", "lab")]


def test_app_wants_exactly_its_lib() -> None:
    assert "Depends: patchlab-lib (= 1.1)\n" in control(find("patchlab-app", "1.1"))
    assert "Requires: patchlab-lib = 1.1\n" in spec(find("patchlab-app", "1.1"), Path("/s"))


@pytest.mark.parametrize("item", VERSIONS, ids=lambda item: f"{item.name}-{item.version}")
def test_no_rpm_has_texts_that_createrepo_refuses(item: Version) -> None:
    """It leaves such a package out, says so on stderr, and ends with 0."""
    assert not [letter for letter in spec(item, Path("/s")) if ord(letter) < 32 and letter not in "\t\n\r"]


def test_changelog_names_the_hole() -> None:
    said = changelog(find("patchlab-kernelish", "1.1"))
    assert "CVE-2026-90002" in said
    assert "urgency=high" in said


def _with_epoch(epoch: str | None, version: str | None) -> str:
    return f"{version}" if epoch == "0" else f"{epoch}:{version}"


@pytest.mark.parametrize("level", SHOWN)
def test_advisories_are_well_formed_and_only_of_what_is_published(level: str) -> None:
    known = {(item.name, item.version) for item in published(level)}
    told = ElementTree.fromstring(updateinfo(level))
    packages = {(item.get("name"), _with_epoch(item.get("epoch"), item.get("version"))) for item in told.iter("package")}
    assert packages <= known
    assert len(told) == sum(set(advisory.packages) <= known for advisory in ADVISORIES)
