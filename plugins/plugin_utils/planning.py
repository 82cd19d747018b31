# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run: what was prepared, how long it is likely to take by the ledger's history, and the roll played through with that."""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Collection, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from ansible import context
from ansible.errors import AnsibleError

from .action import PatchtrainAction
from .closing import directory_of
from .foreseeing import Foreseen, foresee, keep
from .ledger import durations, hosts, planned, runs, slots
from .ledger.engine import Ledger
from .ledger.planned import Facts, Predicted
from .ledger.rows import Held, Run, RunHost
from .play import actor
from .report.plan_html import render_plan_page
from .report.plan_text import render_plan
from .report.write import write_page
from .scheduling.budgets import Sets, in_turn
from .scheduling.canaries import needed, others_for
from .scheduling.estimate import Estimate, History
from .scheduling.simulate import Forecast, Prediction, forecast
from .scheduling.simulate_limits import limits_of
from .scheduling.simulate_need import Needs
from .scheduling.simulate_roll import Elsewhere, Task
from .scheduling.states import HOST_FAILED, HOST_FINAL, HOST_WORKING, RUN_UNFINISHED
from .scheduling.windows import fleet_occurrence, told
from .settings import Settings
from .variables import patch_variables
from .windowing import of_host, within

Plan = Dict[str, Any]

_NAMES = ("patch_estimate_default", "patch_estimate_reboot", "patch_soak", "patch_reboot", "patch_timezone", "patch_maintenance",
          "patch_drain_timeout", "patch_hook_before_drain", "patch_hook_after_drain", "patch_hook_before_restore", "patch_hook_after_restore")
_HISTORY = 20000


@dataclass(frozen=True)
class _Known:
    """What the ledger has of a run that is to be planned."""

    run: Run
    hosts: List[RunHost]
    facts: Dict[str, Facts]
    held: List[Held]
    sets: Sets
    history: History
    foreseen: Mapping[str, Foreseen] = field(default_factory=dict)

    @property
    def stopped(self) -> Dict[str, str]:
        """Why hosts can't have a turn, by what their places say."""
        return {host: one.stops for host, one in self.foreseen.items() if one.stops}

    @property
    def states(self) -> Dict[str, str]:
        """Where each host stands, or will as soon as it is asked."""
        stopped = self.stopped
        return {host.host: "blocked" if host.host in stopped else host.state for host in self.hosts}

    @property
    def turn(self) -> List[RunHost]:
        """Those that are to be rolled. Of a run that is gone on with, those in the middle come first: they are out of service."""
        working = (host for host in self.hosts if host.state in HOST_WORKING and not self._is_stopped(host.host))
        return sorted(working, key=lambda host: host.state == "waiting")

    def _is_stopped(self, host: str) -> bool:
        found = self.foreseen.get(host)
        return found is not None and bool(found.stops)

    @property
    def first(self) -> int:
        """How many are a batch before all others: the canaries, until they have come to their end, and whoever is out of service already."""
        return sum(host.canary or host.state != "waiting" for host in self.turn) if any(host.canary for host in self.turn) else 0


def plan_run(action: PatchtrainAction, ledger: Ledger, name: str) -> Plan:
    """The plan of a run whose hosts are prepared, recorded in the ledger; its shape is in docs/architecture.md."""
    known = _known(ledger, name)
    certain = {host.host: _settings(action, host.host) for host in known.turn}
    forks = int(context.CLIARGS.get("forks") or 1)
    known, now = _with_canaries(ledger, _with_places(action, ledger, known, certain, forks)), time.time()
    settings = {host.host: certain[host.host] or action.settings() for host in known.turn}
    tasks, guesses = _tasks(known, settings, now + action.settings().patch_estimate_default)
    first = known.first
    begins_at = max(now, min((task.opens_at for task in tasks), default=now))
    own = action.settings()
    seen = forecast(tasks, limits_of(known.sets, own.patch_max_unavailable), forks, begins_at, first, _elsewhere(known, own, now), own.patch_canary_soak,
                    own.patch_slot_timeout)
    plan = _plan(known, seen, now, first)
    plan["strategy"] = _strategy([certain.get(host) for host in plan["order"]], own, forks)
    plan["window"] = _window(known.run, seen, now)
    # In earnest a hundred hosts would say the same hundred times; the page has it.
    plan["tells_moves"] = bool(known.run.settings.get("check"))
    plan["run_name"] = own.patch_run_name or "" if known.run.settings.get("check") else ""
    plan["hosts"] = [*_rows(known, settings, guesses, seen), *_others(known)]
    _record(action, ledger, known.run, plan)
    return plan


def tell(action: PatchtrainAction, plan: Plan) -> Dict[str, str]:
    """The plan as ``text`` for the terminal, and the path of its ``page`` beside the report."""
    page = write_page(render_plan_page(plan), directory_of(action.settings(), plan["run_id"]), "plan.html")
    return {"text": "%s\nThe plan as a picture: %s" % (render_plan(plan, action.columns), page), "page": page}


