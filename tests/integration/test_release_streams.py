# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module streams of dnf go along with a release: a host installs from them with nothing but the release's repository."""

from __future__ import annotations

import pytest
from lab_release import ReleaseFleet, lab_versions, versions
from release_looks import drifts, entered, same_as
from release_train import Train, levels

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(900)]

MODULE = "patchlab-modular"


def use(fleet: ReleaseFleet, host: str, stream: str, version: str) -> None:
    """The stream is enabled, and its package installed."""
    fleet.sh(host, "dnf -y --refresh module enable %s:%s && dnf -y install %s-%s" % (MODULE, stream, MODULE, version))


def known_streams(fleet: ReleaseFleet, host: str) -> dict[str, bool]:
    """The module's streams that the host's sources describe, and whether each is enabled, as dnf lists them."""
    said = fleet.sh(host, "dnf -q -C module list %s" % MODULE)
    assert "failsafe" not in said.lower(), said
    rows = [line.split() for line in said.splitlines() if line.startswith(MODULE)]
    return {row[1]: row[2] == "[e]" for row in rows}


def test_streams_go_along_with_a_release(rpm_releases: ReleaseFleet) -> None:
    ours = Train(rpm_releases)
    use(rpm_releases, "gold-dnf", "1", "1.1")
    use(rpm_releases, "dnf1", "1", "1.0")
    assert known_streams(rpm_releases, "dnf1") == {"1": True, "2": False}
    ours.made("gl-1")
    done = ours.patch("--limit", "dnf1,gold-dnf,repo1")
    assert levels(done)["dnf1"] == ("gl-1", 0)
    same_as(rpm_releases, "dnf1", "gold-dnf")
    assert lab_versions(rpm_releases, "dnf1")[MODULE] == "1.1"
    assert known_streams(rpm_releases, "dnf1") == {"1": True}
    # The release is published already, and nobody is asked for its streams again.
    rpm_releases.sh("gold-dnf", "dnf -y module reset %s && dnf clean all" % MODULE)
    ours.publish("gl-1")
    # dnf installs what came as a part of a stream only where something describes the stream.
    rpm_releases.sh("dnf1", "dnf -y remove {0} && rm -rf /var/lib/dnf/modulefailsafe && dnf -y install {0}".format(MODULE))
    assert lab_versions(rpm_releases, "dnf1")[MODULE] == "1.1"


def test_a_host_in_another_stream_is_told_how_to_switch(rpm_releases: ReleaseFleet) -> None:
    ours = Train(rpm_releases)
    use(rpm_releases, "gold-dnf", "1", "1.1")
    use(rpm_releases, "dnf1", "2", "2.0")
    ours.made("gl-1")
    before = versions(rpm_releases, "dnf1")
    said = "switch them first: dnf -y module reset {0} && dnf -y module enable {0}:1".format(MODULE)
    done = ours.do("patch", "--limit", "dnf1,gold-dnf,repo1", fails=said, patch_release="stage:prod")
    assert done.states()["dnf1"] == "blocked" and not entered(done, "dnf1")
    assert versions(rpm_releases, "dnf1") == before
    assert [(row["name"], row["is"], row["should"]) for row in drifts(done, "dnf1") if row["kind"] == "stream"] == [
        (MODULE, MODULE + ":2", MODULE + ":1")]
    # What it says works on a host that sees the release alone; the package of the other stream is newer.
    rpm_releases.sh("dnf1", said.partition(": ")[2])
    done = ours.patch("--limit", "dnf1,gold-dnf,repo1", patch_allow_downgrade=True)
    assert levels(done)["dnf1"] == ("gl-1", 0) and lab_versions(rpm_releases, "dnf1")[MODULE] == "1.1"
