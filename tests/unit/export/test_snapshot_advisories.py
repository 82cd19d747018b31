# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the versions of a package came as, in a snapshot with ``advisories``: on transcripts of real tools, and on versions of any kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import DEFAULT_RULES
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.manager import Apt
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.manager import Dnf
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import PackageManager, Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Came, Package
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm import classify
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.classify import Candidate, Fix
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.versions import compare_rpm
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.zypper.manager import Zypper
from ansible_collections.fleetops.patchtrain.plugins.modules import package_snapshot_info
from hypothesis import given
from hypothesis import strategies as st

from ..packages.apt.replay import Replay
from ..packages.test_documents import Host
from .desk import Transcript


def history(manager: PackageManager, rules: Rules = DEFAULT_RULES) -> dict[str, list[Came]]:
    return {package.name: came for package, came in manager.history(manager.installed(), rules).items() if package.arch != "i386"}


SECURITY = Came("1.1-1", "security", "important", ("PLSA-2026:0001",), ("CVE-2026-90001",))


@pytest.mark.parametrize("manager", [Dnf(Transcript("dnf-history")), Zypper(Transcript("zypper-history"))])
def test_a_package_carries_the_security_fix_that_its_version_passed(manager: PackageManager) -> None:
    """1.2 is installed; 1.1 was the security update."""
    found = history(manager)["patchlab-web"]
    assert [came.version for came in found] == ["1.0-1", "1.1-1", "1.2-1"]
    assert found[0] == Came("1.0-1", "other")
    assert found[1] == SECURITY
    assert (found[2].classification, found[2].severity, len(found[2].advisories)) == ("bugfix", "unknown", 1)


@pytest.mark.parametrize("manager", [Dnf(Transcript("dnf-history")), Zypper(Transcript("zypper-history"))])
def test_what_is_newer_than_the_installed_version_is_not_in_it(manager: PackageManager) -> None:
    assert history(manager)["patchlab-conf"] == [Came("1.0-1", "other")]


def test_apt_tells_by_where_each_version_came_from() -> None:
    apt = Apt(Replay("bookworm"))
    policies = apt._policy([entry for entry in apt._entries() if entry.present])
    found = history(apt)
    assert found["bash"] == [Came(policies["bash", "amd64"].versions[0].version, "other")]
    assert {came.classification for all_came in found.values() for came in all_came} >= {"other", "unknown"}


def test_apt_takes_the_site_s_own_rules() -> None:
    apt = Apt(Replay("bookworm"))
    assert history(apt, Rules(security=("Debian:*",), known=()))["bash"][-1].classification == "security"
    assert history(apt, Rules(security=(), known=()))["bash"][-1].classification == "unknown"


def test_what_no_source_knows_has_nothing() -> None:
    for manager in (Dnf(Transcript("dnf-history")), Apt(Replay("bookworm"))):
        stranger = Package("stranger", "noarch", "1.0-1")
        assert manager.history([stranger], DEFAULT_RULES) == {stranger: []}


VERSIONS = st.lists(st.from_regex(r"[0-9]\.[0-9]-1", fullmatch=True), unique=True, max_size=6)


@given(offered=VERSIONS, fixed=VERSIONS, installed=st.from_regex(r"[0-9]\.[0-9]-1", fullmatch=True))
def test_history_goes_up_to_the_installed_version_oldest_first(offered: list[str], fixed: list[str], installed: str) -> None:
    package = Package("a", "x86_64", installed)
    found = classify.history([package], [Candidate("a", "x86_64", version, "s") for version in offered],
                             [Fix("a", "x86_64", version, "FIX-" + version, "security", "Low") for version in fixed], {"s"})[package]
    assert {came.version for came in found} == {version for version in {*offered, *fixed} if compare_rpm(version, installed) <= 0}
    assert all(compare_rpm(one.version, other.version) < 0 for one, other in zip(found, found[1:], strict=False))
    assert all(came.classification == ("security" if came.version in fixed else "other") for came in found)
    assert all(came.advisories == (("FIX-" + came.version,) if came.version in fixed else ()) for came in found)


def test_a_source_without_advisories_leaves_the_class_unknown() -> None:
    package = Package("a", "x86_64", "1-1")
    assert classify.history([package], [Candidate("a", "x86_64", "1-1", "silent")], [], {"other"}) == {package: [Came("1-1")]}


# ---------------------------------------------------------------- the module

def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    monkeypatch.setattr(package_snapshot_info, "SystemRunner", Host)
    with patch_module_args(options), pytest.raises(SystemExit):
        package_snapshot_info.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_without_the_option_a_snapshot_is_what_it_was(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    plain, told = run(monkeypatch, capsys), run(monkeypatch, capsys, advisories=True)
    assert set(plain["packages"][0]) == {"name", "arch", "version", "source", "reason"}
    assert [{key: package[key] for key in plain["packages"][0]} for package in told["packages"]] == plain["packages"]
    bash = next(package for package in told["packages"] if package["name"] == "bash")
    assert bash["updates"] == [{"version": bash["version"], "classification": "other", "severity": "unknown", "advisories": [], "cves": []}]


def test_the_module_takes_patterns(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = run(monkeypatch, capsys, advisories=True, security_patterns=["Debian:*"])
    assert next(p for p in told["packages"] if p["name"] == "bash")["updates"][-1]["classification"] == "security"
