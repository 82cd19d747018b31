# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruption budgets: how many hosts may be out of service, how many may fail, and whether one more may go. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...module_utils.errors import BadInput
from .states import HOST_FINAL, RUN_FINAL

MAX_UNAVAILABLE = "patch_max_unavailable"
MAX_FAILED = "patch_max_failed"
CANARIES = "patch_canaries"
RUN = "run"
"""What a host waits for, or is refused by, where it is the run itself: paused, being stopped, ended."""

LATER_RUN = "later run"
"""What a host waits for that has its slot, and that another run has taken up since."""

_COUNT = re.compile(r"[0-9]{1,9}")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_SHOWN = 10


@dataclass(frozen=True)
class Amount:
    """A count, or a percentage of a set that is not known yet."""

    text: str
    count: int | None = None
    percent: Fraction | None = None

    def of(self, size: int) -> int:
        """The count that this is of ``size`` hosts; percentages are rounded down."""
        if self.percent is None:
            return self.count or 0
        return math.floor(self.percent * size / 100)


@dataclass(frozen=True)
class Budget:
    """A limit with the name by which people know it. ``text`` is what they wrote, ``of`` the set that it is of, empty for all."""

    name: str
    limit: int
    size: int
    text: str
    of: str = ""

    def __str__(self) -> str:
        written = " (%s)" % self.text if self.text != str(self.limit) else ""
        return "%s allows %d of %d hosts%s%s" % (self.name, self.limit, self.size, " of " + self.of if self.of else "", written)


@dataclass(frozen=True)
class Exclusive:
    """A budget under which hosts of one value may be out of service at a time; ``value`` is that of the host that asks."""

    name: str
    value: str
    of: str = ""

    def __str__(self) -> str:
        return "%s allows one value at a time%s, this host has %s" % (self.name, " in " + self.of if self.of else "", self.value)


def parse_amount(value: object, name: str) -> Amount:
    """``3``, ``"3"`` or ``"25%"`` of 0 to 100 percent; anything else is ``BadInput``."""
    text = str(value).strip()
    if not isinstance(value, bool) and isinstance(value, (int, str)):
        if _COUNT.fullmatch(text):
            return Amount(text, count=int(text))
        match = _PERCENT.fullmatch(text)
        if match and Fraction(match[1]) <= 100:
            return Amount(text, percent=Fraction(match[1]))
    raise BadInput("%s is %r: use a number of hosts, for example 2, or a percentage, for example \"25%%\"" % (name, value), name=name)


def max_unavailable(value: object, size: int, batch: int | None = None, name: str = MAX_UNAVAILABLE) -> Budget:
    """The budget of hosts out of service at once; ``size`` is that of the set in the inventory.

    Unset it is one host, or the whole ``batch`` where its hosts move in step. None at all is refused.
    """
    if value is None:
        limit = batch or 1
        return Budget(name, limit, size, str(limit))
    amount = parse_amount(value, name)
    limit = amount.of(size)
    if limit < 1:
        raise BadInput(_no_host(amount, size, name), name=name, size=size)
    return Budget(name, limit, size, amount.text)


def max_failed(value: object, size: int, name: str = MAX_FAILED) -> Budget:
    """The budget of hosts that may fail before no further one is started; none by default."""
    amount = parse_amount(0 if value is None else value, name)
    return Budget(name, amount.of(size), size, amount.text)


def _no_host(amount: Amount, size: int, name: str) -> str:
    if amount.percent is None or size < 1:
        return "%s is %s of %d hosts, so no host could ever be patched: use 1 or more" % (name, amount.text, size)
    return "%s is %s of %d hosts, rounded down none, so no host could ever be patched: use \"%d%%\" or more, or a number of hosts" % (
        name, amount.text, size, math.ceil(Fraction(100, size)))


