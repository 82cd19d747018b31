# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install updates as a job on the host, watched from here. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import patient
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook
from ..plugin_utils.prepared import arguments_of_plan, at_the_release, raise_if_failed, selection_arguments

MODULE = "fleetops.patchtrain.updates_install"


class NotPrepared(PatchtrainError):
    """No plan of this host is on record, which is not the same as an empty one."""


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        args = {key: value for key, value in self._task.args.items() if key not in ("planned", "wait")}
        if not self.argument("planned"):
            return self._installed(args)
        book = self.book()
        plan = book.plan()
        if plan is None:
            raise NotPrepared("%s was not prepared in run %s, so what to install is not known" % (self.host, book.run), run=book.run)
        if not plan["changes"]:
            return {"msg": "nothing to install"}
        before = book.installation()
        if before is not None and (self.checking or before.outcome == "ok"):
            return {"msg": "%s, by this run" % ("installed before" if before.outcome == "ok" else "an installation was begun before")}
        args.update(dict(selection_arguments(self.settings()), **arguments_of_plan(plan)), run_id=book.run, step="install",
                    keep_config=self.settings().patch_keep_config, timeout=self.settings().patch_install_timeout)
        if self.settings().patch_rollback:
            args["allow_downgrade"] = True
        return self._confirmed(args, book) if self.checking else self._recorded(args, book)

    def _installed(self, args: Dict[str, Any]) -> Dict[str, Any]:
        """For whoever uses the module by itself."""
        remote = self.remote()
        if self.checking:
            return remote.module(MODULE, args, self.settings().patch_install_timeout)
        settings = self.settings()
        return patient.install(remote, MODULE, args, float(args.get("timeout") or settings.patch_install_timeout),
                               settings.patch_reconnect_timeout)

    def _confirmed(self, args: Dict[str, Any], book: HostBook) -> Dict[str, Any]:
        """Before the drain: what was prepared is still what would be installed, and the host still answers."""
        with book.step("confirm"):
            result = self.remote().module(MODULE, args, patient.POLL + patient.MARGIN)
            raise_if_failed(result)
        return dict(result, changed=False, msg="%d packages to change, as prepared" % len(result["packages"]))

    def _recorded(self, args: Dict[str, Any], book: HostBook) -> Dict[str, Any]:
        settings = self.settings()
        book.state("installing")
        with book.step("install") as step:
            result = patient.install(self.remote(), MODULE, args, settings.patch_install_timeout, settings.patch_reconnect_timeout)
            book.installed(result)
            kept = ("executions", "boot_id", "reboot", "repaired")
            step.detail = dict({key: result.get(key) for key in kept}, leftover_config=result.get("leftover_config", []))
            raise_if_failed(result)
            at_the_release(result.get("assessment") or {}, book.release)
        return result
