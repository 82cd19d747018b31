# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as worse."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.compare import checked_baseline, compare, crash_looping
from hypothesis import given
from hypothesis import strategies as st


def mount(path="/", **more):
    return dict({"path": path, "source": "/dev/sda1", "read_only": False, "free_percent": 50.0, "inodes_free_percent": 60.0}, **more)


def health(**more):
    return dict({
        "boot_id": "a", "system": {"state": "running", "problem": "", "starting": []}, "failed_units": [], "restarting_units": [],
        "restarts": {}, "listening": ["tcp 0.0.0.0:80 nginx"], "mounts": [mount()], "clock": {"synchronized": True, "epoch": 1.0},
        "uptime_s": 9.0}, **more)


@pytest.mark.parametrize("was, now, kind, name, message", [
    ({}, {"failed_units": ["a.service"]}, "failed_unit", "a.service", "unit a.service has failed"),
    ({}, {"restarting_units": ["a.service"]}, "restarting_unit", "a.service", "unit a.service fails and is being restarted"),
    ({}, {"listening": []}, "listening", "tcp 0.0.0.0:80", "nothing listens on tcp 0.0.0.0:80 nginx any more"),
    ({"mounts": [mount(), mount("/srv")]}, {}, "mount", "/srv", "/srv is not mounted any more (it was /dev/sda1)"),
    ({}, {"mounts": [mount(read_only=True)]}, "read_only", "/", "/ has become read-only"),
    ({}, {"mounts": [mount(free_percent=4.9)]}, "space", "/", "/ has 4.9 % of its space free (50 % before, at least 5 % wanted)"),
    ({}, {"mounts": [mount(inodes_free_percent=0.0)]}, "inodes", "/", "/ has 0 % of its inodes free (60 % before, at least 5 % wanted)"),
    ({}, {"clock": {"synchronized": False}}, "clock", "synchronized", "the clock is not synchronized any more"),
    ({}, {"system": {"state": "maintenance", "problem": ""}}, "system", "state", "systemd is maintenance (running before)"),
    ({}, {"system": {"state": "unknown", "problem": "no bus"}}, "system", "state", "systemd is unknown: no bus (running before)"),
])
def test_what_got_worse_is_named(was, now, kind, name, message):
    found = compare(health(**was), health(**now))
    assert [(d["kind"], d["name"], d["message"]) for d in found] == [(kind, name, message)]
    assert set(found[0]) == {"kind", "name", "was", "is", "message"}


@pytest.mark.parametrize("was, now", [
    ({"failed_units": ["a.service"]}, {"failed_units": ["a.service"]}),
    ({"failed_units": ["a.service"]}, {}),
    ({"restarting_units": ["a.service"]}, {"failed_units": ["a.service"]}),
    ({"restarts": {"a.service": 7}}, {"restarting_units": ["a.service"]}),
    ({}, {"listening": ["tcp 0.0.0.0:80 nginx", "tcp 0.0.0.0:81 new"]}),
    ({}, {"listening": ["tcp 0.0.0.0:80 apache2"]}),
    ({"mounts": []}, {"mounts": [mount(free_percent=0.0)]}),
    ({"mounts": [mount(free_percent=3.0)]}, {"mounts": [mount(free_percent=1.0)]}),
    ({"mounts": [mount(free_percent=None)]}, {"mounts": [mount(free_percent=1.0)]}),
    ({"mounts": [mount(read_only=True)]}, {"mounts": [mount(read_only=True)]}),
    ({}, {"mounts": [mount(free_percent=5.0)]}),
    ({"clock": {"synchronized": False}}, {"clock": {"synchronized": False}}),
    ({"clock": {"synchronized": None}}, {"clock": {"synchronized": False}}),
    ({}, {"clock": {"synchronized": True, "epoch": 86401.0}}),
    ({"clock": {"synchronized": True, "epoch": 86401.0}}, {}),
    ({}, {"clock": {"synchronized": None}}),
    ({}, {"system": {"state": "degraded"}}),
    ({"system": {"state": "unknown"}}, {"system": {"state": "maintenance"}}),
    ({"system": {"state": None}}, {"system": {"state": None}}),
    ({}, {"boot_id": "b", "uptime_s": 0.1}),
])
def test_what_is_new_or_was_bad_before_does_not_count(was, now):
    assert compare(health(**was), health(**now)) == []


