# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Driver ``haproxy``: a server is drained in one, several or all backends that have it, and brought back.

Entering: ``drain``, wait until no session is left, then ``maint``, because a drained server still gets clients that a cookie or
a stick table binds to it. Leaving: not straight to ``ready``, which HAProxy follows by traffic before any check has run, but to
``drain`` with its health set down, so that it has to pass as many checks as after any failure; only then ``ready``. A server that was only drained
(``then_maint`` false) was checked all the while, and is ready as soon as it is up.

HAProxy's state is what decides between two that drain at the same moment: peers are counted again after the drain, and a drain that has left too
few is undone at once. Of two that did so to each other, the one whose name sorts first tries once more.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ..clock import Clock, Deadline
from ..errors import BadInput, CannotMove, MaintenanceFailed
from ._haproxy_api import (Address, Api, NotAnswering, ReadOnly, Server, SocketTransport, Transport, command_health_down, command_set, command_weight,
                           is_name, parse_address)
from .driver import DRAINING, ENTERED, IN_SERVICE, LEFT, MAINTENANCE, NOTHING_BEGUN, UNDO_LIMIT, Context, Kind, Result, Undo, undoing
from ..options import Option, boolean, one_of, seconds, whole_number, words

_IN_SERVICE_AT = re.compile(IN_SERVICE + ":[0-9]{1,3}")
DEFAULT_SOCKET = "/run/haproxy/admin.sock"
_WORDS = (IN_SERVICE, DRAINING, MAINTENANCE)
_RIVALS_GIVE_WAY = 2.0
"""Seconds for which the one that goes first waits for the others to have undone their drains; it is in service itself meanwhile."""


def _name(value: Any) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise ValueError("%r can't be a name in haproxy; there are only letters, digits and _ . : - in those" % (value,))
    return value


def _names(value: Any) -> Tuple[str, ...]:
    return tuple(_name(word) for word in words(value))


def _address(value: Any) -> Address:
    return parse_address(str(value))


OPTIONS = {
    "backend": Option(_names),
    "server": Option(_name),
    "socket": Option(_address, default=DEFAULT_SOCKET),
    "mode": Option(one_of("drain", "maint"), default="drain"),
    "then_maint": Option(boolean, default=True),
    "min_peers": Option(whole_number, default=1),
    "count_backup": Option(boolean, default=False),
    "weight_steps": Option(whole_number, default=0),
    "weight_seconds": Option(seconds, default=30.0),
    "poll": Option(seconds, default=0.5),
}


