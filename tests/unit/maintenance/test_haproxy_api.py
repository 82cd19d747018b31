# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy says, as recorded from HAProxy 2.6, and the socket it says it on."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import MaintenanceFailed, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._haproxy_api import (Api, SocketTransport, parse_address,
                                                                                                   parse_servers, parse_stat)
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parent / "data" / "haproxy-2.6"


def text(name):
    return (DATA / name).read_text()


@pytest.fixture(scope="module")
def servers():
    return {server.path: server for server in parse_servers(text("show-servers-state.txt"))}


def test_every_server_is_read(servers):
    assert list(servers) == ["shop/web1", "shop/web2", "shop/web3", "shop/web4", "shop/sorry", "shop/follower", "shop/off",
                             "shop/weightless", "raw/web-1.example:8080", "raw/nowhere"]


@pytest.mark.parametrize("path, word, up, usable, checked, own_state", [
    ("shop/web1", "in_service", True, True, True, None),
    ("shop/web2", "draining", True, False, True, "drain"),
    ("shop/web3", "in_service", False, False, True, None),
    ("shop/sorry", "in_service", True, True, False, None),
    ("shop/off", "maintenance", False, False, False, "maint"),
    ("shop/weightless", "in_service", True, False, False, None),
    ("raw/nowhere", "maintenance", False, False, False, None),
])
def test_states(servers, path, word, up, usable, checked, own_state):
    server = servers[path]
    assert (server.word, server.up, server.usable, server.checked, server.own_state) == (word, up, usable, checked, own_state)


@pytest.mark.parametrize("admin, word, own_state", [
    (0x40, "in_service", None), (0x40 | 0x01, "maintenance", "maint"), (0x40 | 0x08, "draining", "drain"), (0x02, "maintenance", None),
    (0x04, "in_service", None), (0x20, "maintenance", None), (0x40 | 0x20, "maintenance", None)])
def test_only_what_keeps_a_server_out_is_maintenance(servers, admin, word, own_state):
    """A name that was set at run time or came from a SRV record (0x40) keeps nothing out."""
    server = replace(servers["shop/web1"], admin=admin)
    assert (server.word, server.own_state) == (word, own_state)


def test_usage():
    usage = parse_stat(text("show-stat.csv"))
    assert usage["raw", "web-1.example:8080"].sessions == 3
    assert [server for (_backend, server), found in usage.items() if found.backup] == ["sorry"]
    assert usage["shop", "web4"].check == "L4CON: Connection refused"
    assert usage["raw", "nowhere"].status == "MAINT (resolution)"


def test_a_reason_with_commas_and_quotes_does_not_shift_the_columns():
    web3 = parse_stat(text("show-stat.csv"))["shop", "web3"]
    assert (web3.check, web3.status, web3.sessions) == ('L7STS: Out, "of" order', "DOWN", 0)


def test_what_a_host_says_in_its_check_can_not_move_a_terminal():
    hostile = text("show-stat.csv").replace('Out, ""of"" order', "\x1b[2J\x07gone")
    assert parse_stat(hostile)["shop", "web3"].check == "L7STS: ?[2J?gone"


@pytest.mark.parametrize("answer, said", [
    ("", "nothing"), ("Permission denied\n\n", "Permission denied"), ("2\n# be_id\n", "2"), ("Can't find backend.\n\n", "Can't find")])
def test_an_answer_that_is_no_table_is_a_failure_that_repeats_it(answer, said):
    with pytest.raises(ParseFailed, match="answered %s" % said):
        parse_servers(answer)
    with pytest.raises(ParseFailed, match="answered %s" % said):
        parse_stat(answer)


def test_a_column_that_is_gone_is_a_failure():
    with pytest.raises(ParseFailed, match="srv_admin_state"):
        parse_servers(text("show-servers-state.txt").replace("srv_admin_state", "srv_other"))
    with pytest.raises(ParseFailed, match="count of sessions"):
        parse_stat(text("show-stat.csv").replace("scur", "other"))


@given(st.text())
def test_no_answer_makes_the_parsers_fail_in_another_way(answer):
    for parser in (parse_servers, parse_stat):
        try:
            parser(answer)
        except ParseFailed as error:
            assert "\n" not in error.message


class Answers:
    def __init__(self, answer):
        self.answer, self.sent = answer, []

    def ask(self, command):
        self.sent.append(command)
        return self.answer

    def __str__(self):
        return "/admin.sock"


@pytest.mark.parametrize("name, words", [
    ("refused-no-server.txt", "No such server."), ("refused-no-backend.txt", "No such backend."),
    ("refused-level.txt", "Permission denied; the socket needs 'level admin'"),
    ("refused-tracking-health.txt", "cannot change health on a tracking server.")])
def test_every_refusal_is_a_failure(name, words):
    with pytest.raises(MaintenanceFailed) as caught:
        Api(Answers(text(name))).change("set server shop/web1 state drain")
    assert caught.value.message == "haproxy at /admin.sock refused 'set server shop/web1 state drain': " + words


def test_no_answer_is_no_refusal():
    Api(Answers(text("done.txt"))).change("set server shop/web1 state drain")


@given(st.text(";\n\r<>\\\"' abc/", min_size=1).filter(lambda text: set(text) - set("abc/ ")))
def test_nothing_that_could_hold_two_commands_is_sent(command):
    transport = Answers("\n")
    with pytest.raises(MaintenanceFailed, match="refused to send"):
        Api(transport).change(command)
    assert transport.sent == []


@pytest.mark.parametrize("given_text, address", [
    ("/run/haproxy/admin.sock", "/run/haproxy/admin.sock"), ("lb1.example:9999", ("lb1.example", 9999)), ("[::1]:9999", ("::1", 9999))])
def test_addresses(given_text, address):
    assert parse_address(given_text) == address


@pytest.mark.parametrize("given_text", ["admin.sock", "lb1", "lb1:", ":9999", "lb1:0", "lb1:99999", "lb1:http", ""])
def test_addresses_that_are_none(given_text):
    with pytest.raises(ValueError, match="neither the absolute path of a socket nor host:port"):
        parse_address(given_text)


def test_a_socket_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MaintenanceFailed) as caught:
        SocketTransport(str(tmp_path / "admin.sock")).ask("show stat")
    assert "at %s/admin.sock can't be used: No such file or directory; does haproxy run there" % tmp_path in caught.value.message


@pytest.fixture
def listener():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen(1)
        yield found


def test_an_api_that_never_answers_is_a_failure(listener):
    with pytest.raises(MaintenanceFailed, match="did not answer 'show stat' within 0.05 s"):
        SocketTransport(listener.getsockname(), limit=0.05).ask("show stat")


def test_an_api_that_answers_without_end_is_a_failure(listener):
    """Each part comes in time; the whole never does."""

    def drip():
        connection = listener.accept()[0]
        try:
            for _part in range(100):
                connection.sendall(b"x")
                time.sleep(0.01)
        except OSError:
            pass
        connection.close()

    threading.Thread(target=drip, daemon=True).start()
    with pytest.raises(MaintenanceFailed, match="did not answer"):
        SocketTransport(listener.getsockname(), limit=0.05).ask("show stat")
