# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture, derive, publish, promote and compare releases. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import open_ledger
from ..plugin_utils.play import actor, play_targets
from ..plugin_utils.releasing import capturing, comparing, keeping, staging, surveying
from ..plugin_utils.releasing.order import Order, checked

STATES: Mapping[str, Callable[[Order], Dict[str, Any]]] = {
    "captured": capturing.captured, "derived": capturing.derived, "approved": staging.approved, "published": keeping.published,
    "promoted": staging.promoted, "put_back": staging.put_back, "compared": comparing.compared, "surveyed": surveying.surveyed,
    "verified": keeping.verified, "signed": keeping.signed, "deleted": keeping.deleted, "listed": comparing.listed}


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        args = checked(self._task.args)
        order = Order(open_ledger(self.settings().patch_ledger), self.reach, self.settings_of, actor(self.variables)["actor"], self.checking,
                      play_targets(self.variables), args)
        result = STATES[args["state"]](order)
        if result.get("text"):
            self._display.display(result["text"])
        return result
