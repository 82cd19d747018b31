# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installations of one host in a run: attempts, and rounds until nothing is left. Each is a job of its own on the host.

A job answers for ever as it ended, so that an attempt after a failed one, and a further round, need another name; an installation whose end nobody
saw keeps its name, and is attached to.
"""

from __future__ import annotations

import math
import time
from typing import Any, Dict, List, Mapping, Sequence

from ..module_utils.errors import PatchtrainError
from . import calling, patient
from .book import HostBook
from .prepared import HostFailed, arguments_of_plan, at_the_release, raise_if_failed, selection_arguments
from .remote import Remote
from .retrying import CHANGED, retrying, why
from .settings import Settings
from .walked import UNTOUCHED
from .windowing import within

MODULE = "fleetops.patchtrain.updates_install"
_ASSESS = "fleetops.patchtrain.host_assess"
_LATER = ("reboot", "gate", "leave")


class UpdateLoop(PatchtrainError):
    """What was installed is to be installed again."""


def arguments(book: HostBook, settings: Settings, plan: Mapping[str, Any]) -> Dict[str, Any]:
    """Of the module, for exactly what was planned."""
    args = dict(selection_arguments(settings), **arguments_of_plan(plan))
    args.update(run_id=book.run, step=book.job_step(), keep_config=settings.patch_keep_config, timeout=settings.patch_install_timeout)
    # What is pending now is looked at when the host is back in service, but where it decides what is done with the host, or tells how it stands to its release.
    args["assess"] = settings.patch_rounds > 1 or book.release is not None or book.is_attached()
    if settings.patch_rollback:
        args["allow_downgrade"] = True
    return dict(args, **_left(book))


def _left(book: HostBook) -> Dict[str, Any]:
    """Within how many seconds from now it may begin. Not a time of day: the host's clock may be wrong."""
    closes_at = within(book.settings, book.host)[1]
    return {"begin_within": max(0.0, closes_at - time.time())} if closes_at < math.inf else {}


class Installations:
    def __init__(self, book: HostBook, settings: Settings, remote: Remote, given: Mapping[str, Any]) -> None:
        self._book, self._settings, self._remote, self._given = book, settings, remote, given
        self._untouched: List[Dict[str, Any]] = []

    def install(self, plan: Mapping[str, Any]) -> Dict[str, Any]:
        """Exactly the plan, tried again as the deployment says. Of an attempt that changed nothing and is not the last, only the step is kept."""
        try:
            return retrying(self._book, self._settings, "install", lambda: self._once(plan))
        except HostFailed as failure:
            if not failure.data[CHANGED]:
                self._book.installed({"packages": self._untouched})
            raise

    def _once(self, plan: Mapping[str, Any]) -> Dict[str, Any]:
        settings, book = self._settings, self._book
        args = dict(self._given, **arguments(book, settings, plan))
        with book.step("install") as step:
            step.detail = {"job": args["step"]}
            result = patient.install(self._remote, self._begin, args, settings.patch_install_timeout, settings.patch_reconnect_timeout)
            result["packages"] = classified(result.get("packages", []), plan)
            untouched = bool(result.get("failed")) and not _changed(result)
            self._untouched = result.get("packages", []) if untouched else []
            book.installed(dict(result, packages=[]) if untouched else result, args["step"])
            kept = ("executions", "boot_id", "reboot", "repaired")
            step.detail.update({key: result.get(key) for key in kept}, leftover_config=result.get("leftover_config", []))
            step.detail["assessed"] = bool(result.get("assessment"))
            step.detail.update({UNTOUCHED: True} if untouched and _may_pass(result) else {})
            step.message = "finished what was cut: %s" % result["repaired"] if result.get("repaired") else ""
            _raise(result)
            if _is_put_off(plan, result):
                step.skipped, step.message = True, "its window closed before the installation could begin"
                return dict(result, changed=False, deferred=True, msg=step.message)
            at_the_release(result.get("assessment") or {}, book.release)
        return result

    def _begin(self, args: Dict[str, Any], seconds: float) -> Dict[str, Any]:
        # After an answer that was lost for minutes less is left of the window than at the first one.
        return calling.ask(self._remote, self._book.laid(), MODULE, dict(args, **_left(self._book)), seconds)

    def rounds(self, result: Dict[str, Any]) -> Dict[str, Any]:
        """After an installation: further ones, until nothing that was asked for is pending, ``patch_rounds`` in all."""
        if self._settings.patch_rounds < 2 or self._book.release or self._settings.patch_rollback or self._is_further():
            return result
        while self._book.installations() < self._settings.patch_rounds and not result.get("deferred"):
            plan = self._left(result)
            if not plan.get("changes"):
                break
            result = self.install(plan)
        return result

    def _is_further(self) -> bool:
        """Of a run that is gone on with: a host that is past its installation is not touched again."""
        install = self._book.installation()
        later = [self._book.last_step(name) for name in _LATER]
        return install is not None and any(step is not None and step.id > install.id for step in later)

    def _left(self, result: Mapping[str, Any]) -> Dict[str, Any]:
        """The plan for what is still pending, recorded; without changes where nothing is."""
        seen = result.get("assessment")
        if seen and not any(not update.get("held") and not update.get("phased") for update in seen.get("updates", ())):
            return {}
        found = retrying(self._book, self._settings, "prepare", self._look)
        plan: Dict[str, Any] = found.get("plan") or {}
        self._refuse_loop(plan.get("changes", ()))
        if plan.get("changes"):
            self._book.replanned(found)
        return plan

    def _look(self) -> Dict[str, Any]:
        """No metadata is fetched: what was installed is what may have brought more."""
        limit = self._settings.patch_prepare_timeout
        args = dict(selection_arguments(self._settings), stage="download", refresh=False, timeout=limit)
        with self._book.step("look again") as step:
            found = self._remote.module(_ASSESS, args, limit)
            raise_if_failed(found)
            step.message = "%d packages to change" % len((found.get("plan") or {}).get("changes", ()))
        return found

    def _refuse_loop(self, changes: Any) -> None:
        done = self._book.changed_to()
        again: List[str] = ["%s %s" % (change["name"], change["to"]) for change in changes if (change["name"], change["arch"], change["to"]) in done]
        if again:
            raise UpdateLoop("an update loop: %s was installed by this run and is pending again" % ", ".join(again[:5]), packages=again)


def classified(packages: Sequence[Mapping[str, Any]], plan: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """As it was planned: the host was not asked again."""
    known = {(change["name"], change["arch"]): change.get("classification") for change in plan["changes"]}
    return [dict(package, classification=known.get((package["name"], package["arch"])) or package.get("classification", "unknown")) for package in packages]


def _may_pass(result: Mapping[str, Any]) -> bool:
    """Whether it is known of an attempt that it ended in the lock, in a fetch or in a limit, and repaired nothing before."""
    return not result.get("repaired") and why(HostFailed("", cause=result.get("error")), "install") is not None


def _raise(result: Mapping[str, Any]) -> None:
    """A failed installation, which says whether packages were changed."""
    try:
        raise_if_failed(result)
    except HostFailed as failure:
        failure.data[CHANGED] = _changed(result)
        raise


def _is_put_off(plan: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    planned = {(change["name"], change["arch"]) for change in plan["changes"]}
    return {package["result"] for package in result.get("packages", ()) if (package["name"], package["arch"]) in planned} == {"deferred"}


def _changed(result: Mapping[str, Any]) -> bool:
    return any(package.get("result") in ("failed", "installed") for package in result.get("packages", ()))
