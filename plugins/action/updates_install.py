# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install updates as a job on the host, watched from here. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..plugin_utils import drain, patient
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook
from ..plugin_utils.confirming import confirm, prepared_plan
from ..plugin_utils.installing import MODULE, Installations


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        args = {key: value for key, value in self._task.args.items() if key not in ("planned", "wait")}
        if not self.argument("planned"):
            return self._installed(args)
        book = self.book()
        if self.checking:
            return confirm(book, self.settings(), self.remote(), args)
        plan = prepared_plan(book)
        return self._recorded(args, book, plan) if plan["changes"] else {"msg": "nothing to install"}

    def _installed(self, args: Dict[str, Any]) -> Dict[str, Any]:
        """For whoever uses the module by itself."""
        remote = self.remote()
        if self.checking:
            return remote.module(MODULE, args, self.settings().patch_install_timeout)
        settings = self.settings()
        limit = float(args.get("timeout") or settings.patch_install_timeout)
        return patient.install(remote, lambda asked, seconds: remote.module(MODULE, asked, seconds), args, limit, settings.patch_reconnect_timeout)

    def _recorded(self, args: Dict[str, Any], book: HostBook, plan: Dict[str, Any]) -> Dict[str, Any]:
        """A run that is gone on with does not install again what it has installed, but looks whether a round is left."""
        before = book.installation()
        installing = Installations(book, self.settings(), self.remote(), args)
        if before is not None and before.outcome == "ok":
            return installing.rounds({"msg": "installed before, by this run"})
        if before is None:
            drain.still_entered(book, self.reach)
        book.state("installing")
        return installing.rounds(installing.install(plan))
