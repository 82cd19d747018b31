# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From golden hosts to a manifest."""

from __future__ import annotations

from typing import Any

import pytest
from builders import KEY, package, snapshot, update
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import canonical
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.capture import GoldenHostsDiffer, capture

NAMES = st.sampled_from(["a", "b", "libc6", "zlib"])
PACKAGES = st.dictionaries(st.tuples(NAMES, st.sampled_from(["amd64", "all", "i386"])), st.sampled_from(["1", "1:2~rc1", "2+b1"]))


def names(found: Any) -> list[tuple[str, str]]:
    return [(p["name"], p["version"]) for p in found.manifest["platforms"][KEY]["packages"]]


@given(PACKAGES, st.randoms())
def test_the_same_packages_are_the_same_bytes_in_whatever_order(installed: dict[tuple[str, str], str], random: Any) -> None:
    packages = [package(name, version, arch) for (name, arch), version in installed.items()]
    one = capture({"g1": snapshot(*packages), "g2": snapshot(*packages)})
    random.shuffle(packages)
    other = capture({"g2": snapshot(*packages), "g1": snapshot(*packages)})
    assert canonical(one.manifest) == canonical(other.manifest)
    assert len(one.manifest["platforms"][KEY]["packages"]) == len(installed)


def test_a_platform_is_the_union_of_its_hosts_and_a_person_s_wish_counts() -> None:
    found = capture({"web": snapshot(package("a", reason="automatic"), package("nginx")), "db": snapshot(package("a"), package("postgres"))})
    assert names(found) == [("a", "1"), ("nginx", "1"), ("postgres", "1")]
    assert found.manifest["platforms"][KEY]["packages"][0]["reason"] == "manual"
    assert found.golden == {KEY: ["db", "web"]}


def test_hosts_at_two_levels_are_told_by_package_and_host() -> None:
    with pytest.raises(GoldenHostsDiffer, match=r"a \(amd64\) is 1 on web, 2 on db; bring them to one level"):
        capture({"web": snapshot(package("a", "1")), "db": snapshot(package("a", "2"))})


def test_kernels_stand_beside_each_other() -> None:
    rocky: dict[str, Any] = {"manager": "dnf", "platform": {"id": "rocky", "version": "9.4", "arch": "x86_64"},
                             "kernel": {"applicable": True, "running": "5.14.0-1", "default": "5.14.0-2", "installed": []}}
    kernels = [package("kernel-core", version, "x86_64") for version in ("5.14.0-1", "5.14.0-2")]
    section = capture({"g": snapshot(*kernels, **rocky)}).manifest["platforms"]["rocky-9-x86_64-dnf"]
    assert [p["version"] for p in section["packages"]] == ["5.14.0-1", "5.14.0-2"] and section["kernel"] == {"default": "5.14.0-2"}


def test_kernels_that_boot_differently_are_no_one_release() -> None:
    kernel = {"applicable": True, "running": "1", "default": "1", "installed": []}
    with pytest.raises(GoldenHostsDiffer, match="boot different kernels: 1 on a, 2 on b"):
        capture({"a": snapshot(kernel=kernel), "b": snapshot(kernel=dict(kernel, default="2"))})


def test_streams_of_one_module_have_to_agree() -> None:
    assert capture({"a": snapshot(streams=["nodejs:20"]), "b": snapshot(streams=["php:8"])}).manifest["platforms"][KEY]["streams"] == ["nodejs:20", "php:8"]
    with pytest.raises(GoldenHostsDiffer, match="different streams of the modules nodejs"):
        capture({"a": snapshot(streams=["nodejs:20"]), "b": snapshot(streams=["nodejs:18"])})


def test_what_is_left_out() -> None:
    host = snapshot(package("gpg-pubkey"), package("amazon-ssm-agent"), package("my-tool", source=""), package("old", source="", feeder="main"), package("a"))
    found = capture({"g": host}, exclude=["a"])
    assert names(found) == [("old", "1")] and found.left_out == {KEY: ["my-tool 1 (amd64)"]}
    assert "a" in found.manifest["exclude"] and "gpg-pubkey" in found.manifest["exclude"]
    assert names(capture({"g": host}, include_unsourced=True)) == [("a", "1"), ("my-tool", "1"), ("old", "1")]


def test_what_earlier_updates_were_comes_along_from_the_parent() -> None:
    before = capture({"g": snapshot(package("a", "2", updates=[update("2", cves=("CVE-1",))]))}).manifest
    after = capture({"g": snapshot(package("a", "3", updates=[update("3", "bugfix")]))}, parent=("d" * 64, before)).manifest
    assert after["parent"] == "d" * 64
    assert [(u["version"], u["classification"]) for u in after["platforms"][KEY]["packages"][0]["updates"]] == [("2", "security"), ("3", "bugfix")]


def test_no_host_is_no_release() -> None:
    with pytest.raises(BadInput, match="at least one golden host"):
        capture({})
