# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closing a run: its last state, its report, and what it says to the caller."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten
from typing import Any, Dict, List, Optional, Sequence

from ..module_utils.errors import PatchtrainError
from .book import is_mine, state_directory
from .ledger import hosts, releases, runs, slots, upstream
from .ledger.engine import Ledger
from .ledger.rows import Run
from .ledger.runs import Ending
from .report.as_text import render_text
from .report.model import assessment_model, run_model
from .report.write import write_report
from .scheduling import budget
from .scheduling.states import HOST_WORKING, RUN_FINAL, uses_up_failures
from .settings import Settings

COLUMNS = 100
_RELEASES = 200


@dataclass(frozen=True)
class Batch:
    """What Ansible makes of failures: ``hosts`` are those of the play's present batch that have not left the play, ``left`` those of all
    batches that have. ``fails_hosts``: a bad end in the run is a failure in the play; ``any_is_fatal``: one failure ends the play."""

    hosts: Sequence[str]
    left: Sequence[str] = ()
    fails_hosts: bool = True
    any_is_fatal: bool = False


class TakenOver(PatchtrainError):
    """Another controller process goes on with the run."""


def finish(ledger: Ledger, run: str, settings: Settings) -> Ending:
    """End the run of this controller process. Whose it is is read where it ends: it may have been taken over a moment ago."""
    with ledger.write() as c:
        found = runs.get(c, run)
        if found.state not in RUN_FINAL and not is_mine(found.owner):
            raise TakenOver(slots.no_longer(found) + ", and does not end it", run=found.name)
        return runs.finish(c, found.id, _fail_on(found, settings))


def _fail_on(run: Run, settings: Settings) -> Sequence[str]:
    """What the run's own deployment calls a failure: whoever ends it may be a restore, another deployment's run, or localhost with settings of its own."""
    recorded: Sequence[str] = run.settings.get("patch_fail_on", settings.patch_fail_on)
    return recorded


def finish_last(ledger: Ledger, run: str, settings: Settings, batch: Optional[Batch]) -> Optional[Ending]:
    """End the run of a play of one's own with its last host; None where a host is still on its way, or may still have its turn.
    Without a ``batch`` the run is another process's, of which a host was restored: it ends here if that process is gone and no host is left
    to go on with. One that has ended already is told again with its last slot."""
    with ledger.write() as c:
        found = runs.get(c, run)
        if batch is None and (runs.summary(c, found.id)["slots"] or not (found.state in RUN_FINAL or found.left)):
            return None
        if batch:
            hosts.lose(c, found.id, batch.left)
        if batch and (_nobody_else_comes(c, found) or _play_ends(c, found, settings, batch)):
            return runs.finish(c, found.id, _fail_on(found, settings))
        return runs.finish_if_done(c, found.id, _fail_on(found, settings))


def _play_ends(c: Any, run: Run, settings: Settings, batch: Batch) -> bool:
    """Whether the failures of a batch end the play, so that no other batch comes, however many failures are still allowed."""
    states = {host.host: host.state for host in hosts.all_of(c, run.id)}
    fails = [states.get(host) in settings.patch_fail_on for host in batch.hosts]
    return batch.fails_hosts and bool(fails) and (all(fails) or (batch.any_is_fatal and any(fails)))


def _nobody_else_comes(c: Any, run: Run) -> bool:
    """Whether all that is left waits for a turn that can't come any more, because the failure budget is used up. A play of one's
    own may end with its failed batch, and then nobody is left to close the run."""
    everyone = hosts.all_of(c, run.id)
    working = [host for host in everyone if host.state in HOST_WORKING and host.state != "waiting"]
    failed = [host for host in everyone if uses_up_failures(host.state, host.came_from)]
    allowed = budget.max_failed(run.settings.get("patch_max_failed", 0), len(run.settings.get("set", everyone)))
    return not working and len(failed) > allowed.limit


def report_run(ledger: Ledger, run: str, settings: Settings, columns: int = COLUMNS) -> Dict[str, Any]:
    """Write the run's page, by default where its deployment has it; its paths, model and the table for a terminal of so many columns."""
    model = run_model(ledger, run, time.time(), settings.patch_assessment_max_age, **_of_releases(ledger))
    own = replace(settings, patch_report_dir=settings.patch_report_dir or model["run"]["settings"].get("patch_report_dir"))
    return _written(model, directory_of(own, run), columns)


def report_assessments(ledger: Ledger, names: Sequence[str], settings: Settings, directory: Optional[str] = None,
                       columns: int = COLUMNS) -> Dict[str, Any]:
    """Write the page of the latest assessments of these hosts."""
    model = assessment_model(ledger, time.time(), settings.patch_assessment_max_age, list(names), **_of_releases(ledger))
    return _written(model, Path(directory) if directory else directory_of(settings, "assessment"), columns)


def _of_releases(ledger: Ledger) -> Dict[str, Any]:
    """The names of releases by digest, and what upstream was last found to have beside them."""
    names: Dict[str, List[str]] = {}
    with ledger.read() as c:
        for release in reversed(releases.recent(c, _RELEASES)):
            names.setdefault(release.digest, []).append(release.name)
        return {"release_names": names, "upstream": {digest: found.document for digest, found in upstream.latest(c, list(names)).items()}}


def _written(model: Dict[str, Any], directory: Path, columns: int) -> Dict[str, Any]:
    paths = write_report(model, directory)
    return {"report": {kind: str(path) for kind, path in paths.items()}, "summary": model["summary"], "text": render_text(model, columns)}


def directory_of(settings: Settings, name: str) -> Path:
    """The folder of a run's report."""
    return Path(settings.patch_report_dir).expanduser() / name if settings.patch_report_dir else state_directory() / "reports" / name


def in_words(ending: Ending) -> str:
    """Why a run is called failed, host by host, in one line."""
    told: List[str] = ["%s %s%s" % (h.host, h.state, ": " + shorten(h.reason, 300, placeholder=" ...") if h.reason else "") for h in ending.offenders]
    shown = "; ".join(told[:5]) + ("; and %d more" % (len(told) - 5) if len(told) > 5 else "")
    return "run %s %s%s" % (ending.run.name, ending.run.state, ": " + shown if told else "")


def waiting(ledger: Ledger, run: str) -> List[str]:
    """The hosts that are to be rolled, in the plan's order."""
    with ledger.read() as c:
        return [host.host for host in hosts.all_of(c, runs.get(c, run).id, ["waiting"])]
