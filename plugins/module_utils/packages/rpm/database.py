# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""rpm's database: what is in it, whether it can be believed, and how it is made whole."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set, Tuple

from ...errors import CommandFailed, TransactionInterrupted
from ...runner import Completed, Runner
from ...text import first_line, last_line
from ..records import Package
from . import load, parse
from .parse import Entry


def entries(runner: Runner) -> List[Entry]:
    """All installed packages; a failure where rpm does not know them for sure."""
    done = load.database(runner)
    wrong = complaint(done)
    if wrong:
        raise CommandFailed(wrong, done.argv, rc=done.rc, stderr=done.stderr[-2000:])
    return parse.database(done.stdout)


def versions(found: Sequence[Entry]) -> List[Package]:
    """The packages, with neither reasons nor sources."""
    packages = [Package(entry.nevra.name, entry.nevra.arch, entry.nevra.version) for entry in found]
    return sorted(packages, key=lambda package: (package.name, package.arch, package.version))


def complaint(done: Completed) -> Optional[str]:
    """What is wrong with the database. Tried: with damaged pages rpm complains and ends with rc 0; where there is no database, it
    says nothing at all and ends with rc 0, and a host without packages would pass for one that lacks nothing."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    if errors or done.rc:
        return "rpm's database can't be read: %s" % first_line("\n".join(errors) or done.stderr)
    if not done.stdout.strip():
        return "rpm's database has no package in it: is it where rpm looks for it (rpm --eval %_dbpath)?"
    return None


def obsoletes(runner: Runner, names: Sequence[str]) -> Dict[str, List[str]]:
    """Which names the installed packages of these names obsolete."""
    done = runner.run(["rpm", "-q", "--qf", "[%{=NAME}|%{OBSOLETENAME}\\n]", "--"] + list(names)).check()
    found: Dict[str, List[str]] = {}
    for name, divider, other in (line.partition("|") for line in done.stdout.splitlines()):
        if divider:
            found.setdefault(name, []).append(other)
    return found


def predecessors(runner: Runner, packages: Sequence[Package]) -> Dict[Tuple[str, str], Tuple[str, ...]]:
    """By name and arch, what the installed packages obsolete."""
    names = sorted({package.name for package in packages})
    taken = obsoletes(runner, names) if names else {}
    return {(p.name, p.arch): tuple(sorted(taken[p.name])) for p in packages if p.name in taken}


def modules(runner: Runner) -> Set[str]:
    """The modules of which packages are installed: rpm keeps of each which ``name:stream:version:context`` it came as."""
    done = runner.run(["rpm", "-qa", "--qf", "%{MODULARITYLABEL}\\n"]).check()
    return {label.split(":", 1)[0] for label in done.stdout.splitlines() if ":" in label}


def rebuild(runner: Runner) -> None:
    """The same packages, written anew."""
    done = runner.run(["rpm", "--rebuilddb"], limit=None)
    if done.rc:
        raise TransactionInterrupted("rpm's database could not be rebuilt: %s" % last_line(done.stderr), rc=done.rc, stderr=done.stderr[-2000:])
