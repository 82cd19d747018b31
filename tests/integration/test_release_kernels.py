# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that is older than the kernel that a host runs."""

from __future__ import annotations

import pytest
from lab_fleet import Played
from lab_kernels import NEW, OLD, boot_next, boot_with, kernels, publish_kernels, release
from lab_release import ReleaseFleet, update, versions
from release_looks import drifts
from release_train import Train

# One lab, so one worker, one test after another.
pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(900), pytest.mark.xdist_group("lab")]

EXTRA = ("linux-image-%s" % release(NEW), "unknown", "6.1.32-1", None)
RUNNING = ("running kernel", "kernel", release(NEW), release(OLD))
DEFAULT = ("boot default", "kernel", release(NEW), release(OLD))


def rows(done: Played) -> list[tuple[str, str, str, str | None]]:
    return [(row["name"], row["kind"], row["is"], row["should"]) for row in drifts(done, "web1")]


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
    boot_next(releases, "web1", OLD)
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
