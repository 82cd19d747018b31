# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's right to be out of service. Documented in the module of the same name."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from ..module_utils.errors import PatchtrainError
from ..module_utils.job.state import job_id
from ..plugin_utils import drain, foreseeing
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.alive import with_its_controller
from ..plugin_utils.asfound import put_back
from ..plugin_utils.book import HostBook, held_slots, is_mine, open_ledger
from ..plugin_utils.confirming import Confirmation, Spared, confirm, good_for, spared
from ..plugin_utils.failures import told
from ..plugin_utils.ledger.rows import Held
from ..plugin_utils.ledger.slots import LOST
from ..plugin_utils.play import in_step_batch, out_of_play
from ..plugin_utils.run_hooks import prepare_hooks
from ..plugin_utils.scheduling.precedence import ORDER
from ..plugin_utils.scheduling.budget import LATER_RUN, MAX_UNAVAILABLE, RUN, Decision
from ..plugin_utils.scheduling.states import HOST_FINAL, RUN_FINAL
from ..plugin_utils.settings import Settings
from ..plugin_utils.turns import BLOCKER, SOAK, WINDOW, Turn
from ..plugin_utils.updaters import afterwards, let_go
from ..plugin_utils.waiting import PATIENCE, WAY, Limit, Outage, Waiting
from ..plugin_utils.windowing import of_host

SPARED = "spared"
"""A host for which nothing is left to be done before its turn."""

_ASKED_LIMIT = 60.0

_NOT_COUNTED = (WINDOW, SOAK, BLOCKER, RUN)
"""What a host waits for that no other host can end: its time, the deployment's own checks, a person who has paused the run."""


class Refused(PatchtrainError):
    """No slot was granted, and the task requires one; or the host failed while it held one."""


