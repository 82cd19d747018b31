# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboot a host, proved by its boot id. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict

from ..plugin_utils import assessing
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.book import HostBook
from ..plugin_utils.rebooting import reboot, rebooted_since


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        timeout = float(self.argument("timeout") or self.settings().patch_reboot_timeout)
        if not self.argument("run_id"):
            return self._reboot("it was asked for", timeout)
        book = self.book()
        early = bool(self.argument("before", False))
        if early and (book.installation() is not None or not self.settings().patch_reboot_before or not (book.plan() or {}).get("changes")):
            return {"rebooted": False, "reason": "no reboot before the installation"}
        if book.put_off():
            return {"rebooted": False, "reason": book.put_off()}
        name = "reboot before" if early else "reboot"
        done = self._taken_up(book, timeout, name)
        if done:
            return done
        wanted, reason = self._wanted(book, early)
        if not wanted:
            return {"rebooted": False, "reason": reason}
        book.state("rebooting")
        with book.step(name) as step:
            result = self._reboot(reason, timeout, book.boot_id_just_seen())
            step.detail = {key: result[key] for key in ("elapsed", "reason", "executions") if key in result}
        if result["rebooted"]:
            self._seen_after(book, result["boot_id"])
        return result

    def _seen_after(self, book: HostBook, boot_id: str) -> None:
        """What was known of the host still holds, but for the kernel, where another one may run now than the release's."""
        if book.rebooted(boot_id):
            book.assessed(assessing.seen(self.remote(), self.settings(), refresh=False)["assessment"])

    def _taken_up(self, book: HostBook, timeout: float, name: str) -> Dict[str, Any]:
        """Of a run that is gone on with: what became of a reboot that was begun already; empty where there was none."""
        before = book.last_step(name)
        if before is None or self.checking:
            return {}
        if before.outcome == "ok":
            return {"rebooted": False, "reason": "rebooted before, by this run"}
        book.alive.renew()
        found = rebooted_since(self.remote(), book.boot_id(), timeout)
        if found is None:
            return {}
        if not book.settle(before.id, "ok", "found rebooted"):
            with book.step(name) as step:
                step.message = "found rebooted"
        self._seen_after(book, found.boot_id)
        return {"changed": True, "rebooted": True, "reason": "found rebooted", "boot_id": found.boot_id, "elapsed": round(found.elapsed, 1),
                "executions": found.executions}

    def _wanted(self, book: HostBook, early: bool) -> "tuple[bool, str]":
        """``early`` is before the installation: only a reboot that is due already comes twice."""
        setting = self.settings().patch_reboot
        due = book.reboot_due()
        if setting == "always" and not early:
            return True, "patch_reboot is always"
        if not due:
            return False, "no reboot is due"
        return setting != "never", "due: %s; patch_reboot is %s" % (", ".join(due), setting)

    def _reboot(self, reason: str, timeout: float, known: str = "") -> Dict[str, Any]:
        if self.checking:
            return {"changed": True, "rebooted": False, "reason": "check mode; " + reason}
        done = reboot(self.remote(), timeout, known=known)
        return {"changed": True, "rebooted": True, "reason": reason, "boot_id": done.boot_id, "elapsed": round(done.elapsed, 1),
                "executions": done.executions}
