# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patch train: golden hosts, an immutable release, a fleet at exactly that level, the next one under traffic, and back."""

from __future__ import annotations

import pytest
from lab_release import V2, ReleaseFleet, auto_marks, lab_versions, set_upstream, start_new, traffic, update, update_golden, versions, watch
from release_train import Train, levels

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

PAIRS = {"web1": "gold-apt", "web2": "gold-apt", "web3": "gold-apt", "dnf1": "gold-dnf", "zypper1": "gold-zypper"}


def same(fleet: ReleaseFleet) -> None:
    """What both hosts have installed has one version, seen by dpkg and rpm themselves."""
    golden = {host: versions(fleet, host) for host in sorted(set(PAIRS.values()))}
    for host, gold in PAIRS.items():
        here, there = versions(fleet, host), golden[gold]
        assert {n: v for n, v in here.items() if n in there and n != "gpg-pubkey"} == {n: there[n] for n in here if n in there and n != "gpg-pubkey"}, host


def test_a_fleet_at_exactly_what_was_tested(train: ReleaseFleet) -> None:
    releases = Train(train)
    marks = {host: auto_marks(train, host) for host in PAIRS}
    releases.made("gl-1")
    again = releases.capture("gl-1")
    assert "as before" in again.text

    # Three levels, one of them newer than the release, become one.
    done = releases.patch()
    assert levels(done) == dict.fromkeys(PAIRS, ("gl-1", 0))
    same(train)
    for host, marked in marks.items():
        assert marked & set(versions(train, host)) <= auto_marks(train, host), host

    # Upstream moves on; attached hosts do not see it, and a host that joins comes to the same level.
    set_upstream(train, V2)
    start_new(train)
    seen = releases.do("assess", patch_release="stage:prod")
    assert {host["name"]: host["assessment"]["counts"]["total"] for host in seen.model["hosts"]} == dict.fromkeys(PAIRS, 0)
    joined = releases.patch(patch_hosts="new1")
    assert levels(joined) == {"new1": ("gl-1", 0)}
    assert lab_versions(train, "new1") == lab_versions(train, "web1")
    survey = releases.do("survey", release_name="gl-1")
    assert "upstream has published since gl-1:" in survey.text and "security" in survey.text

    # The next release, under traffic.
    update_golden(train)
    releases.made("gl-1.1", release_parent="gl-1")
    with traffic(train) as clients, watch(train) as watched:
        rolled = releases.patch(patch_run_name="to-gl-1.1")
    assert levels(rolled) == dict.fromkeys(PAIRS, ("gl-1.1", 0))
    assert clients.result()["failed"] == 0 and clients.result()["served"] > 50
    assert watched.result()["most_out"] <= 1
    same(train)

    # And back, when upstream has nothing of the old level any more.
    set_upstream(train, V2, gone=True)
    back = releases.do("rollback", patch_rollback="to-gl-1.1", patch_run_name="back")
    assert levels(back) == dict.fromkeys(PAIRS, ("gl-1", 0))
    assert lab_versions(train, "web1")["patchlab-web"] == "1.1" == lab_versions(train, "dnf1")["patchlab-web"]


def test_upstream_is_back_for_who_detaches(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    before = releases.sh("web1", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; ls -R /etc/apt")
    ours.made("gl-1")
    ours.do("attach", release_name="gl-1")
    assert "patchlab" not in releases.sh("web1", "apt-get update -q && apt-cache policy | grep -c :8471 || true")
    assert releases.sh("web1", "apt-cache policy | grep -c :8471 || true") == "0"
    ours.do("detach")
    assert releases.sh("web1", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; ls -R /etc/apt") == before
    update(releases, "web1")
    assert lab_versions(releases, "web1") == lab_versions(releases, "gold-apt")
