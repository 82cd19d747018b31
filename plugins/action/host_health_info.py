# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's health, or its health gate in a run. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..module_utils.errors import PatchtrainError
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook
from ..plugin_utils.retrying import retrying

MODULE = "fleetops.patchtrain.host_health_info"
_MARGIN = 60.0


class NotHealthy(PatchtrainError):
    """The health gate was not passed; the message names what is worse than before."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        args = {key: value for key, value in self._task.args.items() if key not in ("run_id", "force_reason")}
        if not self.argument("run_id"):
            return self.remote().module(MODULE, args, float(args.get("limit") or 0) + _MARGIN)
        book, forced = self.book().only_looking(self.checking), str(self.argument("force_reason") or "")
        book.state("checking")
        return retrying(book, self.settings(), "gate", lambda: self._recorded(book, forced))

    def _recorded(self, book: HostBook, forced: str) -> Dict[str, Any]:
        with book.step("gate") as step:
            result = self._gate(book)
            step.detail = {key: result.get(key) for key in ("differences", "checks", "seconds", "samples")}
            if result.get("failed") and forced:
                step.detail["forced"] = forced
                result.update(failed=False, forced=forced)
            if result.get("failed"):
                raise NotHealthy("not healthy: %s" % result.get("msg"), differences=result.get("differences", []),
                                 checks=result.get("checks", []))
        return result

    def _gate(self, book: HostBook) -> Dict[str, Any]:
        settings = self.settings()
        args = {"baseline": book.baseline(), "ignore": settings.patch_health_ignore, "settle": settings.patch_health_settle,
                "limit": settings.patch_health_timeout, "checks": settings.patch_health_checks}
        return self.remote().module(MODULE, args, settings.patch_health_timeout + _MARGIN)
