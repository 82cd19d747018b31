# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The deployment's own checks, run on the host itself: a URL, a TCP port, a systemd unit, a command, the cluster it is a member of.

Each is a dict with one of the keys ``url, tcp, unit, command, cluster``, its options beside it, and a ``name``.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..clock import Clock, Deadline
from ..errors import BadInput, PatchtrainError
from ..options import Option, Options, argv, boolean, checked, seconds
from ..runner import Runner
from ..text import last_line

DEFAULT_TIMEOUT = 5.0
Run = Callable[[Runner, float], Optional[str]]
"""Gets the runner and a limit in seconds, and returns what is wrong in one line, None where all is well."""
Kind = Tuple[Options, Callable[[Mapping[str, Any]], Run]]

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,255}")


@dataclass(frozen=True)
class Check:
    name: str
    timeout: float
    run: Run


def parse_checks(given: Any) -> List[Check]:
    """The checks as they were given, or ``BadInput`` with the number and name of the first that is wrong."""
    if not isinstance(given, (list, tuple)):
        raise BadInput("checks is no list; give a list of dicts such as {url: http://127.0.0.1/}")
    checks = [_parse(number, item) for number, item in enumerate(given, 1)]
    names = [check.name for check in checks]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise BadInput("two checks are called %r; give them different names" % double[0], check=double[0])
    return checks


def run_checks(checks: Sequence[Check], runner: Runner, limit: float, clock: Clock) -> List[Dict[str, Any]]:
    """All of them one after another, never longer than ``limit`` together; one that could not be run has failed."""
    deadline = Deadline(limit, clock)
    return [_result(check, _run(check, runner, min(check.timeout, deadline.left))) for check in checks]


def _run(check: Check, runner: Runner, limit: float) -> Optional[str]:
    if limit <= 0:
        return "there was no time left for it"
    try:
        return check.run(runner, limit)
    except PatchtrainError as error:
        return error.message


def _result(check: Check, problem: Optional[str]) -> Dict[str, Any]:
    return {"name": check.name, "ok": problem is None, "message": problem or "ok"}


def _within(limit: float, work: Callable[[], Optional[str]]) -> Optional[str]:
    """Look up and read no longer than the limit: a resolver or a server that drips its answer knows no other end."""
    answers: List[Optional[str]] = []
    thread = threading.Thread(target=lambda: answers.append(work()), daemon=True)
    thread.start()
    thread.join(limit)
    unfinished = thread.is_alive()
    if answers:
        return answers[0]
    return "no complete answer within %g s" % limit if unfinished else "the check broke; this is a mistake in it"


def _parse(number: int, given: Any) -> Check:
    where = "check %d" % number
    kinds = [kind for kind in _KINDS if isinstance(given, Mapping) and given.get(kind) is not None]
    if len(kinds) != 1:
        raise BadInput("%s must be a dict with exactly one of: %s" % (where, ", ".join(_KINDS)), check=number)
    kind = kinds[0]
    spec, build = _KINDS[kind]()
    options = checked("%s (%s)" % (where, kind), dict(_COMMON, **spec, **_more(kind, given)), given)
    return Check(options["name"] or _default_name(kind, options[kind]), options["timeout"], build(options))


def _more(kind: str, given: Mapping[str, Any]) -> Options:
    """What may stand beside one of several clusters."""
    if kind != "cluster":
        return {}
    from . import clusters

    return clusters.options_of(given["cluster"])


def _default_name(kind: str, value: Any) -> str:
    return "%s %s" % (kind, " ".join(value) if isinstance(value, list) else "%s:%d" % value if isinstance(value, tuple) else value)


# The kinds


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("%r is no printable text" % (value,))
    return value


def _tcp_address(value: Any) -> Tuple[str, int]:
    """``host:port``, ``[v6]:port``, or a dict with host and port."""
    if isinstance(value, Mapping) and set(value) == {"host", "port"}:
        host, port = str(value["host"]), str(value["port"])
    else:
        host, _colon, port = str(value).rpartition(":")
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not host.isprintable() or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError("%r is no address; give host:port, or a dict with host and port" % (value,))
    return host, int(port)


def _tcp(options: Mapping[str, Any]) -> Run:
    host, port = options["tcp"]

    def connect(limit: float) -> Optional[str]:
        try:
            socket.create_connection((host, port), limit).close()
        except (OSError, UnicodeError) as error:
            return "no connection to %s port %d: %s" % (host, port, getattr(error, "strerror", None) or error)
        return None
    return lambda runner, limit: _within(limit, lambda: connect(limit))


def _unit_name(value: Any) -> str:
    if not isinstance(value, str) or not _UNIT.fullmatch(value):
        raise ValueError("%r is no systemd unit's name; give one such as nginx.service" % (value,))
    return value


def _unit(options: Mapping[str, Any]) -> Run:
    name = options["unit"]

    def run(runner: Runner, limit: float) -> Optional[str]:
        done = runner.run(["systemctl", "is-active", "--", name], limit=limit)
        state = last_line(done.stdout or done.stderr)
        return None if done.rc == 0 and state == "active" else "unit %s is %s" % (name, state)
    return run


def _command(options: Mapping[str, Any]) -> Run:
    words = options["command"]

    def run(runner: Runner, limit: float) -> Optional[str]:
        done = runner.run(words, limit=limit)
        said = last_line(done.stderr.strip() or done.stdout)
        return None if done.rc == 0 else "%s ended with rc %d and said: %s" % (words[0], done.rc, said)
    return run


def _url(options: Mapping[str, Any]) -> Run:
    from . import web

    request = web.Request(options["url"], options["headers"], options["status"], options["contains"], options["validate_certs"],
                          options["redirects"])
    return lambda runner, limit: _within(limit, lambda: web.problem(request, limit))


# What HTTP and clusters need is imported where they are asked for: who asks has taken the host out of service.


def _urls() -> Kind:
    from . import web

    return {"url": Option(web.checked_url), "status": Option(web.checked_status, default=()), "contains": Option(_text),
            "headers": Option(web.checked_headers, default={}), "validate_certs": Option(boolean, default=True),
            "redirects": Option(web.checked_redirects, default=web.SAME)}, _url


def _clusters() -> Kind:
    from . import clusters

    return {"cluster": Option(clusters.checked_kind)}, clusters.build


_COMMON = {"name": Option(_text), "timeout": Option(seconds, default=DEFAULT_TIMEOUT)}

_KINDS: Dict[str, Callable[[], Kind]] = {
    "url": _urls,
    "tcp": lambda: ({"tcp": Option(_tcp_address)}, _tcp),
    "unit": lambda: ({"unit": Option(_unit_name)}, _unit),
    "command": lambda: ({"command": Option(argv)}, _command),
    "cluster": _clusters,
}
