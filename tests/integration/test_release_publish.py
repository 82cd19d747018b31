# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing that is cut, meets a full disk, or has company: nothing half-visible, nothing lost, and it continues."""

from __future__ import annotations

import pytest
from lab_fleet import wait_for
from lab_release import REPOSITORY, ROOT_FOLDER, V2, ReleaseFleet, set_upstream, signing_key, small_disk, update_golden
from release_looks import digest_of, disk_use, kill_holder, kill_with_children, no_publisher, one_byte_changed, releases_there
from release_train import Train

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

PUBLISH, VERIFY = "fleetops.patchtrain.publish", "verify"
_REFRESH = {"web1": "apt-get -q -o APT::Update::Error-Mode=any update 2>&1", "dnf1": "dnf -q --refresh makecache 2>&1",
            "zypper1": "zypper -n refresh --force 2>&1"}


def captured(fleet: ReleaseFleet, name: str = "gl-1") -> Train:
    ours = Train(fleet)
    ours.capture(name)
    return ours


def verified(ours: Train, *names: str) -> None:
    for name in names or ("gl-1",):
        ours.do(VERIFY, release_name=name, release_repository=ours.repository)


def test_publishing_that_is_killed_is_continued(releases: ReleaseFleet) -> None:
    ours = captured(releases)
    settings = {"release_name": "gl-1", "release_repository": ours.repository}
    # The controller, while it brings the files.
    controller = releases.start(PUBLISH, **settings)
    wait_for(lambda: releases.sh(REPOSITORY, "ls %s/incoming 2>/dev/null || true" % ROOT_FOLDER), "it to bring files")
    kill_with_children(controller)
    no_publisher(releases)
    assert releases_there(releases) == []
    # The repository host's own process, while it makes the release.
    second = releases.start(PUBLISH, **settings)
    assert kill_holder(releases, ROOT_FOLDER + "/releases/.part-*")
    assert releases.finish(second).rc != 0
    assert all(name.startswith(".part-") for name in releases_there(releases))
    digest = digest_of(ours.publish("gl-1"))
    assert releases_there(releases) == [digest]
    verified(ours)
    # A file of the pool is not what it was.
    file = releases.sh(REPOSITORY, "ls %s/releases/%s/*/pool/patchlab-web_*" % (ROOT_FOLDER, digest))
    with one_byte_changed(releases, file):
        ours.do(VERIFY, release_name="gl-1", release_repository=ours.repository, fails="patchlab-web_1.1_all.deb was changed")
    verified(ours)


@pytest.mark.full
def test_a_disk_that_is_full_is_said_and_nothing_is_visible(releases: ReleaseFleet) -> None:
    ours = captured(releases)
    with small_disk(releases, 2) as larger:
        ours.do("publish", release_name="gl-1", release_repository=ours.repository, fails="is full")
        assert releases_there(releases) == []
        assert releases.sh(REPOSITORY, "ls %s/incoming" % ROOT_FOLDER) == ""
        larger()
        ours.publish("gl-1")
        verified(ours)
    set_upstream(releases, V2)
    update_golden(releases)
    ours.capture("gl-2")
    before = releases_there(releases)
    # What is brought has room, and what is made of it has not.
    with small_disk(releases, 0) as larger:
        left = int(releases.sh(REPOSITORY, "df --output=avail -k %s | tail -1" % ROOT_FOLDER))
        releases.sh(REPOSITORY, "head -c %dk /dev/zero > %s/.filler || true" % (max(left - 140, 0), ROOT_FOLDER))
        ours.do("publish", release_name="gl-2", release_repository=ours.repository, fails="is full")
        assert releases_there(releases) == before
        verified(ours)
        larger()
        ours.publish("gl-2")
        verified(ours, "gl-1", "gl-2")
        releases.sh(REPOSITORY, "rm %s/.filler" % ROOT_FOLDER)


@pytest.mark.full
def test_two_publishers_at_once(releases: ReleaseFleet) -> None:
    ours = captured(releases)
    ours.capture("gl-1-less", release_exclude=["patchlab-conf"])
    settings = {"release_repository": ours.repository}
    both = [releases.start(PUBLISH, "-e", "release_name=" + name, **settings) for name in ("gl-1", "gl-1", "gl-1-less")]
    ended = [releases.finish(process) for process in both]
    assert [done.rc for done in ended] == [0, 0, 0], "\n".join(done.text[-1500:] for done in ended)
    assert len(releases_there(releases)) == 2
    verified(ours, "gl-1", "gl-1-less")
    assert "changed=0" in ours.publish("gl-1").text


