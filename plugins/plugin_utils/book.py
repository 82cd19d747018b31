# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's pages in the ledger: what an action plugin reads and writes about the host it works on.

Every step is written before it is done, with what undoes it, and again when its end is known.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..module_utils.errors import PatchtrainError
from .alive import Alive
from .asking import Asking
from .ledger import assessments, durations, events, hosts, logs, packages, place, runs, slots, steps
from .ledger.engine import Ledger
from .ledger.owner import owner_of
from .ledger.remembered import Remembered
from .ledger.rows import Held, RunHost, Step
from .prepared import without
from .remote import Lost
from .scheduling import budget
from .scheduling.estimate import Past
from .scheduling.scope import why_left_out, why_not_blocked
from .scheduling.states import HOST_FINAL, HOST_WORKING, RUN_FINAL, host_may_go
from .settings import Settings
from .walked import Walked

HOLD = 12 * 3600.0
"""Seconds after which a host's own updaters go on by themselves, whatever became of the run."""

PUT_BACK = "put sources back"
"""The step by which a host has the sources again that a run found there."""

_OF_RUN = ("run_state", "taken_over", "gone_on_with")
_NEWS = events.latest("slot_returned", *_OF_RUN)
"""What may change the answer to a host that waits for its slot."""

_WORD = events.latest_of_run(*_OF_RUN)
"""Of that what becomes of the run itself."""

PROGRAMS = "programs"
"""The event that tells what lies at the places of a run, by their names."""

_HOST, _STEPS, _PLAN, _BASELINE = "host", "steps", "plan", "baseline"
"""What a book remembers, beside ``PROGRAMS``."""

_IN_MAINTENANCE = ("installing", "rebooting", "checking", "restoring")


def open_ledger(target: Optional[str]) -> Ledger:
    """The ledger that ``patch_ledger`` names, or the default one."""
    return Ledger.open(target or None)


def state_directory() -> Path:
    """Where this controller keeps what is not in the ledger: copies of hooks, reports."""
    return Path(place.default_target({k: v for k, v in os.environ.items() if k != place.VARIABLE})).parent


def record_assessment(ledger: Ledger, host: str, document: Dict[str, Any]) -> None:
    """Keep an assessment that belongs to no run."""
    with ledger.write() as c:
        assessments.record(c, host, document)


def held_slots(ledger: Ledger, host: str) -> List[Held]:
    """The slots that a host holds, the latest last. Two, where a later run patched what an earlier one had left out of service."""
    with ledger.read() as c:
        return slots.holders(c, [host])


def is_mine(owner: Mapping[str, Any]) -> bool:
    """Whether it is the controller process whose worker this is."""
    return owner == owner_of(os.getppid()).to_dict()


class NotTargeted(PatchtrainError):
    """``patch_scope`` left the host out when the run opened: it has no part in it."""


class StillOut(PatchtrainError):
    """The host is out of service somewhere, so its slot can't be returned."""


@dataclass
class StepNote:
    """What is written about a step at its end; ``skipped`` is one that came to nothing on purpose; ``undo`` corrects what was thought to undo it, and
    ``undoes`` is the step that it has undone, if it ends well."""

    id: int
    message: str = ""
    skipped: bool = False
    detail: Dict[str, Any] = field(default_factory=dict)
    undo: Optional[Dict[str, Any]] = None
    undoes: Optional[int] = None


