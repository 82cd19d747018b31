# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does to a run from another terminal or job: look, pause, resume, stop, give up a host, take the run over.

The run itself reads its state before it gives a slot, so that a word in the ledger is all it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Sequence

from ..module_utils.errors import BadInput, PatchtrainError
from .ledger import hosts, runs, slots
from .ledger.engine import Ledger
from .ledger.owner import NOBODY, Owner
from .ledger.rows import Held, Run
from .scheduling.states import HOST_FINAL, HOST_WORKING, RUN_UNFINISHED
from .standing import standing

Result = Dict[str, Any]


_STEPS = {"prepare": ("patch_prepare_timeout",), "install": ("patch_install_timeout", "patch_reconnect_timeout"), "reboot": ("patch_reboot_timeout",),
          "gate": ("patch_health_timeout",), "soak": ("patch_soak",)}
_TRIED_AGAIN = ("prepare", "drain", "install", "gate", "restore")


class StillAlive(PatchtrainError):
    """Somebody works on it."""


@dataclass(frozen=True)
class Hand:
    """Who acts, as which job and for which change; the latter two are empty where there are none."""

    actor: str
    job_id: str = ""
    change_id: str = ""

    def for_record(self) -> Dict[str, str]:
        known = {"job_id": self.job_id, "change_id": self.change_id}
        return {key: value for key, value in known.items() if value}


def find(ledger: Ledger, name: str) -> Run:
    """The run of that name; without one, the only unfinished run. A plan, or a run in check mode, starts nobody: it is meant only where it is named."""
    with ledger.read() as c:
        if name:
            return runs.get(c, name)
        found = [run for run in runs.recent(c, 50, unfinished=True) if not run.settings.get("check")]
    if len(found) != 1:
        known = "; unfinished are %s" % ", ".join(run.name for run in found) if found else ""
        raise BadInput("which run? %s: name it with -e patch_run_name=NAME%s" % (
            "%d are unfinished" % len(found) if found else "no run is unfinished", known))
    return found[0]


def show(ledger: Ledger, name: str) -> Result:
    """One run; without a name and without an unfinished run, all that is out of service."""
    with ledger.read() as c:
        wanted = [runs.get(c, name)] if name else runs.recent(c, 20, unfinished=True)
    found = standing(ledger, wanted, everywhere=not name)
    return {"runs": found["runs"], "out_of_service": found["out_of_service"], "by_other_runs": found["by_other_runs"],
            "text": found["text"], "msg": found["text"].splitlines()[0]}


