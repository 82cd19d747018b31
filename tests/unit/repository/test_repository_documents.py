# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and transcripts: nothing here touches a disk or runs a tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository import apt_index, rpm_index
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.files import Item, Platform, document, match, platform, rows
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.layout import RepositoryWrong, Root
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.pool import stamp
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.signing import Secret, Verdict, body, read_secret, read_status
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.updateinfo import updateinfo
from hypothesis import given, settings
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data"
ONE, TWO, EXPIRED = "019930C77EE8CAAED5D1ABE3A29984A08ABC46EE", "F3AF7525D73F21D1FAA3CA2AB3B64F6B6B13F0F7", "43FB335BA25D00109CEC37500945EFFC00C240C3"
KEY = "opensuse-leap-15.5-x86_64-zypper"

names = st.sampled_from(["a", "a-b", "lib2.0", "g++", "a_1"])
versions = st.sampled_from(["1", "1:1", "2:1", "1-1", "0:1-1", "1.0~rc1+b1-2", "1_1"])
sums = st.integers(0, 16 ** 64 - 1).map(lambda number: f"{number:064x}")


@st.composite
def releases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """A manifest, and files for all of it."""
    platforms, files = {}, {}
    for key in draw(st.sets(st.sampled_from(["debian-12-amd64-apt", "almalinux-9-x86_64-dnf", KEY]))):
        places = sorted(draw(st.sets(st.tuples(names, st.sampled_from(["amd64", "all"]), versions), max_size=4)))
        platforms[key] = {"packages": [{"name": name, "arch": arch, "version": version} for name, arch, version in places]}
        files[key] = [{"name": name, "arch": arch, "version": version, "file": f"f{index}", "size": index, "sha256": draw(sums)}
                      for index, (name, arch, version) in enumerate(places)]
    return {"platforms": platforms}, files


@settings(max_examples=40, deadline=None)
@given(releases())
def test_every_file_is_listed_under_a_name_of_its_own(release: tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]) -> None:
    manifest, files = release
    found = match(manifest, files)
    for key, given_files in found.items():
        assert len({one.item.file for one in given_files}) == len(files[key])
        assert {(one.item.sha256, one.brought) for one in given_files} == {(row["sha256"], row["file"]) for row in files[key]}
        assert not any(set("/:%") & set(one.item.file) for one in given_files)
    content = document("0" * 64, found)
    assert rows(json.loads(content)) == {key: sorted(one.item for one in given_files) for key, given_files in found.items()}
    reordered = {key: list(reversed(files[key])) for key in files}
    assert document("0" * 64, match(manifest, reordered)) == content


@given(sums)
def test_the_time_of_a_pool_file_lies_in_the_past(sha256: str) -> None:
    assert 946684800 <= stamp(sha256) < 1300000000


@pytest.mark.parametrize(("more", "words"), [
    ({"file": "../etc/passwd"}, "no part of a file's name"), ({"name": "-x"}, "no part of a file's name"), ({"version": "1/2"}, "no part of a file's name"),
    ({"sha256": "0" * 63}, "no valid size or sha256"), ({"size": -1}, "no valid size or sha256"), ({"size": "many"}, "is not one"), ({"arch": ""}, "no part"),
])
def test_a_row_that_is_none(more: dict[str, Any], words: str) -> None:
    row = {"name": "a", "arch": "all", "version": "1", "file": "a.deb", "size": 1, "sha256": "0" * 64, **more}
    with pytest.raises(BadInput, match=words):
        match({"platforms": {KEY: {"packages": []}}}, {KEY: [row]})


def test_two_files_for_one_package() -> None:
    row = {"name": "a", "arch": "all", "version": "1", "file": "a.rpm", "size": 1, "sha256": "0" * 64}
    manifest = {"platforms": {KEY: {"packages": [{"name": "a", "arch": "all", "version": "1"}]}}}
    with pytest.raises(BadInput, match="two different files are given for a 1 of opensuse-leap-15.5-x86_64-zypper: a.rpm and b.rpm"):
        match(manifest, {KEY: [row, {**row, "file": "b.rpm", "sha256": "1" * 64}]})
    assert len(match(manifest, {KEY: [row, row]})[KEY]) == 1


def test_platforms() -> None:
    assert platform(KEY) == Platform(KEY, "rpm", "x86_64")
    assert platform("debian-12-amd64-apt") == Platform("debian-12-amd64-apt", "apt", "amd64")
    for key in ("debian", "gentoo-2-amd64-portage"):
        with pytest.raises(BadInput, match="is no platform that can be published"):
            platform(key)


