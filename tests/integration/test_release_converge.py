# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts come to exactly a release's versions and back, or it is said what is in the way before anybody is drained."""

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.book import PUT_BACK
from lab_fleet import Played
from lab_release import V0, V1, V2, ReleaseFleet, auto_marks, lab_versions, set_upstream, update, update_golden, versions
from release_looks import belongings, drifts, entered, same_as, web_server_stopped
from release_train import STAGES, Train, levels

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

INSTALL = {"web1": "apt-get -q update && apt-get -y install", "gold-apt": "apt-get -q update && apt-get -y install",
           "dnf1": "dnf -y --refresh install", "gold-dnf": "dnf -y --refresh install",
           "zypper1": "zypper -n --no-gpg-checks install", "gold-zypper": "zypper -n --no-gpg-checks install"}
BRANCHES = ("patchlab-odd", "patchlab-naming")


def install(fleet: ReleaseFleet, host: str, *names: str) -> None:
    fleet.sh(host, "%s %s" % (INSTALL[host], " ".join(names)))


def refused(ours: Train, said: str, host: str = "web1", **variables: object) -> str:
    """A run that leaves the host in service and its packages and sources as they are, and says why: the reason."""
    before, sources = versions(ours.fleet, host), belongings(ours.fleet, host)
    done = ours.do("patch", fails=said, **{"patch_release": "gl-1", **variables})
    assert done.states()[host] == "blocked" and said in done.host(host)["reason"], done.text[-2000:]
    assert not entered(done, host)
    assert versions(ours.fleet, host) == before and belongings(ours.fleet, host) == sources
    return str(done.host(host)["reason"])


