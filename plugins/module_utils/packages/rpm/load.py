# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Raw text from rpm and its files, and the arguments it is asked with. Nothing here changes the host."""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence

from ...runner import Completed, Runner
from .parse import DATABASE_FORMAT, PROVIDES_FORMAT

LEFTOVERS = ("*.rpmnew", "*.rpmsave", "*.rpmorig")

# Far below what a kernel takes on one command line.
CHUNK = 1000


def database(runner: Runner) -> Completed:
    """All installed packages; ``database.complaint`` tells whether the answer is to be believed."""
    return runner.run(["rpm", "-qa", "--qf", DATABASE_FORMAT])


def architecture(runner: Runner) -> str:
    return runner.run(["rpm", "--eval", "%_arch"]).check().stdout.strip()


def database_path(runner: Runner) -> str:
    return runner.run(["rpm", "--eval", "%_dbpath"]).check().stdout.strip()


def provides(runner: Runner, names: Sequence[str]) -> str:
    return runner.run(["rpm", "-q", "--qf", PROVIDES_FORMAT, "--"] + list(names)).check().stdout


def leftovers(runner: Runner) -> List[str]:
    tests = [word for name in LEFTOVERS for word in ("-o", "-name", name)][1:]
    return sorted(found(runner, "/etc", ["-xdev", "-type", "f", "("] + tests + [")"]))


def found(runner: Runner, where: str, tests: Iterable[str], show: str = "%p\\n") -> List[str]:
    """``find`` in a directory that may not be there, which is its rc 1."""
    return runner.run(["find", where] + list(tests) + ["-printf", show]).check((0, 1)).stdout.splitlines()


def inode(runner: Runner, path: str) -> Optional[int]:
    done = runner.run(["stat", "-c", "%i", path]).check((0, 1))
    return int(done.stdout) if done.rc == 0 else None


def chunks(items: Sequence[str]) -> List[Sequence[str]]:
    return [items[at:at + CHUNK] for at in range(0, len(items), CHUNK)]
