# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's own hooks: whose turn it is to do one, and what it is told of the run.

Any host may come first to a point of the run, under any strategy, in this process or in the one that goes on with the run. So who does the
hook is decided in the ledger: once begun, and once ended. One that was begun by a process that is gone is done again, because nobody saw
its end.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from ..module_utils.errors import PatchtrainError
from .closing import directory_of
from .ledger import events, hosts, runs
from .ledger.engine import Ledger
from .ledger.owner import Owner, is_gone
from .ledger.rows import Run
from .report.write import FILES
from .scheduling.states import RUN_FINAL
from .settings import Settings

BEGUN, ENDED = "run_hook", "run_hook_ended"
AFTER = ("on_first_failure", "on_stop", "after")
GRANTED, GOING_ON, DONE, NOT_DUE = "granted", "going on", "done", "not due"


class RunHookFailed(PatchtrainError):
    """The hook before the run failed, so the run was refused."""


def claim(ledger: Ledger, name: str, point: str, owner: Owner, actor: str) -> str:
    """Whether the asking process is to do the hook of this point now: ``granted`` to one only."""
    with ledger.write() as c:
        run = runs.get(c, name)
        if not _due(c, run, point):
            return NOT_DUE
        last = _last(c, run, point)
        if last is not None and last.action == ENDED:
            return DONE
        if last is not None and (last.detail["owner"] == owner.to_dict() or not _is_gone(run, last.detail["owner"])):
            return GOING_ON
        events.append(c, BEGUN, "hook %s" % point, run_id=run.id, actor=actor, detail={"point": point, "owner": owner.to_dict()})
        return GRANTED


def _is_gone(run: Run, owner: Dict[str, Any]) -> bool:
    # On another machine it lives while the run is its own, and its lease holds.
    return is_gone(owner, run.lease_left if owner == run.owner else 0.0)


def any_after(ledger: Ledger, name: str) -> bool:
    """Whether the run has a hook that may be due once it has ended."""
    settings = recorded(ledger, name)
    return any(settings.get("patch_run_hook_" + point) for point in AFTER)


def end(ledger: Ledger, name: str, point: str, failure: str, actor: str) -> None:
    """Write how a hook ended, without a ``failure`` well. Where it was the one before the run, a failure ends the run too."""
    with ledger.write() as c:
        run = runs.get(c, name)
        events.append(c, ENDED, failure, run_id=run.id, actor=actor, detail={"point": point, "outcome": "failed" if failure else "ok"})
        if failure and point == "before":
            runs.finish(c, run.id, run.settings.get("patch_fail_on", runs.FAIL_ON), actor)


def missed(c: Any, run: Run) -> List[str]:
    """The hooks after a run that nobody does any more: it has ended, and its controller is gone, which did not come to them. Whoever ends the run of
    another process has not the variables that they are meant for."""
    if run.state not in RUN_FINAL or not run.left or run.settings.get("check"):
        return []
    due = [point for point in AFTER if run.settings.get("patch_run_hook_" + point) and _due(c, run, point)]
    ended = {point: _last(c, run, point) for point in due}
    return [point for point, last in ended.items() if last is None or last.action != ENDED]


def outcome(ledger: Ledger, name: str, point: str) -> "tuple[str, str]":
    """``ok`` or ``failed``, and why; empty while nobody has ended it."""
    with ledger.read() as c:
        last = _last(c, runs.get(c, name), point)
    return (last.detail["outcome"], last.text) if last is not None and last.action == ENDED else ("", "")


def wait(ledger: Ledger, name: str, point: str, seconds: float) -> None:
    """Until another host has done the hook."""
    ends = time.monotonic() + seconds
    while not outcome(ledger, name, point)[0]:
        if time.monotonic() >= ends:
            raise RunHookFailed("the hook %s of run %s did not end within %g s" % (point, name, seconds), run=name)
        time.sleep(0.2)


def refuse_if_failed(ledger: Ledger, name: str) -> None:
    how, why = outcome(ledger, name, "before")
    if how == "failed":
        raise RunHookFailed("run %s was refused, and nothing was touched: its hook before the run failed: %s" % (name, why), run=name)


def summary(ledger: Ledger, name: str, point: str) -> Dict[str, Any]:
    """What a hook is told: plain data, in which what hosts said is not templated by Ansible."""
    with ledger.read() as c:
        run = runs.get(c, name)
        counts = runs.summary(c, run.id)
        all_hosts = hosts.all_of(c, run.id)
    return {
        "run": run.name, "deployment": run.deployment, "state": run.state, "reason": run.reason, "point": point, "change_id": run.change_id,
        "actor": run.actor, "job_id": run.job_id, "started_at": run.started_at, "finished_at": run.finished_at, "counts": counts["states"],
        "hosts": [{"name": host.host, "state": host.state, "reason": host.reason} for host in all_hosts],
        "reports": _reports(run)}


def recorded(ledger: Ledger, name: str) -> Dict[str, Any]:
    """The settings that were recorded when the run opened."""
    with ledger.read() as c:
        return runs.get(c, name).settings


def _reports(run: Run) -> Dict[str, str]:
    setting = {key: value for key, value in run.settings.items() if key == "patch_report_dir" and value}
    folder = directory_of(Settings.from_variables(setting), run.name)
    return {kind: str(folder / file) for kind, file in FILES.items() if (folder / file).exists()}


def _due(c: Any, run: Run, point: str) -> bool:
    """Whether the run has come to this point."""
    if point == "before":
        return run.state not in RUN_FINAL
    if point == "on_first_failure":
        return bool(runs.summary(c, run.id)["failed"])
    return run.state in RUN_FINAL and (point == "after" or run.state == "stopped")


def _last(c: Any, run: Run, point: str) -> Optional[Any]:
    """What is on record of the hook, the latest."""
    found = [event for event in events.of_run(c, run.id) if event.action in (BEGUN, ENDED) and (event.detail or {}).get("point") == point]
    return found[-1] if found else None
