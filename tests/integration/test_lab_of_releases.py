# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of releases is what its tests believe: levels, auto marks, packages made for branches, keys, a disk that is full."""

from __future__ import annotations

import pytest
from lab_release import (
    GOLDEN, GPG_HOME, REPOSITORY, V2, ReleaseFleet, auto_marks, expire_key, lab_versions, public_key, repository_url, set_upstream, signing_key,
    small_disk, start_new, update, update_golden, versions)

pytestmark = [pytest.mark.lab, pytest.mark.full]

AT_V1 = {"patchlab-app": "1.1", "patchlab-conf": "1.1", "patchlab-kernelish": "1.1", "patchlab-lib": "1.1", "patchlab-web": "1.1"}
AT_V2 = {**AT_V1, **dict.fromkeys(("patchlab-app", "patchlab-conf", "patchlab-lib", "patchlab-web"), "1.2")}


def test_hosts_are_at_three_levels_and_one_joins_later(train: ReleaseFleet) -> None:
    first = dict.fromkeys(AT_V1, "1.0")
    found = {host: lab_versions(train, host) for host in train.running() if host not in ("lb1", REPOSITORY)}
    assert found == {
        "web1": first, "web2": AT_V1, "web3": AT_V2, "dnf1": first, "zypper1": AT_V2, **dict.fromkeys(GOLDEN.values(), AT_V1)}
    assert all("patchlab-lib" in auto_marks(train, host) for host in found)
    assert versions(train, "web2") == versions(train, "gold-apt") != versions(train, "web1")
    start_new(train)
    assert lab_versions(train, "new1") == first
    set_upstream(train, V2, gone=True)
    update_golden(train)
    assert {host: lab_versions(train, host) for host in GOLDEN.values()} == dict.fromkeys(GOLDEN.values(), AT_V2)


def test_what_is_made_for_branches_of_apt(releases: ReleaseFleet) -> None:
    releases.sh("web1", "dpkg --add-architecture i386; apt-get -q update")
    releases.sh("web1", "apt-get -y install patchlab-naming patchlab-odd patchlab-floor patchlab-multi patchlab-multi:i386")
    releases.lab("install", "web1", "patchlab-unsourced")
    assert {"patchlab-naming": "1.0", "patchlab-oldname": "1.0", "patchlab-odd": "1.0+git2", "patchlab-floor": "1.0", "patchlab-multi": "1.1",
            "patchlab-multi:i386": "1.1", "patchlab-unsourced": "1.0"}.items() <= lab_versions(releases, "web1").items()
    set_upstream(releases, V2)
    update(releases, "web1")
    after = lab_versions(releases, "web1")
    assert {"patchlab-naming": "2.0", "patchlab-newname": "2.0", "patchlab-odd": "1:0.9", "patchlab-floor": "1.1"}.items() <= after.items()
    assert "patchlab-oldname" not in after and {"patchlab-newname", "patchlab-lib"} <= auto_marks(releases, "web1")


@pytest.mark.parametrize("host", ["dnf1", "zypper1"])
def test_what_is_made_for_branches_of_rpm(rpm_releases: ReleaseFleet, host: str) -> None:
    """zypper keeps one architecture of a name alone, as SUSE does."""
    wanted = ["patchlab-naming", "patchlab-odd", "patchlab-floor", "patchlab-multi.x86_64", *(["patchlab-multi.i686"] if host == "dnf1" else [])]
    both = {"patchlab-multi:i686": "1.1"} if host == "dnf1" else {}
    program = {"dnf1": "dnf -y --refresh", "zypper1": "zypper -n --no-gpg-checks"}[host]
    rpm_releases.sh(host, "%s install %s" % (program, " ".join(wanted)))
    rpm_releases.lab("install", host, "patchlab-unsourced")
    assert {"patchlab-naming": "1.0", "patchlab-oldname": "1.0", "patchlab-odd": "1.0+git2", "patchlab-floor": "1.0", "patchlab-multi": "1.1",
            **both, "patchlab-unsourced": "1.0"}.items() <= lab_versions(rpm_releases, host).items()
    set_upstream(rpm_releases, V2)
    update(rpm_releases, host)
    after = lab_versions(rpm_releases, host)
    assert {"patchlab-naming": "2.0", "patchlab-newname": "2.0", "patchlab-odd": "1:0.9", "patchlab-floor": "1.1"}.items() <= after.items()
    assert "patchlab-oldname" not in after and "patchlab-lib" in auto_marks(rpm_releases, host)


def test_keys_and_disk_of_the_repository_host(releases: ReleaseFleet) -> None:
    first, second = signing_key(releases), signing_key(releases, "Second key")
    old = signing_key(releases, "Of last year", expired=True)
    sign = "echo x | gpg --batch --homedir %s --local-user %%s --clearsign >/dev/null && echo signed || true" % GPG_HOME
    assert [releases.sh(REPOSITORY, sign % key) for key in (first, second, old)] == ["signed", "signed", ""]
    expire_key(releases, second)
    assert releases.sh(REPOSITORY, sign % second) == ""
    assert public_key(releases, first).startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    releases.sh(REPOSITORY, "echo here > /srv/patchtrain/a")
    with small_disk(releases, 1) as larger:
        write = "head -c 3000000 /dev/zero > /srv/patchtrain/b && echo fits || true"
        assert releases.sh(REPOSITORY, write) == ""
        larger()
        assert releases.sh(REPOSITORY, write) == "fits"
    assert releases.sh("web1", "curl -sf %s/a && curl -sf %s/b | wc -c" % ((repository_url(releases),) * 2)) == "here\n3000000"
