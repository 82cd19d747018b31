# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module streams of dnf go along with a release: a host installs from them with nothing but the release's repository."""

from __future__ import annotations

import html
import sqlite3

import pytest
from lab_release import ReleaseFleet, lab_versions, versions
from release_looks import belongings, entered, same_as
from release_train import Train, levels

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(900)]

MODULE = "patchlab-modular"
ONLY = "dnf1,gold-dnf,repo1"


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
    done = ours.patch("--limit", ONLY)
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


def there(fleet: ReleaseFleet) -> tuple[object, object]:
    """What dnf1 has and where it gets it from, without what it remembers of the release that it was attached to before."""
    kept = [line for line in belongings(fleet, "dnf1").splitlines() if not line.endswith("  /var/lib/patchtrain/release/attached.json")]
    return versions(fleet, "dnf1"), kept


def told(ours: Train, release: str, has: str, should: str) -> str:
    """The run leaves dnf1 as it is, and says in ledger, report and page what differs and what switches it: the command."""
    found = there(ours.fleet)
    command = "dnf -y module reset {0} && dnf -y module enable {0}:{1}".format(MODULE, should)
    said = ("module streams of the host are not the release's: {0}:{1} (release: {0}:{2}); attach the host (playbook attach), and switch them there: "
            "{3}").format(MODULE, has, should, command)
    done = ours.do("patch", "--limit", ONLY, fails=said, patch_release=release, patch_run_name="to-%s" % release)
    assert (done.states()["dnf1"], done.host("dnf1")["reason"]) == ("blocked", said) and not entered(done, "dnf1")
    assert there(ours.fleet) == found
    with sqlite3.connect(ours.fleet.state / "patchtrain" / "ledger.db") as ledger:
        assert said in [reason for (reason,) in ledger.execute("SELECT reason FROM run_hosts WHERE host = 'dnf1'")]
    assert said in html.unescape(ours.fleet.reports()[-1].with_suffix(".html").read_text())
    return command


def test_a_host_in_another_stream_is_told_how_to_switch(rpm_releases: ReleaseFleet) -> None:
    ours = Train(rpm_releases)
    use(rpm_releases, "gold-dnf", "1", "1.1")
    use(rpm_releases, "dnf1", "2", "2.0")
    ours.capture("gl-1")
    ours.publish("gl-1")
    switched(ours, "gl-1", told(ours, "gl-1", "2", "1"))
    assert lab_versions(rpm_releases, "dnf1")[MODULE] == "1.1"
    # The release that the host is at, and keeps, describes no other stream: there nothing could be switched.
    rpm_releases.sh("gold-dnf", "dnf -y module reset %s" % MODULE)
    use(rpm_releases, "gold-dnf", "2", "2.0")
    ours.capture("gl-2", release_parent="gl-1")
    ours.publish("gl-2")
    command = told(ours, "gl-2", "1", "2")
    assert known_streams(rpm_releases, "dnf1") == {"1": True}
    switched(ours, "gl-2", command)
    assert lab_versions(rpm_releases, "dnf1")[MODULE] == "2.0"


def switched(ours: Train, release: str, command: str) -> None:
    """What the reason says is done, and the next run brings the packages; those of the other stream may be newer."""
    ours.do("attach", "--limit", "dnf1", release_name=release)
    ours.fleet.sh("dnf1", command)
    assert levels(ours.patch("--limit", ONLY, patch_release=release, patch_allow_downgrade=True))["dnf1"] == (release, 0)
