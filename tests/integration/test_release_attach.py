# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host gets a release as its only source, or keeps byte for byte what it had."""

from __future__ import annotations

import pytest
from lab_release import REPOSITORY, ROOT_FOLDER, V2, ReleaseFleet, expire_key, public_key, set_upstream, signing_key, update_golden, versions
from release_looks import (
    attach_by_hand, belongings, candidates, digest_of, drifts, offered, one_byte_changed, sign_with, web_server_stopped)
from release_train import Train

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

LAB = ("patchlab-web", "patchlab-lib", "patchlab-app", "patchlab-conf", "patchlab-kernelish")
RPM = ("dnf1", "zypper1")


def published(fleet: ReleaseFleet, name: str = "gl-1") -> tuple[Train, str]:
    ours = Train(fleet)
    ours.capture(name)
    return ours, digest_of(ours.publish(name))


def test_what_is_not_the_release_leaves_the_host_as_it_was(releases: ReleaseFleet) -> None:
    ours, digest = published(releases)
    before = belongings(releases, "web1")
    with one_byte_changed(releases, "%s/releases/%s/manifest.json" % (ROOT_FOLDER, digest)):
        ours.do("attach", release_name="gl-1", fails="digest")
    assert belongings(releases, "web1") == before
    with web_server_stopped(releases):
        ours.do("attach", release_name="gl-1", fails="can't be fetched")
    assert belongings(releases, "web1") == before
    other = signing_key(releases, "Somebody else")
    attach_by_hand(ours, digest, [public_key(releases, other)], fails="does not count")
    assert belongings(releases, "web1") == before
    ours.do("attach", release_name="gl-1")
    assert belongings(releases, "web1") != before
    assert candidates(releases, "web1", *LAB) == {name: versions(releases, "gold-apt")[name] for name in LAB}


@pytest.mark.full
def test_an_attached_host_stays_attached_when_the_next_release_is_refused(releases: ReleaseFleet) -> None:
    ours, _first = published(releases)
    ours.do("attach", release_name="gl-1")
    set_upstream(releases, V2)
    update_golden(releases)
    ours.capture("gl-2")
    second = digest_of(ours.publish("gl-2"))
    before, seen = belongings(releases, "web1"), candidates(releases, "web1", *LAB)

    def refused(said: str) -> None:
        ours.do("attach", release_name="gl-2", fails=said)
        assert belongings(releases, "web1") == before
        assert candidates(releases, "web1", *LAB) == seen

    with web_server_stopped(releases):
        refused("can't be fetched")
    folder = "%s/releases/%s" % (ROOT_FOLDER, second)
    with one_byte_changed(releases, folder + "/manifest.json"):
        refused("digest")
    # What apt itself has to find out: the manifest is right, the index is not.
    index = releases.sh(REPOSITORY, "ls %s/*/dists/release/main/binary-amd64/Packages.gz" % folder)
    with one_byte_changed(releases, index), one_byte_changed(releases, index[:-3]):
        refused("the host keeps its sources")
    with one_byte_changed(releases, releases.sh(REPOSITORY, "ls %s/*/dists/release/InRelease" % folder)):
        refused("the host keeps its sources")
    stranger = signing_key(releases, "Somebody else")
    sign_with(releases, second, stranger)
    refused("does not count")
    ours.do("sign", release_repository=ours.repository)
    ours.do("attach", release_name="gl-2")
    assert candidates(releases, "web1", *LAB) == {name: versions(releases, "gold-apt")[name] for name in LAB}


@pytest.mark.full
def test_a_key_that_has_expired_does_not_count(releases: ReleaseFleet) -> None:
    ours, digest = published(releases)
    before = belongings(releases, "web1")
    expire_key(releases, ours.keys[0])
    attach_by_hand(ours, digest, [public_key(releases, ours.keys[0])], fails="its key has expired")
    assert belongings(releases, "web1") == before
    ours.do("sign", release_repository=ours.repository, fails="expired")


@pytest.mark.full
def test_what_is_not_the_release_leaves_dnf_and_zypper_as_they_were(rpm_releases: ReleaseFleet) -> None:
    ours, digest = published(rpm_releases)
    before = {host: belongings(rpm_releases, host) for host in RPM}

    def untouched() -> None:
        assert {host: belongings(rpm_releases, host) for host in RPM} == before

    with one_byte_changed(rpm_releases, "%s/releases/%s/manifest.json" % (ROOT_FOLDER, digest)):
        ours.do("attach", release_name="gl-1", fails="digest")
    untouched()
    with web_server_stopped(rpm_releases):
        ours.do("attach", release_name="gl-1", fails="can't be fetched")
    untouched()
    other = signing_key(rpm_releases, "Somebody else")
    for host in RPM:
        attach_by_hand(ours, digest, [public_key(rpm_releases, other)], fails="does not count", hosts=host)
    untouched()
    for index in rpm_releases.sh(REPOSITORY, "ls %s/releases/%s/*/repodata/repomd.xml" % (ROOT_FOLDER, digest)).split():
        with one_byte_changed(rpm_releases, index):
            ours.do("attach", release_name="gl-1", patch_hosts="dnf1" if "dnf" in index else "zypper1", fails="the host keeps its sources")
    untouched()
    ours.do("attach", release_name="gl-1")
    ours.do("detach")
    untouched()
    again = ours.do("detach")
    assert "changed=1" not in again.text