@pytest.mark.parametrize("path", ["/", "//", "srv", ""])
def test_a_root_that_can_not_be_one(path: str) -> None:
    with pytest.raises(BadInput, match="absolute path"):
        Root(path)


@pytest.mark.parametrize(("transcript", "good", "problems"), [
    ("two-good", {ONE, TWO}, ()),
    ("one-unknown", {ONE}, ("is by an unknown key (key B3B64F6B6B13F0F7)",)),
    ("expired-key", set(), ("is by a key that has expired (key 0945EFFC00C240C3)",)),
    ("bad", set(), ("does not match (key A29984A08ABC46EE)",)),
    ("none", set(), ()),
])
def test_what_gpg_says_of_signatures(transcript: str, good: set[str], problems: tuple[str, ...]) -> None:
    assert read_status((DATA / f"gpg-{transcript}.txt").read_text()) == Verdict(frozenset(good), problems)


def test_what_gpg_says_of_secret_keys() -> None:
    assert read_secret((DATA / "gpg-secret-keys.txt").read_text()) == [
        Secret(ONE, 1795247280, ""), Secret(TWO, 1795247280, ""), Secret(EXPIRED, 1577836800, "has expired")]
    assert read_secret("sec:u:255:22:A2:1:::u:::cC:::+::ed25519:::0:\nfpr:::::::::AA:\n") == [Secret("AA", 1, "can't sign")]


def test_what_a_clearsigned_text_says() -> None:
    text = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: b\n- -c\n\n-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n"
    assert body(text) == "A: b\n-c\n\n"
    assert body("A: b\n") == ""


def test_advisories_are_of_the_versions_that_they_came_with() -> None:
    def update(version: str, classification: str, severity: str, advisory: str, *cves: str) -> dict[str, Any]:
        return {"version": version, "classification": classification, "severity": severity, "advisories": [advisory], "cves": list(cves)}

    packages = [
        {"name": "a", "arch": "noarch", "version": "2:1.2-1", "updates": [
            update("2:1.1-1", "security", "important", "S-1", "CVE-2026-1001", "CVE-2026-1000"), update("2:1.2-1", "bugfix", "unknown", "B<2>")]},
        {"name": "b", "arch": "x86_64", "version": "3-4", "updates": [
            update("3-4", "bugfix", "low", "S-1"), {**update("2-1", "security", "low", ""), "advisories": []}]},
    ]
    tree = ElementTree.fromstring(updateinfo(KEY, packages))
    told = {one.findtext("id"): (one.get("type"), one.findtext("severity"), [ref.get("id") for ref in one.iter("reference")],
                                 [dict(package.attrib) for package in one.iter("package")]) for one in tree}
    assert told == {
        "S-1": ("security", "Important", ["CVE-2026-1000", "CVE-2026-1001"], [
            {"name": "a", "version": "1.1", "release": "1", "epoch": "2", "arch": "noarch"},
            {"name": "b", "version": "3", "release": "4", "epoch": "0", "arch": "x86_64"}]),
        "B<2>": ("bugfix", "None", [], [{"name": "a", "version": "1.2", "release": "1", "epoch": "2", "arch": "noarch"}]),
    }
    assert updateinfo(KEY, [{"name": "a", "arch": "noarch", "version": "1", "updates": []}]) == b""


def test_an_index_with_a_package_too_little_is_refused() -> None:
    item = Item("a", "all", "1", "a_1_all.deb", 7, "0" * 64)
    stanza = {"Package": "a", "Architecture": "all", "Version": "1", "Filename": "pool/a_1_all.deb", "Size": "7", "SHA256": "0" * 64}
    apt_index.check("k", [stanza], [item])
    for wrong in ([], [stanza, stanza], [{**stanza, "SHA256": "1" * 64}]):
        with pytest.raises(RepositoryWrong, match="does not have the release's packages"):
            apt_index.check("k", wrong, [item])
    rpm_index.check("k", [("Packages/a_1_all.deb", "0" * 64)], [item])
    for found in ([], [("Packages/a_1_all.deb", "0" * 64)] * 2, [("Packages/a_1_all.deb", "1" * 64)]):
        with pytest.raises(RepositoryWrong, match="does not have the release's packages"):
            rpm_index.check("k", found, [item])


def test_metadata_that_is_not_xml() -> None:
    with pytest.raises(ParseFailed, match="repomd.xml is not XML"):
        rpm_index.repomd(b"<repomd")