@pytest.mark.full
def test_two_releases_that_differ_little_use_the_disk_of_one(releases: ReleaseFleet) -> None:
    ours = captured(releases)
    ours.publish("gl-1")
    one = disk_use(releases)
    set_upstream(releases, V2)
    update_golden(releases)
    ours.capture("gl-2", release_parent="gl-1")
    ours.publish("gl-2")
    two = disk_use(releases)
    assert one > 10_000 and two - one < one // 10, (one, two)


@pytest.mark.full
def test_a_version_that_is_nowhere_any_more_is_named_before_anything_is_written(releases: ReleaseFleet) -> None:
    ours = captured(releases)
    set_upstream(releases, V2, gone=True)
    releases.sh("gold-apt", "apt-get clean; apt-get -q update")
    ours.do("publish", release_name="gl-1", release_repository=ours.repository, fails="nowhere to be had any more")
    assert releases.sh(REPOSITORY, "find %s -mindepth 1" % ROOT_FOLDER) == ""


@pytest.mark.full
def test_nowhere_for_dnf_and_zypper(rpm_releases: ReleaseFleet) -> None:
    ours = captured(rpm_releases)
    set_upstream(rpm_releases, V2, gone=True)
    rpm_releases.sh("gold-dnf", "dnf -q clean all")
    rpm_releases.sh("gold-zypper", "zypper -n clean --all")
    done = ours.do("publish", release_name="gl-1", release_repository=ours.repository, fails="nowhere to be had any more")
    assert "patchlab-web 1.1" in done.text
    assert rpm_releases.sh(REPOSITORY, "find %s -mindepth 1" % ROOT_FOLDER) == ""


def good(fleet: ReleaseFleet, *hosts: str) -> dict[str, bool]:
    """Which hosts accept what their release is signed with now."""
    return {host: fleet.sh(host, _REFRESH[host] + " && echo GOOD || true").endswith("GOOD") for host in hosts}


def rotated(fleet: ReleaseFleet, hosts: tuple[str, ...], late: str) -> None:
    """From a key to the next one by way of both; ``late`` is attached again only after the old key has gone."""
    ours = captured(fleet)
    ours.publish("gl-1")
    ours.do("attach", release_name="gl-1")
    old, new = ours.keys[0], signing_key(fleet, "Lab releases, next year")
    ours.keys = [old, new]
    ours.do("sign", release_repository=ours.repository)
    assert good(fleet, *hosts) == dict.fromkeys(hosts, True), "they trust the old key, which still signs"
    ours.do("attach", release_name="gl-1", patch_hosts="fleet:!" + late)
    ours.keys = [new]
    ours.do("sign", release_repository=ours.repository)
    assert good(fleet, *hosts) == {host: host != late for host in hosts}
    ours.do("attach", release_name="gl-1")
    assert good(fleet, *hosts) == dict.fromkeys(hosts, True)
    verified(ours)


@pytest.mark.full
def test_the_key_is_changed_for_apt(releases: ReleaseFleet) -> None:
    rotated(releases, ("web1",), "nobody")


@pytest.mark.full
@pytest.mark.parametrize("late", ["dnf1", "zypper1"])
def test_the_key_is_changed_for_dnf_and_zypper(rpm_releases: ReleaseFleet, late: str) -> None:
    rotated(rpm_releases, ("dnf1", "zypper1"), late)


@pytest.mark.full
def test_a_release_that_is_needed_is_not_deleted(releases: ReleaseFleet) -> None:
    ours = captured(releases)
    ours.publish("gl-1")
    ours.promote("gl-1", "dev")
    ours.do("attach", release_name="stage:dev")
    ours.do("assess", patch_release="stage:dev")
    settings = {"release_name": "gl-1", "release_repository": ours.repository}
    refused = ours.do("delete", fails="is still needed", **settings)
    assert "stage dev points to it" in refused.text and "web1 runs it" in refused.text
    ours.do("delete", fails="force needs a reason", release_force=True, **settings)
    verified(ours)
    ours.do("delete", release_force=True, release_reason="its laboratory is closed", **settings)
    assert releases_there(releases) == []
    assert releases.sh(REPOSITORY, "find %s/pool -type f" % ROOT_FOLDER) == "", "no other release holds its files"
    ours.do("attach", release_name="gl-1", fails="is not published")
    ours.publish("gl-1")
    verified(ours)
    ours.do("attach", release_name="gl-1")
