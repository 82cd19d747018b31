# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance mode at one place, or, in a run, at all places of a host. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

from ansible.module_utils.parsing.convert_bool import boolean

from ..plugin_utils import closing, drain, earlier, foreseeing
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import open_ledger
from ..plugin_utils.gating import gate
from ..plugin_utils.retrying import retrying
from ..plugin_utils.settings import Settings

MODULE = "fleetops.patchtrain.maintenance_mode"
_MARGIN = 60.0
_LIMIT = 300.0
"""The module's own, where the task names none."""


class ActionModule(PatchtrainAction):
    priors: Optional[drain.Priors] = None
    """Where the same task knows them."""

    def act(self) -> Dict[str, Any]:
        if not self.argument("run_id"):
            limit = float(self.argument("timeout") or _LIMIT)
            return self.remote().module(MODULE, self._task.args, limit * 2 + _MARGIN)
        if self.needed("state") == "entered":
            return self._enter()
        return self._leave()

    def _enter(self) -> Dict[str, Any]:
        settings, book = self.settings(), self.book().only_looking(self.checking)
        if book.restored():
            return {"places": [], "msg": "patched and brought back before, by this run"}
        book.state("draining")
        places = self.argument("places") or []
        priors = foreseeing.priors(book) if self.priors is None else self.priors
        done = retrying(book, settings, "drain", lambda: drain.enter(places, self.host, book, self.reach, settings.patch_drain_timeout, priors))
        book.state("drained")
        return {"changed": any(result.get("changed") for result in done), "places": done}

    def _leave(self) -> Dict[str, Any]:
        book = self.book().only_looking(self.checking)
        settings, others = self.settings(), book.earlier() if boolean(self.argument("earlier", False)) else []
        earlier.examine(others, book, lambda other: gate(other, settings, self.remote()))
        book.state("restoring")
        done = retrying(book, settings, "restore", lambda: drain.leave(book, self.reach))
        earlier.bring_back(others, book, self.reach)
        self._finish([] if self.checking else [other.run for other in others], settings)
        return {"changed": any(result.get("changed") for result in done), "places": done}

    def _finish(self, runs: Sequence[str], settings: Settings) -> None:
        """Those that lacked nothing but this host end, and their pages say so: nobody else comes back to them."""
        ledger = open_ledger(settings.patch_ledger)
        for run in runs:
            if closing.finish_last(ledger, run, settings, None):
                closing.report_run(ledger, run, settings)
