# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files of exactly named packages, once a tool has brought them: which is which, and whether they are whole and signed.

What a file is called says little; its header says name, epoch, version and architecture. Tools compare a file with the checksum of their
index when they fetch it.
"""

from __future__ import annotations

import os
import shutil
from typing import Dict, Iterable, List, Sequence, Set

from ...errors import BadInput, CommandFailed
from ...runner import Runner
from .. import payload
from ..records import Wanted
from .load import chunks
from .names import Nevra, checked, evr

FORMAT = "%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{ARCH}\\n"
REPORT_LIMIT = 600.0

# A file that carries no signature passes otherwise; this is how dnf itself asks.
_SIGNED = ("--define", "_pkgverify_level signature", "--define", "_pkgverify_flags 0x0")


def nevra(item: Wanted) -> Nevra:
    return checked(item)


def distinct(wanted: Iterable[Wanted]) -> None:
    """``BadInput`` where two would have the same file: rpm leaves the epoch out of its name."""
    owners: Dict[str, Wanted] = {}
    for item in wanted:
        other = owners.setdefault(file_name(item), item)
        if other != item:
            raise BadInput("packages names %s %s and %s, which both have the file %s: leave one" % (
                item.name, other.version, item.version, file_name(item)), option="packages", package=item.name)


def begin(directory: str) -> str:
    """The folder that the tool fetches into."""
    return payload.private_folder(os.path.join(directory, payload.PART))


def again(wanted: Iterable[Wanted], directory: str) -> None:
    """What was brought before is given back to the tool, which compares it with its index and fetches it when it is not right."""
    for name in map(file_name, wanted):
        if payload.sha256(os.path.join(directory, name)):
            os.replace(os.path.join(directory, name), os.path.join(directory, payload.PART, name))


def finish(runner: Runner, wanted: Sequence[Wanted], directory: str, unsigned: Set[Wanted], tool: str) -> Dict[Wanted, str]:
    """Where each file is now. Of the ``unsigned``, the source is trusted without a signature in the file."""
    part = os.path.join(directory, payload.PART)
    found = identified(runner, payload.files_below(part, ".rpm"))
    lacking = [item for item in wanted if nevra(item) not in found]
    if lacking:
        raise CommandFailed("%s did not bring %s" % (tool, ", ".join(str(nevra(item)) for item in lacking[:5])), [tool, "download"])
    verify(runner, [found[nevra(item)] for item in wanted if item not in unsigned], _SIGNED)
    verify(runner, [found[nevra(item)] for item in wanted if item in unsigned], ["--nosignature"])
    paths = {item: os.path.join(directory, file_name(item)) for item in wanted}
    for item, path in paths.items():
        os.replace(found[nevra(item)], path)
    shutil.rmtree(part)
    return paths


def file_name(item: Wanted) -> str:
    """As rpm itself names it, without the epoch."""
    name, version, arch = nevra(item)
    return payload.file_name("%s-%s.%s.rpm" % (name, version.rpartition(":")[2], arch))


def identified(runner: Runner, paths: Sequence[str]) -> Dict[Nevra, str]:
    found: Dict[Nevra, str] = {}
    for chunk in chunks(paths):
        # Signatures are looked at below, with a word on each.
        argv = ["rpm", "-qp", "--nosignature", "--nodigest", "--qf", FORMAT, "--"] + list(chunk)
        lines = runner.run(argv, limit=REPORT_LIMIT).check().stdout.splitlines()
        found.update(zip(map(_nevra, lines), chunk))
    return found


def _nevra(line: str) -> Nevra:
    name, epoch, version, release, arch = line.split("|")
    return Nevra(name, evr(epoch, version, release), arch)


def verify(runner: Runner, paths: Sequence[str], options: Sequence[str]) -> None:
    for chunk in chunks(paths):
        done = runner.run(["rpmkeys", "--checksig"] + list(options) + ["--"] + list(chunk), limit=REPORT_LIMIT)
        if done.rc:
            raise CommandFailed("packages that are damaged, not signed, or signed with a key that the host does not have (rpm --import): %s"
                                % "; ".join(_complaints(done.stdout)[:5]), done.argv, rc=done.rc, stdout=done.stdout[-2000:], stderr=done.stderr[-2000:])


def _complaints(text: str) -> List[str]:
    """rpm says OK of the parts that are right, and in capitals which are not."""
    return [os.path.basename(line) for line in text.splitlines() if "NOT OK" in line] or ["rpmkeys does not say which"]
