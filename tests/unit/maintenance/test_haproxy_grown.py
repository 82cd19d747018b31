# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The haproxy driver where others have a say too: weights, agents, restarts, and drains that go on at the same moment. Against a real HAProxy."""

from __future__ import annotations

import shutil
import socketserver
import tempfile
import threading
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CannotMove, MaintenanceFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._haproxy_api import SocketTransport
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.haproxy import KIND, Haproxy
from ansible_collections.fleetops.patchtrain.plugins.module_utils.options import checked

from .conftest import Balancer, free_port, wait

pytestmark = pytest.mark.tools

CONFIG = """
global
    stats socket {dir}/admin.sock level admin
    stats socket ipv4@127.0.0.1:{port} level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout check 500ms
    default-server check inter 20ms fall 1 rise 2
listen shop
    bind {dir}/shop.sock
    server web1 unix@{dir}/web1.sock weight 100
    server web2 unix@{dir}/web2.sock weight 50
    server web3 unix@{dir}/web2.sock weight 1
listen pair
    bind {dir}/pair.sock
    server web1 unix@{dir}/web1.sock weight 100
    server web2 unix@{dir}/web2.sock weight 100
listen static
    balance static-rr
    bind {dir}/static.sock
    server fixed1 unix@{dir}/web1.sock weight 100
    server fixed2 unix@{dir}/web2.sock weight 100
listen watched
    bind {dir}/watched.sock
    server agent1 unix@{dir}/web1.sock weight 100 agent-check agent-addr 127.0.0.1 agent-port {agent} agent-inter 20ms
    server other2 unix@{dir}/web2.sock weight 100
"""


class Agent(socketserver.ThreadingTCPServer):
    """Answers each agent check with ``word``."""

    allow_reuse_address = daemon_threads = True
    word = "up"

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), self._handler())
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self):
        agent = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.sendall(agent.word.encode() + b"\n")

        return Handler


@pytest.fixture(scope="module")
def running():
    if not shutil.which("haproxy"):
        pytest.skip("haproxy is not installed")
    agent = Agent(free_port())
    with tempfile.TemporaryDirectory(prefix="pt-haproxy-") as folder:
        balancer = Balancer(Path(folder), CONFIG, agent=agent.server_address[1])
        balancer.agent = agent
        yield balancer
        balancer.stop()
    agent.shutdown()
    agent.server_close()


@pytest.fixture
def balancer(running):
    yield running
    for service in running.services.values():
        if not service.runs:
            service.start()
    running.agent.word = "up ready"
    wait(lambda: running.server("watched/agent1").word == "in_service" and running.server("watched/agent1").up, "the agent's consent")
    running.agent.word = "up"
    for path, weight in (("shop/web1", 100), ("shop/web2", 50), ("pair/web1", 100), ("watched/agent1", 100)):
        running.transport.ask("set server %s weight %d" % (path, weight))
    running.reset()


class Acting:
    """A clock whose sleeps last a moment; ``act`` is called in each."""

    def __init__(self, act=lambda: None):
        self._act = act
        self.passed = 0.0
        self._pause = threading.Event()

    def clock(self):
        return Clock(now=lambda: self.passed, sleep=self._sleep)

    def _sleep(self, seconds):
        self.passed += seconds
        self._act()
        self._pause.wait(0.005)


def driver(balancer, server="web1", acting=None, check_mode=False, transport=None, **options):
    known = checked("driver haproxy", KIND.options, options)
    return Haproxy(server, known, transport or balancer.transport, (acting or Acting()).clock(), check_mode)


# --- weights


def test_weights_go_down_in_steps_and_are_whole_again_once_the_server_is_drained(balancer):
    seen = []
    acting = Acting(lambda: seen.append((balancer.server("shop/web1").weight, balancer.server("pair/web1").weight, balancer.server("shop/web1").word)))
    tested = driver(balancer, acting=acting, weight_steps=3, weight_seconds=30)
    result = tested.enter(60)
    assert seen[:3] == [(75, 75, "in_service"), (50, 50, "in_service"), (25, 25, "in_service")] and acting.passed >= 30
    assert result.prior_state == "in_service:100" and balancer.server("shop/web1").word == "maintenance"
    assert balancer.server("shop/web1").weight == 100, "nothing is left to be given back"
    assert tested.leave(result.prior_state, 30).changed
    assert (balancer.server("shop/web1").word, balancer.server("shop/web1").weight) == ("in_service", 100)
    assert not tested.leave(result.prior_state, 30).changed


