# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roll, played through event by event. Pure and deterministic.

It does what strategy ``host_pinned`` and the slots do: the hosts come in the plan's order, as many as there are forks, and a host keeps its
fork from its turn to the return of its slot, also while it waits. Who waits gets a slot by the order. The hosts that stand under the same limits
wait in one queue, since none of them can go before the first: so the work grows with the hosts, and not with the hosts that wait.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from .budget import CANARIES
from .simulate_books import Books
from .simulate_limits import Limits, Under, Unders
from .windows import WINDOW, fits

FORKS = "forks"
SLOT_TIMEOUT = "patch_slot_timeout"
ANOTHER_RUN = "another run"

_FINISH, _OPEN, _DEADLINE = 0, 1, 2


@dataclass(frozen=True)
class Task:
    """One host's turn as it is expected: ``seconds`` out of service, ``reserve_s`` is what has to fit into the window. The host may begin from
    ``opens_at`` on. ``out``: it is out of service already, so that it waits for nobody; ``left``: nobody brings it back before its own turn.
    ``held_until``: another run works on it until then. ``canaries``: one of these has to have had its turn before this host goes; None where nobody has to."""

    host: str
    seconds: float
    reserve_s: float = 0.0
    soak_s: float = 0.0
    assumed: bool = False
    opens_at: float = -math.inf
    closes_at: float = math.inf
    out: bool = False
    left: bool = False
    canaries: frozenset[str] | None = None
    held_until: float = -math.inf


@dataclass(frozen=True)
class Elsewhere:
    """A host that this run does not touch and that is out of service: ``until`` when, infinity where nobody brings it back."""

    host: str
    until: float = math.inf


@dataclass
class _Queue:
    """The hosts that wait under the same limits, in order. ``at`` is the limit that they wait for, ``first`` who was the first when they began to,
    ``since`` until when their waiting is counted. Those of ``hosts`` that don't wait any more are dropped when it is their turn."""

    unders: Unders
    hosts: deque[int] = field(default_factory=deque)
    many: int = 0
    at: Under | None = None
    first: int = -1
    since: float = 0.0