def _known(ledger: Ledger, name: str) -> _Known:
    with ledger.read() as c:
        run = runs.get(c, name)
        everyone = hosts.all_of(c, run.id)
        newest = min(_HISTORY, max(500, durations.RUNS * len(everyone)))
        history = History(durations.past(c, run.deployment, newest=newest))
        return _Known(run, everyone, planned.facts(c, run.id), slots.holders(c), slots.sets_of(run), history)


def _with_places(action: PatchtrainAction, ledger: Ledger, known: _Known, settings: Mapping[str, Optional[Settings]], forks: int) -> _Known:
    """Each place is asked about those that wait. One that is out of service already was entered there, or is to be left."""
    asked = {host.host: own for host in known.turn if host.state == "waiting" and (own := settings[host.host]) is not None}
    foreseen, programs = foresee(asked, action.reach, forks, action.checking)
    keep(ledger, known.run, foreseen, programs, action.checking)
    return replace(known, foreseen=foreseen)


def _with_canaries(ledger: Ledger, known: _Known) -> _Known:
    """Where canaries are a number, they are among those that have a turn, and whose work could go elsewhere now: in check mode the others are blocked
    already. Once anybody has begun they stay who they are."""
    troubled = {host for host, one in known.foreseen.items() if any(place.get("problem") for place in one.told)}
    states = {host: "blocked" if host in troubled else state for host, state in known.states.items()}
    wanted = known.run.settings.get("patch_canaries")
    canaries = [host.host for host in known.hosts if host.canary]
    if not isinstance(wanted, int) or not canaries or all(states[host] in ("waiting", *HOST_FAILED) for host in canaries):
        return known
    waiting = in_turn(known.sets, [host for host in known.run.settings["targets"] if states.get(host) == "waiting"])
    with ledger.write() as c:
        if slots.of_run(c, known.run.id):
            return known
        hosts.go_first(c, known.run.id, others_for(canaries, states, waiting))
        return replace(known, hosts=hosts.all_of(c, known.run.id))


def _settings(action: PatchtrainAction, host: str) -> Optional[Settings]:
    """Those of a host that a plan needs; None for one whose variables need what is known only later, which is taken to be like the others."""
    hostvars = action.variables["hostvars"]
    try:
        return Settings.from_variables(patch_variables(hostvars[host], None, _NAMES), host) if host in hostvars else None
    except AnsibleError:
        return None


def _tasks(known: _Known, settings: Mapping[str, Settings], given_back: float) -> Tuple[List[Task], Dict[str, Estimate]]:
    """``given_back``: when a host that another run works on is taken to be through there."""
    needs, guesses, tasks = Needs(known.history), {}, []
    held, left, behind, others = {slot.host for slot in known.held}, _left(known), _behind(known), _held_by_others(known)
    for host in known.turn:
        own, facts = settings[host.host], known.facts.get(host.host, Facts())
        needed = needs.of(host.host, facts.changes, own.patch_estimate_default, own.patch_estimate_reboot, _reboot(facts, own) != "no")
        guesses[host.host] = needed
        tasks.append(Task(host.host, needed.likely_s, needed.seconds, own.patch_soak, needed.assumed, *within(known.run.settings, host.host),
                          out=host.state != "waiting" or host.host in held, left=host.host in left, canaries=None if host.canary and behind else behind,
                          held_until=given_back if host.host in others else -math.inf))
    return tasks, guesses


def _behind(known: _Known) -> Optional[FrozenSet[str]]:
    """The canaries of which one has to be patched before another host goes. One that has failed keeps back the other canaries too."""
    states = known.states
    return needed({host.host: states[host.host] for host in known.hosts if host.canary})


def _reboot(facts: Facts, settings: Settings) -> str:
    """``yes``, ``no``, or ``maybe`` where only the installation will tell."""
    if settings.patch_reboot == "never":
        return "no"
    if settings.patch_reboot == "always" or facts.reboot_due or facts.kernels:
        return "yes"
    return "maybe" if facts.changes else "no"


def _left(known: _Known) -> Set[str]:
    """Who is out of service, and by no run that still works on it: as ``budget.decide`` sees it, only a person brings them back."""
    by_run = {host.host for host in known.hosts if host.state in HOST_WORKING and host.state != "waiting"}
    working = {slot.host for slot in known.held if slot.state not in HOST_FINAL and (
        slot.run_id == known.run.id or slot.run_state not in RUN_UNFINISHED or not slot.left)}
    return {slot.host for slot in known.held} - working - by_run


def _held_by_others(known: _Known) -> Set[str]:
    """Whom another run works on, and is waited for: a host that this run has left in the middle only where the other one took it up later."""
    others: Set[str] = set()
    for slot in known.held:
        if slot.run_id == known.run.id:
            others.discard(slot.host)
        elif slot.state not in HOST_FINAL and not (slot.run_state in RUN_UNFINISHED and slot.left):
            others.add(slot.host)
    return others


