# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What changes the host: fetching, installing, marking, repairing. Every command here is one that never asks."""

from __future__ import annotations

from typing import IO, List, Optional, Sequence

from ...errors import CommandFailed, LockTimeout
from ...runner import Completed
from ..records import Selection
from .tool import ALL_SOURCES, KEEP_METADATA, LOCKED, SETTINGS, Tool, checked


def refresh(tool: Tool, limit: float) -> None:
    checked(tool.unlocked(["dnf", "-q", "-y"] + list(SETTINGS) + list(ALL_SOURCES) + ["makecache", "--refresh"], limit))


def download(tool: Tool, specs: Sequence[str], selection: Selection, limit: float) -> None:
    # dnf deletes what it fetched at the end of the next transaction, whosever that is, unless it is told to keep it.
    argv = ["dnf", "-q", "-y", "--downloadonly", "--setopt=keepcache=True"] + list(SETTINGS) + list(ALL_SOURCES) + list(KEEP_METADATA)
    checked(tool.unlocked(argv + install_args(specs, selection), limit))


def fetch(tool: Tool, args: Sequence[str], limit: float) -> None:
    """A download into a folder of its own, of packages that nobody means to install here: what is excluded on this host comes too."""
    argv = ["dnf", "-q", "-y"] + list(SETTINGS) + list(ALL_SOURCES) + list(KEEP_METADATA) + ["--disableexcludes=all"]
    done = tool.unlocked(argv + list(args), limit)
    wrong = [line for line in done.stderr.splitlines() if line.startswith('Package "')]
    if done.rc and wrong:
        raise CommandFailed("dnf can't download: %s" % "; ".join(wrong), done.argv, rc=done.rc, stderr=done.stderr[-2000:])
    checked(done)


def install_args(specs: Sequence[str], selection: Selection) -> List[str]:
    """dnf's ``install`` goes up and down as the version says, and takes away only with ``--allowerasing``."""
    return (["--allowerasing"] if selection.allow_removals else []) + ["install", "--"] + list(specs)


def transact(tool: Tool, args: Sequence[str], log: IO[str], cached: bool = True) -> Completed:
    """Never cut. From the cache, so that no network is waited for once packages change."""
    source = ["-C"] if cached else list(KEEP_METADATA)
    argv = ["dnf", "-y"] + source + ["--setopt=keepcache=True"] + list(SETTINGS) + list(ALL_SOURCES) + list(args)
    return tool.runner.run(argv, limit=None, log=log)


def judge(done: Completed, why: Optional[str]) -> None:
    """Raise for a transaction that failed; ``why`` is what dnf's history knows."""
    if done.rc == LOCKED:
        raise LockTimeout("dnf was not alone, and has changed nothing: its log says who was there")
    if done.rc:
        raise CommandFailed("dnf ended with rc %d: %s" % (done.rc, why or "its log says why"), done.argv, rc=done.rc)


def clean(tool: Tool) -> None:
    """Drop downloaded packages, as dnf does by itself where it is not told to keep them."""
    checked(tool.runner.run(["dnf", "-q", "-C"] + list(SETTINGS) + ["clean", "packages"]))


def mark(tool: Tool, word: str, specs: Sequence[str]) -> None:
    if specs:
        checked(tool.runner.run(["dnf", "-q", "-C"] + list(SETTINGS) + ["mark", word, "--"] + list(specs)))
