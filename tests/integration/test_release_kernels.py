# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that is older than the kernel that a host runs."""

from __future__ import annotations

import pytest
from lab_fleet import Played
from lab_kernels import NEW, OLD, boot_next, boot_with, kernels, publish_kernels, release
from lab_kernels_rpm import KINDS, NEXT, boot_rpm, publish_rpm_kernels
from lab_release import ReleaseFleet, update, versions
from release_looks import drifts, entered
from release_train import Train, levels

# One lab, so one worker, one test after another.
pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(900), pytest.mark.xdist_group("lab")]

EXTRA = ("linux-image-%s" % release(NEW), "unknown", "6.1.32-1", None)
RUNNING = ("running kernel", "kernel", release(NEW), release(OLD))
DEFAULT = ("boot default", "kernel", release(NEW), release(OLD))


def rows(done: Played, host: str = "web1") -> list[tuple[str, str, str, str | None]]:
    return [(row["name"], row["kind"], row["is"], row["should"]) for row in drifts(done, host)]


def test_the_release_s_kernel_comes_beside_a_newer_one_that_runs(releases: ReleaseFleet) -> None:
    publish_kernels(releases)
    boot_with(releases, "gold-apt", OLD)
    # But for its kernel it is where the golden host is, so that it can go back while upstream has nothing older.
    update(releases, "web1")
    boot_with(releases, "web1", NEW)
    ours = Train(releases)
    ours.capture("gl-1")
    ours.publish("gl-1")
    before = versions(releases, "web1")
    done = ours.patch(patch_release="gl-1", patch_run_name="first")
    assert kernels(releases, "web1") == [release(OLD), release(NEW)] and releases.sh("web1", "uname -r") == release(NEW)
    assert versions(releases, "web1")["linux-image-lab"] == "6.1.31-1"
    assert rows(done) == [EXTRA, RUNNING, DEFAULT], "and none of it is called zero"
    ours.do("patch", patch_release="gl-1", patch_unknown_packages="fail", fails="a kernel that runs only once another one was started")
    # Its administrator chooses the release's kernel; the run starts it, and says what is so afterwards.
    boot_next(releases, "web1", release(OLD))
    done = ours.patch(patch_release="gl-1")
    assert done.states() == {"web1": "succeeded"} and releases.sh("web1", "uname -r") == release(OLD)
    assert rows(done) == [EXTRA]
    # Back: the kernel that runs now was new then, and stays.
    ours.do("rollback", patch_rollback="first", patch_run_name="back")
    assert versions(releases, "web1") == {**before, "linux-image-%s" % release(OLD): "6.1.31-1"}
    assert kernels(releases, "web1") == [release(OLD), release(NEW)] and releases.sh("web1", "uname -r") == release(OLD)
    # And once the newer one is gone, nothing is left that differs.
    releases.sh("web1", "apt-get -y remove linux-image-lab linux-image-%s" % release(NEW))
    assert rows(ours.patch(patch_release="gl-1")) == []


HOSTS = {"dnf1": "gold-dnf", "zypper1": "gold-zypper"}


def running(fleet: ReleaseFleet, count: str, *beside: str) -> None:
    """Both hosts run this kernel and have those beside it, on disk and as packages."""
    for host in HOSTS:
        kind = KINDS[fleet.managers[host]]
        assert fleet.sh(host, "uname -r") == kind.release(count)
        assert kernels(fleet, host) == sorted(kind.release(one) for one in (count, *beside)), host
        there = fleet.sh(host, "rpm -q --qf '%%{VERSION}-%%{RELEASE}\\n' %s" % kind.packages[0]).split()
        assert there == sorted(kind.evr(one) for one in (count, *beside)), host


def newer(fleet: ReleaseFleet, host: str, *kinds: str) -> list[tuple[str, str, str, str | None]]:
    """What is told of a host with a kernel that is newer than the release's."""
    kind = KINDS[fleet.managers[host]]
    extra = [(name, "unknown", kind.evr(NEW), None) for name in sorted(kind.packages)]
    return extra + [(name, "kernel", kind.release(NEW), kind.release(OLD)) for name in kinds]


