# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files of exactly named packages, by zypper from its own sources. zypper itself looks at checksums, and at signatures as the host is
configured: of the index, and of each package where the index has none."""

from __future__ import annotations

from typing import Dict, Sequence

from ...clock import Clock, Deadline
from ...errors import CommandFailed
from ...runner import Completed, Runner
from ..records import Wanted
from ..rpm import fetch, load
from . import parse
from .tool import NO_SOURCES, NOT_FOUND, Tool

_GAVE_UP = "ABORT request: User requested to abort"


class Fetch:
    """See ``release.download.Fetcher``."""

    def __init__(self, runner: Runner, clock: Clock = Clock()) -> None:  # noqa: B008
        self._runner = runner
        self._tool = Tool(runner, clock)
        self._clock = clock

    def look(self, wanted: Sequence[Wanted]) -> Dict[Wanted, str]:
        fetch.distinct(wanted)
        offered = self._offered(sorted({item.name for item in wanted}))
        return {item: _others(item, offered) for item in wanted if item not in offered}

    def _offered(self, names: Sequence[str]) -> Dict[Wanted, str]:
        repositories = parse.repositories(self._tool.ask(["repos"], ok=(0, NO_SOURCES)).stdout)
        aliases = {repository.name: repository.alias for repository in repositories}
        found: Dict[Wanted, str] = {}
        for chunk in load.chunks(names):
            asked = ["search", "--details", "--type", "package", "--match-exact", "--"] + list(chunk)
            candidates = parse.versions(self._tool.ask(asked, ok=(0, NOT_FOUND)).stdout, aliases)
            found.update((Wanted(c.name, c.arch, c.version), c.source) for c in candidates if c.source)
        return found

    def fetch(self, wanted: Sequence[Wanted], directory: str, limit: float) -> Dict[Wanted, str]:
        deadline = Deadline(limit, self._clock)
        part = fetch.begin(directory)
        specs = sorted("%s.%s=%s" % (nevra.name, nevra.arch, nevra.version) for nevra in map(fetch.nevra, wanted))
        for chunk in load.chunks(specs):
            _check(self._tool.ask(["--pkg-cache-dir", part, "download", "--all-matches", "--"] + list(chunk), limit=max(deadline.left, 1.0)))
        return fetch.finish(self._runner, wanted, directory, set(wanted), "zypper")


def _check(done: Completed) -> None:
    """zypper ends with zero when it gave up on a package, and what follows it."""
    said = parse.errors(done.stdout).replace("; " + _GAVE_UP, "")
    if said:
        raise CommandFailed("zypper can't download: %s" % said, done.argv, rc=done.rc, stdout=done.stdout[-2000:])


def _others(item: Wanted, offered: Dict[Wanted, str]) -> str:
    known = [other.version for other in offered if (other.name, other.arch) == (item.name, item.arch)]
    return "its sources have %s" % ", ".join(known[:3]) if known else "no source has any version of it"
