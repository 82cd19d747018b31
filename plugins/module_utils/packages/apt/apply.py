# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What changes the host: fetching, installing, repairing. Every command here is one that never asks."""

from __future__ import annotations

from typing import IO, Dict, List, Mapping, Sequence

from ...errors import CommandFailed
from ...runner import Completed, Runner
from ..records import Selection
from . import parse
from .load import SETTINGS, checked

ENVIRONMENT: Mapping[str, str] = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none",
    # Restarting services is decided by the run, and needrestart may restart the very unit that installs.
    "NEEDRESTART_MODE": "l",
    "NEEDRESTART_SUSPEND": "1",
    "TERM": "dumb",
    "PAGER": "cat",
}

NETWORK = ("-o", "Acquire::http::Timeout=30", "-o", "Acquire::https::Timeout=30", "-o", "Acquire::Retries=2")


def environment(keep_config: bool = True) -> Dict[str, str]:
    return dict(ENVIRONMENT, **{"UCF_FORCE_CONFFOLD" if keep_config else "UCF_FORCE_CONFFNEW": "1"})


def conffiles(keep_config: bool) -> List[str]:
    """dpkg's options: a file that its administrator did not touch is replaced, one that was touched is kept or replaced as asked."""
    return ["--force-confdef", "--force-confold"] if keep_config else ["--force-confnew"]


def _install(selection: Selection, keep_config: bool = True) -> List[str]:
    argv = ["apt-get", "-q", "-y"] + list(SETTINGS) + list(NETWORK)
    for option in conffiles(keep_config):
        argv += ["-o", "Dpkg::Options::=" + option]
    argv += ["--allow-downgrades"] if selection.allow_downgrade else []
    argv += [] if selection.allow_removals else ["--no-remove"]
    return argv + ["install"]


def update(runner: Runner, limit: float) -> None:
    """``apt-get update``, where one source that fails is a failure."""
    argv = ["apt-get", "-q", "-o", "APT::Update::Error-Mode=any"] + list(NETWORK) + ["update"]
    done = runner.run(argv, limit=limit, env=environment())
    failures = parse.fetch_failures(done.stdout, done.stderr)
    if failures:
        raise CommandFailed("apt could not fetch its sources: %s" % "; ".join(failures), done.argv, rc=done.rc, sources=failures)
    checked(done)


def download(runner: Runner, specs: Sequence[str], selection: Selection, limit: float) -> None:
    argv = _install(selection) + ["--download-only", "--"] + list(specs)
    checked(runner.run(argv, limit=limit, env=environment()))


def install(runner: Runner, specs: Sequence[str], selection: Selection, keep_config: bool, lock_limit: float, log: IO[str]) -> Completed:
    """Never cut. After ``download`` there is nothing left to fetch, so that no network is waited for once packages change."""
    argv = _install(selection, keep_config) + ["-o", "DPkg::Lock::Timeout=%d" % lock_limit, "--"] + list(specs)
    return runner.run(argv, limit=None, env=environment(keep_config), log=log)


def configure(runner: Runner, log: IO[str]) -> Completed:
    """Finish what was unpacked."""
    return runner.run(["dpkg"] + conffiles(True) + ["--configure", "-a"], limit=None, env=environment(), log=log)


def fix_broken(runner: Runner, log: IO[str]) -> Completed:
    return runner.run(_install(Selection()) + ["--fix-broken"], limit=None, env=environment(), log=log)


def reinstall(runner: Runner, spec: str, log: IO[str]) -> Completed:
    """For a package that was cut while its files were being replaced; ``--fix-broken`` says that it did it and does nothing."""
    return runner.run(_install(Selection()) + ["--reinstall", "--", spec], limit=None, env=environment(), log=log)


def unpack(runner: Runner, archive: str, log: IO[str]) -> Completed:
    return runner.run(["dpkg"] + conffiles(True) + ["--install", "--", archive], limit=None, env=environment(), log=log)


def mark(runner: Runner, reason: str, names: Sequence[str]) -> None:
    """``reason`` is ``manual`` or ``automatic``."""
    if names:
        runner.run(["apt-mark", "-q", "manual" if reason == "manual" else "auto", "--"] + list(names)).check()