def _elsewhere(known: _Known, settings: Settings, now: float) -> List[Elsewhere]:
    """Who is out of service and not to be rolled: left so, out of reach, or in the hands of another run, which is taken to bring it back in time."""
    mine = {host.host for host in known.turn}
    lost = {host.host for host in known.hosts if host.state == "unreachable"}
    stuck = lost | _left(known)
    moving = {slot.host for slot in known.held} - stuck
    return [Elsewhere(host) for host in sorted(stuck - mine)] + [Elsewhere(host, now + settings.patch_estimate_default) for host in sorted(moving - mine)]


# --- what is told -----------------------------------------------------------------------------------------------------------

def _plan(known: _Known, seen: Forecast, now: float, first: int) -> Plan:
    # Whoever is stopped by a place has a turn all the same, first of all: what was prepared on it is taken back then. In check mode nothing was.
    ended = [] if known.run.settings.get("check") else list(known.stopped)
    order = [*ended, *(host.host for host in known.turn)]
    serial: List[Any] = [first + len(ended), "100%"] if first else ["100%"]
    counted = Counter(host.state for host in seen.simulation.hosts)
    return {
        "run_id": known.run.name, "order": order, "serial": serial, "deployment": known.run.deployment, "made_at": now,
        "begins_at": seen.simulation.begins_at, "ends_at": seen.simulation.ends_at, "best_end": seen.best_end, "peak": seen.simulation.peak,
        "forks": seen.forks, "forks_needed": seen.forks_needed, "bottleneck": seen.bottleneck, "waits": dict(seen.waits),
        "packages": sum(known.facts.get(host.host, Facts()).changes for host in known.turn), "assumed": sum(host.assumed for host in seen.simulation.hosts),
        "counts": dict(sorted(counted.items())), "given_up": seen.given_up, "left_out": known.run.settings.get("scope", {})}


def _strategy(each: Collection[Optional[Settings]], own: Settings, forks: int) -> str:
    """Hooks are tasks of their own, and of hosts that move in step each would wait for all others before it. Where there are none and every host has
    a process, ``linear`` has nothing to do but to wait, while ``host_pinned`` goes through all hosts again and again. A host whose settings are not
    known yet may have some."""
    hooked = own.patch_run_hook_on_first_failure or any(
        one is None or one.patch_hook_before_drain or one.patch_hook_after_drain or one.patch_hook_before_restore or one.patch_hook_after_restore
        for one in each)
    return "host_pinned" if hooked or forks < len(each) else "linear"


def _window(run: Run, seen: Forecast, now: float) -> Optional[Dict[str, Any]]:
    """The window of the run's first hosts, and whether everybody's is long enough."""
    each = run.settings.get("occurrence")
    if each is None:
        return None
    whole = fleet_occurrence([of_host(run.settings, host) for host in each], now)
    late = sum(host.state == "deferred" for host in seen.simulation.hosts)
    return {"text": told(whole, now), "opens_at": whole.opens_at if whole else None, "closes_at": whole.closes_at if whole else None,
            "per_host": "" not in each, "holds": not late, "deferred": late}


def _rows(known: _Known, settings: Mapping[str, Settings], guesses: Mapping[str, Estimate], seen: Forecast) -> List[Dict[str, Any]]:
    limit = next((rule for rule in known.sets.rules if rule.text and not rule.whole), None)
    found = []
    for host, one in zip(known.turn, seen.simulation.hosts):
        place = known.sets.place(limit, host.host) if limit else None
        row = _row(host, one, known.facts.get(host.host, Facts()), settings[host.host], guesses[host.host], place.set if place else "")
        found.append(dict(row, places=known.foreseen.get(host.host, Foreseen()).told))
    return found


def _row(host: RunHost, one: Prediction, facts: Facts, settings: Settings, needed: Estimate, group: str) -> Dict[str, Any]:
    drained = bool(settings.patch_maintenance or settings.patch_hook_before_drain or settings.patch_hook_after_drain)
    return {"name": host.host, "state": one.state, "goes_on": host.state if host.state != "waiting" else "", "set": group, "canary": host.canary,
            "changes": facts.changes, "drain": drained, "reboot": _reboot(facts, settings), "start": one.start, "end": one.end,
            "assumed": one.assumed, "basis": needed.basis, "waits_for": one.waits_for, "waited_s": one.waited_s, "stuck": list(one.stuck),
            "reason": host.reason}


def _others(known: _Known) -> List[Dict[str, Any]]:
    """Those that have come to an end already, most because nothing is to be done."""
    stopped = known.stopped
    return [{"name": host.host, "state": "blocked" if host.host in stopped else host.state, "reason": stopped.get(host.host, host.reason)}
            for host in known.hosts if host.state not in HOST_WORKING or host.host in stopped]


def _record(action: PatchtrainAction, ledger: Ledger, run: Run, plan: Plan) -> None:
    whole = {key: plan[key] for key in ("begins_at", "ends_at", "best_end", "peak", "forks", "forks_needed", "bottleneck", "waits", "window", "assumed")}
    # Of one that is out of service already the first plan still counts.
    each = {row["name"]: Predicted(row["start"], row["end"], row["state"], row["assumed"]) for row in plan["hosts"] if "start" in row and not row["goes_on"]}
    with ledger.write() as c:
        planned.record(c, run.id, whole, each, actor(action.variables)["actor"], plan["made_at"])
