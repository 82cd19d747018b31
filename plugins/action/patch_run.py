# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a deployment: opened, planned, closed, finished. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ansible.utils.vars import load_extra_vars

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import closing, controlling, opening, planning, run_points
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook, NotTargeted, open_ledger
from ..plugin_utils.ledger.engine import Ledger
from ..plugin_utils.play import actor, in_step_batch, out_of_play
from ..plugin_utils.settings import refuse_misspelt


_CONTROL = {"paused": "paused", "resumed": "running", "stopped": "stopping", "disowned": ""}
_BY_HAND = (*_CONTROL, "info", "released")
CONTROL_NAMES = ("control", "control_reason", "control_hosts", "control_force")
"""Variables of the playbook ``control``. Who misspells one would be shown the run, and believe that it was paused."""


class RunFailed(PatchtrainError):
    """Hosts ended in a state of ``patch_fail_on``; the message names them."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        todo = {"opened": self._opened, "planned": self._planned, "closed": self._closed, "finished": self._finished,
                "info": self._info, "released": self._released}
        state, ledger = self.one_of("state", [*todo, *_CONTROL]), open_ledger(self.settings().patch_ledger)
        if state in _BY_HAND:
            refuse_misspelt(load_extra_vars(self._loader), CONTROL_NAMES)
        return self._control(ledger, state) if state in _CONTROL else todo[state](ledger)

    # --- from another terminal or job --------------------------------------------------------------------------------------

    def _info(self, ledger: Ledger) -> Dict[str, Any]:
        result = controlling.show(ledger, self._name())
        self._display.display(result["text"])
        return result

    def _released(self, ledger: Ledger) -> Dict[str, Any]:
        return controlling.release(ledger, list(self.argument("hosts") or []), self._hand(), self._reason(), checking=self.checking, run=self._name())

    def _control(self, ledger: Ledger, state: str) -> Dict[str, Any]:
        run = controlling.find(ledger, self._name())
        if self.checking:
            return {"run_id": run.name, "run_state": run.state, "msg": "check mode: run %s stays %s" % (run.name, run.state)}
        if state == "disowned":
            return controlling.disown(ledger, run, self._hand(), bool(self.argument("force", False)))
        return controlling.set_state(ledger, run, _CONTROL[state], self._hand(), self._reason())

    def _name(self) -> str:
        return str(self.argument("run_id") or "")

    def _reason(self) -> str:
        return str(self.argument("reason") or "")

    def _hand(self) -> controlling.Hand:
        return controlling.Hand(**actor(self.variables), change_id=self.settings().patch_change_id)

    # --- from the run itself ------------------------------------------------------------------------------------------------

    def _opened(self, ledger: Ledger) -> Dict[str, Any]:
        result = opening.open_run(self, ledger)
        return dict(result, changed=result["created"])

    def _planned(self, ledger: Ledger) -> Dict[str, Any]:
        plan = planning.plan_run(self, ledger, self.needed("run_id"))
        told = planning.tell(self, plan)
        self._display.display(told["text"])
        return {"plan": plan, "report": {"plan": told["page"]}}

    def _closed(self, ledger: Ledger) -> Dict[str, Any]:
        """In a play of one's own: whoever comes last closes; each host answers for itself."""
        settings, run = self.settings(), self.needed("run_id")
        result: Dict[str, Any] = {}
        fails_host = bool(self.argument("fail_host", settings.patch_fail_host)) and not self.checking
        book = HostBook(ledger, run, self.host)
        if book.left_out and book.has_ended:
            raise NotTargeted(book.left_out)
        ending = closing.finish_last(ledger, run, settings, self._batch(fails_host) if book.mine else None)
        if ending:
            result.update(self._told(ledger, run))
        if book.left_out:
            return dict(result, skipped=not result, host_state="not_targeted", msg=book.left_out)
        own = book.final_state()
        if own and own.state in settings.patch_fail_on and fails_host:
            # The play may end with this failure, so the page is written now.
            page = result or {"report": closing.report_run(ledger, run, settings)["report"]}
            raise RunFailed("%s %s: %s" % (self.host, own.state, own.reason), **page)
        return dict(result, host_state=own.state if own else "")

    def _batch(self, fails_hosts: bool) -> closing.Batch:
        batch = [str(host) for host in self.variables.get("ansible_play_batch", ())]
        # Where hosts don't move in step, Ansible lets the others go on.
        fatal = bool(self._task.any_errors_fatal) and bool(in_step_batch(self._task, self.variables))
        return closing.Batch(batch, out_of_play(self.variables), fails_hosts, fatal)

    def _finished(self, ledger: Ledger) -> Dict[str, Any]:
        settings, run = self.settings(), self.needed("run_id")
        ending = closing.finish(ledger, run, settings)
        result = dict(self._told(ledger, run), run_hooks=run_points.any_after(ledger, run))
        if ending.offenders and not self.checking:
            raise RunFailed(closing.in_words(ending), **result)
        return result

    def _told(self, ledger: Ledger, run: str) -> Dict[str, Any]:
        written = closing.report_run(ledger, run, self.settings(), self.columns)
        self._display.display(written["text"])
        return {"report": written["report"], "states": written["summary"]["states"]}