@pytest.mark.full
def test_sources_that_are_written_again_stay_hidden_for_apt(releases: ReleaseFleet) -> None:
    ours, _digest = published(releases)
    set_upstream(releases, V2)
    ours.do("attach", release_name="gl-1")
    releases.sh("web1", "cp -p /etc/apt/sources.list.d/patchlab.sources /etc/apt/sources.list.d/cloud-agent.sources")
    releases.sh("web1", "sed -n 's/^URIs: \\(.*lab\\)$/deb [signed-by=\\/usr\\/share\\/keyrings\\/patchlab.asc] \\1 lab main/p' "
                        "/etc/apt/sources.list.d/patchlab.sources > /etc/apt/sources.list.d/agent.list && apt-get -q update")
    golden = versions(releases, "gold-apt")
    assert {name: offered(releases, "web1", name) for name in LAB} == {name: {golden[name]} for name in LAB}
    releases.sh("web1", "mv /etc/apt/sources.list.d/agent.list /etc/apt/sources.list && apt-get -q update")
    assert {name: offered(releases, "web1", name) for name in LAB} == {name: {golden[name]} for name in LAB}
    ours.do("detach")
    assert "1.2" in offered(releases, "web1", "patchlab-web")


@pytest.mark.full
def test_sources_that_are_written_again_stay_hidden_for_dnf_and_zypper(rpm_releases: ReleaseFleet) -> None:
    ours, _digest = published(rpm_releases)
    set_upstream(rpm_releases, V2)
    ours.do("attach", release_name="gl-1")
    rpm_releases.sh("dnf1", "sed 's/^\\[.*/[redhat-again]/' /etc/yum.repos.d/patchlab.repo > /etc/yum.repos.d/redhat.repo")
    rpm_releases.sh("zypper1", "sed 's/^\\[.*/[service-again]/' /etc/zypp/repos.d/patchlab.repo > /etc/zypp/repos.d/service.repo")
    for host in RPM:
        assert offered(rpm_releases, host, "patchlab-web") == {"1.1"}, host
    # What zypper itself is told to add is visible, as it writes where it reads; so it is named as drift, and the next attachment takes it away.
    rpm_releases.sh("zypper1", "zypper -n addrepo --no-gpgcheck --refresh $(sed -n 's/^baseurl *= *//p' /etc/zypp/repos.d/patchlab.repo) by-hand")
    assert "1.2" in offered(rpm_releases, "zypper1", "patchlab-web")
    seen = ours.do("assess", patch_release="gl-1")
    assert [row["name"] for row in drifts(seen, "zypper1") if row["kind"] == "source"] == ["by-hand"]
    assert [row for row in drifts(seen, "dnf1") if row["kind"] == "source"] == []
    ours.do("attach", release_name="gl-1")
    assert offered(rpm_releases, "zypper1", "patchlab-web") == {"1.1"}


@pytest.mark.full
def test_a_stage_that_moves_back_and_forth_is_followed_each_time(releases: ReleaseFleet) -> None:
    ours, _first = published(releases)
    ours.promote("gl-1", "dev")
    levels = {"gl-1": versions(releases, "gold-apt")}
    set_upstream(releases, V2)
    update_golden(releases)
    ours.capture("gl-2")
    ours.publish("gl-2")
    levels["gl-2"] = versions(releases, "gold-apt")
    known = sorted(name for name in versions(releases, "web1") if name in levels["gl-1"])
    for name in ("gl-1", "gl-2", "gl-1", "gl-2", "gl-1"):
        ours.promote(name, "dev")
        ours.do("attach", release_name="stage:dev")
        assert candidates(releases, "web1", *known) == {package: levels[name][package] for package in known}, name
    assert set(candidates(releases, "web1", "patchlab-web").values()) == {"1.1"}


@pytest.mark.full
def test_a_source_that_the_site_names_stays_beside_the_release(releases: ReleaseFleet) -> None:
    ours, _digest = published(releases)
    set_upstream(releases, V2)
    before = belongings(releases, "web1")
    ours.do("attach", release_name="gl-1", patch_passthrough=["*/lab-security"])
    assert offered(releases, "web1", "patchlab-conf") == {"1.1", "1.2"}, "its 1.2 is in lab-security"
    assert offered(releases, "web1", "patchlab-lib") == {"1.1"}, "its 1.2 is in lab, which is hidden"
    ours.do("attach", release_name="gl-1")
    assert offered(releases, "web1", "patchlab-conf") == {"1.1"}
    ours.do("detach")
    assert belongings(releases, "web1") == before
