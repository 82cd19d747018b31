# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health gate on a clock of its own: hours pass without a sleep."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CommandTimeout
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.gate import Terms, gate
from hypothesis import given
from hypothesis import strategies as st


def health(**more):
    system = {"state": more.pop("state", "running"), "problem": "", "starting": more.pop("starting", [])}
    return dict({
        "boot_id": "a", "system": system, "failed_units": [], "restarting_units": [], "restarts": {}, "listening": ["tcp 0.0.0.0:80 nginx"],
        "mounts": [], "clock": {"synchronized": True, "epoch": 1.0}, "uptime_s": 9.0}, **more)


class Host:
    """Shows one health after another, the last one for ever; each look takes a moment of the clock."""

    def __init__(self, *shown, takes=0.0) -> None:
        self._shown = list(shown)
        self._takes = takes
        self.now, self.slept = 0.0, []

    def sample(self):
        self.now += self._takes
        shown = self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]
        if isinstance(shown, Exception):
            raise shown
        return shown

    def clock(self):
        return Clock(lambda: self.now, self._sleep)

    def _sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def passes(limit):
    return [{"name": "web", "ok": True, "message": "ok"}]


def fails(limit):
    return [{"name": "web", "ok": False, "message": "status 503, wanted 200 to 299"}]


def run(host, baseline=None, checks=passes, **terms):
    return gate(host.sample, checks, baseline if baseline is not None else health(), Terms(**dict({"settle": 5, "limit": 60}, **terms)),
                host.clock())


def messages(verdict):
    return [d["message"] for d in verdict.differences]


def test_a_healthy_host_passes_after_its_time_to_settle():
    host = Host(health())
    verdict = run(host)
    assert (verdict.healthy, verdict.samples, verdict.seconds, verdict.differences) == (True, 6, 5.0, [])
    assert verdict.health == health()


def test_without_a_time_to_settle_one_look_is_enough():
    verdict = run(Host(health()), settle=0)
    assert (verdict.healthy, verdict.samples, verdict.seconds) == (True, 1, 0.0)


def test_a_service_that_comes_up_late_starts_the_time_anew():
    verdict = run(Host(health(listening=[]), health(listening=[]), health()))
    assert (verdict.healthy, verdict.seconds) == (True, 7.0)


def test_a_change_for_the_better_starts_the_time_anew_too():
    more = ["tcp 0.0.0.0:80 nginx", "tcp 0.0.0.0:81 nginx"]
    assert run(Host(health(), health(), health(listening=more))).seconds == 7.0


def test_a_difference_that_stays_fails_at_the_limit_with_its_name():
    verdict = run(Host(health(failed_units=["a.service"])))
    assert (verdict.healthy, verdict.seconds) == (False, 60.0)
    assert messages(verdict) == ["unit a.service has failed"]
    assert verdict.message == "the host is not healthy after 60 s: unit a.service has failed"


def test_a_check_that_fails_is_in_the_failure():
    verdict = run(Host(health()), checks=fails)
    assert not verdict.healthy and verdict.checks == fails(1)
    assert verdict.message == "the host is not healthy after 60 s: check web: status 503, wanted 200 to 299"


def test_a_check_that_comes_to_pass_starts_the_time_anew():
    results = [fails(1), fails(1)]
    verdict = run(Host(health()), checks=lambda limit: results.pop() if results else passes(limit))
    assert (verdict.healthy, verdict.seconds) == (True, 7.0)


def test_a_host_that_is_well_too_late_says_what_was_wrong():
    host = Host(*([health(failed_units=["a.service"])] * 58 + [health()]))
    verdict = run(host)
    assert not verdict.healthy
    assert messages(verdict)[0] == "all was well at the limit, but not yet for long enough"
    assert {d["name"] for d in verdict.differences[1:]} == {"failed_unit:a.service"}


def test_a_check_that_fails_now_and_then_never_settles():
    count = []

    def flaky(limit):
        count.append(1)
        return fails(limit) if len(count) % 3 == 0 else passes(limit)

    verdict = run(Host(health()), checks=flaky)
    assert not verdict.healthy
    assert "check web failed at times: status 503, wanted 200 to 299" in messages(verdict)