@pytest.mark.parametrize("was, now, gone", [
    ("tcp 127.0.0.1:80 a", "tcp 0.0.0.0:80 b", False),
    ("tcp 0.0.0.0:80 a", "tcp *:80 b", False),
    ("tcp [::1]:80 a", "tcp [::]:80 b", False),
    ("tcp [::]:80 a", "tcp *:80", False),
    ("tcp 0.0.0.0:80", "tcp 127.0.0.1:80", True),
    ("tcp *:80", "tcp 0.0.0.0:80", True),
    ("tcp *:80", "tcp [::]:80", True),
    ("tcp 0.0.0.0:80", "tcp [::]:80", True),
    ("tcp 0.0.0.0:80", "udp 0.0.0.0:80", True),
    ("tcp 0.0.0.0:80", "tcp 0.0.0.0:8080", True),
])
def test_a_socket_on_every_address_covers_one_of_them(was, now, gone):
    assert bool(compare(health(listening=[was]), health(listening=[now]))) is gone


@pytest.mark.parametrize("glob", ["a.service", "*.service", "failed_unit:a.*", "failed_unit:*", "*"])
def test_globs_match_the_name_or_the_kind_and_name(glob):
    assert compare(health(), health(failed_units=["a.service"]), [glob]) == []


@pytest.mark.parametrize("glob", ["failed_unit", "b.service", "listening:a.service", "A.service", ""])
def test_globs_that_do_not_match(glob):
    assert len(compare(health(), health(failed_units=["a.service"]), [glob])) == 1


def test_the_threshold_can_be_set():
    assert compare(health(), health(mounts=[mount(free_percent=20.0)]), (), 25)[0]["kind"] == "space"


def test_a_crash_loop_is_seen_between_two_looks_that_look_well():
    found = crash_looping(health(), health(restarts={"a.service": 2}), health(restarts={"a.service": 5, "b.service": 1}))
    assert [d["message"] for d in found] == ["unit a.service was restarted by systemd 3 times while watched",
                                            "unit b.service was restarted by systemd 1 times while watched"]


@pytest.mark.parametrize("baseline, earlier, now", [
    (health(restarts={"a.service": 9}), health(restarts={"a.service": 1}), health(restarts={"a.service": 2})),
    (health(failed_units=["a.service"]), health(), health(restarts={"a.service": 2})),
    (health(), health(restarts={"a.service": 5}), health(restarts={"a.service": 5})),
    (health(), health(boot_id="a"), health(boot_id="b", restarts={"a.service": 2}))])
def test_restarts_that_are_no_news(baseline, earlier, now):
    assert crash_looping(baseline, earlier, now) == []


NAMES = st.lists(st.sampled_from(["a.service", "b.mount", "c.timer"]), unique=True)
SOCKETS = st.lists(st.builds("{} {}:{}".format, st.sampled_from(["tcp", "udp"]), st.sampled_from(["*", "0.0.0.0", "[::]", "127.0.0.1"]),
                             st.sampled_from([22, 80])), unique=True)
PERCENT = st.none() | st.floats(0, 100)
MOUNTS = st.lists(st.builds(mount, st.sampled_from(["/", "/srv", "/boot"]), read_only=st.booleans(), free_percent=PERCENT,
                            inodes_free_percent=PERCENT), unique_by=lambda m: m["path"])
HEALTH = st.builds(health, failed_units=NAMES, restarting_units=NAMES, listening=SOCKETS, mounts=MOUNTS,
                   clock=st.fixed_dictionaries({"synchronized": st.sampled_from([True, False, None])}),
                   system=st.fixed_dictionaries({"state": st.sampled_from(["running", "degraded", "unknown", "maintenance", None])}))


@given(HEALTH)
def test_a_host_is_no_worse_than_itself(one):
    assert compare(one, copy.deepcopy(one)) == []


@given(HEALTH, HEALTH)
def test_every_difference_is_ignored_by_its_own_name(one, other):
    found = compare(one, other)
    assert compare(one, other, ["%s:%s" % (d["kind"], d["name"].replace("[", "[[]")) for d in found]) == []
    assert compare(one, other, ["*"]) == []


@given(HEALTH, HEALTH, HEALTH)
def test_a_worse_baseline_never_finds_more_failed_units(baseline, other, now):
    worse = dict(baseline, failed_units=sorted(set(baseline["failed_units"]) | set(other["failed_units"])))
    assert {d["name"] for d in compare(worse, now) if d["kind"] == "failed_unit"} <= {
        d["name"] for d in compare(baseline, now) if d["kind"] == "failed_unit"}


@pytest.mark.parametrize("given_baseline, words", [
    (None, "baseline is no health document"), ([], "baseline is no health document"), ({}, "its boot_id is missing"),
    ({"boot_id": "a", "failed_units": "none"}, "its failed_units is missing or of another kind")])
def test_half_a_baseline_is_refused(given_baseline, words):
    with pytest.raises(BadInput, match=words):
        checked_baseline(given_baseline)


def test_a_whole_baseline_is_taken():
    assert checked_baseline(health()) == health()