def test_what_the_release_does_not_know_is_kept_and_it_is_said_who_feeds_it(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.capture("gl-1")
    ours.publish("gl-1")
    releases.lab("install", "web1", "patchlab-unsourced", "patchlab-odd")
    marked = auto_marks(releases, "web1")
    # One source stays, and it has updates for one of the two.
    done = ours.patch(patch_release="gl-1", patch_passthrough=["*/lab"])
    same_as(releases, "web1", "gold-apt")
    assert {row["name"]: bool(row["source"]) for row in drifts(done, "web1")} == {"patchlab-unsourced": False, "patchlab-odd": True}
    assert {row["kind"] for row in drifts(done, "web1")} == {"unknown"}
    assert lab_versions(releases, "web1")["patchlab-odd"] == "1.0~rc1" and auto_marks(releases, "web1") >= marked & set(versions(releases, "web1"))


@pytest.mark.full
def test_what_the_release_does_not_know_is_in_the_way_when_asked(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.capture("gl-1")
    ours.publish("gl-1")
    releases.lab("install", "web1", "patchlab-unsourced", "patchlab-odd")
    said = refused(ours, "packages that the release does not know", patch_unknown_packages="fail")
    assert "patchlab-unsourced 1.0" in said and "patchlab-odd 1.0~rc1" in said


@pytest.mark.full
def test_what_is_held_does_not_move(releases: ReleaseFleet) -> None:
    """The release's naming 2.0 needs another package in the place of one that the release does not know, and that is held."""
    ours = Train(releases)
    releases.lab("install", "web1", "patchlab-oldname", "patchlab-naming")
    set_upstream(releases, V2)
    update_golden(releases)
    install(releases, "gold-apt", "patchlab-naming")
    ours.capture("gl-1")
    ours.publish("gl-1")
    refused(ours, "patchlab-oldname", patch_unknown_packages="hold")
    done = ours.patch(patch_release="gl-1", patch_unknown_packages="keep")
    assert levels(done) == {"web1": ("gl-1", 0)}
    same_as(releases, "web1", "gold-apt")


@pytest.mark.full
def test_newer_hosts_go_back_only_when_asked_and_when_nothing_forbids_it(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    releases.lab("install", "gold-apt", "patchlab-floor", "patchlab-oldname")
    ours.capture("gl-1")
    ours.publish("gl-1")
    set_upstream(releases, V2)
    update(releases, "web1")
    install(releases, "web1", "patchlab-onfloor", "patchlab-newname")
    said = refused(ours, "packages newer than the release", patch_allow_downgrade=False)
    assert "patchlab-web 1.2 (release: 1.1)" in said
    said = refused(ours, "patchlab-onfloor")
    assert "patchlab-floor" in said
    assert {status[:2] for status in releases.balancer().values()} == {"UP"}
    # What forbade it goes; then all of it goes back.
    releases.sh("web1", "apt-get -y remove patchlab-onfloor")
    done = ours.patch(patch_release="gl-1")
    assert levels(done) == {"web1": ("gl-1", 0)}
    same_as(releases, "web1", "gold-apt")
    took_back(releases, "web1")


def took_back(fleet: ReleaseFleet, host: str) -> None:
    """What took another package's place since the release has given it back."""
    seen = lab_versions(fleet, host)
    assert seen.get("patchlab-oldname") == "1.0" and "patchlab-newname" not in seen, host


@pytest.mark.full
def test_newer_dnf_and_zypper_hosts(rpm_releases: ReleaseFleet) -> None:
    ours = Train(rpm_releases)
    for host in ("gold-dnf", "gold-zypper"):
        rpm_releases.lab("install", host, "patchlab-floor", "patchlab-oldname")
    ours.capture("gl-1")
    ours.publish("gl-1")
    set_upstream(rpm_releases, V2)
    for host in ("dnf1", "zypper1"):
        update(rpm_releases, host)
        install(rpm_releases, host, "patchlab-onfloor", "patchlab-newname")
        refused(ours, "packages newer than the release", host, patch_allow_downgrade=False, patch_hosts=host)
        refused(ours, "patchlab-onfloor", host, patch_hosts=host)
        rpm_releases.sh(host, "rpm -e patchlab-onfloor")
    done = ours.patch(patch_release="gl-1")
    assert levels(done) == {"dnf1": ("gl-1", 0), "zypper1": ("gl-1", 0)}
    same_as(rpm_releases, "dnf1", "gold-dnf")
    same_as(rpm_releases, "zypper1", "gold-zypper")
    for host in ("dnf1", "zypper1"):
        took_back(rpm_releases, host)


@pytest.mark.full
def test_hosts_without_a_turn_have_their_sources_again(rpm_releases: ReleaseFleet) -> None:
    """The window does not last for any, then the first failure stops the run: those who never had their turn are as they were found."""
    ours = Train(rpm_releases)
    for host in ("dnf1", "gold-dnf"):
        rpm_releases.lab("install", host, "patchlab-broken")
    update(rpm_releases, "gold-dnf")
    ours.capture("gl-1")
    ours.publish("gl-1")
    found = {host: (versions(rpm_releases, host), belongings(rpm_releases, host)) for host in ("dnf1", "zypper1")}

    def as_found(done: Played, state: str, *hosts: str) -> None:
        for host in hosts:
            steps = [step["step"] for step in done.host(host)["steps"] if step["outcome"] == "ok"]
            assert done.states()[host] == state and steps.index("attach") < steps.index(PUT_BACK), host
            assert (versions(rpm_releases, host), belongings(rpm_releases, host)) == found[host], host

    start = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - 3600))
    done = rpm_releases.play(patch_release="gl-1", patch_run_name="short", patch_estimate_default=86400,
                             patch_window={"start": start, "duration": "6h", "timezone": "UTC"})
    as_found(done, "deferred", "dnf1", "zypper1")
    rpm_releases.sh("dnf1", "touch /etc/patchlab-broken.fail")
    done = ours.do("patch", patch_release="gl-1", patch_run_name="stopped", patch_canaries=["dnf1"], fails="patchlab-broken")
    assert done.states()["dnf1"] == "failed"
    as_found(done, "not_started", "zypper1")


@pytest.mark.full
def test_packages_of_golden_hosts_that_no_source_has(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    releases.lab("install", "gold-apt", "patchlab-unsourced")
    done = ours.capture("gl-1")
    assert "1 package without any source left out: patchlab-unsourced 1.0" in " ".join(done.text.split())
    ours.capture("gl-all", release_include_unsourced=True)
    ours.do("publish", release_name="gl-all", release_repository=ours.repository, fails="patchlab-unsourced 1.0")
    ours.publish("gl-1")


def story(fleet: ReleaseFleet, pairs: dict[str, str], multi: dict[str, tuple[str, ...]]) -> None:
    """Epochs, tildes, plus signs, two architectures, and a package that another one replaces: up, up again, and back."""
    several = {host: multi[fleet.managers[host]] for host in (*pairs, *pairs.values())}
    set_upstream(fleet, V0)
    for host in pairs:
        install(fleet, host, *BRANCHES, *several[host])
    set_upstream(fleet, V1)
    for host in pairs.values():
        install(fleet, host, *BRANCHES, *several[host])
    first = {host: lab_versions(fleet, host) for host in pairs}
    marks = {host: auto_marks(fleet, host) for host in pairs}
    assert {seen["patchlab-odd"] for seen in first.values()} == {"1.0~rc1"}
    ours = Train(fleet)
    ours.capture("gl-1")
    ours.publish("gl-1")
    assert levels(ours.patch(patch_release="gl-1")) == dict.fromkeys(pairs, ("gl-1", 0))
    for host, gold in pairs.items():
        same_as(fleet, host, gold)
        assert lab_versions(fleet, host)["patchlab-odd"] == "1.0+git2" and marks[host] & set(versions(fleet, host)) <= auto_marks(fleet, host)
    second = {host: lab_versions(fleet, host) for host in pairs}
    for host in pairs:
        archs = {name: version for name, version in second[host].items() if name.startswith("patchlab-multi")}
        assert len(archs) == len(several[host]) and set(archs.values()) == {"1.1"}, host
    set_upstream(fleet, V2)
    update_golden(fleet)
    ours.capture("gl-2", release_parent="gl-1")
    ours.publish("gl-2")
    assert levels(ours.patch(patch_release="gl-2", patch_run_name="to-gl-2")) == dict.fromkeys(pairs, ("gl-2", 0))
    for host, gold in pairs.items():
        same_as(fleet, host, gold)
        seen = lab_versions(fleet, host)
        assert seen["patchlab-odd"] == "1:0.9" and seen["patchlab-newname"] == "2.0" and "patchlab-oldname" not in seen
        assert "patchlab-newname" in auto_marks(fleet, host), host
    set_upstream(fleet, V2, gone=True)
    back = ours.do("rollback", patch_rollback="to-gl-2", patch_run_name="back")
    assert {host: lab_versions(fleet, host) for host in pairs} == second, back.text[-2000:]
    assert levels(back) == dict.fromkeys(pairs, ("gl-1", 0))
    for host in pairs:
        assert marks[host] & set(versions(fleet, host)) <= auto_marks(fleet, host), host


@pytest.mark.full
def test_odd_packages_of_apt(releases: ReleaseFleet) -> None:
    for host in ("web1", "gold-apt"):
        releases.sh(host, "dpkg --add-architecture i386")
    story(releases, {"web1": "gold-apt"}, {"apt": ("patchlab-multi", "patchlab-multi:i386")})


@pytest.mark.full
def test_odd_packages_of_dnf_and_zypper(rpm_releases: ReleaseFleet) -> None:
    """zypper's solver takes the second architecture of a name for a change of the first: SUSE's packages have names of their own for it."""
    story(rpm_releases, {"dnf1": "gold-dnf", "zypper1": "gold-zypper"}, {
        "dnf": ("patchlab-multi.x86_64", "patchlab-multi.i686"), "zypper": ("patchlab-multi.x86_64",)})


@pytest.mark.full
def test_the_emergency_train_moves_nothing_else(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.made("gl-1")
    ours.patch()
    before = versions(releases, "web1")
    set_upstream(releases, V2)
    ours.do("derive", release_name="gl-1e", release_parent="gl-1", release_include=["patchlab-nothing"], fails="nothing of what is named would change")
    derived = ours.do("derive", release_name="gl-1e", release_parent="gl-1", release_include=["patchlab-conf"])
    assert "patchlab-conf" in derived.text and "patchlab-lib" not in derived.text, "the difference is shown"
    ours.publish("gl-1e")
    settings = {"release_name": "gl-1e", "release_stage": "prod", "release_stages": STAGES}
    ours.do("promote", fails="the stage before it, test, has gl-1", **settings)
    ours.do("promote", release_force=True, release_reason="CVE-2026-90005", **settings)
    shown = ours.do("compare", release_name="gl-1e", release_with_host="web1")
    assert "patchlab-conf" in shown.text and "patchlab-web" not in shown.text
    assert levels(ours.patch(patch_run_name="to-gl-1e")) == {"web1": ("gl-1e", 0)}
    assert versions(releases, "web1") == {**before, "patchlab-conf": "1.2"}
    shown = ours.do("compare", release_name="gl-1", release_with_release="gl-1e")
    assert "patchlab-conf" in shown.text and "patchlab-web" not in shown.text
    ours.do("rollback", patch_rollback="to-gl-1e", patch_run_name="back")
    assert versions(releases, "web1") == before


@pytest.mark.full
def test_a_rollback_that_can_not_be_had_is_said_before_the_drain(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.do("patch", patch_run_name="upstream")
    after = versions(releases, "web1")
    set_upstream(releases, V2, gone=True)
    done = ours.do("rollback", patch_rollback="upstream", patch_run_name="back", fails="what is asked for can't be installed")
    assert done.states() == {"web1": "blocked"} and not entered(done, "web1")
    assert "was not found" in done.host("web1")["reason"]
    assert versions(releases, "web1") == after
    ours.do("rollback", fails="needs the name of the run")
    ours.do("rollback", patch_rollback="nonsense", fails="nonsense")


@pytest.mark.full
def test_a_host_whose_rollback_can_not_be_had_stays_on_its_release(releases: ReleaseFleet) -> None:
    ours = Train(releases)
    ours.made("gl-1")
    ours.patch(patch_run_name="to-gl-1")
    set_upstream(releases, V2, gone=True)
    sources = belongings(releases, "web1")
    done = ours.do("rollback", patch_rollback="to-gl-1", patch_run_name="back", fails="was not found")
    assert done.states() == {"web1": "blocked"} and not entered(done, "web1")
    assert belongings(releases, "web1") == sources and levels(done) == {"web1": ("gl-1", 0)}, "it is as it was found"
    with web_server_stopped(releases):
        done = ours.do("rollback", patch_rollback="to-gl-1", patch_run_name="back-2", fails="it has sources of its own now")
    assert "could not be given back the source of release" in done.host("web1")["reason"]
    assert levels(ours.patch()) == {"web1": ("gl-1", 0)}


@pytest.mark.full
def test_some_hosts_alone_go_back(rpm_releases: ReleaseFleet) -> None:
    ours = Train(rpm_releases)
    first = {host: versions(rpm_releases, host) for host in ("dnf1", "zypper1")}
    sources = rpm_releases.sh("dnf1", "dnf -q repolist")
    ours.capture("gl-1")
    ours.publish("gl-1")
    ours.patch(patch_release="gl-1", patch_run_name="to-gl-1")
    at_release = versions(rpm_releases, "zypper1")
    ours.do("rollback", "--limit", "dnf1", patch_rollback="to-gl-1", patch_run_name="back")
    assert versions(rpm_releases, "dnf1") == first["dnf1"] and rpm_releases.sh("dnf1", "dnf -q repolist") == sources
    assert versions(rpm_releases, "zypper1") == at_release != first["zypper1"]