@dataclass(frozen=True)
class Host:
    """A host that is out of service: who, by which run (empty: none), and its state there. ``abandoned``: the controller
    process of that run is gone."""

    name: str
    run: str
    state: str
    abandoned: bool = False

    @property
    def comes_back(self) -> bool:
        """Whether its run still works on it, so that it may become free without anybody's help."""
        return self.state not in HOST_FINAL and not self.abandoned

    def seen_from(self, run: str) -> str:
        """The host as a message of ``run`` names it."""
        where = "" if self.run in ("", run) else " in run " + self.run
        return "%s (%s%s%s)" % (self.name, self.state, where, ", whose controller is gone" if self.abandoned else "")


@dataclass(frozen=True)
class Room:
    """A budget as it stands for one host: ``out`` are the hosts out of service, whyever, that stand against it."""

    budget: Budget | Exclusive
    out: Sequence[Host]


@dataclass(frozen=True)
class Request:
    """One host asks to be taken out of service.

    ``holders`` are all hosts of the set that hold a slot, whichever run gave it, in the order in which they got it; ``down`` those out of service for other
    reasons. ``batch`` are the hosts that move in step with this one, where the strategy makes them; empty where it doesn't.
    ``unavailable`` is over the whole set, None where nothing is promised of it; ``rooms`` are all other budgets.
    """

    host: str
    run: str
    run_state: str
    unavailable: Budget | None
    failures: Budget
    holders: Sequence[Host] = ()
    down: Sequence[Host] = ()
    failed: Sequence[str] = ()
    failed_canaries: Sequence[str] = ()
    in_step: bool = False
    batch: Sequence[str] = ()
    rooms: Sequence[Room] = ()


@dataclass(frozen=True)
class Decision:
    """``kind`` is ``granted``, ``wait`` or ``refused``; ``budget`` names what stood against it, ``blockers`` who did."""

    kind: str
    reason: str = ""
    budget: str = ""
    blockers: tuple[Host, ...] = ()

    @property
    def granted(self) -> bool:
        return self.kind == "granted"


GRANTED = Decision("granted")


def decide(request: Request) -> Decision:
    """Whether the host may go out of service now, later, or never in this run."""
    if any(h.name == request.host and h.run == request.run for h in request.holders):
        return _by_later_run(request) or GRANTED
    return _by_run(request) or _by_failures(request) or _by_other_run(request) or _by_room(request) or GRANTED


def _by_run(request: Request) -> Decision | None:
    if request.run_state in RUN_FINAL:
        return Decision("refused", "run %s has ended (%s): no further host is started" % (request.run, request.run_state), RUN)
    if request.run_state == "stopping":
        return Decision("refused", "run %s is being stopped: no further host is started" % request.run, RUN)
    if request.run_state == "paused":
        return Decision("wait", "run %s is paused" % request.run, RUN)
    return None


def _by_failures(request: Request) -> Decision | None:
    if request.failed_canaries:
        return Decision("refused", "%s: canary %s did not succeed, so no further host is started"
                        % (CANARIES, _names(request.failed_canaries)), CANARIES)
    if len(request.failed) > request.failures.limit:
        return Decision("refused", "%s to fail, and %d failed: %s; no further host is started"
                        % (request.failures, len(request.failed), _names(request.failed)), request.failures.name)
    return None


def _by_other_run(request: Request) -> Decision | None:
    """Two runs never work on one host at once. One that another run left behind may be patched: it is out already."""
    mine = tuple(h for h in request.holders if h.name == request.host and h.comes_back)
    if not mine:
        return None
    name = request.unavailable.name if request.unavailable else "run"
    reason = "%s: run %s has taken this host out of service (%s)" % (name, mine[0].run, mine[0].state)
    return Decision("refused" if request.in_step else "wait", reason, name, mine)


def _by_later_run(request: Request) -> Decision | None:
    """A run that is gone on with has its slots still, and another run may have taken up such a host meanwhile: that one comes to its end with it first."""
    slots = [h for h in request.holders if h.name == request.host]
    own = max(at for at, h in enumerate(slots) if h.run == request.run)
    later = tuple(h for h in slots[own + 1:] if h.comes_back)
    if not later:
        return None
    return Decision("wait", "run %s works on this host (%s), which run %s had left in the middle, and is waited for" % (
        later[-1].run, later[-1].state, request.run), LATER_RUN, later)


