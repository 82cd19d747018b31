# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compliant, not compliant, unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.compliance import AHEAD, judge

DAY = 86400.0
NOW = 1_800_000_000.0
NONE = {"security": 0, "bugfix": 0, "enhancement": 0, "other": 0, "unknown": 0, "held": 0, "total": 0}
GOOD = {"counts": NONE, "reboot": {"required": False, "reasons": []}, "interrupted": None, "obstacles": [], "metadata_age_s": 60.0,
        "release": None, "drift": []}
SPACE = {"kind": "space", "message": "/boot is full"}


def verdict(at=NOW - 60, max_age=7 * DAY, counted=("security", "unknown"), reboot_pending=False, **more):
    counts = dict(NONE, **more.pop("counts", {}))
    found = judge(dict(GOOD, counts=counts, **more), at, NOW, max_age, counted, reboot_pending)
    return found["status"], found["reasons"]


def test_a_host_that_was_looked_at_and_lacks_nothing():
    assert verdict() == ("compliant", [])


def test_never_assessed():
    assert judge(None, None, NOW, DAY) == {"status": "unknown", "reasons": ["never assessed"]}


def test_too_long_ago():
    assert verdict(at=NOW - 7 * DAY, metadata_age_s=0.0)[0] == "compliant"
    assert verdict(at=NOW - 9.5 * DAY, counts={"security": 3}) == ("unknown", ["assessed 9 days ago, longer than 7 days"])
    assert verdict(at=NOW - 5400, max_age=3600.0) == ("unknown", ["assessed 1 hour ago, longer than 1 hour"])


def test_from_the_future():
    assert verdict(at=NOW + AHEAD)[0] == "compliant"
    assert verdict(at=NOW + 2 * DAY) == ("unknown", ["assessed in the future, by 2 days: compare the controllers' clocks"])


def test_assessed_in_vain():
    assert judge({"obstacles": [{"kind": "unreachable", "message": "no answer"}]}, NOW, NOW, DAY) == {
        "status": "unknown", "reasons": ["no answer"]}
    assert judge({}, NOW, NOW, DAY) == {"status": "unknown", "reasons": ["could not be assessed"]}


@pytest.mark.parametrize(("counts", "reasons"), [
    ({"security": 1}, ["1 security update pending"]),
    ({"security": 2, "unknown": 1}, ["2 security updates pending", "1 update from sources without advisory data"]),
    ({"unknown": 12}, ["12 updates from sources without advisory data"])])
def test_pending_updates(counts, reasons):
    assert verdict(counts=counts) == ("non_compliant", reasons)


def test_other_updates_alone_are_compliant_and_told():
    assert verdict(counts={"bugfix": 2, "other": 1, "held": 1, "total": 3}) == (
        "compliant", ["pending, but not counted: 2 bugfix, 1 other"])


def test_what_counts_can_be_chosen():
    assert verdict(counts={"security": 1, "bugfix": 1}, counted=["bugfix"]) == ("non_compliant", ["1 bugfix update pending"])
    assert verdict(counts={"security": 1, "unknown": 1}, counted=[]) == ("compliant", ["pending, but not counted: 1 security, 1 unknown"])


def test_a_reboot_that_is_due():
    due = {"required": True, "reasons": ["package: linux", "kernel"]}
    assert verdict(reboot=due) == ("non_compliant", ["a reboot is due: package: linux, kernel"])
    assert verdict(reboot_pending=True) == ("non_compliant", ["a reboot is due"])


def test_not_knowing_whether_one_is_due_is_not_knowing():
    assert verdict(reboot={"required": None, "reasons": []}) == ("unknown", ["it is not known whether a reboot is due"])


def test_old_metadata_prove_nothing_by_finding_nothing():
    assert verdict(metadata_age_s=30 * DAY) == ("unknown", ["the host's package metadata is 30 days old"])
    assert verdict(metadata_age_s=None)[0] == "unknown"
    assert verdict(metadata_age_s=30 * DAY, counts={"security": 1}) == (
        "non_compliant", ["1 security update pending", "the host's package metadata is 30 days old"])


def test_obstacles():
    assert verdict(obstacles=[SPACE]) == ("unknown", ["/boot is full"])
    assert verdict(obstacles=[SPACE], counts={"security": 1}) == ("non_compliant", ["1 security update pending", "/boot is full"])


def test_an_interrupted_installation_is_told_once():
    assert verdict(interrupted="dpkg was cut", obstacles=[{"kind": "interrupted", "message": "x"}]) == (
        "non_compliant", ["an installation was interrupted: dpkg was cut"])


def test_drift_from_a_release():
    assert verdict(release="2026-11", drift=[{"name": "a"}]) == ("non_compliant", ["1 difference from release 2026-11: a"])


@given(
    at=st.none() | st.floats(NOW - 30 * DAY, NOW + 30 * DAY), max_age=st.floats(1, 30 * DAY), pending=st.integers(0, 2),
    required=st.sampled_from([None, True, False]), metadata=st.none() | st.floats(0, 60 * DAY), obstacle=st.booleans(), complete=st.booleans())
def test_nothing_doubtful_is_ever_compliant(at, max_age, pending, required, metadata, obstacle, complete):
    document = dict(GOOD, counts=dict(NONE, security=pending), reboot={"required": required}, metadata_age_s=metadata,
                    obstacles=[SPACE] if obstacle else [])
    if not complete:
        del document["counts"]
    status = judge(document, at, NOW, max_age)["status"]
    fresh = at is not None and -AHEAD <= NOW - at <= max_age
    sure = metadata is not None and fresh and metadata + NOW - at <= max_age and required is not None and not obstacle
    if not (fresh and complete):
        assert status == "unknown"
    elif pending or required:
        assert status == "non_compliant"
    else:
        assert status == ("compliant" if sure else "unknown")
