# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a roll will be like before it begins: who goes when, who waits for what, and what would make it faster. Pure and deterministic."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .budget import CANARIES
from .simulate_limits import Limits
from .simulate_roll import FORKS, SLOT_TIMEOUT, Elsewhere, Roll, Task

PATCHED, DEFERRED, NOT_STARTED = "patched", "deferred", "not_started"
_AS_GOOD = 1.02
_EFFORT = 100_000


@dataclass(frozen=True)
class Prediction:
    """``start`` and ``end`` of the time out of service, both None where it gets no slot; ``waits_for`` is what the host waits for last, or what keeps
    it from going at all, empty where it goes at once; ``stuck`` are those that only a person can bring back, where that is why."""

    host: str
    state: str
    start: float | None
    end: float | None
    waited_s: float
    waits_for: str
    assumed: bool
    stuck: tuple[str, ...] = ()


@dataclass(frozen=True)
class Simulation:
    """``waits``: host-seconds that hosts waited, by the budget that kept them; of hosts without a fork only those of the canaries' batch are in it.
    ``peak``: the most hosts that are out at once."""

    hosts: tuple[Prediction, ...]
    begins_at: float
    ends_at: float
    waits: Mapping[str, float]
    peak: int


@dataclass(frozen=True)
class Forecast:
    """``simulation`` is the roll with ``forks``. ``forks_needed`` are so many as make it end as soon as the budgets allow, ``best_end`` when that is.
    ``waits`` are host-seconds by what causes them: what is there with any number of forks by its budget, and what is more by ``forks``.
    ``bottleneck`` is what to raise first: the forks, if more would end the roll earlier or leave out fewer hosts, else the budget that most
    host-seconds wait for; empty where nobody waits."""

    simulation: Simulation
    forks: int
    forks_needed: int
    best_end: float
    waits: Mapping[str, float]
    bottleneck: str

    @property
    def given_up(self) -> int:
        """How many hosts wait for their slot for longer than they are let."""
        return sum(host.waits_for == SLOT_TIMEOUT for host in self.simulation.hosts)


def simulate(tasks: Sequence[Task], limits: Limits, forks: int, begins_at: float = 0.0, first: int = 0,
             elsewhere: Sequence[Elsewhere] = (), first_soak_s: float = 0.0) -> Simulation:
    """The roll of ``tasks`` in their order. ``first`` are so many that are a batch of their own (canaries): the others begin when it
    is through, and ``first_soak_s`` later."""
    return _simulation(Roll(tasks, limits, forks, begins_at, first, elsewhere, first_soak_s).play(), first)


def forecast(tasks: Sequence[Task], limits: Limits, forks: int, begins_at: float = 0.0, first: int = 0,
             elsewhere: Sequence[Elsewhere] = (), first_soak_s: float = 0.0, patience_s: float = math.inf) -> Forecast:
    """The roll as it will be with ``forks``, beside one that has a fork for every host. ``patience_s``: so long a host waits for its slot; what the forks
    and budgets would do is told as if all waited."""
    free = Roll(tasks, limits, max(len(tasks), 1), begins_at, first, elsewhere, first_soak_s).play()
    unbound, enough = _simulation(free, first), _enough(free)
    bound = unbound if forks >= enough else simulate(tasks, limits, forks, begins_at, first, elsewhere, first_soak_s)
    needed = _fewest(lambda many: simulate(tasks, limits, many, begins_at, first, elsewhere, first_soak_s), unbound, enough)
    waits = _by_cause(bound, unbound)
    bottleneck = max(waits, key=lambda name: (waits[name], name), default="") if _as_good(bound, unbound) else FORKS
    best_end = min(bound.ends_at, unbound.ends_at)
    if bound.ends_at - begins_at > patience_s:
        bound = _simulation(Roll(tasks, limits, forks, begins_at, first, elsewhere, first_soak_s, patience_s).play(), first)
    return Forecast(bound, forks, needed, best_end, waits, bottleneck)


def _simulation(roll: Roll, first: int) -> Simulation:
    hosts = tuple(_prediction(roll, number, first) for number in range(len(roll.tasks)))
    ends = [host.end for host in hosts if host.end is not None]
    return Simulation(hosts, roll.begins_at, max(ends, default=roll.begins_at), {name: s for name, s in sorted(roll.waits.items()) if s > 0}, _peak(hosts))


def _prediction(roll: Roll, number: int, first: int) -> Prediction:
    task, start, end = roll.tasks[number], roll.starts[number], roll.ends[number]
    state = PATCHED if start is not None else NOT_STARTED if number in roll.refused else DEFERRED
    waited = (end if start is None else start) - roll.begins_at
    why = roll.waited_for[number] or _why_late(roll, number, first)
    return Prediction(task.host, state, start, end if start is not None else None, waited, why, task.assumed, roll.stuck.get(number, ()))


def _why_late(roll: Roll, number: int, first: int) -> str:
    """Why a host that got its slot when it asked for it asked so late."""
    if roll.turns[number] <= roll.begins_at:
        return ""
    return CANARIES if number >= first > 0 and roll.turns[number] == roll.second_at else FORKS


def _peak(hosts: Sequence[Prediction]) -> int:
    """Who comes back as another goes does not count twice."""
    changes: Counter[float] = Counter()
    for host in hosts:
        if host.start is not None and host.end is not None and host.end > host.start:
            changes[host.start] += 1
            changes[host.end] -= 1
    level = most = 0
    for at in sorted(changes):
        level += changes[at]
        most = max(most, level)
    return most


def _by_cause(bound: Simulation, unbound: Simulation) -> dict[str, float]:
    more = sum(host.waited_s for host in bound.hosts) - sum(host.waited_s for host in unbound.hosts)
    causes = {**unbound.waits, FORKS: more if bound is not unbound else 0.0}
    return {name: seconds for name, seconds in sorted(causes.items()) if seconds > 0}


def _enough(free: Roll) -> int:
    """So many forks that every host goes as early as without a limit of them: for each that begins, it and everybody before it, but for as many as
    are through by then."""
    order = sorted(range(len(free.tasks)), key=lambda number: (free.ends[number] if free.starts[number] is None else free.starts[number], number))
    through = sorted(end + (task.soak_s if start is not None else 0) for end, start, task in zip(free.ends, free.starts, free.tasks))
    needed = gone = 0
    for number in order:
        start = free.starts[number]
        at = free.ends[number] if start is None else start
        while gone < len(through) and through[gone] <= at:
            gone += 1
        needed = max(needed, number + 1 - gone)
    return max(needed, 1)


def _fewest(tried: Callable[[int], Simulation], unbound: Simulation, enough: int) -> int:
    """The fewest forks that end about as soon. A large fleet has time for few trials, so the likely number is tried first: a few more than are out
    at once."""
    low, high, left = max(unbound.peak, 1), enough, _EFFORT
    middle = min(low + low // 8, high - 1)
    while low < high and left >= len(unbound.hosts):
        left -= len(unbound.hosts)
        if _as_good(tried(middle), unbound):
            high = middle
        else:
            low = middle + 1
        middle = (low + high) // 2
    return high


def _as_good(one: Simulation, best: Simulation) -> bool:
    """Whether it ends about as soon and leaves out no more hosts."""
    return one.ends_at - one.begins_at <= _AS_GOOD * (best.ends_at - best.begins_at) and _unpatched(one) <= _unpatched(best)


def _unpatched(simulation: Simulation) -> int:
    return sum(host.state != PATCHED for host in simulation.hosts)