def test_kernels_of_dnf_and_zypper_stand_beside_each_other(rpm_releases: ReleaseFleet) -> None:
    publish_rpm_kernels(rpm_releases)
    for host in (*HOSTS, *HOSTS.values()):
        boot_rpm(rpm_releases, host, OLD)
    ours = Train(rpm_releases)
    ours.capture("gl-1")
    ours.publish("gl-1")
    assert levels(ours.patch(patch_release="gl-1")) == dict.fromkeys(HOSTS, ("gl-1", 0))
    for gold in HOSTS.values():
        boot_rpm(rpm_releases, gold, NEW)
    ours.capture("gl-2", release_parent="gl-1")
    ours.publish("gl-2")
    # Up: the new one comes beside the one that runs, and is what the run then starts.
    done = ours.patch(patch_release="gl-2", patch_run_name="up")
    running(rpm_releases, NEW, OLD)
    assert levels(done) == dict.fromkeys(HOSTS, ("gl-2", 0)), "an older kernel is no difference"
    # A release that is older than the kernel takes nothing away, and is not called reached; nor does the way back.
    done = ours.patch(patch_release="gl-1")
    running(rpm_releases, NEW, OLD)
    assert {host: rows(done, host) for host in HOSTS} == {host: newer(rpm_releases, host, "running kernel", "boot default") for host in HOSTS}
    ours.do("rollback", patch_rollback="up", patch_run_name="back")
    running(rpm_releases, NEW, OLD)
    # Its administrators choose the release's kernel; the run starts it. The newer one is gone only when they remove it.
    for host in HOSTS:
        boot_next(rpm_releases, host, KINDS[rpm_releases.managers[host]].release(OLD))
    done = ours.patch(patch_release="gl-1")
    running(rpm_releases, OLD, NEW)
    assert {host: rows(done, host) for host in HOSTS} == {host: newer(rpm_releases, host) for host in HOSTS}
    for host in HOSTS:
        rpm_releases.sh(host, "rpm -e %s" % " ".join("%s-%s" % (name, KINDS[rpm_releases.managers[host]].evr(NEW)) for name in
                                                     KINDS[rpm_releases.managers[host]].packages))
    assert levels(ours.patch(patch_release="gl-1")) == dict.fromkeys(HOSTS, ("gl-1", 0))


def test_a_kernel_that_runs_is_not_pushed_out_by_the_next(rpm_releases: ReleaseFleet) -> None:
    """dnf keeps as many as it is told, and drops the oldest for the newest."""
    publish_rpm_kernels(rpm_releases)
    for count in (OLD, NEW):
        boot_rpm(rpm_releases, "dnf1", count)
    kind = KINDS["dnf"]
    boot_next(rpm_releases, "dnf1", kind.release(OLD))
    rpm_releases.sh("dnf1", "sed -i 's/^installonly_limit=.*/installonly_limit=2/' /etc/dnf/dnf.conf; grep -q installonly_limit=2 /etc/dnf/dnf.conf; "
                            "echo %s > /run/lab-kernel" % kind.release(OLD))
    boot_rpm(rpm_releases, "gold-dnf", NEXT)
    ours = Train(rpm_releases)
    ours.capture("gl-3")
    ours.publish("gl-3")
    said = "the running kernel would be removed: kernel %s; kernel-core %s; boot another one first" % ((kind.evr(OLD),) * 2)
    done = ours.do("patch", fails=said, patch_release="gl-3", patch_hosts="dnf1")
    assert done.states() == {"dnf1": "blocked"} and not entered(done, "dnf1")
    assert kernels(rpm_releases, "dnf1") == [kind.release(OLD), kind.release(NEW)]
    rpm_releases.sh("dnf1", "rm /boot/lab-default && echo %s > /run/lab-kernel" % kind.release(NEW))
    assert levels(ours.patch(patch_release="gl-3", patch_hosts="dnf1")) == {"dnf1": ("gl-3", 0)}
    assert kernels(rpm_releases, "dnf1") == [kind.release(NEW), kind.release(NEXT)]