class ActionModule(PatchtrainAction):
    _said = ""
    look: Optional[Callable[[HostBook], None]] = None
    """What else is to be looked at before the slot, by the task that goes on with it."""

    def act(self) -> Dict[str, Any]:
        todo = {"taken": self._taken, "returned": self._returned, "failed": self._failed, "found": self._found}
        return todo[self.one_of("state", todo)]()

    def _taken(self) -> Dict[str, Any]:
        outage = Outage(self.warn)
        book = outage.borne(self.book)
        return outage.borne(lambda: self._without_waiting(book)) or self._wait(book, outage)

    def _without_waiting(self, book: HostBook) -> Dict[str, Any]:
        """What the task returns where the host does not ask for a slot at all, else nothing."""
        book.out_of_play(out_of_play(self.variables))
        ended = book.final_state()
        if ended:
            return self._no_slot(ended.state, ended.reason)
        if self.checking:
            return self._no_slot("not_started", "check mode", book)
        if book.lost:
            return self._no_slot("not_started", book.lost)
        stops = "" if book.is_on_its_way() else foreseeing.stops(book)
        return self._no_slot("blocked", self._without_a_turn(book, stops), book) if stops else {}

    def _wait(self, book: HostBook, outage: Outage) -> Dict[str, Any]:
        settings, controller = self.settings(), os.getppid()
        turn, waiting = outage.borne(lambda: (self._turn(book, settings), Waiting(book)))
        confirmation, limit = self._confirmation(book, settings), Limit(settings.patch_slot_timeout, _NOT_COUNTED, time.monotonic)
        if turn and not waiting.near and settings.patch_slot_timeout > PATIENCE:
            outage.borne(waiting.pause)
        done: Dict[str, Any] = {}
        while not done:
            with_its_controller(controller)
            done = outage.borne(lambda: self._asked_once(book, turn, waiting, confirmation, limit))
        return done

    def _turn(self, book: HostBook, settings: Settings) -> Optional[Turn]:
        return None if book.is_on_its_way() else Turn(book, settings, self.variables.get("ansible_play_batch") or ())

    def _asked_once(self, book: HostBook, turn: Optional[Turn], waiting: Waiting, confirmation: Confirmation, limit: Limit) -> Dict[str, Any]:
        """What the task returns; empty when it is time to ask again."""
        decision = self._ask(book, turn, waiting.near, confirmation)
        limit.waits_for(decision.budget)
        done = self._answer(book, decision, confirmation.spared, limit)
        if not done:
            if any(blocker.name == self.host for blocker in decision.blockers):
                confirmation.forget()
            waiting.pause(WAY if decision.budget == ORDER else PATIENCE, for_limit=decision.budget == MAX_UNAVAILABLE)
        return done

    def _ask(self, book: HostBook, turn: Optional[Turn], near: bool, confirmation: Confirmation) -> Decision:
        """Once; what was prepared is confirmed before a slot is taken, and again where that was a while ago."""
        in_step = () if self.argument("alone", False) else in_step_batch(self._task, self.variables)
        if turn and near and confirmation.is_due and turn.may_be_next(time.time(), in_step):
            confirmation.renew()
            if confirmation.spared:
                return Decision(SPARED)
        decision = turn.take(time.time(), in_step) if turn else book.take_slot(self.settings(), in_step)
        if decision.granted:
            confirmation.renew()
        else:
            confirmation.waits()
        return Decision(SPARED) if confirmation.spared else decision

    def _answer(self, book: HostBook, decision: Decision, spared_: Optional[Spared], limit: Limit) -> Dict[str, Any]:
        """What the task returns; empty while the host has to wait."""
        if spared_:
            return self._spared(book, spared_)
        if decision.granted:
            return {"granted": True, "waited_s": round(limit.waited, 1), "host_state": "draining", "reason": "", "hooks_done": book.hooks_done()}
        if decision.kind == "deferred":
            return self._no_slot("deferred", self._without_a_turn(book, decision.reason), book)
        if decision.budget == LOST:
            return self._no_slot("not_started", decision.reason)
        if decision.kind == "refused" or (limit.passed and decision.budget not in (ORDER, LATER_RUN)):
            return self._no_slot("not_started", self._without_a_turn(book, decision.reason), book)
        if decision.reason != self._said:
            self._said = decision.reason
            self._display.vv("%s waits for a slot: %s" % (self.host, decision.reason))
        return {}

    def _confirmation(self, book: HostBook, settings: Settings) -> Confirmation:
        """Where the task asks for it: the host says that what was prepared is still what would be installed."""
        if not self.argument("confirm", False):
            return Confirmation(lambda: None)
        return Confirmation(lambda: self._asked(book, settings), good_for(book, time.time()))

    def _asked(self, book: HostBook, settings: Settings) -> Optional[Spared]:
        found = spared(book, settings, self.remote(), confirm(book, settings, self.remote(), {}))
        if self.look and not found:
            self.look(book)
        return found

    def _spared(self, book: HostBook, found: Spared) -> Dict[str, Any]:
        """Nothing is left to be done: the host ends here, and was never drained."""
        book.spared(found.state, found.reason)
        self._let_updaters_go(book)
        return self._no_slot(found.state, found.reason)

    def _no_slot(self, state: str, reason: str, book: "HostBook | None" = None) -> Dict[str, Any]:
        if book:
            book.without_turn(state, reason)
        if self.argument("require") and not self.checking:
            raise Refused("%s: no slot: %s" % (self.host, reason or state))
        return {"granted": False, "host_state": state, "reason": reason, "waited_s": 0.0}

    def _without_a_turn(self, book: HostBook, reason: str) -> str:
        """Its own updaters go on, and it has the sources that it was found with, or the reason says why not."""
        self._let_updaters_go(book)
        return "; ".join(filter(None, [self._as_found(book), reason]))

    def _as_found(self, book: HostBook) -> str:
        """Where there was nothing to install, the host is at the level whose source it has, and keeps it."""
        if self.checking or book.touched() or not (book.plan() or {}).get("changes"):
            return ""
        return put_back(book, open_ledger(self.settings().patch_ledger), self.remote(), self.settings())

    def _returned(self) -> Dict[str, Any]:
        book, settings = self.book().only_looking(self.checking), self.settings()
        window = of_host(book.settings, self.host)
        if window and time.time() > window.closes_at and not self.checking:
            book.overrun(window.closes_at, time.time())
        if settings.patch_soak and not self.checking:
            with book.step("soak"):
                time.sleep(settings.patch_soak)
        state, reason = book.returned("; ".join(filter(None, [self._as_found(book), str(self.argument("reason") or "")])), settings.patch_reboot)
        # The next host does not have to wait for it.
        note = "" if self.checking else afterwards(book, self.remote(), settings)
        others = [held.run for held in self._held() if held.run != book.run]
        return {"changed": True, "host_state": state, "reason": reason, "held_by": others[-1] if others else "", "note": note}

    def _failed(self) -> Dict[str, Any]:
        book, failure = self.book(), self.argument("failure") or {}
        error, note = failure.get("error") or {}, ""
        # What is lost may be another: the load balancer, or where a hook's task was to run.
        lost = error.get("kind") == "Lost" and error.get("host") == self.host
        reason = told(self.argument("failed_task"), failure)
        if not lost:
            reason += self._undo(book)
            reason = "; ".join(filter(None, [self._as_found(book), reason]))
            note = self._let_updaters_go(book)
        keeps_slot = lost or book.touched() or bool(book.entered())
        if not keeps_slot and book.drain_hooks():
            keeps_slot = True
            reason += "; %s was begun, and only a person can know what undoes it: the host keeps its slot" % " and ".join(book.drain_hooks())
        blocked = bool(error.get("blocked")) and not keeps_slot
        state = book.failed("unreachable" if lost else "blocked" if blocked else "failed", reason, keeps_slot)
        if self.argument("require"):
            raise Refused(reason)
        return {"host_state": state, "reason": reason, "msg": "%s: %s" % (state, reason), "note": note}

    def _undo(self, book: HostBook) -> str:
        """A drain after which nothing was installed is undone; what became of it, for the reason."""
        if book.touched() or not book.entered():
            return ""
        try:
            drain.leave(book, self.reach)
        except PatchtrainError as error:
            return "; the drain could not be undone: %s" % error.message
        return "; the drain was undone"

    def _found(self) -> Dict[str, Any]:
        held = self._held()
        if not held:
            return {"run_id": "", "hooks": {}, "host_state": "in service", "msg": "%s holds no slot: nothing to restore" % self.host}
        run = held[-1].run
        if not self.argument("reason"):
            self._refuse_living(held)
            self._refuse_installing(run)
        return {"run_id": run, "hooks": prepare_hooks(self, run, [self.host]), "host_state": "", "msg": "drained by run %s" % run}

    def _held(self) -> List[Held]:
        return held_slots(open_ledger(self.settings().patch_ledger), self.host)

    def _refuse_living(self, held: Sequence[Held]) -> None:
        """A host that a run works on comes back by that run, and by nobody else."""
        for slot in held:
            if slot.state in HOST_FINAL or slot.run_state in RUN_FINAL or is_mine(slot.owner) or slot.left:
                continue
            raise Refused("run %s still works on %s (%s), from process %s on %s: wait for its end, or, if you know that it is gone, say so "
                          "with patch_force_reason" % (slot.run, self.host, slot.state, slot.owner.get("pid"), slot.owner.get("host")), run=slot.run)

    def _refuse_installing(self, run: str) -> None:
        """An installation outlives its controller, and a host in the middle of one is not to serve."""
        book = HostBook(open_ledger(self.settings().patch_ledger), run, self.host)
        install = book.installation()
        if install is None or install.outcome == "ok":
            return
        unit = "patchtrain-%s.service" % job_id(run, book.last_job())
        said = self.remote().command(["systemctl", "is-active", unit], _ASKED_LIMIT)
        if str(said["stdout"]).strip() in ("active", "activating", "deactivating"):
            raise Refused("%s is still installing for run %s, in unit %s: wait for its end" % (self.host, run, unit), run=run, unit=unit)

    def _let_updaters_go(self, book: HostBook) -> str:
        return "" if self.checking else let_go(book, self.remote())