def test_each_backend_has_its_own_weight(balancer):
    result = driver(balancer, "web2", backend=["shop", "pair"], weight_steps=1).enter(60)
    assert result.prior_state == "pair=in_service:100,shop=in_service:50"


def test_a_drain_that_fails_gives_the_weight_back(balancer):
    with balancer.session_at("shop/web1"), pytest.raises(MaintenanceFailed, match="sessions did not end.*in service again"):
        driver(balancer, weight_steps=3, weight_seconds=3).enter(10)
    assert (balancer.server("shop/web1").word, balancer.server("shop/web1").weight) == ("in_service", 100)


def test_a_weight_that_a_cut_drain_left_behind_is_given_back(balancer):
    balancer.transport.ask("set server shop/web1 weight 25")
    told = driver(balancer, backend="shop", check_mode=True).leave("in_service:100", 30)
    assert told.changed and told.detail["would"] == ["set server shop/web1 weight 100"] and balancer.server("shop/web1").weight == 25
    assert driver(balancer, backend="shop").leave("in_service:100", 30).changed
    assert (balancer.server("shop/web1").word, balancer.server("shop/web1").weight) == ("in_service", 100)


def test_check_mode_tells_the_steps(balancer):
    would = driver(balancer, backend="pair", check_mode=True, weight_steps=2).enter(60).detail["would"]
    assert would[:3] == ["set server pair/web1 weight 66", "set server pair/web1 weight 33", "set server pair/web1 state drain"]


def test_a_weight_of_one_can_not_be_lowered_and_is_not_waited_for(balancer):
    acting = Acting()
    driver(balancer, "web3", acting, backend="shop", weight_steps=3, weight_seconds=300).enter(400)
    assert acting.passed < 300


def test_a_balancing_that_knows_no_weights_refuses_and_nothing_is_changed(balancer):
    with pytest.raises(MaintenanceFailed, match="refused 'set server static/fixed1 weight 50'.*undone: static/fixed1 is in service again|"
                                                "refused 'set server static/fixed1 weight 50'.*UNDOING") as caught:
        driver(balancer, "fixed1", weight_steps=1).enter(60)
    assert caught.value.data["undone"] is True
    assert balancer.server("static/fixed1").word == "in_service"


def test_steps_that_take_longer_than_the_limit_are_refused(balancer):
    with pytest.raises(BadInput, match="weight_seconds is 60, and the whole drain may take 30 s"):
        driver(balancer, weight_steps=2, weight_seconds=60).enter(30)


# --- agents


def agent_says(balancer, word, state):
    balancer.agent.word = word
    wait(lambda: balancer.server("watched/agent1").word == state, "the agent's word")


def test_a_server_that_its_agent_drains_is_found_so_and_left_so(balancer):
    agent_says(balancer, "drain", "draining")
    tested = driver(balancer, "agent1")
    result = tested.enter(30)
    assert (result.changed, result.prior_state) == (False, "draining")
    assert result.detail["servers"][0]["agent"]
    assert not tested.leave("draining", 30).changed and balancer.server("watched/agent1").word == "draining"


def test_an_agent_that_says_up_does_not_disturb(balancer):
    tested = driver(balancer, "agent1", weight_steps=1, weight_seconds=1)
    result = tested.enter(30)
    tested.verify("entered")
    assert tested.leave(result.prior_state, 30).changed


def test_an_agent_that_brings_the_server_back_is_named(balancer):
    with balancer.session_at("watched/agent1"):
        acting = Acting(lambda: setattr(balancer.agent, "word", "ready"))
        with pytest.raises(MaintenanceFailed, match=r"watched/agent1 is in service although taken out: .*does its agent bring it back"):
            driver(balancer, "agent1", acting).enter(1000)


def test_an_agent_that_keeps_the_server_out_is_named_and_it_goes_out_again(balancer):
    tested = driver(balancer, "agent1")
    tested.enter(30)
    balancer.agent.word = "down"
    with pytest.raises(MaintenanceFailed, match=r"did not pass their checks within 5 s: watched/agent1 is .*its agent: .*out of service as before"):
        tested.leave("in_service", 5)
    assert balancer.server("watched/agent1").word == "maintenance"