def _by_room(request: Request) -> Decision | None:
    """What all budgets together say: never, where one of them does; otherwise everything that is waited for."""
    whole = [Room(request.unavailable, (*request.down, *request.holders))] if request.unavailable else []
    said = [found for found in (_by_one(request, room) for room in (*whole, *request.rooms)) if found]
    refused = [found for found in said if found.kind == "refused"]
    if refused or not said:
        return refused[0] if refused else None
    if len(said) == 1:
        return said[0]
    blockers = {host.name: host for found in said for host in found.blockers}
    return Decision("wait", "; ".join(found.reason for found in said), said[0].budget, tuple(blockers[name] for name in sorted(blockers)))


def _by_one(request: Request, room: Room) -> Decision | None:
    budget, out = room.budget, _others(request, room.out)
    limit = budget.limit if isinstance(budget, Budget) else 1
    if len(out) < limit:
        return None
    stuck = tuple(h for h in out if not h.comes_back)
    if len(stuck) >= limit:
        return _refuse(room, stuck, _out_for_good(request, budget, out, stuck))
    if request.in_step:
        return _refuse(room, out, _out_of_step(request, budget, out))
    moving = tuple(h for h in out if h.comes_back)
    if isinstance(budget, Budget):
        return Decision("wait", "%s out of service; waiting for %s" % (budget, _hosts(moving, request.run)), budget.name, moving)
    return Decision("wait", "%s; waiting for %s" % (budget, _hosts(moving, request.run)), budget.name, moving)


def _others(request: Request, out: Sequence[Host]) -> tuple[Host, ...]:
    """Every other host once: where two runs know of it, as the one that still works on it sees it."""
    known: dict[str, Host] = {}
    for host in out:
        if host.name not in known or host.comes_back:
            known[host.name] = host
    known.pop(request.host, None)
    return tuple(known[name] for name in sorted(known))


def _out_for_good(request: Request, budget: Budget | Exclusive, out: Sequence[Host], stuck: Sequence[Host]) -> str:
    who = _hosts(stuck, request.run)
    if isinstance(budget, Exclusive):
        return ("%s, and only a person can bring back %s, of another: bring the host back (playbook fleetops.patchtrain.restore)" % (budget, who))
    return ("%s out of service, and only a person can bring back %s: bring back a host (playbook fleetops.patchtrain.restore) or raise %s to "
            "at least %d" % (budget, who, budget.name, len(out) + 1))


def _out_of_step(request: Request, budget: Budget | Exclusive, out: Sequence[Host]) -> str:
    step = "the hosts of a batch move in step under this strategy, so none of them comes back before this one goes"
    if isinstance(budget, Exclusive):
        return "%s, and out are %s of another; %s: put hosts of one value into a batch, or use strategy host_pinned" % (
            budget, _hosts(out, request.run), step)
    batch = {*request.batch, request.host}
    others = sum(1 for h in out if h.name not in batch)
    # Of a set that is a part of the fleet, nobody knows here who else of the batch belongs to it.
    needed = len(out) + 1 if budget.of else max(len(out) + 1, others + len(batch))
    room = budget.limit - others
    smaller = "lower serial to at most %d, " % room if room > 0 else ""
    return "%s out of service, and out are %s; %s: raise %s to at least %d, %sor use strategy host_pinned" % (
        budget, _hosts(out, request.run), step, budget.name, needed, smaller)


def _refuse(room: Room, blockers: tuple[Host, ...], reason: str) -> Decision:
    return Decision("refused", reason, room.budget.name, blockers)


def _hosts(hosts: Sequence[Host], run: str) -> str:
    return _names([host.seen_from(run) for host in hosts])


def _names(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (" and %d more" % more if more > 0 else "")
