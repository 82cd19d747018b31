# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's right to be out of service. Documented in the module of the same name."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Dict

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import drain
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook, find_slot, open_ledger
from ..plugin_utils.play import in_step_batch
from ..plugin_utils.remote import Lost
from ..plugin_utils.run_hooks import prepare_hooks

_POLL = 0.5
_RELEASE_LIMIT = 60.0


class Refused(PatchtrainError):
    """No slot was granted, and the task requires one; or the host failed while it held one."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        todo = {"taken": self._taken, "returned": self._returned, "failed": self._failed, "found": self._found}
        return todo[self.needed("state")]()

    def _taken(self) -> Dict[str, Any]:
        book = self.book()
        ended = book.final_state()
        if ended:
            return self._no_slot(ended.state, ended.reason)
        if self.checking:
            return self._no_slot("not_started", "check mode")
        return self._wait(book)

    def _wait(self, book: HostBook) -> Dict[str, Any]:
        settings, begun, said = self.settings(), time.monotonic(), ""
        while True:
            decision = book.take_slot(settings, in_step_batch(self._task, self.variables))
            waited = time.monotonic() - begun
            if decision.granted:
                return {"granted": True, "waited_s": round(waited, 1), "host_state": "draining", "reason": ""}
            if decision.kind == "refused" or waited > settings.patch_slot_timeout:
                self._let_updaters_go(book)
                return self._no_slot("not_started", decision.reason, book)
            if decision.reason != said:
                said = decision.reason
                self._display.vv("%s waits for a slot: %s" % (self.host, said))
            time.sleep(_POLL)

    def _no_slot(self, state: str, reason: str, book: "HostBook | None" = None) -> Dict[str, Any]:
        if book:
            book.state(state, reason)
        if self.argument("require"):
            raise Refused("%s: no slot: %s" % (self.host, reason or state))
        return {"granted": False, "host_state": state, "reason": reason, "waited_s": 0.0}

    def _returned(self) -> Dict[str, Any]:
        book, settings = self.book(), self.settings()
        self._let_updaters_go(book)
        if settings.patch_soak:
            with book.step("soak"):
                time.sleep(settings.patch_soak)
        state, reason = book.returned(str(self.argument("reason") or ""), settings.patch_reboot)
        return {"changed": True, "host_state": state, "reason": reason}

    def _failed(self) -> Dict[str, Any]:
        book, failure = self.book(), self.argument("failure") or {}
        lost = (failure.get("error") or {}).get("kind") == "Lost"
        reason = "%s: %s" % (self.argument("failed_task") or "a task", failure.get("msg", "no reason given"))
        if not lost:
            reason += self._undo(book)
            self._let_updaters_go(book)
        state = book.failed("unreachable" if lost else "failed", reason, keeps_slot=lost or book.touched())
        if self.argument("require"):
            raise Refused(reason)
        return {"host_state": state, "reason": reason, "msg": "%s: %s" % (state, reason)}

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
        run = find_slot(open_ledger(self.settings().patch_ledger), self.host)
        hooks = prepare_hooks(self, run, [self.host]) if run else {}
        return {"run_id": run, "hooks": hooks, "host_state": "" if run else "in service",
                "msg": "drained by run %s" % run if run else "%s holds no slot: nothing to restore" % self.host}

    def _let_updaters_go(self, book: HostBook) -> None:
        """The host's own updaters were held off until now. A hold ends by itself, so a host that is lost is no failure here."""
        held = book.held_by()
        if held:
            with contextlib.suppress(Lost), book.step("release") as step:
                said = self.remote().command([held["python"], "-I", "-S", held["program"], "release", book.run], _RELEASE_LIMIT)
                step.message = str(said["stderr"]).strip() if said["rc"] else ""
