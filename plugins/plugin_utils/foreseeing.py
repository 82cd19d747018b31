# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the places of ``patch_maintenance`` say before any host is drained: each place is asked once for all of its hosts, and no host is touched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Tuple

from ..module_utils.errors import PatchtrainError
from .book import PROGRAMS, HostBook
from .confirming import FRESH
from .drain import Priors, Reach, checked_place, key_of
from .ledger import events, hosts, steps
from .ledger.engine import Ledger
from .ledger.rows import Run
from .scheduling.states import HOST_WORKING
from .settings import Settings
from .side_by_side import side_by_side

MODULE = "fleetops.patchtrain.maintenance_info"
STEP = "look at places"
"""The step of a host whose place is wrong, or said how it found the host."""

_LEAST = 30.0
_EACH = 0.5
"""Seconds that the hosts of a place may take: some for the first, and more for each of them."""

_MARGIN = 30.0
_SAID = {"asked": False, "would_change": False, "prior_state": "", "would": [], "moves": [], "problem": "", "blocked": False}

Told = Dict[str, Any]


@dataclass(frozen=True)
class Foreseen:
    """What was told of one host: one answer for each of its places, in their order. ``stops`` is why it can't have its turn; empty where it can.
    ``priors`` are those places that said how they found it."""

    told: List[Told] = field(default_factory=list)
    stops: str = ""
    priors: Priors = field(default_factory=dict)


Programs = Dict[str, Dict[str, str]]
"""By place, what was left there for all that is asked of it later on."""


def foresee(settings: Mapping[str, Settings], reach: Reach, forks: int, is_check: bool) -> Tuple[Dict[str, Foreseen], Programs]:
    """Asks about all hosts whose ``settings`` are given. In check mode one whose work can't go elsewhere now is told as one that would be blocked; in
    earnest it is asked again at its turn, when that may be otherwise, and before it is touched."""
    asked = _by_place(settings)
    answers = side_by_side(lambda place: _ask(reach, place, [look for _host, look in asked[place]], is_check), list(asked), forks)
    found: Dict[str, List[Tuple[int, Told]]] = {}
    priors: Dict[str, Priors] = {}
    for place, answer in zip(asked, answers):
        for (host, look), said in zip(asked[place], answer["looks"]):
            found.setdefault(host, []).append((look["position"], dict(_SAID, **said, place=place)))
            priors.setdefault(host, {}).update({key_of(look): said["prior_state"]} if said.get("prior_state") and not said["problem"] else {})
    told = {host: replace(_foreseen([one for _position, one in sorted(said, key=lambda one: one[0])], is_check), priors=priors[host])
            for host, said in found.items()}
    return told, {place: answer["program"] for place, answer in zip(asked, answers) if answer["program"]}


def _by_place(settings: Mapping[str, Settings]) -> Dict[str, List[Tuple[str, Dict[str, Any]]]]:
    """For each place the hosts that it is asked about, and how."""
    found: Dict[str, List[Tuple[str, Dict[str, Any]]]] = {}
    for host, own in settings.items():
        for position, place in enumerate(own.patch_maintenance):
            known = checked_place(place, host, own.patch_drain_timeout)
            found.setdefault(known["place"], []).append((host, dict(known, position=position)))
    return found


def _ask(reach: Reach, place: str, looks: Sequence[Mapping[str, Any]], is_check: bool) -> Dict[str, Any]:
    """One execution. Where it does not come about, this is said of each of the hosts."""
    limit = _LEAST + _EACH * len(looks)
    wanted = [{key: look[key] for key in ("driver", "host", "options")} for look in looks]
    try:
        result = reach(place).module(MODULE, {"looks": wanted, "timeout": limit, "keep_program": True}, limit + _MARGIN, check=is_check)
        problem = str(result.get("msg", "no reason given")) if result.get("failed") else ""
    except PatchtrainError as error:
        problem = error.message
    if problem:
        return {"looks": [{"driver": look["driver"], "asked": True, "problem": problem} for look in looks], "program": None}
    return {"looks": [{key: one[key] for key in ("driver", *_SAID)} for one in result["looks"]], "program": result.get("program")}


def _foreseen(told: List[Told], is_check: bool) -> Foreseen:
    wrong = [one for one in told if one["problem"] and (is_check or not one["blocked"])]
    if not wrong:
        return Foreseen(told)
    words = "; ".join("%s at %s: %s" % (one["driver"], one["place"], one["problem"]) for one in wrong)
    only_now = all(one["blocked"] for one in wrong)
    remedy = "it is asked again at its turn" if only_now else "mend its patch_maintenance, or what is there, and start again"
    return Foreseen(told, "%s; nothing was touched: %s" % (words, remedy))


def keep(ledger: Ledger, run: Run, foreseen: Mapping[str, Foreseen], programs: Programs, is_check: bool) -> None:
    """Put on record what lies at the places, how they found the hosts, and who can't have a turn. In check mode this is where such a host ends; in earnest
    it ends at its turn, when what was prepared on it is taken back."""
    stopped = {host: one.stops for host, one in foreseen.items() if one.stops}
    with ledger.write() as c:
        if programs:
            events.append(c, PROGRAMS, run_id=run.id, detail=programs)
        before = steps.latest(c, run.id, STEP)
        seen = {} if is_check else {host: {"priors": one.priors} for host, one in foreseen.items() if one.priors and not one.stops}
        steps.done(c, run.id, STEP, seen)
        told = {**stopped, **seen}
        again = [host for host in foreseen if host in before and before[host].outcome == "failed" and host not in told]
        for host, reason in [*stopped.items(), *((host, "") for host in again)]:
            step = steps.begin(c, run.id, host, STEP, at=time.time())
            steps.end(c, step, "failed" if reason else "ok", reason)
            if reason and is_check and hosts.get(c, run.id, host).state in HOST_WORKING:
                hosts.set_state(c, run.id, host, "blocked", reason)


def stops(book: HostBook) -> str:
    """Why a place keeps the host from its turn, by what it said when the roll was planned; empty where none does."""
    last = book.last_step(STEP)
    return last.message if last is not None and last.outcome == "failed" else ""


def priors(book: HostBook) -> Priors:
    """How the host was found at its places when the roll was planned, as far as they said so, and for as long as what a host says before its slot counts:
    somebody may have drained it since, and where no answer arrives, it is undone to what was seen."""
    last = book.last_step(STEP)
    if last is None or not 0 <= time.time() - (last.finished_at or 0.0) < FRESH:
        return {}
    return dict((last.detail or {}).get("priors") or {})
