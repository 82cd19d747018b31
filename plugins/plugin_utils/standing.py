# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is out of service, since when, why, and what to do next: for somebody who is on call at night. Reads only."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Dict, List, Mapping, Sequence

from . import run_points
from .ledger import events, hosts, logs, runs, slots, steps
from .ledger.engine import Ledger
from .ledger.rows import Event, Held, Run
from .report import commands
from .report.hosts import hosts_of
from .report.model import run_model
from .report.text import cleaned
from .scheduling.states import HOST_FINAL, RUN_UNFINISHED

_TAIL = 5
_DAY = 86400.0
_EVENTS = ("opened", "run_state", "taken_over", "gone_on_with", "run_hook_ended", "slot_returned")
_LATEST = 20
"""So many of a run's events are told."""


def standing(ledger: Ledger, wanted: Sequence[Run], everywhere: bool) -> Dict[str, Any]:
    """``runs[]``, ``out_of_service[]`` (by these runs, or with ``everywhere`` by all), ``by_other_runs[]`` (hosts of these runs), and all as ``text``. Without
    ``everywhere`` what was done to the runs is told too."""
    names = {run.name for run in wanted}
    with ledger.read() as c:
        everyone = [hosts.all_of(c, run.id) for run in wanted]
        told, mine = [_run(run, found) for run, found in zip(wanted, everyone)], {host.host for found in everyone for host in found}
        for run, one in zip(wanted, told) if not everywhere else ():
            one["events"] = [_event(event) for event in events.of_run(c, run.id) if _is_told(event)][-_LATEST:]
            one["missed_hooks"] = run_points.missed(c, run)
        held = slots.holders(c)
    models = _Models(ledger)
    out = [_out(ledger, models, slot) for slot in held if everywhere or slot.run in names]
    others = [_out(ledger, models, slot) for slot in held if not everywhere and slot.run not in names and slot.host in mine]
    lines = [*_lines(cleaned(told)), *_listed("Out of service" if everywhere else "Out of service by this run", cleaned(out)),
             *(_listed("Of its hosts, out of service by other runs", cleaned(others)) if others else [])]
    return {"runs": told, "out_of_service": out, "by_other_runs": others, "text": "\n".join(lines)}


def left_behind(ledger: Ledger, run: Run) -> List[str]:
    """For the opening of a run, a line for each run whose controller is gone in the middle of hosts of the same deployment, or of this run: nobody else
    brings those back."""
    with ledger.read() as c:
        held = [slot for slot in slots.holders(c) if slot.run_id != run.id and _gone(slot)]
        left = {slot.run: runs.get(c, slot.run) for slot in held}
    lines = []
    for name, other in left.items():
        out = [slot.host for slot in held if slot.run == name]
        if other.deployment == run.deployment or set(out) & set(run.settings.get("targets", ())):
            known = {key: other.settings.get(key) for key in ("inventory", "deployment_file")}
            lines.append("run %s was left unfinished, and its controller is gone: %s out of service, and not brought back by run %s. Go on with it: %s" % (
                name, ", ".join(out), run.name, commands.go_on_with({"run": dict(known, name=name)}) or "the same start with its name as patch_run_name"))
    return lines


def _gone(slot: Held) -> bool:
    """Whether the host was left in the middle: only its run, gone on with, knows how it comes back."""
    return not slot.is_over and slot.left


def _run(run: Run, everyone: Sequence[Any]) -> Dict[str, Any]:
    counted = Counter(host.state for host in everyone)
    return {"name": run.name, "deployment": run.deployment, "state": run.state, "reason": run.reason, "started_at": run.started_at, "actor": run.actor,
            "controller": "process %s on %s" % (run.owner.get("pid"), run.owner.get("host")) if run.owner.get("pid") else "nobody",
            "controller_gone": run.state in RUN_UNFINISHED and run.left, "hosts": len(everyone), "states": dict(sorted(counted.items())),
            "blocked": [{"host": host.host, "reason": host.reason} for host in everyone if host.state == "blocked"]}