def test_a_socket_that_comes_and_goes_never_settles():
    flickering = [health(), health(listening=["tcp 0.0.0.0:80 nginx", "udp 0.0.0.0:69 tftp"])] * 40
    verdict = run(Host(*flickering))
    assert not verdict.healthy and "listening udp 0.0.0.0:69 still changes" in messages(verdict)
    assert run(Host(*flickering), ignore=("listening:udp *",)).seconds == 5.0
    assert run(Host(*flickering), ignore=("unsteady:*",)).seconds == 5.0


def test_a_crash_loop_that_is_never_seen_failed_does_not_pass():
    verdict = run(Host(*[health(restarts={"a.service": count // 3}) for count in range(1, 90)]))
    assert not verdict.healthy
    assert any("unit a.service was restarted by systemd 1 times while watched" in message for message in messages(verdict))


def test_units_that_are_on_their_way_up_are_waited_for():
    verdict = run(Host(health(starting=["db.service"]), health(starting=["db.service"]), health()))
    assert (verdict.healthy, verdict.seconds) == (True, 7.0)
    stuck = run(Host(health(starting=["db.service"])))
    assert messages(stuck) == ["unit db.service has not started yet"]
    assert run(Host(health(starting=["db.service"])), baseline=health(starting=["db.service"])).healthy
    assert run(Host(health(starting=["db.service"])), ignore=("starting:db.*",)).healthy


def test_a_system_that_still_boots_is_waited_for():
    assert run(Host(health(state="starting"), health())).seconds == 6.0
    assert messages(run(Host(health(state="starting")))) == ["systemd is starting"]
    assert run(Host(health(state="starting")), baseline=health(state="starting")).healthy


def test_a_look_that_fails_is_tried_again():
    problem = CommandTimeout("systemctl did not end within 30 s", ["systemctl"])
    assert run(Host(problem, problem, health())).seconds == 7.0
    verdict = run(Host(problem))
    assert (verdict.healthy, verdict.health) == (False, None)
    assert messages(verdict) == ["its health can't be read: systemctl did not end within 30 s"]


def test_without_a_baseline_only_checks_and_calm_count():
    verdict = gate(Host(health(failed_units=["a.service"])).sample, passes, None, Terms(settle=0, limit=1), Clock(lambda: 0.0))
    assert verdict.healthy


def test_checks_get_the_time_that_is_left():
    limits = []
    run(Host(health(failed_units=["x"]), takes=2.0), checks=lambda limit: limits.append(limit) or [], limit=7)
    assert limits == [5.0, 2.0, 1.0]


def test_no_sleep_goes_past_the_limit():
    host = Host(health(failed_units=["x"]))
    run(host, limit=5, interval=2)
    assert host.slept == [2, 2, 1] and host.now == 5


def test_a_long_list_of_differences_is_cut_in_the_message_only():
    verdict = run(Host(health(failed_units=["%d.service" % number for number in range(8)])))
    assert len(verdict.differences) == 8 and verdict.message.endswith("unit 4.service has failed; and 3 more")


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 6), st.integers(6, 30))
def test_a_host_passes_exactly_when_it_was_well_for_as_long_as_asked(wellness, settle, limit):
    shown = [health() if well else health(failed_units=["a.service"]) for well in wellness + [True]]
    verdict = run(Host(*shown), settle=settle, limit=limit)
    looks = (wellness + [True] * 40)[:limit + 1]
    runs = [index for index in range(settle, len(looks)) if all(looks[index - settle:index + 1])]
    assert verdict.healthy is bool(runs)
    assert verdict.seconds == (runs[0] if runs else limit)


@pytest.mark.parametrize("terms, words", [
    ({"settle": 61}, "settle .61 s. can't be below zero or above limit .60 s."), ({"settle": -1}, "settle"),
    ({"limit": float("inf")}, "settle"), ({"limit": float("nan")}, "settle"), ({"interval": 0}, "interval"), ({"min_free": 101}, "percentage")])
def test_terms_that_can_not_be_met_are_refused(terms, words):
    with pytest.raises(BadInput, match=words):
        Terms(**dict({"settle": 5, "limit": 60}, **terms))