def test_a_health_check_that_fails_keeps_the_server_out(balancer):
    tested = driver(balancer, backend="shop")
    tested.enter(30)
    balancer.services["web1"].stop()
    with pytest.raises(MaintenanceFailed, match="did not pass their checks"):
        tested.leave("in_service", 5)
    assert balancer.server("shop/web1").word == "maintenance"


# --- restarts


def test_a_restart_in_the_middle_of_a_drain_fails_and_leaves_the_server_in_service(balancer):
    session = balancer.session_at("shop/web1")
    acts = iter([lambda: (session.close(), balancer.end()), lambda: None, lambda: balancer.start()])
    acting = Acting(lambda: next(acts, lambda: None)())
    with pytest.raises(MaintenanceFailed, match="can't be used: .*undone: shop/web1 is in service again") as caught:
        driver(balancer, acting=acting, backend="shop").enter(30)
    assert caught.value.data["undone"] is True and balancer.server("shop/web1").word == "in_service"


def test_a_fast_restart_in_the_middle_of_a_drain_is_noticed(balancer):
    session = balancer.session_at("shop/web1")
    acting = Acting(lambda: (session.close(), balancer.end(), balancer.start()))
    with pytest.raises(MaintenanceFailed, match="in service although taken out: was haproxy restarted.*undone"):
        driver(balancer, acting=acting, backend="shop").enter(30)


def test_a_balancer_that_stays_away_is_told_as_not_undone(balancer):
    session = balancer.session_at("shop/web1")
    with pytest.raises(MaintenanceFailed, match="UNDOING IT FAILED TOO") as caught:
        driver(balancer, acting=Acting(lambda: (session.close(), balancer.end())), backend="shop").enter(30)
    balancer.start()
    assert caught.value.data["undone"] is False


def test_a_restart_after_the_drain_is_seen_by_verify_and_leaving_finds_nothing_to_do(balancer):
    tested = driver(balancer, backend="shop")
    tested.enter(30)
    balancer.end()
    balancer.start()
    with pytest.raises(MaintenanceFailed, match="not seen as entered"):
        tested.verify("entered")
    assert not tested.leave("in_service", 30).changed


# --- several at once


class Meeting:
    """A transport that sends a drain once ``both`` have looked, and goes on once both have sent theirs; the first time."""

    def __init__(self, transport, both):
        self._transport = transport
        self._both = both
        self._met = False

    def ask(self, command):
        meets = command.endswith("state drain") and not self._met
        if meets:
            self._met = True
            self._both.wait(10)
        answer = self._transport.ask(command)
        if meets:
            self._both.wait(10)
        return answer


def test_of_two_that_drain_each_others_last_peer_at_one_moment_exactly_one_wins(balancer):
    both = threading.Barrier(2)
    ended = {}

    def enter(name):
        tested = Haproxy(name, checked("driver haproxy", KIND.options, {"backend": "pair", "poll": 0.01}),
                         Meeting(SocketTransport(str(balancer.socket)), both), Clock(), False)
        try:
            ended[name] = tested.enter(30)
        except CannotMove as error:
            ended[name] = error

    threads = [threading.Thread(target=enter, args=(name,)) for name in ("web1", "web2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ended["web1"].changed and balancer.server("pair/web1").word == "maintenance"
    assert isinstance(ended["web2"], CannotMove) and balancer.server("pair/web2").word == "in_service"
    assert "gone since the first look: web1; undone: pair/web2 is in service again" in ended["web2"].message


def test_names_at_the_balancer_need_not_be_those_of_the_inventory(balancer, context):
    options = {"server": "web1", "backend": ["shop", "pair"], "socket": "127.0.0.1:%d" % balancer.port}
    tested = KIND.build("a name; that haproxy could never have", checked("driver haproxy", KIND.options, options), context)
    assert tested.enter(30).changed
    assert [balancer.server(path).word for path in ("shop/web1", "pair/web1", "shop/web2")] == ["maintenance", "maintenance", "in_service"]
    assert tested.leave("in_service", 30).changed
