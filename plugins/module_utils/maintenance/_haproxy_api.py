# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""HAProxy's runtime API: one command a connection, answers in text, errors in text too and without any code.

``;`` and line breaks separate commands there, so a name is only ever sent when it is made of what HAProxy itself allows in
names. What an answer means is decided by what is read afterwards, in the driver.
"""

from __future__ import annotations

import csv
import io
import re
import socket
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple, Union

from ..clock import Clock, Deadline
from ..errors import MaintenanceFailed, ParseFailed
from ..text import first_line
from .driver import DRAINING, IN_SERVICE, MAINTENANCE

ANSWER_LIMIT = 10.0
_LARGEST_ANSWER = 64 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_STATE_FORMAT = "1"

# Bits of srv_admin_state: forced, inherited from a server that it tracks, without an address because its name does not resolve.
# 0x04 (disabled in the configuration) only says how it began, 0x40 (its name was set at run time, as SRV records do) keeps nothing out.
_MAINT_BITS = 0x01 | 0x02 | 0x20
_DRAIN_BITS = 0x08 | 0x10
_OWN_MAINT = 0x01
_OWN_DRAIN = 0x08
# Bits of srv_check_state: configured, enabled, paused.
_CHECK_BITS, _CHECK_ON = 0x02 | 0x04 | 0x08, 0x02 | 0x04
# srv_op_state: stopped, starting (slow start, takes traffic), running, stopping (takes no new traffic).
_TAKES_TRAFFIC = (1, 2)


class NotAnswering(MaintenanceFailed):
    """Nobody answers at the runtime API: HAProxy does not run, is just being restarted, or listens elsewhere."""

    @property
    def kind(self) -> str:
        """Only the driver needs to tell it apart."""
        return MaintenanceFailed.__name__


Address = Union[str, Tuple[str, int]]


@dataclass(frozen=True)
class Usage:
    """What ``show stat`` says of one server: the work it has, and why it is up or down."""

    sessions: int = 0
    status: str = ""
    check: str = ""
    backup: bool = False
    agent: str = ""


@dataclass(frozen=True)
class Server:
    """One server of one backend, as ``show servers state`` gives it, with its usage."""

    backend: str
    backend_id: str
    name: str
    server_id: str
    operation: int
    admin: int
    weight: int
    check_state: int
    usage: Usage = Usage()
    agent_state: int = 0

    @property
    def path(self) -> str:
        return "%s/%s" % (self.backend, self.name)

    @property
    def word(self) -> str:
        """Whether it is meant to take work; where its name does not resolve, it can't."""
        if self.admin & _MAINT_BITS:
            return MAINTENANCE
        return DRAINING if self.admin & _DRAIN_BITS else IN_SERVICE

    @property
    def own_state(self) -> Optional[str]:
        """The ``state`` that was set on this very server; None where there is none, or only that of a server it tracks."""
        if self.admin & _OWN_MAINT:
            return "maint"
        return "drain" if self.admin & _OWN_DRAIN else None

    @property
    def up(self) -> bool:
        return self.operation in _TAKES_TRAFFIC

    @property
    def usable(self) -> bool:
        return self.up and self.word == IN_SERVICE and self.weight > 0

    @property
    def checked(self) -> bool:
        """Whether health checks of its own decide on it."""
        return self.check_state & _CHECK_BITS == _CHECK_ON

    @property
    def has_agent(self) -> bool:
        """Whether a program on the host has a say in state and weight."""
        return self.agent_state & _CHECK_BITS == _CHECK_ON


def is_name(text: str) -> bool:
    """Whether HAProxy could have a backend or server of this name."""
    return bool(_NAME.fullmatch(text))


def parse_address(text: str) -> Address:
    """An absolute path is a unix socket, ``host:port`` or ``[v6]:port`` a TCP socket; anything else a ``ValueError``."""
    if text.startswith("/"):
        return text
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("%r is neither the absolute path of a socket nor host:port" % text)
    return (host, int(port))