class Roll:
    """One simulation. ``starts``, ``ends``, ``turns`` (when a host got its fork) and ``waited_for`` are by the number of the task; a host without
    a start ended at its end without: ``refused`` has those that no slot would ever come for, or not within ``patience_s``, by what, and ``stuck``
    who is out for good and stands against them; all others were deferred."""

    def __init__(self, tasks: Sequence[Task], limits: Limits, forks: int, begins_at: float, first: int, elsewhere: Sequence[Elsewhere],
                 first_soak_s: float = 0.0, patience_s: float = math.inf) -> None:
        many = len(tasks)
        self.tasks, self.limits, self.now, self.begins_at = tasks, limits, begins_at, begins_at
        self.starts: list[float | None] = [None] * many
        self.ends: list[float] = [begins_at] * many
        self.turns: list[float] = [begins_at] * many
        self.waited_for: list[str] = [""] * many
        self.refused: dict[int, str] = {}
        self.stuck: dict[int, tuple[str, ...]] = {}
        self._taken_up: set[int] = set()
        self._gone: set[str] = set()
        self.waits: dict[str, float] = defaultdict(float)
        self.second_at = begins_at
        self._free, self._next, self._first = max(forks, 1), 0, min(first, many) or many
        self._first_left = self._batch = self._first
        self._books = Books(limits)
        self._queues: dict[Unders, _Queue] = {}
        self._parked: dict[Under, list[tuple[int, Unders]]] = {}
        self._events: list[tuple[float, int, int]] = []
        self._waiting: set[int] = set()
        self._elsewhere, self._first_soak_s, self._patience_s = elsewhere, first_soak_s, patience_s

    def play(self) -> Roll:
        self._before()
        self._admit()
        while self._events:
            self.now = self._events[0][0]
            happened: list[list[int]] = [[], [], []]
            while self._events and self._events[0][0] == self.now:
                _at, kind, number = heappop(self._events)
                happened[kind].append(number)
            self._finish(happened[_FINISH])
            self._open(happened[_OPEN])
            self._give_up(happened[_DEADLINE])
            self._admit()
        return self

    def _before(self) -> None:
        for task in self.tasks:
            if task.out:
                self._books.leaves(self.limits.under(task.host), for_good=task.left)
        for number, other in enumerate(self._elsewhere):
            self._books.leaves(self.limits.under(other.host), for_good=other.until == math.inf)
            if other.until < math.inf:
                self._events.append((max(other.until, self.now), _FINISH, -1 - number))
        heapify(self._events)

    # --- forks ------------------------------------------------------------------------------------------------------------

    def _admit(self) -> None:
        """The next hosts take the forks that are free. The second batch begins when the first is through."""
        while self._free and self._next < self._batch:
            number = self._next
            self._next += 1
            self._free -= 1
            self.turns[number] = self.now
            if self._may_begin(number) > self.now:
                heappush(self._events, (self._may_begin(number), _OPEN, number))
            else:
                self._ask(number)

    def _may_begin(self, number: int) -> float:
        return max(self.tasks[number].opens_at, self.tasks[number].held_until, self.second_at if number >= self._first else -math.inf)

    def _leave(self, number: int) -> None:
        """A host is through with its turn, and gives its fork back."""
        self._free += 1
        if number < self._first < len(self.tasks):
            self._first_left -= 1
            if self._first_left == 0:
                self._batch, self.second_at = len(self.tasks), self.now + self._first_soak_s
                self.waits[CANARIES] += (self._batch - self._first) * (self.second_at - self.begins_at)

    def _finish(self, numbers: Sequence[int]) -> None:
        freed: set[int] = set()
        for number in numbers:
            unders = self.limits.under(self.tasks[number].host if number >= 0 else self._elsewhere[-1 - number].host)
            self._books.comes_back(unders)
            freed.update(under.limit for under in unders)
            if number >= 0:
                self._leave(number)
        self._go_on(freed)

    # --- slots ------------------------------------------------------------------------------------------------------------

    def _ask(self, number: int) -> None:
        """A host that has a fork asks for its slot; it is behind those that wait for the same."""
        task, unders = self.tasks[number], self.limits.under(self.tasks[number].host)
        if task.out:
            if task.left:
                self._books.is_taken_up(unders)
            self._taken_up.add(number)
            self._start(number)
            return
        if self._is_without_canary(task):
            self.refused[number] = CANARIES
            self._end(number, CANARIES)
            return
        never = self._books.never(unders)
        if never is not None:
            self.refused[number] = str(self.limits.limits[never.limit])
            self.stuck[number] = self._left_under(never.limit)
            self._end(number, self.refused[number])
            return
        queue = self._queues.get(unders) or self._queues.setdefault(unders, _Queue(unders))
        at = queue.at or self._books.full(unders)
        if at:
            self._line_up(queue, number, at)
        else:
            self._go(number)

    def _is_without_canary(self, task: Task) -> bool:
        """Whether no canary was patched. Where the host's window has no time left for it, that is what it hears first."""
        return task.canaries is not None and not task.canaries & self._gone and fits(task.closes_at, self.now, task.reserve_s)

    def _left_under(self, limit: int) -> tuple[str, ...]:
        """Who is out of service under a limit, and nobody brings back."""
        left = [other.host for other in self._elsewhere if other.until == math.inf]
        left += [task.host for number, task in enumerate(self.tasks) if task.left and number not in self._taken_up]
        return tuple(sorted(host for host in left if any(under.limit == limit for under in self.limits.under(host))))

    def _line_up(self, queue: _Queue, number: int, at: Under) -> None:
        self._charge(queue)
        queue.hosts.append(number)
        queue.many += 1
        self._waiting.add(number)
        if queue.at is None:
            self._park(queue, at)
        ends = min(self._last_start(number), self.now + self._patience_s)
        if ends < math.inf:
            heappush(self._events, (max(ends, self.now), _DEADLINE, number))

    def _last_start(self, number: int) -> float:
        return self.tasks[number].closes_at - self.tasks[number].reserve_s

    def _park(self, queue: _Queue, at: Under) -> None:
        queue.at, queue.since, queue.first = at, self.now, queue.hosts[0]
        heappush(self._parked.setdefault(at, []), (queue.first, queue.unders))

    def _go_on(self, freed: Iterable[int]) -> None:
        """Who waits for what became free, in the plan's order, over all limits at once."""
        ready: list[tuple[int, Unders, int]] = []
        for limit in sorted(freed):
            self._wake(limit, ready)
        while ready:
            _first, unders, limit = heappop(ready)
            queue = self._queues[unders]
            self._charge(queue)
            waited, queue.at = queue.at, None
            self._first_goes(queue, ready, waited)
            if limit >= 0:
                self._wake(limit, ready)

    def _wake(self, limit: int, ready: list[tuple[int, Unders, int]]) -> None:
        """The first queue at a limit that there is room for; the others stay until this one has been seen to."""
        best: list[tuple[int, Unders]] | None = None
        for at in self._books.open(limit, self._parked):
            parked = self._parked[at]
            while parked and not self._is_parked(at, *parked[0]):
                heappop(parked)
            if parked and (best is None or parked[0] < best[0]):
                best = parked
        if best:
            heappush(ready, (*heappop(best), limit))

    def _is_parked(self, at: Under, first: int, unders: Unders) -> bool:
        queue = self._queues[unders]
        return queue.at == at and queue.first == first

    def _first_goes(self, queue: _Queue, ready: list[tuple[int, Unders, int]], waited: Under | None) -> None:
        while queue.hosts and queue.hosts[0] not in self._waiting:
            queue.hosts.popleft()
        if not queue.hosts:
            return
        at = self._books.full(queue.unders)
        if at:
            self._park(queue, at)
            return
        number = queue.hosts.popleft()
        queue.many -= 1
        self._waiting.discard(number)
        self._go(number, waited)
        if queue.many:
            queue.at, queue.since = waited, self.now
            heappush(ready, (queue.hosts[0], queue.unders, -1))

    def _go(self, number: int, waited: Under | None = None) -> None:
        """There is room for the host: it goes, if the window leaves it the time."""
        task = self.tasks[number]
        if fits(task.closes_at, self.now, task.reserve_s):
            self.waited_for[number] = str(self.limits.limits[waited.limit]) if waited else self.waited_for[number]
            self._books.leaves(self.limits.under(task.host))
            self._start(number)
        else:
            self._end(number, WINDOW)

    def _start(self, number: int) -> None:
        task = self.tasks[number]
        self.starts[number] = self.now
        self._gone.add(task.host)
        self.ends[number] = self.now + task.seconds
        heappush(self._events, (self.now + task.seconds + task.soak_s, _FINISH, number))

    # --- the window, and patience -----------------------------------------------------------------------------------------

    def _open(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            task, watched = self.tasks[number], self.second_at if number >= self._first else self.begins_at
            why = ANOTHER_RUN if task.held_until > max(task.opens_at, watched) else WINDOW
            self.waits[why] += self.now - max(self.turns[number], watched)
            self.waited_for[number] = why if self.now > watched else CANARIES
            self._ask(number)

    def _give_up(self, numbers: Sequence[int]) -> None:
        """Those that still wait and whose time is up."""
        for number in numbers:
            if number in self._waiting:
                queue = self._queues[self.limits.under(self.tasks[number].host)]
                self._charge(queue)
                self._waiting.discard(number)
                queue.many -= 1
                if not queue.many:
                    queue.at = None
                    queue.hosts.clear()
                late = self.now >= self._last_start(number)
                if not late:
                    self.refused[number] = SLOT_TIMEOUT
                self._end(number, WINDOW if late else SLOT_TIMEOUT)

    def _end(self, number: int, why: str) -> None:
        """A host's turn ends without a slot."""
        self.ends[number] = self.now
        self.waited_for[number] = why
        self._leave(number)

    def _charge(self, queue: _Queue) -> None:
        if queue.at:
            self.waits[self.limits.limits[queue.at.limit].name] += queue.many * (self.now - queue.since)
            queue.since = self.now
