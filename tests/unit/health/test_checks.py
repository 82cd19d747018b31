# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment's own checks, against real servers on loopback and real programs."""

from __future__ import annotations

import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.checks import parse_checks, run_checks
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner
from hypothesis import given, settings
from hypothesis import strategies as st


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the path says: /status/503, /redirect?to=URL, /drip; else a short page with the Host header."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/redirect?to="):
            self.send_response(302)
            self.send_header("Location", self.path.split("=", 1)[1])
            self.end_headers()
        elif self.path == "/drip":
            self._drip()
        else:
            self.send_response(int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200)
            self.end_headers()
            self.wfile.write(("all is well at %s" % self.headers["Host"]).encode())

    def _drip(self):
        """Headers that never end, each of them in time."""
        try:
            while not self.server.ended.wait(0.02):
                self.wfile.write(b"HTTP/1.0 200 OK\r\n" if not self.server.dripped else b"X-A: b\r\n")
                self.server.dripped += 1
        except OSError:
            pass

    def log_message(self, *args):
        """Silent."""


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.dripped, self.ended = [], 0, threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that went away is no news."""

    def url(self, path="/", scheme="http"):
        return "%s://127.0.0.1:%d%s" % (scheme, self.server_port, path)

    def stop(self):
        self.ended.set()
        self.shutdown()
        self.server_close()


@pytest.fixture(scope="module")
def web():
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def other_web():
    server = Server()
    yield server
    server.stop()


def run(check, runner=None, limit=20):
    result, = run_checks(parse_checks([check]), runner or SystemRunner(), limit, Clock())
    assert result["ok"] is (result["message"] == "ok")
    return result["message"]


def test_a_url_that_answers(web):
    assert run({"url": web.url()}) == "ok"
    assert run({"url": web.url(), "contains": "all is well", "status": 200}) == "ok"
    assert run({"url": web.url(), "contains": "at shop.example", "headers": {"Host": "shop.example"}}) == "ok"
    assert run({"url": web.url("/status/204")}) == "ok"
    assert run({"url": web.url("/status/503"), "status": [200, 503]}) == "ok"


def test_a_url_that_answers_wrongly(web):
    assert run({"url": web.url("/status/503")}) == "status 503, wanted 200 to 299"
    assert run({"url": web.url(), "status": [201, 404]}) == "status 200, wanted 201, 404"
    assert run({"url": web.url(), "contains": "<ok>"}).endswith("does not contain '<ok>'")


def test_redirects_go_nowhere_else_unless_allowed(web, other_web):
    elsewhere = {"url": web.url("/redirect?to=" + other_web.url("/there"))}
    assert run(elsewhere) == "it redirects elsewhere, to %s; say redirects: any if it may" % other_web.url("/there")
    assert other_web.asked == []
    assert run(dict(elsewhere, redirects="any")) == "ok"
    assert other_web.asked == ["/there"]
    assert run({"url": web.url("/redirect?to=/here")}) == "ok"
    assert run({"url": web.url("/redirect?to=/here"), "redirects": "none"}) == "status 302, wanted 200 to 299"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/"])
def test_redirects_never_leave_the_web(web, target):
    assert "ok" != run({"url": web.url("/redirect?to=" + target), "redirects": "any"})


def test_a_proxy_of_the_environment_is_not_used(web, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    assert run({"url": web.url()}) == "ok"


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert run({"url": "http://127.0.0.1:%d/" % port}) == "Connection refused"
        assert run({"tcp": "127.0.0.1:%d" % port}) == "no connection to 127.0.0.1 port %d: Connection refused" % port


def test_a_server_that_never_answers_and_one_that_drips(web):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        assert "within 0.1 s" in run({"url": "http://127.0.0.1:%d/" % silent.getsockname()[1], "timeout": 0.1})
    begun = time.monotonic()
    assert run({"url": web.url("/drip"), "timeout": 0.2}) == "no complete answer within 0.2 s"
    assert time.monotonic() - begun < 5


def test_a_server_that_speaks_something_else():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)

        def speak():
            connection = server.accept()[0]
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-x\x1b[2J\r\n")
            connection.close()

        threading.Thread(target=speak, daemon=True).start()
        message = run({"url": "http://127.0.0.1:%d/" % server.getsockname()[1]})
        assert message != "ok" and "\x1b" not in message


def test_certificates_are_validated_unless_told_otherwise(tmp_path):
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    key, cert = str(tmp_path / "key"), str(tmp_path / "cert")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    try:
        assert "certificate verify failed" in run({"url": server.url(scheme="https")})
        assert run({"url": server.url(scheme="https"), "validate_certs": False}) == "ok"
    finally:
        server.stop()


def test_tcp(web):
    assert run({"tcp": "127.0.0.1:%d" % web.server_port}) == "ok"
    assert run({"tcp": {"host": "127.0.0.1", "port": web.server_port}}) == "ok"


def test_commands():
    assert run({"command": ["true"]}) == "ok"
    assert run({"command": ["sh", "-c", "echo fine; printf 'disk\\033[2J full' >&2; exit 3"]}) == "sh ended with rc 3 and said: disk?[2J full"
    assert run({"command": ["false"]}) == "false ended with rc 1 and said: nothing"
    assert run({"command": ["/nowhere/tool"]}) == "/nowhere/tool can't be run: No such file or directory"
    assert run({"command": ["sleep", "60"], "timeout": 0.05}) == "sleep did not end within 0.05 s"


class Systemctl:
    def __init__(self, rc, out):
        self._rc, self._out, self.ran = rc, out, None

    def run(self, argv, limit=0):
        self.ran = argv
        return Completed(tuple(argv), self._rc, self._out, "")


@pytest.mark.parametrize("rc, out, message", [(0, "active\n", "ok"), (3, "failed\n", "unit a.service is failed"),
                                              (3, "inactive\n", "unit a.service is inactive"), (0, "reloading\n", "unit a.service is reloading"),
                                              (4, "", "unit a.service is nothing")])
def test_units(rc, out, message):
    systemctl = Systemctl(rc, out)
    assert run({"unit": "a.service"}, systemctl) == message
    assert systemctl.ran == ["systemctl", "is-active", "--", "a.service"]


class Pacemaker:
    """The tools of a recorded cluster."""

    def __init__(self, state):
        self._data = Path(__file__).parents[1] / "maintenance" / "data" / "pacemaker-2.1.5" / state
        self.limits = []

    def run(self, argv, limit=0, stdin=""):
        self.limits.append(limit)
        return Completed(tuple(argv), 0, (self._data / ("cib.xml" if argv[0] == "cibadmin" else "simulate.xml")).read_text(), "")


@pytest.mark.parametrize("state, more, message", [
    ("standby", {}, "ok"), ("peer-offline", {}, "node ha2 is offline"), ("failed", {}, "resource front-service is not started"),
    ("failed", {"ignore": ["front"]}, "ok")])
def test_a_cluster_is_whole_also_while_this_node_is_in_standby(state, more, message):
    pacemaker = Pacemaker(state)
    assert run(dict(more, cluster="pacemaker", timeout=7), pacemaker) == message
    assert all(limit <= 7 for limit in pacemaker.limits)


def test_checks_share_what_time_is_left():
    now = [0.0]

    class Slow(Systemctl):
        def run(self, argv, limit=0):
            now[0] += limit
            return super().run(argv, limit)

    checks = parse_checks([{"unit": name, "timeout": 4} for name in ("a", "b", "c")])
    results = run_checks(checks, Slow(0, "active\n"), 6, Clock(lambda: now[0]))
    assert [result["message"] for result in results] == ["ok", "ok", "there was no time left for it"]
    assert now == [6.0]


@pytest.mark.parametrize("check, name", [
    ({"url": "http://127.0.0.1/x"}, "url http://127.0.0.1/x"), ({"tcp": "[::1]:80"}, "tcp ::1:80"), ({"unit": "a"}, "unit a"),
    ({"command": ["test", "-e", "/x"]}, "command test -e /x"), ({"unit": "a", "name": "the queue"}, "the queue")])
def test_names(check, name):
    assert parse_checks([check])[0].name == name


@pytest.mark.parametrize("checks, words", [
    ("http://x/", "checks is no list"),
    (["http://x/"], "check 1 must be a dict with exactly one of: url, tcp, unit, command, cluster"),
    ([{"name": "x"}], "check 1 must be a dict with exactly one of"),
    ([{"unit": "a"}, {"unit": "a", "tcp": "x:1"}], "check 2 must be a dict with exactly one of"),
    ([{"unit": "a", "status": 200}], "check 1 (unit) has no option 'status'; it has: name, timeout, unit"),
    ([{"url": "ftp://x/"}], "check 1 (url): option url: 'ftp://x/' is no http or https URL"),
    ([{"url": "http://x:99999/"}], "is no http or https URL"), ([{"url": "http:///x"}], "is no http or https URL"),
    ([{"url": "http://x/\nHost: y"}], "is no http or https URL"), ([{"url": "http://x/a b"}], "is no http or https URL"),
    ([{"url": "http://me:secret@x/"}], "user and password can't stand in the URL"),
    ([{"url": "http://x/", "status": "fine"}], "'fine' is no HTTP status"), ([{"url": "http://x/", "status": []}], "[] is no HTTP status"),
    ([{"url": "http://x/", "headers": {"A": "b\r\nC: d"}}], "is no dict of header names and texts"),
    ([{"url": "http://x/", "redirects": "yes"}], "is not one of same, any, none"),
    ([{"url": "http://x/", "timeout": -1}], "-1 is no number of seconds above zero"),
    ([{"tcp": "x"}], "'x' is no address"), ([{"tcp": "x:0"}], "is no address"), ([{"tcp": {"host": "x"}}], "is no address"),
    ([{"unit": "-H evil"}], "is no systemd unit's name"), ([{"unit": "a;b"}], "is no systemd unit's name"),
    ([{"command": "rm -rf /"}], "'rm -rf /' is a string; give the command as a list of words"),
    ([{"unit": "a"}, {"unit": "a"}], "two checks are called 'unit a'"),
])
def test_a_wrong_check_is_one_clear_line(checks, words):
    with pytest.raises(BadInput) as caught:
        parse_checks(checks)
    assert words in caught.value.message and "\n" not in caught.value.message


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3))
KEYS = st.sampled_from(["url", "tcp", "unit", "command", "name", "timeout", "status", "headers", "contains", "redirects"])


@given(ANYTHING | st.lists(st.dictionaries(KEYS, ANYTHING, max_size=4), max_size=3))
def test_whatever_is_given_is_understood_or_refused_in_one_line(checks):
    try:
        parse_checks(checks)
    except BadInput as error:
        assert "\n" not in error.message


@settings(max_examples=30)
@given(st.text(max_size=30))
def test_no_url_breaks_the_check(url):
    try:
        check, = parse_checks([{"url": "http://127.0.0.1:1/" + url}])
    except BadInput:
        return
    assert check.run(SystemRunner(), 5.0)
