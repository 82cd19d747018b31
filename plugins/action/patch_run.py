# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of a deployment: opened, planned, closed, finished. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict, List

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import closing, controlling, opening
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook, NotTargeted, open_ledger
from ..plugin_utils.ledger import hosts, runs
from ..plugin_utils.ledger.engine import Ledger
from ..plugin_utils.play import actor, in_step_batch, out_of_play
from ..plugin_utils.scheduling.states import HOST_WORKING


_CONTROL = {"paused": "paused", "resumed": "running", "stopped": "stopping", "disowned": ""}


class RunFailed(PatchtrainError):
    """Hosts ended in a state of ``patch_fail_on``; the message names them."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        todo = {"opened": self._opened, "planned": self._planned, "closed": self._closed, "finished": self._finished,
                "info": self._info, "released": self._released}
        state, ledger = self.needed("state"), open_ledger(self.settings().patch_ledger)
        return self._control(ledger, state) if state in _CONTROL else todo[state](ledger)

    # --- from another terminal or job --------------------------------------------------------------------------------------

    def _info(self, ledger: Ledger) -> Dict[str, Any]:
        result = controlling.show(ledger, self._name(), "")
        self._display.display(result["text"])
        return result

    def _released(self, ledger: Ledger) -> Dict[str, Any]:
        return controlling.release(ledger, list(self.argument("hosts") or []), self._actor(), self._reason())

    def _control(self, ledger: Ledger, state: str) -> Dict[str, Any]:
        run = controlling.find(ledger, self._name(), "")
        if self.checking:
            return {"run_id": run.name, "run_state": run.state, "msg": "check mode: run %s stays %s" % (run.name, run.state)}
        if state == "disowned":
            return controlling.disown(ledger, run, self._actor(), bool(self.argument("force", False)))
        return controlling.set_state(ledger, run, _CONTROL[state], self._actor(), self._reason())

    def _name(self) -> str:
        return str(self.argument("run_id") or "")

    def _reason(self) -> str:
        return str(self.argument("reason") or "")

    def _actor(self) -> str:
        return actor(self.variables)["actor"]

    # --- from the run itself ------------------------------------------------------------------------------------------------

    def _opened(self, ledger: Ledger) -> Dict[str, Any]:
        result = opening.open_run(self, ledger)
        return dict(result, changed=result["created"])

    def _planned(self, ledger: Ledger) -> Dict[str, Any]:
        run = self.needed("run_id")
        with ledger.read() as c:
            found = runs.get(c, run)
            all_hosts = hosts.all_of(c, found.id)
            plans = {host.host: hosts.plan(c, found.id, host.host) for host in all_hosts}
        # Of a run that is gone on with, those in the middle come first: they are out of service.
        turn = sorted((host for host in all_hosts if host.state in HOST_WORKING), key=lambda host: host.state == "waiting")
        before = sum(1 for host in turn if host.state != "waiting")
        canaries = sum(1 for host in turn if host.canary and host.state == "waiting")
        self._display.display(_plan_text(run, all_hosts, plans) + _scope_text(found.settings.get("scope", {})))
        serial: List[Any] = [before + canaries, "100%"] if canaries else ["100%"]
        return {"plan": {"run_id": run, "order": [host.host for host in turn], "serial": serial}}

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
        result = self._told(ledger, run)
        if ending.offenders and not self.checking:
            raise RunFailed(closing.in_words(ending), **result)
        return result

    def _told(self, ledger: Ledger, run: str) -> Dict[str, Any]:
        written = closing.report_run(ledger, run, self.settings(), self.columns)
        self._display.display(written["text"])
        return {"report": written["report"], "states": written["summary"]["states"]}


def _scope_text(scope: Dict[str, Any]) -> str:
    left_out = scope.get("left_out", {})
    return "\n      %d hosts are left out by patch_scope %r" % (len(left_out), scope["expression"]) if left_out else ""


def _plan_text(run: str, all_hosts: List[Any], plans: Dict[str, Any]) -> str:
    lines = ["Plan of run %s" % run]
    for number, host in enumerate(all_hosts, 1):
        changes = len((plans[host.host] or {}).get("changes", []))
        what = "%d packages to change" % changes if host.state == "waiting" else host.state + (
            ", and goes on" if host.state in HOST_WORKING else "")
        lines.append("%4d  %-30s %s%s" % (number, host.host, what, ": " + host.reason if host.reason else ""))
    return "\n".join(lines)