class Haproxy:
    """One server at one HAProxy. ``transport`` is the runtime API."""

    def __init__(self, server: str, options: Mapping[str, Any], transport: Transport, clock: Clock, check_mode: bool) -> None:
        self._server = server
        self._backends: Optional[Tuple[str, ...]] = options["backend"]
        self._mode: str = options["mode"]
        self._then_maint: bool = options["then_maint"]
        self._min_peers: int = options["min_peers"]
        self._count_backup: bool = options["count_backup"]
        self._weight_steps: int = options["weight_steps"]
        self._weight_seconds: float = options["weight_seconds"]
        self._poll: float = options["poll"]
        self._api = Api(ReadOnly(transport) if check_mode else transport)
        self._clock = clock
        self._check_mode = check_mode

    def prior(self) -> str:
        return self._summary(self._look().mine)

    def enter(self, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        if self._weight_steps and self._weight_seconds >= limit:
            raise BadInput("weight_seconds is %g, and the whole drain may take %g s: give it a longer timeout" % (self._weight_seconds, limit))
        found = self._look()
        prior = self._summary(found.mine)
        todo = [server for server in found.mine if server.word == IN_SERVICE]
        self._refuse_last(found, todo)
        if self._check_mode:
            return Result(bool(todo), ENTERED, prior, self._detail(found, found, would=self._would_enter(todo)))
        seen = self._take_out_or_undo(found, todo, prior, deadline)
        return Result(bool(todo), ENTERED, prior, self._detail(found, seen))

    def _take_out_or_undo(self, found: _Seen, todo: Sequence[Server], prior: str, deadline: Deadline) -> _Seen:
        undo = Undo(lambda: self._put_back(todo), "%s in service again" % _paths(todo, "is", "are")) if todo else NOTHING_BEGUN
        try:
            return undoing(lambda: self._take_out(found, todo, deadline), undo, prior)
        except CannotMove as error:
            if not self._goes_first(todo, error.data.get("rivals")):
                raise
        return undoing(lambda: self._take_out(found, todo, deadline), undo, prior)

    def _goes_first(self, todo: Sequence[Server], rivals: Optional[Sequence[str]]) -> bool:
        """Whether it is this server's turn, among those that were drained at the same moment, and the others have given way."""
        if not rivals or min(rivals) < self._server:
            return False
        return Deadline(_RIVALS_GIVE_WAY, self._clock).until(lambda: not self._too_few(self._look(), todo), min(self._poll, 0.1))

    def verify(self, state: str) -> None:
        seen = self._look()
        good = _is_out if state == ENTERED else _is_in
        wrong = [server for server in seen.mine if not good(server)]
        if wrong:
            raise MaintenanceFailed("the host is not seen as %s at haproxy: %s" % (state, _describe(wrong)),
                                    detail=self._detail(None, seen))

    def leave(self, prior: str, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        found = self._look()
        ours = self._were_in_service(found, prior)
        todo = [server for server in ours if server.word != IN_SERVICE]
        weights = _other_weights(ours, prior)
        if self._check_mode or not ours:
            would = self._would_leave(todo) + [command_weight(server, weight) for server, weight in weights]
            return Result(bool(would), LEFT, prior, self._detail(found, found, would=would, note=_note(found, ours)))
        undo = Undo(lambda: self._take_back(todo), "%s out of service as before" % _paths(todo, "is", "are")) if todo else NOTHING_BEGUN
        seen = undoing(lambda: self._bring_back(todo, ours, weights, deadline), undo, prior)
        return Result(bool(todo or weights), LEFT, prior, self._detail(found, seen, note=_note(found, ours)))

    # Reading

    def _look(self) -> _Seen:
        """Our server in every backend that is meant, and its peers; what is missing is a failure that names it."""
        everything = self._api.servers()
        having = {s.backend for s in everything if s.name == self._server}
        wanted = self._backends or tuple(sorted(having))
        self._refuse_missing(wanted, having, {s.backend for s in everything})
        seen = self._api.with_usage([s for s in everything if s.backend in wanted])
        self._refuse_missing(wanted, {s.backend for s in seen if s.name == self._server}, {s.backend for s in everything})
        return _Seen(self._server, seen)

    def _refuse_missing(self, wanted: Sequence[str], having: Any, known: Any) -> None:
        if not wanted:
            raise MaintenanceFailed("no backend of the haproxy at %s has a server %s; its backends are: %s"
                                    % (self._api, self._server, _some(known)), server=self._server)
        for backend in wanted:
            if backend not in known:
                raise MaintenanceFailed("the haproxy at %s has no backend %s (or none with servers); it has: %s"
                                        % (self._api, backend, _some(known)), backend=backend)
            if backend not in having:
                raise MaintenanceFailed("backend %s of the haproxy at %s has no server %s"
                                        % (backend, self._api, self._server), backend=backend, server=self._server)

    def _refuse_last(self, seen: _Seen, todo: Sequence[Server], before: Optional[_Seen] = None) -> None:
        for server in self._too_few(seen, todo)[:1]:
            peers = seen.peers_in_service(server, self._count_backup)
            rivals = sorted(before.usable_names(server) - seen.usable_names(server)) if before else []
            raise CannotMove(
                "%s has %d other usable servers in backend %s, min_peers wants %d%s%s"
                % (server.path, peers, server.backend, self._min_peers, "" if self._count_backup else " (backup servers not counted)",
                   "; gone since the first look: %s" % ", ".join(rivals) if rivals else ""),
                backend=server.backend, server=server.name, peers_in_service=peers, min_peers=self._min_peers, rivals=rivals)

    def _too_few(self, seen: _Seen, todo: Sequence[Server]) -> List[Server]:
        return [server for server in todo if seen.peers_in_service(server, self._count_backup) < self._min_peers]

    # Changing

    def _set(self, servers: Sequence[Server], state: str) -> None:
        for server in servers:
            self._api.change(command_set(server, state))

    def _take_out(self, found: _Seen, todo: Sequence[Server], deadline: Deadline) -> _Seen:
        self._lower_weights(todo)
        self._set(todo, self._mode)
        # Somebody else may have drained a peer since we looked.
        self._refuse_last(self._await_idle(Deadline(0, self._clock), must_end=False), todo, found)
        if self._weight_steps:
            # Of no consequence while it is out of service, so nothing is left to be given back later.
            self._set_weights([(server, server.weight) for server in todo])
        seen = self._await_idle(deadline)
        if self._mode == "drain" and self._then_maint and todo:
            self._set(todo, "maint")
            seen = self._await_idle(deadline)
        return seen

    def _lower_weights(self, todo: Sequence[Server]) -> None:
        """In equal steps, the last of which is the drain itself."""
        for lowered in self._steps_of(todo):
            self._set_weights(lowered)
            self._clock.sleep(self._weight_seconds / self._weight_steps)

    def _steps_of(self, todo: Sequence[Server]) -> List[List[Tuple[Server, int]]]:
        """Weights are whole numbers: a step that would change none is left out."""
        found: List[List[Tuple[Server, int]]] = []
        before = [(server, server.weight) for server in todo]
        for step in range(self._weight_steps, 0, -1):
            lowered = [(server, min(server.weight, max(1, server.weight * step // (self._weight_steps + 1)))) for server in todo]
            if lowered != (found[-1] if found else before):
                found.append(lowered)
        return found

    def _set_weights(self, wanted: Sequence[Tuple[Server, int]]) -> None:
        for server, weight in wanted:
            self._api.change(command_weight(server, weight))
        now = {server.path: server for server in self._look().mine}
        wrong = [now[server.path] for server, weight in wanted if not _has_weight(now[server.path], weight)]
        if wrong:
            raise MaintenanceFailed("the weight of %s was set and is %s: does somebody else set it?" % (
                ", ".join(server.path for server in wrong), ", ".join(str(server.weight) for server in wrong)))

    def _await_idle(self, deadline: Deadline, must_end: bool = True) -> _Seen:
        seen: List[_Seen] = []

        def idle() -> bool:
            seen.append(self._look_out_of_service())
            return not any(server.usage.sessions for server in seen[-1].mine)

        if not deadline.until(idle, self._poll, soon=True) and must_end:
            busy = [server for server in seen[-1].mine if server.usage.sessions]
            raise MaintenanceFailed("sessions did not end within %g s: %s" % (deadline.seconds, ", ".join(
                "%s has %d" % (server.path, server.usage.sessions) for server in busy)), detail=self._detail(None, seen[-1]))
        return seen[-1]

    def _look_out_of_service(self) -> _Seen:
        seen = self._look()
        back = [server for server in seen.mine if server.word == IN_SERVICE]
        if back:
            raise MaintenanceFailed("%s in service although taken out: was haproxy restarted or reloaded, or does somebody else work on it%s?"
                                    % (_paths(back, "is", "are"), _of_agents(back)), detail=self._detail(None, seen))
        return seen

    def _put_back(self, servers: Sequence[Server]) -> None:
        """Undo of entering: these were in service a moment ago, so no check is waited for."""
        weights = {server.path: server.weight for server in servers} if self._weight_steps else {}
        self._set_all(servers, lambda server: [command_weight(server, server.weight)] * bool(weights) + [command_set(server, "ready")],
                      lambda server: server.word == IN_SERVICE and _has_weight(server, weights.get(server.path, server.weight)))

    def _take_back(self, servers: Sequence[Server]) -> None:
        """Undo of leaving: each as it was found; what it only inherits from a server that it tracks is not ours to set."""
        states = {server.path: server.own_state or "ready" for server in servers}
        self._set_all(servers, lambda server: [command_set(server, states[server.path])], lambda server: server.word != IN_SERVICE)

    def _set_all(self, servers: Sequence[Server], commands: Callable[[Server], List[str]], done: Callable[[Server], bool]) -> None:
        """Set every one, also where one fails, then look whether it is so. One that is just being restarted is waited for."""
        Deadline(UNDO_LIMIT, self._clock).until(self._answers, self._poll)
        problems = []
        for command in [command for server in servers for command in commands(server)]:
            try:
                self._api.change(command)
            except MaintenanceFailed as error:
                problems.append(error.message)
        paths = {server.path for server in servers}
        seen: List[Server] = []

        def all_done() -> bool:
            seen[:] = [server for server in self._look().mine if server.path in paths]
            return all(done(server) for server in seen)

        if not Deadline(UNDO_LIMIT if not problems else 0, self._clock).until(all_done, self._poll):
            raise MaintenanceFailed("; ".join(problems + [_describe([server for server in seen if not done(server)])]))

    def _answers(self) -> bool:
        try:
            return bool(self._api.servers())
        except NotAnswering:
            return False

    def _bring_back(self, todo: Sequence[Server], ours: Sequence[Server], weights: Sequence[Tuple[Server, int]], deadline: Deadline) -> _Seen:
        self._set_weights(weights)
        # Where servers are only drained HAProxy's checks have gone on, and what they say is true. Elsewhere a drain may be what a return was cut in.
        only_drained = self._mode == "drain" and not self._then_maint
        unchecked = [server for server in todo if server.word == MAINTENANCE or not only_drained]
        self._set(unchecked, "drain")
        for server in self._same(self._look(), unchecked):
            if server.checked:
                self._api.change(command_health_down(server))
        self._await(ours, lambda server: server.up, "did not pass their checks", deadline)
        self._set(todo, "ready")
        return self._await(ours, _is_in, "are not in service", deadline)

    def _await(self, servers: Sequence[Server], good: Callable[[Server], bool], words: str, deadline: Deadline) -> _Seen:
        seen: List[_Seen] = []

        def all_good() -> bool:
            seen.append(self._look())
            return all(good(server) for server in self._same(seen[-1], servers))

        if not deadline.until(all_good, self._poll, soon=True):
            bad = [server for server in self._same(seen[-1], servers) if not good(server)]
            raise MaintenanceFailed("servers %s within %g s: %s" % (words, deadline.seconds, _describe(bad)),
                                    detail=self._detail(None, seen[-1]))
        return seen[-1]

    @staticmethod
    def _same(seen: _Seen, servers: Sequence[Server]) -> List[Server]:
        paths = {server.path for server in servers}
        return [server for server in seen.mine if server.path in paths]

    # Telling

    def _were_in_service(self, found: _Seen, prior: str) -> List[Server]:
        before = _parse_summary(prior)
        return [server for server in found.mine if _word(before, server).startswith(IN_SERVICE)]

    def _summary(self, mine: Sequence[Server]) -> str:
        """One word where all backends agree, else ``backend=word`` for each, separated by commas (no name contains one). Where weights
        are going to be changed, ``in_service`` has the weight: ``in_service:100``."""
        words_of = {server.backend: server.word + (":%d" % server.weight if self._weight_steps and server.word == IN_SERVICE else "") for server in mine}
        if len(set(words_of.values())) == 1:
            return next(iter(words_of.values()))
        return ",".join("%s=%s" % (backend, words_of[backend]) for backend in sorted(words_of))

    def _would_enter(self, todo: Sequence[Server]) -> List[str]:
        states = [self._mode] + (["maint"] if self._mode == "drain" and self._then_maint else [])
        lowered = [command_weight(server, weight) for step in self._steps_of(todo) for server, weight in step]
        return lowered + [command_set(server, state) for state in states for server in todo]

    @staticmethod
    def _would_leave(todo: Sequence[Server]) -> List[str]:
        return [command_set(server, state) for state in ("drain", "ready") for server in todo]

    def _detail(self, found: Optional[_Seen], seen: _Seen, would: Sequence[str] = (), note: str = "") -> Dict[str, Any]:
        before = {server.path: server.word for server in found.mine} if found else {}
        detail: Dict[str, Any] = {"socket": str(self._api), "servers": [
            {"backend": s.backend, "server": s.name, "prior_state": before.get(s.path), "state": s.word, "up": s.up,
             "sessions": s.usage.sessions, "status": s.usage.status, "check": s.usage.check, "agent": s.usage.agent, "weight": s.weight,
             "peers_in_service": seen.peers_in_service(s, False), "backup_peers_in_service": seen.backup_peers(s)}
            for s in seen.mine]}
        if self._check_mode:
            detail["would"] = list(would)
        if note:
            detail["note"] = note
        return detail


class _Seen:
    """What was seen at one moment: our server in each backend (``mine``), among its peers."""

    def __init__(self, name: str, servers: Sequence[Server]) -> None:
        self.mine = [server for server in servers if server.name == name]
        self._all = list(servers)

    def peers_in_service(self, server: Server, count_backup: bool) -> int:
        """Other usable servers. A backup server often only says sorry, so it counts for another backup, or when asked for."""
        return sum(1 for peer in self._usable_peers(server) if count_backup or server.usage.backup or not peer.usage.backup)

    def usable_names(self, server: Server) -> Set[str]:
        return {peer.name for peer in self._usable_peers(server)}

    def backup_peers(self, server: Server) -> int:
        return sum(1 for peer in self._usable_peers(server) if peer.usage.backup)

    def _usable_peers(self, server: Server) -> List[Server]:
        return [peer for peer in self._all if peer.backend == server.backend and peer.name != server.name and peer.usable]


def _parse_summary(prior: str) -> Dict[str, str]:
    """The word of each backend; of all of them under the key ``""``."""
    pairs = [part.rpartition("=") for part in prior.split(",")]
    if not all(word in _WORDS or _IN_SERVICE_AT.fullmatch(word) for _backend, _equals, word in pairs):
        raise BadInput("prior_state %r is not what entering reported; it is one of %s, or backend=word for each backend, separated by "
                       "commas" % (prior, ", ".join(_WORDS)), prior_state=prior)
    return {backend: word for backend, _equals, word in pairs}


def _word(before: Mapping[str, str], server: Server) -> str:
    return before.get(server.backend, before.get("", ""))


def _other_weights(servers: Sequence[Server], prior: str) -> List[Tuple[Server, int]]:
    """Those whose weight is on record and not what it is now: an earlier drain of them was cut. An agent sets its own."""
    before = _parse_summary(prior)
    known = [(server, int(_word(before, server).partition(":")[2] or server.weight)) for server in servers]
    return [(server, weight) for server, weight in known if not _has_weight(server, weight)]


def _has_weight(server: Server, weight: int) -> bool:
    return server.has_agent or server.weight == weight


def _of_agents(servers: Sequence[Server]) -> str:
    said = ["%s: %s" % (server.path, server.usage.agent) for server in servers if server.has_agent]
    return ", or does its agent bring it back (%s)" % "; ".join(said) if said else ""


def _is_out(server: Server) -> bool:
    return server.word != IN_SERVICE and not server.usage.sessions


def _is_in(server: Server) -> bool:
    return server.word == IN_SERVICE and server.up


def _note(found: _Seen, ours: Sequence[Server]) -> str:
    kept = [server for server in found.mine if server.path not in {s.path for s in ours}]
    return "%s left as found: not in service before" % _paths(kept, "is", "are") if kept else ""


def _paths(servers: Sequence[Server], one: str, many: str) -> str:
    return "%s %s" % (", ".join(server.path for server in servers), one if len(servers) == 1 else many)


def _describe(servers: Sequence[Server]) -> str:
    return ", ".join("%s is %s%s%s with %d sessions" % (
        s.path, s.usage.status or s.word, " (%s)" % s.usage.check if s.usage.check else "",
        " (its agent: %s)" % s.usage.agent if s.has_agent and s.usage.agent else "", s.usage.sessions) for s in servers)


def _some(names: Any) -> str:
    known = sorted(names)
    return (", ".join(known[:10]) + (", and %d more" % (len(known) - 10) if len(known) > 10 else "")) or "none"


def _build(host: str, options: Mapping[str, Any], context: Context) -> Haproxy:
    server = options["server"] or host
    if not is_name(server):
        raise BadInput("%r can't be a server's name in haproxy; give the name that haproxy.cfg uses as option server" % server, host=host)
    return Haproxy(server, options, SocketTransport(options["socket"]), context.clock, context.check_mode)


KIND = Kind("a server in the backends of an HAProxy, through its runtime API", OPTIONS, _build, volatile=True)
