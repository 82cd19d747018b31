# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases over https, whose server an authority of the site's own vouches for: to no other server, and for no other source."""

from __future__ import annotations

import re

import pytest
from lab_https import authority, serve, serve_self_signed
from lab_release import ReleaseFleet
from release_looks import belongings, same_as
from release_train import Train, levels

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(900)]


def story(fleet: ReleaseFleet, pairs: dict[str, str]) -> None:
    """Hosts of several package managers keep what they had with every wrong certificate, come to the release with the right one, and go back."""
    ca, other = authority(fleet, "ours"), authority(fleet, "others")
    serve(fleet, "ours")
    ours = Train(fleet, "https")
    ours.capture("gl-1")
    ours.publish("gl-1")

    def sources() -> dict[str, list[str]]:
        """zypper's own marks are no source, and change with every installation; what wants a reboot is a file of the packages."""
        return {host: [line for line in belongings(fleet, host).splitlines() if not re.search("AutoInstalled|needreboot", line)] for host in pairs}

    before = sources()

    def refused(said: str, **variables: object) -> None:
        done = ours.do("attach", release_name="gl-1", fails=said, **variables)
        assert sources() == before, done.text[-2000:]

    refused("patch_release_ca has to be the certificate of the authority that signed it")
    refused("patch_release_ca has to be the certificate", patch_release_ca=str(other))
    refused("which can't be read on the controller", patch_release_ca=str(ca) + ".gone")
    serve(fleet, "ours", address="192.0.2.1")
    refused("is not valid for", patch_release_ca=str(ca))
    serve(fleet, "ours", days=-1)
    refused("certificate has expired", patch_release_ca=str(ca))
    serve_self_signed(fleet)
    refused("patch_release_ca has to be the certificate", patch_release_ca=str(ca))
    serve(fleet, "ours")
    done = ours.patch(patch_release="gl-1", patch_release_ca=str(ca))
    assert levels(done) == dict.fromkeys(pairs, ("gl-1", 0))
    for host, gold in pairs.items():
        same_as(fleet, host, gold)
        assert "/etc/patchtrain/ca/" in belongings(fleet, host)
    ours.do("detach")
    now = sources()
    assert {host: sorted(set(now[host]) ^ set(before[host])) for host in pairs} == {host: [] for host in pairs}


def test_apt_over_https(releases: ReleaseFleet) -> None:
    story(releases, {"web1": "gold-apt"})


def test_dnf_and_zypper_over_https(rpm_releases: ReleaseFleet) -> None:
    story(rpm_releases, {"dnf1": "gold-dnf", "zypper1": "gold-zypper"})
