# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The haproxy driver against a real HAProxy."""

from __future__ import annotations

import time

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, MaintenanceFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._haproxy_api import SocketTransport
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.haproxy import KIND, Haproxy
from ansible_collections.fleetops.patchtrain.plugins.module_utils.options import checked
from hypothesis import given
from hypothesis import strategies as st


class Moment:
    """A clock on which a test acts: each sleep runs the next of ``acts``, and time passes by real waiting of a moment."""

    def __init__(self, *acts) -> None:
        self._acts = list(acts)
        self.passed = 0.0

    def clock(self) -> Clock:
        return Clock(now=lambda: self.passed, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.passed += seconds
        if self._acts:
            self._acts.pop(0)()
        else:
            time.sleep(0.005)


class Recorder:
    """A transport that remembers what was sent, and lets a test step in before an answer."""

    def __init__(self, transport, before=None) -> None:
        self._transport = transport
        self._before = before or (lambda command: None)
        self.sent = []

    def ask(self, command: str) -> str:
        self.sent.append(command)
        answer = self._before(command)
        return self._transport.ask(command) if answer is None else answer

    @property
    def changes(self):
        return [command for command in self.sent if not command.startswith("show ")]


def driver(transport, server="web1", check_mode=False, moment=None, **options) -> Haproxy:
    return Haproxy(server, checked("driver haproxy", KIND.options, options), transport, (moment or Moment()).clock(), check_mode)


def of(result_or_error, backend):
    detail = getattr(result_or_error, "detail", None) or result_or_error.data["detail"]
    return next(server for server in detail["servers"] if server["backend"] == backend)


def test_entering_ends_in_maintenance_in_every_backend_that_has_the_server(balancer):
    result = driver(balancer.transport).enter(30)
    assert (result.changed, result.state, result.prior_state) == (True, "entered", "in_service")
    assert {s.path: s.word for s in balancer.servers() if s.name == "web1"} == {"shop/web1": "maintenance", "api/web1": "maintenance"}
    assert [s.path for s in balancer.servers() if s.name == "web2" and s.word != "in_service"] == []
    assert of(result, "shop") == {
        "backend": "shop", "server": "web1", "prior_state": "in_service", "state": "maintenance", "up": False, "sessions": 0,
        "status": "MAINT", "check": "", "agent": "", "weight": 1, "peers_in_service": 1, "backup_peers_in_service": 1}


def test_only_the_named_backends_are_touched(balancer):
    driver(balancer.transport, backend="api").enter(30)
    assert balancer.server("shop/web1").word == "in_service"
    assert balancer.server("api/web1").word == "maintenance"


def test_entering_waits_until_the_last_session_ends(balancer):
    session = balancer.session_at("shop/web1")
    seen = []

    def look():
        seen.append((balancer.server("shop/web1").word, balancer.sessions("shop/web1")))

    result = driver(balancer.transport, moment=Moment(look, look, session.close)).enter(30)
    assert seen == [("draining", 1), ("draining", 1)]
    assert of(result, "shop")["sessions"] == 0


def test_mode_maint_lets_running_sessions_end_too(balancer):
    session = balancer.session_at("shop/web1")
    moment = Moment(lambda: seen.append(balancer.server("shop/web1").word), session.close)
    seen = []
    driver(balancer.transport, moment=moment, mode="maint").enter(30)
    assert seen == ["maintenance"]


def test_without_then_maint_the_server_stays_draining(balancer):
    result = driver(balancer.transport, then_maint=False).enter(30)
    assert balancer.server("shop/web1").word == "draining"
    assert of(result, "shop")["status"] == "DRAIN"


@pytest.mark.parametrize("then_maint", [True, False])
def test_only_who_was_not_checked_meanwhile_has_to_pass_its_checks_anew(balancer, then_maint):
    driver(balancer.transport, then_maint=then_maint).enter(30)
    recorder = Recorder(balancer.transport)
    driver(recorder, then_maint=then_maint).leave("in_service", 30)
    assert any(command.endswith("health down") for command in recorder.changes) is then_maint
    assert {balancer.server(path).word for path in ("shop/web1", "api/web1")} == {"in_service"}


def test_a_return_that_was_cut_in_its_drain_is_checked_anew(balancer):
    """From ``maint`` HAProxy takes a server for healthy before any check has run."""
    driver(balancer.transport).enter(30)
    for path in ("shop/web1", "api/web1"):
        balancer.set(path, "drain")
    recorder = Recorder(balancer.transport)
    driver(recorder).leave("in_service", 30)
    assert any(command.endswith("health down") for command in recorder.changes)


def test_who_was_only_drained_and_is_down_is_not_brought_back(balancer):
    driver(balancer.transport, then_maint=False).enter(30)
    keep_down = Recorder(balancer.transport, lambda command: balancer.transport.ask("set server shop/web1 health down") and None)
    with pytest.raises(MaintenanceFailed, match="did not pass their checks"):
        driver(keep_down, then_maint=False).leave("in_service", 1)
    assert balancer.server("shop/web1").word == "draining"


def test_sessions_that_do_not_end_are_a_failure_and_the_drain_is_undone(balancer):
    with balancer.session_at("shop/web1"):
        with pytest.raises(MaintenanceFailed) as caught:
            driver(balancer.transport).enter(5)
        assert caught.value.message == (
            "sessions did not end within 5 s: shop/web1 has 1; undone: shop/web1, api/web1 are in service again")
        assert balancer.server("shop/web1").word == balancer.server("api/web1").word == "in_service"
        assert balancer.sessions("shop/web1") == 1
    data = caught.value.data
    assert (data["undone"], data["undo_error"], data["prior_state"], data["cause"]) == (True, None, "in_service", "MaintenanceFailed")
    assert of(caught.value, "shop")["sessions"] == 1


def test_an_undo_that_fails_is_told_as_well(balancer):
    recorder = Recorder(balancer.transport, lambda command: "Permission denied\n\n" if command.endswith("state ready") else None)
    with balancer.session_at("shop/web1"), pytest.raises(MaintenanceFailed) as caught:
        driver(recorder).enter(5)
    assert caught.value.message.startswith("sessions did not end within 5 s: shop/web1 has 1; UNDOING IT FAILED TOO: haproxy at ")
    assert "shop/web1 is DRAIN" in caught.value.data["undo_error"]
    assert caught.value.data["undone"] is False
    assert sum(command.endswith("state ready") for command in recorder.sent) == 2, "each server was tried"


def test_a_server_found_in_maintenance_stays_so(balancer):
    for path in ("shop/web1", "api/web1"):
        balancer.set(path, "maint")
    recorder = Recorder(balancer.transport)
    result = driver(recorder).enter(30)
    assert (result.changed, result.prior_state) == (False, "maintenance")
    left = driver(recorder).leave(result.prior_state, 30)
    assert (left.changed, left.prior_state) == (False, "maintenance")
    assert left.detail["note"] == "shop/web1, api/web1 are left as found: not in service before"
    assert recorder.changes == []


def test_a_server_found_draining_is_waited_for_and_stays_so(balancer):
    session = balancer.session_at("shop/web1")
    for path in ("shop/web1", "api/web1"):
        balancer.set(path, "drain")
    with pytest.raises(MaintenanceFailed) as caught:
        driver(balancer.transport).enter(5)
    assert caught.value.message.endswith("shop/web1 has 1; nothing had been changed")
    assert caught.value.data["undone"] is None
    result = driver(balancer.transport, moment=Moment(session.close)).enter(30)
    assert (result.changed, result.prior_state) == (False, "draining")
    assert balancer.server("shop/web1").word == "draining"


def test_backends_in_different_states_are_each_given_back_as_found(balancer):
    balancer.set("api/web1", "maint")
    result = driver(balancer.transport).enter(30)
    assert (result.changed, result.prior_state) == (True, "api=maintenance,shop=in_service")
    left = driver(balancer.transport).leave(result.prior_state, 30)
    assert left.changed
    assert balancer.server("shop/web1").word == "in_service"
    assert balancer.server("api/web1").word == "maintenance"


def test_entering_and_leaving_again_change_nothing(balancer):
    assert driver(balancer.transport).enter(30).changed
    again = driver(balancer.transport).enter(30)
    assert (again.changed, again.prior_state) == (False, "maintenance")
    assert driver(balancer.transport).leave("in_service", 30).changed
    recorder = Recorder(balancer.transport)
    assert not driver(recorder).leave("in_service", 30).changed
    assert recorder.changes == []


def test_leaving_gives_no_traffic_before_the_checks_have_passed(balancer):
    driver(balancer.transport).enter(30)
    balancer.services["web1"].stop()
    seen = []

    def look():
        seen.append((balancer.server("shop/web1").word, balancer.server("shop/web1").up))

    moment = Moment(look, look, look, balancer.services["web1"].start)
    result = driver(balancer.transport, moment=moment).leave("in_service", 30)
    assert seen == [("draining", False)] * 3
    assert result.changed and of(result, "shop")["status"] == "UP"


def test_a_server_that_never_passes_its_checks_stays_out_of_service(balancer):
    driver(balancer.transport).enter(30)
    balancer.services["web1"].stop()
    with pytest.raises(MaintenanceFailed) as caught:
        driver(balancer.transport).leave("in_service", 5)
    assert balancer.server("shop/web1").word == balancer.server("api/web1").word == "maintenance"
    assert "servers did not pass their checks within 5 s: shop/web1 is DOWN" in caught.value.message
    assert caught.value.message.endswith("undone: shop/web1, api/web1 are out of service as before")


def test_a_server_that_is_not_seen_in_service_goes_back_out(balancer):
    """``ready`` is accepted, and nothing happens."""
    driver(balancer.transport, backend="shop").enter(30)
    deaf = Recorder(balancer.transport, lambda command: "\n" if command.endswith("state ready") else None)
    with pytest.raises(MaintenanceFailed, match="servers are not in service within 5 s: shop/web1 is DRAIN.*out of service as before"):
        driver(deaf, backend="shop").leave("in_service", 5)
    assert balancer.server("shop/web1").word == "maintenance"


def test_a_server_without_checks_is_brought_back_at_once(balancer):
    driver(balancer.transport, server="plain1").enter(30)
    result = driver(balancer.transport, server="plain1").leave("in_service", 30)
    assert result.changed and of(result, "unchecked")["status"] == "no check"


def test_a_server_that_tracks_another_is_drained_and_brought_back(balancer):
    driver(balancer.transport, server="follower1").enter(30)
    assert balancer.server("tracking/follower1").own_state == "maint"
    assert balancer.server("shop/web1").word == "in_service"
    assert driver(balancer.transport, server="follower1").leave("in_service", 30).changed
    assert balancer.server("tracking/follower1").own_state is None


def test_a_server_out_of_service_through_the_one_it_tracks_is_left_alone(balancer):
    balancer.set("shop/web1", "maint")
    recorder = Recorder(balancer.transport)
    result = driver(recorder, server="follower1").enter(30)
    assert (result.changed, result.prior_state, recorder.changes) == (False, "maintenance", [])


def test_the_last_usable_server_is_not_drained(balancer):
    balancer.set("shop/web2", "drain")
    recorder = Recorder(balancer.transport)
    with pytest.raises(MaintenanceFailed) as caught:
        driver(recorder).enter(30)
    assert caught.value.message == ("shop/web1 has 0 other usable servers in backend shop, min_peers wants 1 (backup servers not counted)")
    assert (caught.value.data["peers_in_service"], recorder.changes) == (0, [])
    assert driver(balancer.transport, count_backup=True).enter(30).changed


def test_a_peer_that_is_down_is_no_peer(balancer):
    balancer.transport.ask("set server unchecked/plain2 health down")
    with pytest.raises(MaintenanceFailed, match="plain1 has 0 other usable servers"):
        driver(balancer.transport, server="plain1").enter(30)


def test_min_peers_zero_drains_a_lone_server(balancer):
    with pytest.raises(MaintenanceFailed, match="web3 has 0 other usable servers"):
        driver(balancer.transport, server="web3").enter(30)
    assert driver(balancer.transport, server="web3", min_peers=0).enter(30).changed


def test_two_that_drain_each_others_last_peer_at_once_both_give_way(balancer):
    """The peer is drained between our look and our drain."""

    def rival(command):
        if command == "set server shop/web1 state drain":
            balancer.set("shop/web2", "drain")

    with pytest.raises(MaintenanceFailed, match="0 other usable servers.*undone: shop/web1 is in service again"):
        driver(Recorder(balancer.transport, rival), backend="shop").enter(30)
    assert balancer.server("shop/web1").word == "in_service"


def test_a_server_put_back_by_somebody_else_during_the_wait_is_a_failure(balancer):
    with balancer.session_at("shop/web1"):
        moment = Moment(lambda: balancer.set("shop/web1", "ready"))
        with pytest.raises(MaintenanceFailed, match="shop/web1 is in service although taken out"):
            driver(balancer.transport, moment=moment).enter(30)


def test_what_is_sent_is_not_taken_for_done(balancer):
    """An answer without any complaint, and nothing happened."""
    silent = Recorder(balancer.transport, lambda command: "\n" if command.startswith("set ") else None)
    with pytest.raises(MaintenanceFailed, match="in service although taken out"):
        driver(silent).enter(30)


def test_check_mode_says_what_would_be_sent_and_sends_nothing(balancer):
    before = balancer.states()
    recorder = Recorder(balancer.transport)
    result = driver(recorder, check_mode=True).enter(30)
    assert result.changed and result.detail["would"] == [
        "set server shop/web1 state drain", "set server api/web1 state drain",
        "set server shop/web1 state maint", "set server api/web1 state maint"]
    assert (recorder.changes, balancer.states()) == ([], before)
    balancer.set("shop/web1", "maint")
    result = driver(recorder, check_mode=True).leave("in_service", 30)
    assert result.changed and result.detail["would"] == ["set server shop/web1 state drain", "set server shop/web1 state ready"]
    assert recorder.changes == []


def test_in_check_mode_a_driver_that_wants_to_change_something_fails(balancer):
    tested = driver(balancer.transport, check_mode=True)
    with pytest.raises(MaintenanceFailed, match="check mode refused"):
        tested._set([balancer.server("shop/web1")], "drain")
    assert balancer.server("shop/web1").word == "in_service"


@pytest.mark.parametrize("options, server, message", [
    ({}, "nobody", r"no backend of the haproxy at .* has a server nobody; its backends are: api, lonely, shop, tracking, unchecked"),
    ({"backend": "shop"}, "web9", "backend shop of the haproxy at .* has no server web9"),
    ({"backend": ["shop", "nowhere"]}, "web1", r"has no backend nowhere \(or none with servers\); it has: api, lonely"),
])
def test_unknown_names_are_named(balancer, options, server, message):
    recorder = Recorder(balancer.transport)
    with pytest.raises(MaintenanceFailed, match=message):
        driver(recorder, server=server, **options).enter(30)
    assert recorder.changes == []


def test_a_socket_without_admin_level_is_named(balancer):
    with pytest.raises(MaintenanceFailed) as caught:
        driver(SocketTransport(str(balancer.dir / "operator.sock"))).enter(30)
    assert "refused 'set server shop/web1 state drain': Permission denied; the socket needs 'level admin'" in caught.value.message
    assert balancer.server("shop/web1").word == "in_service"


def test_the_runtime_api_on_a_tcp_socket(balancer):
    transport = SocketTransport(("127.0.0.1", balancer.port))
    assert driver(transport, backend="shop").enter(30).changed
    assert driver(transport, backend="shop").leave("in_service", 30).changed


def test_verify(balancer):
    tested = driver(balancer.transport)
    tested.verify("left")
    with pytest.raises(MaintenanceFailed, match="not seen as entered at haproxy: shop/web1 is UP"):
        tested.verify("entered")
    tested.enter(30)
    tested.verify("entered")
    assert tested.prior() == "maintenance"
    with pytest.raises(MaintenanceFailed, match="not seen as left at haproxy: shop/web1 is MAINT"):
        tested.verify("left")


def test_a_prior_state_that_was_never_reported_is_refused(balancer):
    with pytest.raises(BadInput, match="prior_state 'fine' is not what entering reported"):
        driver(balancer.transport).leave("fine", 30)


HAPROXY_NAME = st.text("abcXYZ019_.:-", min_size=1)


@given(st.text(min_size=1))
def test_a_name_that_could_be_a_command_is_refused_before_anything_is_sent(name):
    allowed = all(char.isascii() and (char.isalnum() or char in "_.:-") for char in name)
    for option in ("server", "backend"):
        try:
            checked("driver haproxy", KIND.options, {option: name})
        except BadInput as error:
            assert not allowed and "\n" not in error.message
        else:
            assert allowed


@pytest.mark.parametrize("name", ["web1;shutdown", "web1\nset", "web1 ", "a/b", "", "wéb", "<<web1"])
def test_a_host_whose_name_could_be_a_command_is_refused(name, context):
    with pytest.raises(BadInput, match="can't be a server's name in haproxy"):
        KIND.build(name, checked("driver haproxy", KIND.options, {}), context)
