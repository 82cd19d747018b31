# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files of exactly named packages, by dnf from its own sources.

dnf compares with the checksum of the index whatever it fetches, but when it only downloads it does not look at signatures, and most
sources' indexes have none: without them a package is what the network says.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterable, List, Sequence, Set, Tuple

from ...clock import Clock, Deadline
from ...runner import Runner
from ..records import Wanted
from ..rpm import database, fetch, load
from ..rpm.names import Nevra, with_epoch
from . import apply, modules, parse
from .capability import Capability
from .manager import Dnf
from .tool import Tool

Offered = Dict[Wanted, Set[str]]
"""The sources of each version."""


class Fetch:
    """See ``release.download.Fetcher``."""

    def __init__(self, runner: Runner, clock: Clock = Clock()) -> None:  # noqa: B008
        self._runner = runner
        self._tool = Tool(runner, clock)
        self._clock = clock
        self._offered: Offered = {}

    def look(self, wanted: Sequence[Wanted]) -> Dict[Wanted, str]:
        fetch.distinct(wanted)
        self._offered = self._offers([with_epoch(fetch.nevra(item)) for item in wanted])
        lacking = [item for item in wanted if item not in self._offered]
        others = self._offers(sorted({item.name for item in lacking})) if lacking else {}
        return {item: others_of(item, others) for item in lacking}

    def describe(self, streams: Sequence[str]) -> modules.Described:
        """What the host's sources say of module streams, from the metadata on the host."""
        return modules.described(self._runner, Dnf(self._runner, self._clock).indexes(), streams)

    def _offers(self, specs: Sequence[str]) -> Offered:
        found: Offered = {}
        for chunk in load.chunks(specs):
            for offer in parse.offers(self._tool.query(["--available", "--"] + list(chunk), parse.AVAILABLE)):
                one = offer.candidate
                found.setdefault(Wanted(one.name, one.arch, one.version), set()).add(one.source)
        return found

    def fetch(self, wanted: Sequence[Wanted], directory: str, limit: float) -> Dict[Wanted, str]:
        deadline = Deadline(limit, self._clock)
        self._tool.wait(limit)
        part = fetch.begin(directory)
        fetch.again(wanted, directory)
        for words, specs in self._calls(wanted):
            for chunk in load.chunks(specs):
                apply.fetch(self._tool, words + [part, "--"] + list(chunk), max(deadline.left, 1.0))
        return fetch.finish(self._runner, wanted, directory, self._unsigned(wanted), "dnf")

    def _calls(self, wanted: Sequence[Wanted]) -> List[Tuple[List[str], List[str]]]:
        """``download`` comes with a plugin that not every host has; without it, what is installed can be installed again."""
        nevras = [fetch.nevra(item) for item in wanted]
        if self._tool.has(Capability.DOWNLOAD):
            return [(["download", "--destdir"], [with_epoch(nevra) for nevra in nevras])]
        there = {entry.nevra for entry in database.entries(self._runner)}
        only = ["--downloadonly", "--downloaddir"]
        new = rounds([nevra for nevra in nevras if nevra not in there])
        return [(["reinstall"] + only, [with_epoch(nevra) for nevra in nevras if nevra in there])] + [
            (["install"] + only, [with_epoch(nevra) for nevra in some]) for some in new]

    def _unsigned(self, wanted: Sequence[Wanted]) -> Set[Wanted]:
        """Packages of a source that the host is told to trust as it is."""
        trusting = {source.id for source in Dnf(self._runner, self._clock).sources() if not source.trusted}
        return {item for item in wanted if self._offered[item] & trusting}


def rounds(nevras: Iterable[Nevra]) -> List[List[Nevra]]:
    """One version of each package at a time: two can't be installed together, not even to be fetched."""
    found: List[List[Nevra]] = []
    seen: Dict[Tuple[str, str], int] = Counter()
    for nevra in nevras:
        at = seen[nevra.name, nevra.arch]
        seen[nevra.name, nevra.arch] += 1
        found += [[]] if at == len(found) else []
        found[at].append(nevra)
    return found


def others_of(item: Wanted, offered: Offered) -> str:
    known = [other.version for other in offered if (other.name, other.arch) == (item.name, item.arch)]
    return "its sources have %s" % ", ".join(known[-3:]) if known else "no source has any version of it"
