# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What changes the host: fetching, installing, repairing. Every command here is one that never asks."""

from __future__ import annotations

from typing import IO, List, Sequence

from ...errors import CommandFailed, LockTimeout
from ...runner import Completed, Runner
from ..records import Selection
from . import parse
from .tool import AGAIN, AUTOMATIC, HISTORY, LOCKED, REBOOT, Tool, checked, install_args

_TAIL = 200000


def refresh(runner: Runner, limit: float) -> None:
    """Sources only: refreshing a service may add and remove sources, which is not asked for."""
    checked(runner.run(["zypper", "--xmlout", "--non-interactive", "refresh"], limit=limit))


def download(tool: Tool, specs: Sequence[str], selection: Selection, limit: float) -> None:
    checked(tool.run(install_args(specs, selection, ["--download-only"]), limit))


def install(runner: Runner, args: Sequence[str], log: IO[str]) -> Completed:
    """Never cut."""
    return runner.run(["zypper", "--non-interactive", "--no-refresh"] + list(args), limit=None, log=log)


def judge(runner: Runner, done: Completed, before: str) -> None:
    """Raise for a transaction that failed; ``before`` is zypper's history as it was. That a reboot is due, or that zypper itself was
    updated, is no failure."""
    if done.rc in (0, REBOOT, AGAIN):
        return
    if done.rc == LOCKED:
        raise LockTimeout("zypper was not alone, and has changed nothing: its log says who was there")
    after = history(runner)
    scripts = parse.failed_scripts(after) if after != before else {}
    why = "; ".join("%s: %s" % item for item in sorted(scripts.items())) or "its log says why"
    raise CommandFailed("zypper ended with rc %d: %s" % (done.rc, why), done.argv, rc=done.rc, scripts=scripts)


def history(runner: Runner) -> str:
    # rc 1 where zypper failed before it ever wrote one.
    return runner.run(["tail", "-c", str(_TAIL), HISTORY]).check((0, 1)).stdout


def mark(runner: Runner, automatic: Sequence[str]) -> None:
    """zypper has no command for it; the list is replaced whole."""
    fresh = AUTOMATIC + ".patchtrain"
    runner.run(["tee", fresh], stdin=parse.automatic_text(automatic)).check()
    runner.run(["mv", "-f", fresh, AUTOMATIC]).check()


def force(spec: str) -> List[str]:
    """Install again what is there already, so that its scripts run to their end; rpm drops all other versions of it."""
    return ["install", "--force", "--oldpackage", "--no-recommends", "--auto-agree-with-licenses", "--no-force-resolution", "--", spec]
