# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's own hooks, once each. Documented in the module of the same name."""

from __future__ import annotations

import os
from typing import Any, Dict

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import run_points
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import open_ledger
from ..plugin_utils.failures import told
from ..plugin_utils.ledger.engine import Ledger
from ..plugin_utils.ledger.owner import owner_of
from ..plugin_utils.play import actor
from ..plugin_utils.run_hooks import prepare_run_hook

_PINNED = ("host_pinned", "ansible.builtin.host_pinned")
"""Strategies under which a host that waits keeps no other from its next task."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        todo = {"begun": self._begun, "ended": self._ended, "judged": self._judged}
        return todo[self.one_of("state", todo)](open_ledger(self.settings().patch_ledger), self.needed("run_id"), self.needed("point"))

    def _begun(self, ledger: Ledger, run: str, point: str) -> Dict[str, Any]:
        settings = run_points.recorded(ledger, run)
        if self.checking or not settings.get("patch_run_hook_" + point):
            return {"granted": False, "msg": "check mode" if self.checking else "no such hook"}
        answer = run_points.claim(ledger, run, point, owner_of(os.getppid()), self._actor())
        if answer == run_points.GOING_ON and point == "before" and str(self._task.get_play().strategy) in _PINNED:
            # No task of a hook takes longer than a lease; who wants no waiting for slots (0) waits for this all the same.
            run_points.wait(ledger, run, point, max(self.settings().patch_slot_timeout, self.settings().patch_lease))
        if answer != run_points.GRANTED:
            return {"granted": False, "msg": answer}
        try:
            file = prepare_run_hook(self, run, settings, point)
        except PatchtrainError as error:
            return dict(self._end(ledger, run, point, error.message), granted=False)
        return {"granted": True, "file": file, "summary": run_points.summary(ledger, run, point), "msg": "hook %s" % point}

    def _ended(self, ledger: Ledger, run: str, point: str) -> Dict[str, Any]:
        failure = self.argument("failure")
        if not failure:
            return self._end(ledger, run, point, "")
        return self._end(ledger, run, point, " ".join(told(self.argument("failed_task"), failure).split()))

    def _end(self, ledger: Ledger, run: str, point: str, failure: str) -> Dict[str, Any]:
        run_points.end(ledger, run, point, failure, self._actor())
        if failure and point != "before":
            self.warn("hook %s of run %s failed, which changes nothing for its hosts: %s" % (point, run, failure))
        return {"outcome": "failed" if failure else "ok", "msg": failure}

    def _judged(self, ledger: Ledger, run: str, point: str) -> Dict[str, Any]:
        if point == "before":
            run_points.refuse_if_failed(ledger, run)
        return {}

    def _actor(self) -> str:
        return actor(self.variables)["actor"]
