# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's whole cycle in one task. Documented in the module of the same name."""

from __future__ import annotations

import os
import time
import traceback
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple, Type

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import drain, foreseeing
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.alive import with_its_controller
from ..plugin_utils.book import HostBook
from . import host_health_info, host_reboot, maintenance_mode, maintenance_slot, updates_install

_SLOT = "Confirm what was prepared, and take a slot"
_CYCLE: Tuple[Tuple[str, str, Type[PatchtrainAction], Dict[str, Any]], ...] = (
    ("Enter maintenance mode", "in maintenance mode", maintenance_mode.ActionModule, {"state": "entered"}),
    ("Do a reboot first that is due already", "rebooted before", host_reboot.ActionModule, {"before": True}),
    ("Install exactly what was prepared", "installed", updates_install.ActionModule, {"planned": True}),
    ("Reboot as the reboot setting says", "rebooted", host_reboot.ActionModule, {}),
    ("Pass the health gate", "healthy", host_health_info.ActionModule, {}),
    ("Leave maintenance mode", "back in service", maintenance_mode.ActionModule, {"state": "left", "earlier": True}),
    ("Return the slot", "done", maintenance_slot.ActionModule, {"state": "returned"}))
"""Of each step: its name in reasons, what is said once it was done, and the action with its arguments."""


class ActionModule(PatchtrainAction):
    look: Optional[Callable[[HostBook], None]] = None
    priors: Optional[drain.Priors] = None

    def act(self) -> Dict[str, Any]:
        controller, run = os.getppid(), self.needed("run_id")
        places, now = list(self.argument("places") or []), _SLOT
        self.look = lambda book: self._look(book, places)
        try:
            slot = self.as_other(maintenance_slot.ActionModule, state="taken", confirm=True, run_id=run, alone=self.argument("alone", False))
            if not slot["granted"]:
                return slot
            self.kept_book = self.book()
            done: Dict[str, Any] = {}
            for now, told, action, args in self._steps(run, places):  # noqa: B007 - a failure is recorded under the step's name
                with_its_controller(controller)
                done = self._one(told, action, args)
            return dict(done, changed=True, granted=True)
        except Exception as error:  # noqa: BLE001 - whatever fails is recorded and fails the task, also a fault of ours
            return self._recorded(run, now, error)

    def _look(self, book: HostBook, places: Sequence[Dict[str, Any]]) -> None:
        self.priors = drain.look(places, self.host, book, self.reach, self.settings().patch_drain_timeout, foreseeing.priors(book))

    def _steps(self, run: str, places: Sequence[Dict[str, Any]]) -> Iterator[Tuple[str, str, Type[PatchtrainAction], Dict[str, Any]]]:
        for name, told, action, args in _CYCLE:
            if args.get("before") and not self.settings().patch_reboot_before:
                continue
            yield name, told, action, dict(args, run_id=run, **({"places": places} if args.get("state") == "entered" else {}))

    def _one(self, told: str, action: Type[PatchtrainAction], args: Dict[str, Any]) -> Dict[str, Any]:
        begun = time.monotonic()
        result = self.as_other(action, **args)
        if result.get("changed") and (told != "done" or result.get("host_state") == "succeeded"):
            self._display.display("%s: %s (%.1f s)" % (self.host, told, time.monotonic() - begun), stderr=True)
        return result

    def _recorded(self, run: str, step: str, error: Exception) -> Dict[str, Any]:
        """At once, and not by the play's ``rescue``: under ``linear`` that comes when all other hosts are through."""
        known = error.as_result() if isinstance(error, PatchtrainError) else {
            "msg": "a fault in this collection: %s: %s" % (type(error).__name__, error), "exception": traceback.format_exc()}
        ended = self.as_other(maintenance_slot.ActionModule, state="failed", run_id=run, failed_task=step, failure=known)
        return dict(known, **dict(ended, failed=True, recorded=True))