class _Models:
    """The models of runs, each made once however many of its hosts are out of service."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._made: Dict[str, Dict[str, Any]] = {}

    def of(self, run: str) -> Dict[str, Any]:
        if run not in self._made:
            self._made[run] = cleaned(run_model(self._ledger, run, time.time(), _DAY))
        return self._made[run]


def _out(ledger: Ledger, models: _Models, slot: Held) -> Dict[str, Any]:
    with ledger.read() as c:
        walked = steps.all_of(c, slot.run_id, slot.host)
        printed = logs.of_host(c, slot.run_id, slot.host)
    step = walked[-1] if walked else None
    gone = _gone(slot)
    return {"host": slot.host, "run": slot.run, "state": slot.state, "since": slot.taken_at, "seconds": max(0.0, time.time() - slot.taken_at),
            "reason": slot.reason, "step": ("%s: %s" % (step.step, step.outcome or "going on")) if step else "",
            "log": printed[-1].text.rstrip().splitlines()[-_TAIL:] if printed else [], "abandoned": gone, "next": _next(models, slot, gone)}


def _next(models: _Models, slot: Held, gone: bool) -> str:
    """The exact command, or what to do where there is none."""
    if slot.state not in HOST_FINAL and slot.run_state in RUN_UNFINISHED and not gone:
        return "wait: run %s works on it" % slot.run
    model = models.of(slot.run)
    if gone:
        return commands.go_on_with(model) or "fleetops.patchtrain.patch for run %s" % slot.run
    known = [host for host in hosts_of(model) if host.name == slot.host]
    return commands.command(model, "restore", known) or "fleetops.patchtrain.restore for %s" % slot.host


def _lines(told: Sequence[Mapping[str, Any]]) -> List[str]:
    lines: List[str] = []
    for run in told:
        said = ": " + run["reason"] if run["reason"] else ""
        gone = ", which is GONE: start it again under its name, and it goes on" if run["controller_gone"] else ""
        lines += ["Run %s (deployment %s) is %s%s, begun %s ago by %s" % (
            run["name"], run["deployment"], run["state"], said, _span(time.time() - run["started_at"]), run["actor"]),
            "  controller: %s%s" % (run["controller"], gone),
            "  %d hosts: %s" % (run["hosts"], ", ".join("%d %s" % (many, state) for state, many in run["states"].items()))]
        lines += ["  %s" % _done(event) for event in run.get("events", ())]
        lines += ["  hook %s was not done: the run's controller was gone by then" % point for point in run.get("missed_hooks", ())]
        lines += _blocked(run)
    return lines or ["No run is unfinished."]


def _listed(title: str, out: Sequence[Mapping[str, Any]]) -> List[str]:
    lines = ["%s: %s" % (title, len(out) or "no host")]
    for host in out:
        step = " (%s)" % host["step"] if host["step"] else ""
        lines += ["  %s  %s, out for %s, run %s%s" % (host["host"], host["state"], _span(host["seconds"]), host["run"], step),
                  *(["    why:  %s" % host["reason"]] if host["reason"] else []), *("    log:  %s" % line for line in host["log"]),
                  "    next: %s" % host["next"]]
    return lines


def _is_told(event: Event) -> bool:
    """What people and hooks did to the run as a whole, and slots that a person gave back; of hosts there is their own history."""
    return event.action in _EVENTS and (event.host is None or bool(event.actor))


def _event(event: Event) -> Dict[str, Any]:
    known = event.detail or {}
    return {"at": event.at, "what": _what(event, known), "actor": event.actor, "text": event.text,
            **{key: str(known[key]) for key in ("job_id", "change_id") if known.get(key)}}


def _what(event: Event, known: Mapping[str, Any]) -> str:
    if event.action == "run_state":
        return str(known.get("is"))
    if event.action == "run_hook_ended":
        return "hook %s %s" % (known.get("point"), known.get("outcome"))
    if event.action == "slot_returned":
        return "slot of %s returned" % event.host
    return event.action.replace("_", " ") if event.action != "taken_over" or known["is"].get("pid") else "disowned"


def _done(event: Mapping[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(event["at"]))
    beside = [told % event[key] for key, told in (("actor", "by %s"), ("job_id", "job %s"), ("change_id", "change %s")) if event.get(key)]
    return "%s  %s%s%s" % (when, event["what"], " (%s)" % ", ".join(beside) if beside else "", ": " + event["text"] if event["text"] else "")


def _blocked(run: Mapping[str, Any]) -> List[str]:
    """The hosts that were left alone, why, and how they are tried again."""
    if not run["blocked"]:
        return []
    return ["  blocked: %s, because of %s" % (host["host"], host["reason"] or "no reason given") for host in run["blocked"]] + [
        "    next: remove what stands in the way, then the same deployment with -e patch_from_blocked=%s" % run["name"]]


def _span(seconds: float) -> str:
    minutes = int(seconds // 60)
    return "%d s" % seconds if minutes < 1 else "%d min" % minutes if minutes < 120 else "%d h" % (minutes // 60)
