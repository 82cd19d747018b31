# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Raw text from dpkg and apt, and the arguments they are asked with. Nothing here changes the host."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Sequence

from ...errors import CommandFailed, LockTimeout
from ...runner import Completed, Runner
from .parse import STATUS_FORMAT

# Far below what a kernel takes on one command line, and large enough that one call does.
_CHUNK = 2000

# Not so "are you root?", which no waiting helps.
_BUSY = re.compile(r"Could not get lock |lock.*, is another process using it\?")

LISTS = "/var/lib/apt/lists"
UPDATES = "/var/lib/dpkg/updates"

SETTINGS = (
    # What is done is what was asked for and what it needs. New recommended packages come or don't come as the host is
    # configured, which is what its administrator sees from `apt upgrade`.
    "-o", "APT::Get::AutomaticRemove=false",
    "-o", "APT::Get::AllowUnauthenticated=false",
    "-o", "APT::Get::Show-User-Simulation-Note=false",
    "-o", "APT::Color=false",
    "-o", "Dpkg::Use-Pty=false",
)


def checked(done: Completed) -> Completed:
    """Like ``Completed.check``, with all that apt has to say: its last line is rarely the one that tells."""
    errors = "; ".join(line[3:] for line in done.stderr.splitlines() if line.startswith("E: "))
    if done.rc and _BUSY.search(errors):
        raise LockTimeout("%s was not alone: %s" % (done.argv[0], errors))
    if done.rc and errors:
        raise CommandFailed("%s ended with rc %d: %s" % (done.argv[0], done.rc, errors), done.argv, rc=done.rc, stderr=done.stderr[-2000:])
    return done.check()


def status(runner: Runner) -> str:
    return runner.run(["dpkg-query", "-W", "-f", STATUS_FORMAT]).check().stdout


def architecture(runner: Runner) -> str:
    return runner.run(["dpkg", "--print-architecture"]).check().stdout.strip()


def kernel(runner: Runner) -> str:
    return runner.run(["uname", "-r", "-v"]).check().stdout


def targets(runner: Runner, configured: bool = False) -> str:
    """The indexes on this host, or with ``configured`` all that its sources name, fetched or not."""
    extra = ["--no-release-info"] if configured else []
    return checked(runner.run(["apt-get", "indextargets"] + extra + ["Created-By: Packages"])).stdout


def policy(runner: Runner, names: Sequence[str]) -> str:
    return "".join(checked(runner.run(["apt-cache", "policy", "--"] + chunk)).stdout for chunk in _chunks(names))


def show(runner: Runner, specs: Sequence[str]) -> str:
    # A version that is in no source any more ends in rc 100, and the others are printed all the same.
    return "\n".join(runner.run(["apt-cache", "show", "--"] + chunk).check((0, 100)).stdout for chunk in _chunks(specs))


def directories(runner: Runner) -> Dict[str, str]:
    """apt's own answer to where it keeps things."""
    asked = ["archives", "Dir::Cache::archives/d", "states", "Dir::State::extended_states/f"]
    lines = checked(runner.run(["apt-config", "shell"] + asked)).stdout.splitlines()
    return {name: value.strip("'").rstrip("/") for name, _equals, value in (line.partition("=") for line in lines)}


def simulate(runner: Runner, specs: Sequence[str]) -> Completed:
    return runner.run(["apt-get", "-s", "-q"] + list(SETTINGS) + ["install", "--"] + list(specs))


def check(runner: Runner) -> Completed:
    return runner.run(["apt-get", "-q", "-o", "Debug::NoLocking=true", "check"])


def found(runner: Runner, where: str, tests: Iterable[str], show: str = "%p\\n") -> List[str]:
    """``find`` in a directory that may not be there."""
    done = runner.run(["find", where] + list(tests) + ["-printf", show])
    return done.check((0, 1)).stdout.splitlines()


def _chunks(items: Sequence[str]) -> List[List[str]]:
    return [list(items[at:at + _CHUNK]) for at in range(0, len(items), _CHUNK)]