def set_state(ledger: Ledger, run: Run, state: str, hand: Hand, reason: str) -> Result:
    with ledger.write() as c:
        was = runs.by_id(c, run.id)
        now = runs.set_state(c, run.id, state, hand.actor, reason, detail=hand.for_record())
        working = [h.host for h in hosts.all_of(c, run.id, HOST_WORKING) if h.state != "waiting"]
    said = {"paused": "no further host is started until it is resumed", "running": "hosts are started again",
            "stopping": "no further host is started"}[state]
    if now.left:
        said += "; its controller is gone, so that nobody works on it%s: the same start with -e patch_run_name=%s goes on with it" % (
            " and %s not brought back" % _are(working) if working else "", run.name)
    elif state == "stopping" and working:
        said += "; %s brought to an end first, which by the limits of their steps takes %d min at most, hooks aside" % (_are(working), -(-limits(now) // 60))
    changed = (was.state, was.reason) != (now.state, now.reason)
    return {"changed": changed, "run_id": run.name, "run_state": now.state, "msg": "run %s is %s: %s" % (run.name, now.state, said)}


def _are(names: Sequence[str]) -> str:
    return "%s %s" % (", ".join(names[:6]) + (" and %d more" % (len(names) - 6) if len(names) > 6 else ""), "is" if len(names) == 1 else "are")


def limits(run: Run) -> float:
    """Seconds that a host which was just started can take, by the limits of its steps. Not those of hooks: each of their tasks has its own."""
    known = run.settings
    retries, rounds = known.get("patch_retries") or 0, int(known.get("patch_rounds") or 1)
    each = {step: sum(float(known.get(name) or 0) for name in names) for step, names in _STEPS.items()}
    each["drain"] = each["restore"] = _at_all_places(known)
    each["reboot"] *= 2 if known.get("patch_reboot_before") else 1
    # What is left is looked for after each round but the last.
    times, total = {"install": rounds, "prepare": rounds - 1}, 0.0
    for step, once in each.items():
        again = retries.get(step, 0) if isinstance(retries, dict) else retries if step in _TRIED_AGAIN else 0
        total += (once * (1 + again) + float(known.get("patch_retry_delay") or 0) * again) * times.get(step, 1)
    return total


def _at_all_places(known: Mapping[str, Any]) -> float:
    """Seconds for all places of a host, one after another. Hosts may have places that the run's settings don't name, so one at least."""
    usual = float(known.get("patch_drain_timeout") or 0)
    return sum(float(place.get("timeout", usual)) for place in known.get("patch_maintenance") or ()) or usual


def release(ledger: Ledger, names: Sequence[str], hand: Hand, reason: str, checking: bool = False, run: str = "") -> Result:
    """Give up hosts for good: their slots are returned, all or those of one run, though nobody brought the hosts back. Refused where a living run works on
    them. With ``checking`` it is only said what would be."""
    if not names or not reason:
        raise BadInput("which hosts are gone for good, and why? -e control_hosts=HOST,HOST -e control_reason=...")
    with ledger.read() if checking else ledger.write() as c:
        only = runs.get(c, run).name if run else ""
        held = [slot for slot in slots.holders(c, list(names)) if only in ("", slot.run)]
        for slot in held:
            _refuse_living(slot)
        for slot in [] if checking else held:
            state = None if slot.state in HOST_FINAL or slot.run_state not in RUN_UNFINISHED else "failed"
            slots.give_back(c, slot.run_id, slot.host, state, reason, hand.actor, detail=hand.for_record())
    returned = sorted({slot.host for slot in held})
    none = sorted(set(names) - set(returned))
    what, where = "check mode, these would be returned" if checking else "returned", " of run " + run if run else ""
    return {"changed": bool(returned), "returned": returned, "msg": "; ".join(
        (["%s: %s" % (what, ", ".join(returned))] if returned else []) + (["held no slot%s: %s" % (where, ", ".join(none))] if none else []))}


def _refuse_living(slot: Held) -> None:
    if slot.state not in HOST_FINAL and slot.run_state in RUN_UNFINISHED and not slot.left:
        raise StillAlive("run %s still works on %s (%s), from process %s on %s: stop it first, or wait" % (
            slot.run, slot.host, slot.state, slot.owner.get("pid"), slot.owner.get("host")), run=slot.run, host=slot.host)


def take_over(ledger: Ledger, run: Run, owner: Owner, hand: Hand, force: bool) -> Run:
    """Another process goes on with an unfinished run: because the one it had is gone, or because a person knows that it is."""
    if not force and not run.left:
        raise StillAlive("run %s is worked on by process %s on %s; if you know that it is gone, say so: -e control_force=true" % (
            run.name, run.owner.get("pid"), run.owner.get("host")), run=run.name)
    with ledger.write() as c:
        return runs.take_over(c, run.name, owner, hand.actor, detail=hand.for_record())


def disown(ledger: Ledger, run: Run, hand: Hand, force: bool) -> Result:
    """Declare a run's controller gone, so that the next start of the run goes on with it."""
    now = take_over(ledger, run, NOBODY, hand, force)
    return {"changed": True, "run_id": run.name, "run_state": now.state,
            "msg": "run %s belongs to nobody now: start it again under its name (-e patch_run_name=%s) and it goes on" % (run.name, run.name)}