def parse_servers(text: str) -> List[Server]:
    """The servers in an answer to ``show servers state``."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or lines[0].strip() != _STATE_FORMAT or not lines[1].startswith("#"):
        raise ParseFailed("haproxy answered %s to 'show servers state'" % first_line(text))
    columns = lines[1].lstrip("# ").split()
    return [_server(dict(zip(columns, line.split()))) for line in lines[2:]]


def _server(row: Dict[str, str]) -> Server:
    try:
        return Server(row["be_name"], row["be_id"], row["srv_name"], row["srv_id"], int(row["srv_op_state"]),
                      int(row["srv_admin_state"]), int(row["srv_uweight"]), int(row["srv_check_state"]),
                      agent_state=int(row["srv_agent_state"]))
    except (KeyError, ValueError) as error:
        raise ParseFailed("haproxy's 'show servers state' has a row without %s: %s" % (error, first_line(str(row)))) from error


def parse_stat(text: str) -> Dict[Tuple[str, str], Usage]:
    """The usage of each (backend, server) in an answer to ``show stat``."""
    if not text.startswith("# pxname,"):
        raise ParseFailed("haproxy answered %s to 'show stat'" % first_line(text))
    rows = csv.DictReader(io.StringIO(text[2:].strip("\n"), newline=""))
    return {(row["pxname"], row["svname"]): _usage(row) for row in rows}


def _usage(row: Dict[str, Any]) -> Usage:
    try:
        sessions = int(row["scur"]) + int(row["qcur"] or 0)
    except (KeyError, TypeError, ValueError) as error:
        raise ParseFailed("haproxy's 'show stat' has a row without a count of sessions: %s" % first_line(str(row))) from error
    check = ": ".join(part for part in (row.get("check_status"), row.get("last_chk") or row.get("check_desc")) if part)
    agent = ": ".join(part for part in (row.get("agent_status"), row.get("last_agt") or row.get("agent_desc")) if part)
    return Usage(sessions, row.get("status") or "", first_line(check) if check else "", row.get("bck") == "1", first_line(agent) if agent else "")


class Transport(Protocol):
    def ask(self, command: str) -> str:
        """Send one command, return the whole answer; ``MaintenanceFailed`` where that can't be done."""


class SocketTransport:
    """The runtime API on a unix or TCP socket; each command has ``limit`` seconds for its whole answer."""

    def __init__(self, address: Address, limit: float = ANSWER_LIMIT) -> None:
        self._address = address
        self._limit = limit

    def ask(self, command: str) -> str:
        deadline = Deadline(self._limit, Clock())
        try:
            with self._connect() as connection:
                connection.sendall(command.encode("ascii") + b"\n")
                return self._receive(connection, deadline).decode("utf-8", "replace")
        except socket.timeout as error:
            raise NotAnswering("haproxy's runtime API at %s did not answer %r within %g s"
                               % (self, command, self._limit), socket=str(self)) from error
        except OSError as error:
            raise NotAnswering(
                "haproxy's runtime API at %s can't be used: %s; does haproxy run there, with 'stats socket %s level admin', and may "
                "this user use it?" % (self, error.strerror or error, self), socket=str(self)) from error

    def _connect(self) -> socket.socket:
        if not isinstance(self._address, str):
            return socket.create_connection(self._address, self._limit)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._limit)
            connection.connect(self._address)
        except OSError:
            connection.close()
            raise
        return connection

    @staticmethod
    def _receive(connection: socket.socket, deadline: Deadline) -> bytes:
        answer = bytearray()
        while len(answer) < _LARGEST_ANSWER:
            connection.settimeout(max(deadline.left, 0.001))
            part = connection.recv(65536)
            if not part:
                return bytes(answer)
            answer += part
        raise OSError("its answer does not end")

    def __str__(self) -> str:
        return self._address if isinstance(self._address, str) else "%s:%d" % self._address


class ReadOnly:
    """A transport for check mode: whatever would change something is a failure."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ask(self, command: str) -> str:
        if not command.startswith("show "):
            raise MaintenanceFailed("check mode refused to send %r to haproxy; this is a mistake in the driver" % command)
        return self._transport.ask(command)

    def __str__(self) -> str:
        return str(self._transport)


class Api:
    """The few commands that the driver needs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def __str__(self) -> str:
        return str(self._transport)

    def servers(self) -> List[Server]:
        """Every server of every backend, without usage."""
        return parse_servers(self._ask("show servers state"))

    def with_usage(self, servers: Sequence[Server]) -> List[Server]:
        """The same servers with what they have to do; servers and backends appear and vanish at run time, so one that is
        not in the statistics any more is left out."""
        usage: Dict[Tuple[str, str], Usage] = {}
        for backend_id in sorted({server.backend_id for server in servers}, key=int):
            usage.update(parse_stat(self._ask("show stat %d 4 -1" % int(backend_id))))
        return [replace(s, usage=usage[s.backend, s.name]) for s in servers if (s.backend, s.name) in usage]

    def change(self, command: str) -> None:
        """Send what changes something. HAProxy says nothing to that unless it refuses."""
        answer = self._ask(command)
        if answer.strip():
            hint = "; the socket needs 'level admin'" if "Permission denied" in answer else ""
            raise MaintenanceFailed("haproxy at %s refused %r: %s%s" % (self, command, first_line(answer), hint), socket=str(self))

    def _ask(self, command: str) -> str:
        if re.search(r"[^A-Za-z0-9_.:/ -]", command):
            raise MaintenanceFailed("refused to send %r to haproxy: a character in it could begin another command" % command)
        return self._transport.ask(command)


def command_set(server: Server, state: str) -> str:
    """``state``: ready, drain or maint."""
    return "set server %s state %s" % (server.path, state)


def command_health_down(server: Server) -> str:
    return "set server %s health down" % server.path


def command_weight(server: Server, weight: int) -> str:
    return "set server %s weight %d" % (server.path, weight)
