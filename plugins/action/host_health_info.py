# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's health, or its health gate in a run. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.gating import MARGIN, MODULE, gate
from ..plugin_utils.retrying import retrying

_LIMIT = 300.0
"""The module's own, where the task names none."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        args = {key: value for key, value in self._task.args.items() if key not in ("run_id", "force_reason")}
        if not self.argument("run_id"):
            return self.remote().module(MODULE, args, float(args.get("limit") or _LIMIT) + MARGIN)
        book, forced, settings = self.book().only_looking(self.checking), str(self.argument("force_reason") or ""), self.settings()
        book.state("checking")
        return retrying(book, settings, "gate", lambda: gate(book, settings, self.remote(), forced))