class HostBook(Walked):
    """One host in one run."""

    def __init__(self, ledger: Ledger, run: str, host: str) -> None:
        self._ledger = ledger
        self._looking = False
        self._asking: Optional[Asking] = None
        self._remembered = Remembered(ledger)
        self._looked: Optional[budget.Decision] = None
        self.host = host
        with ledger.read() as c:
            self._run = runs.get(c, run)
        self.alive = Alive(ledger, self._run, self.mine and not self.has_ended)

    def _write(self, *changes: str) -> ContextManager[Any]:
        """What is read here and is not the same afterwards has to be named."""
        self.alive.keep()
        return self._remembered.writing(*changes)

    def only_looking(self, looking: bool) -> "HostBook":
        """With True, the same pages, on which states, steps and slots are not written: for check mode."""
        self._looking = looking
        return self

    @property
    def run(self) -> str:
        return self._run.name

    @property
    def mine(self) -> bool:
        """Whether the run is this controller process's."""
        return is_mine(self._run.owner)

    @property
    def lost(self) -> str:
        """Why this controller starts nothing in the run: it is another's; empty where it is not."""
        return "" if self.mine or self.has_ended else slots.no_longer(self._run)

    @property
    def left_out(self) -> Optional[str]:
        """Why the run is not for this host, None where it is."""
        known = self._run.settings
        return why_left_out(known.get("scope", {}), self.host) or why_not_blocked(known.get("from_blocked", {}), self.host)

    @property
    def has_ended(self) -> bool:
        """Whether the run had come to its end when these pages were opened."""
        return self._run.state in RUN_FINAL

    @property
    def is_over(self) -> bool:
        """Whether nobody goes on with the host in this run: it has come to its end there, or the run has."""
        return self.has_ended or self.final_state() is not None

    @property
    def is_abandoned(self) -> bool:
        """Whether the run was left in the middle of the host, and can be gone on with."""
        return not self.is_over and self._run.left

    def earlier(self) -> List["HostBook"]:
        """The pages of other runs that have left the host out of service, the latest first."""
        others = [held.run for held in reversed(held_slots(self._ledger, self.host)) if held.run != self.run]
        return [HostBook(self._ledger, run, self.host).only_looking(self._looking) for run in others]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What is on record of the run's settings."""
        return self._run.settings

    @property
    def release(self) -> Optional[str]:
        """The digest of the release that this run brings the host to; a stage was looked up when the run opened."""
        releases: Dict[str, str] = self._run.settings.get("host_releases", {})
        return releases.get(self.host)

    # --- states ---------------------------------------------------------------------------------------------------------

    def state(self, state: str, reason: str = "") -> None:
        """Write where the host stands. What has ended keeps its history: a restore after it is steps and events only."""
        if self._looking:
            return
        with self._write(_HOST) as c:
            self._to(c, state, reason)

    def _to(self, c: Any, state: str, reason: str = "") -> None:
        was, of_run = hosts.stands(c, self._run.id, self.host)
        if self._looking or _is_history(was, of_run):
            return
        if state in _IN_MAINTENANCE and was.state == "draining":
            was = hosts.move(c, was, of_run, "drained", "nothing to drain")
        hosts.move(c, was, of_run, state, reason)

    def without_turn(self, state: str, reason: str) -> None:
        """Write the end of a host that nothing was begun with; no slot is left with it."""
        self._final(state, reason, keeps_slot=False)

    def final_state(self) -> Optional[RunHost]:
        """The host's state, if it has come to its end."""
        found = self._host()
        return found if found.state in HOST_FINAL else None

    def _host(self) -> RunHost:
        return self._remembered.told(_HOST, lambda c: hosts.get(c, self._run.id, self.host))

    def out_of_play(self, left: Sequence[str]) -> None:
        """Write that these hosts can't come for their turn any more, so that they count as out of service."""
        if left and self.mine and not self._looking:
            with self._write(_HOST) as c:
                hosts.lose(c, self._run.id, left)

    # --- steps ----------------------------------------------------------------------------------------------------------

    def begin(self, name: str, at: str = "", undo: Optional[Dict[str, Any]] = None) -> int:
        if self._looking:
            return 0
        with self._remembered.writing(_STEPS) as c:
            self.alive.renew_in(c)
            return steps.begin(c, self._run.id, self.host, name, at, undo)

    def end(self, name: str, outcome: str, message: str = "") -> None:
        """End the open step of this name; a step that nobody began is nothing to end."""
        step = self.last_step(name)
        if step is not None:
            self.settle(step.id, outcome, message)

    def settle(self, step_id: int, outcome: str, message: str = "") -> bool:
        """End a step whose end nobody has seen. False where it is known how it ended: that stays."""
        if self._looking or not any(step.id == step_id and step.finished_at is None for step in self.walked()):
            return False
        with self._write(_STEPS) as c:
            steps.end(c, step_id, outcome, message)
        return True

    @contextlib.contextmanager
    def step(self, name: str, at: str = "", undo: Optional[Dict[str, Any]] = None) -> Iterator[StepNote]:
        """A step around the body: begun before it, ended as it ends. Where the process itself is cut (Ctrl-C), nobody has seen that end."""
        note = StepNote(self.begin(name, at, undo))
        try:
            yield note
        except PatchtrainError as error:
            self._end(note, "unreachable" if isinstance(error, Lost) else "failed", error.message)
            raise
        except Exception as error:
            self._end(note, "failed", "broken off by %s" % type(error).__name__)
            raise
        self._end(note, "skipped" if note.skipped else "ok", note.message)

    def _end(self, note: StepNote, outcome: str, message: str) -> None:
        if self._looking:
            return
        with self._write(_STEPS) as c:
            steps.end(c, note.id, outcome, message, note.detail or None, undo=note.undo)
            if note.undoes is not None and outcome == "ok":
                steps.mark_undone(c, note.undoes)

    def entered(self) -> List[Dict[str, Any]]:
        """The places where this run entered maintenance and has not left it, last first: ``id, place, undo``."""
        return [{"id": s.id, "place": s.place, "undo": s.undo} for s in steps.to_undo(self.walked())]

    def undone(self, step_id: int) -> None:
        if self._looking:
            return
        with self._write(_STEPS) as c:
            steps.mark_undone(c, step_id)

    def changed_to(self) -> Set[Tuple[str, str, Optional[str]]]:
        """What this run has installed on the host: name, architecture, version."""
        with self._ledger.read() as c:
            return {(done.name, done.arch, done.to_version) for done in packages.of_host(c, self._run.id, self.host) if done.result == "installed"}

    def replanned(self, result: Dict[str, Any]) -> None:
        """Keep what a further round installs; the health from before stays."""
        with self._write(_PLAN) as c:
            assessments.record(c, self.host, result["assessment"], run_id=self._run.id)
            hosts.set_plan(c, self._run.id, self.host, result["plan"])

    def boot_id(self) -> str:
        """The boot id that the host had when this run was through with its packages, else when it was prepared."""
        installed = self.installation()
        known = (installed.detail or {}).get("boot_id") if installed else None
        return str(known or (self.baseline() or {}).get("boot_id") or "")

    def restored(self) -> bool:
        """Whether this run has patched the host and brought it back into service already, in this turn."""
        left = next((step for step in reversed(self.turn()) if step.step == "leave"), None)
        return left is not None and left.outcome == "ok" and not self.entered() and self._is_patched()

    def _is_patched(self) -> bool:
        installed = self.installation()
        if (self.plan() or {}).get("changes"):
            return installed is not None and installed.outcome == "ok"
        return self.touched()

    def past(self) -> List[Past]:
        """How long this host, and others of the deployment, were out of service before."""
        with self._ledger.read() as c:
            return durations.past(c, self._run.deployment, [self.host], 12) + durations.past(c, self._run.deployment)

    def canaries(self) -> List[RunHost]:
        """Those that go before this host; none where it is one."""
        with self._ledger.read() as c:
            canaries = hosts.canaries(c, self._run.id)
        return [] if any(host.host == self.host for host in canaries) else canaries

    def overrun(self, closed_at: float, now: float) -> None:
        """Keep that the host was out of service beyond its window."""
        with self._write() as c:
            events.append(c, "overrun", "out of service for %g s after its window had closed" % round(now - closed_at), run_id=self._run.id,
                          host=self.host, detail={"closed_at": closed_at, "seconds": now - closed_at})

    def is_on_its_way(self) -> bool:
        """Whether the run has begun with the host already, and is not through: it is taken up where it was left."""
        return self._host().state in HOST_WORKING and self._host().state != "waiting"

    def walked(self) -> List[Step]:
        return self._remembered.told(_STEPS, lambda c: steps.all_of(c, self._run.id, self.host))

    # --- what was prepared, and what came of it -------------------------------------------------------------------------

    def prepared(self, result: Dict[str, Any]) -> None:
        """Keep the assessment, the exact transaction and the health from before."""
        with self._write(_PLAN, _BASELINE) as c:
            assessments.record(c, self.host, result["assessment"], run_id=self._run.id)
            hosts.set_plan(c, self._run.id, self.host, result["plan"])
            hosts.set_baseline(c, self._run.id, self.host, result["health"])

    def assessed(self, document: Dict[str, Any]) -> None:
        with self._write() as c:
            assessments.record(c, self.host, document, run_id=self._run.id)

    def plan(self) -> Optional[Dict[str, Any]]:
        """What was prepared, with nothing in it where nothing is to be done; None for a host that this run never prepared."""
        return self._remembered.told(_PLAN, lambda c: hosts.plan(c, self._run.id, self.host))

    def baseline(self) -> Optional[Dict[str, Any]]:
        return self._remembered.told(_BASELINE, lambda c: hosts.baseline(c, self._run.id, self.host))

    def laid_at(self, place: str) -> Optional[Dict[str, Any]]:
        """The same of a place of the host's maintenance, since the roll was planned."""
        found = self._remembered.told(PROGRAMS, lambda c: events.of_run(c, self._run.id, action=PROGRAMS))
        return ((found[-1].detail or {}) if found else {}).get(place)

    def is_attached(self) -> bool:
        """Whether the host had a release when it was looked at last, whatever the run brings it to."""
        with self._ledger.read() as c:
            last = assessments.last(c, self.host)
        return bool(last and last.document.get("release"))

    def installed(self, result: Dict[str, Any], job: str = "install") -> None:
        """Keep what became of each package, the log of the job, once, and what the host lacks now."""
        with self._write() as c:
            packages.record(c, self._run.id, self.host, result.get("packages", []))
            if result.get("log") and not logs.has(c, self._run.id, self.host, job):
                logs.store(c, self._run.id, self.host, job, result["log"])
            # Until the host is looked at again, which may never come, it lacks what it was found to lack, without what was installed.
            last = None if result.get("assessment") else assessments.last(c, self.host)
            seen = without(last.document, result) if last else result.get("assessment")
            if seen:
                assessments.record(c, self.host, seen, run_id=self._run.id)

    def rebooted(self, boot_id: str) -> bool:
        """What was known of the host still holds, but that no reboot is due any more; whether its kernel was another than its release's."""
        with self._write() as c:
            last = assessments.last(c, self.host)
            if last and "reboot" in last.document:
                now = dict(last.document, boot_id=boot_id, reboot={"required": False, "reasons": []})
                assessments.record(c, self.host, now, run_id=self._run.id)
        return any(row["kind"] == "kernel" for row in (last.document.get("drift") or () if last else ()))

    def reboot_due(self) -> List[str]:
        """Why the host needs a reboot now, by what was seen last; empty where it does not."""
        done = {step.step: step for step in self.walked() if step.outcome == "ok"}
        if "reboot" in done:
            return []
        found = (done["install"].detail or {}).get("reboot") if "install" in done else None
        known = found or self._seen_last().get("reboot")
        return list(known.get("reasons") or ["pending"]) if known and known.get("required") else []

    def _seen_last(self) -> Dict[str, Any]:
        with self._ledger.read() as c:
            last = assessments.last(c, self.host)
        return last.document if last else {}

    # --- slots ----------------------------------------------------------------------------------------------------------

    def take_slot(self, settings: Settings, in_step: Sequence[str]) -> budget.Decision:
        """Ask once for a slot; where it is granted, the host is ``draining`` from now on."""
        # A look that has just found a slot is as good as another: what counts is asked in the transaction that takes it.
        decision, self._looked = self._looked or self._look(settings, in_step), None
        if decision.granted or self._question.is_new(decision):
            with self._write(_HOST, _STEPS) as c:
                decision = self._question.settle(c, settings, in_step, decision)
                if decision.granted:
                    self._to(c, "draining")
        return decision

    def ahead(self) -> Tuple[int, int]:
        """How many hosts of the run still wait that come before this one, and how many are on their way."""
        with self._ledger.read() as c:
            return hosts.ahead(c, self._run.id, self.host)

    def listening(self, slots: bool = True) -> ContextManager[Callable[[], Any]]:
        """What tells, each time it is called, whether there is news for who waits: it returns something else than before. Without ``slots`` only what
        becomes of the run is news."""
        return self._ledger.watching(_NEWS if slots else _WORD(self._run.id))

    def news(self, slots: bool = True) -> Any:
        with self.listening(slots) as said:
            return said()

    def refused_slot(self, settings: Settings, in_step: Sequence[str]) -> Optional[budget.Decision]:
        """Why the host gets no slot in this run any more, or not while another run has it; None where it may. Nothing is taken."""
        decision = self._look(settings, in_step)
        self._looked = decision if decision.granted else None
        elsewhere = any(blocker.name == self.host for blocker in decision.blockers)
        return decision if decision.kind == "refused" or elsewhere else None

    def _look(self, settings: Settings, in_step: Sequence[str]) -> budget.Decision:
        self.alive.keep()
        with self._ledger.read() as c:
            return slots.look(c, self._question.ask(c, settings, in_step))

    @property
    def _question(self) -> Asking:
        self._asking = self._asking or Asking(self._run, self.host)
        return self._asking

    def returned(self, reason: str, reboot_setting: str) -> Tuple[str, str]:
        """Give the slot back and write the host's final state: which, and why."""
        left = [] if self._looking else self.entered()
        if left:
            raise StillOut("%s is still out of service at %s, so it keeps its slot" % (self.host, ", ".join(step["place"] for step in left)))
        state, found = self._outcome(reboot_setting)
        why = "; ".join(part for part in (reason, found) if part)
        self._final(state, why, keeps_slot=False, by_way_of="restoring")
        return state, why

    def _outcome(self, reboot_setting: str) -> Tuple[str, str]:
        """What became of the host that is back in service."""
        install, due = self.installation(), self.reboot_due()
        if install and install.outcome != "ok":
            return "failed", "its installation %s" % ("ended badly" if install.outcome else "was begun, and nobody saw its end")
        if install is None and (self.plan() or {}).get("changes"):
            return "deferred", self.put_off() or "it came back before anything was installed"
        if due:
            return "reboot_pending", "a reboot is due (%s) and patch_reboot is %s" % (", ".join(due), reboot_setting)
        return "succeeded", self.brought_back()

    def spared(self, state: str, reason: str) -> None:
        """Write the final state of a host that needs no turn any more; a slot that it has is returned."""
        self._final(state, reason, keeps_slot=False, by_way_of="" if self._host().state == "waiting" else "restoring")

    def failed(self, state: str, reason: str, keeps_slot: bool) -> str:
        """Write the end of a host that came no further. Blocked is only who was not taken beyond its drain; others failed, whatever refused them."""
        if state == "blocked" and not host_may_go(self._host().state, state):
            state = "failed"
        self._final(state, reason, keeps_slot)
        return state

    def _final(self, state: str, reason: str, keeps_slot: bool, by_way_of: str = "") -> None:
        if self._looking:
            return
        with self._write(_HOST) as c:
            if by_way_of:
                self._to(c, by_way_of)
            history = _is_history(*hosts.stands(c, self._run.id, self.host))
            if keeps_slot and not history:
                hosts.set_state(c, self._run.id, self.host, state, reason)
            if not keeps_slot:
                slots.give_back(c, self._run.id, self.host, None if history else state, reason)


def _is_history(host: RunHost, run_state: str) -> bool:
    """Whether the host's state is not to be changed any more: its run has ended, or it has come to its own end there and is being restored."""
    return run_state in RUN_FINAL or host.state in HOST_FINAL
