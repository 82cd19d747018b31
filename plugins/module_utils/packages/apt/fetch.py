# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files of exactly named packages, by apt from its own sources.

The chain of trust is apt's: a signed index, the SHA-256 of the package in the index, the file. apt takes a file that lies there
already by its size alone, so that checksums are looked at here.
"""

from __future__ import annotations

import os
from typing import Dict, List, Mapping, Optional, Sequence, Set

from ...clock import Clock, Deadline
from ...errors import CommandFailed
from ...runner import Completed, Runner
from .. import payload
from ..records import Wanted
from . import apply, load, parse
from .names import key, shown, specs
from .transaction import archive

CHUNK = 500

Checksums = Mapping[Wanted, Set[str]]


class Fetch:
    """See ``release.download.Fetcher``."""

    def __init__(self, runner: Runner, clock: Clock = Clock()) -> None:  # noqa: B008
        self._runner = runner
        self._clock = clock
        self._checksums: Checksums = {}

    def look(self, wanted: Sequence[Wanted]) -> Dict[Wanted, str]:
        native = load.architecture(self._runner)
        text = load.show(self._runner, specs(wanted, native))
        self._checksums = checksums(text)
        names = sorted({shown(key(item.name, item.arch, native), native) for item in wanted})
        policies = parse.policies(load.policy(self._runner, names), native)
        accepted = {target.text for target in parse.targets(load.targets(self._runner)) if target.trusted}
        reasons = ((item, self._missing(item, policies.get(key(item.name, item.arch, native)), accepted)) for item in wanted)
        return {item: reason for item, reason in reasons if reason}

    def _missing(self, item: Wanted, policy: Optional[parse.Policy], accepted: Set[str]) -> Optional[str]:
        version = policy.find(item.version) if policy else None
        texts = [text for text in (version.sources if version else ()) if text != parse.DPKG_STATUS]
        if not texts:
            return _others(policy)
        if not accepted.intersection(texts):
            return "only in a source whose signature apt does not accept: %s" % parse.source_id(texts[0])
        if item not in self._checksums:
            archs = sorted({other.arch for other in self._checksums if (other.name, other.version) == (item.name, item.version)})
            return "its sources have this version for %s" % ", ".join(archs) if archs else "its source gives no SHA-256 of it"
        return None

    def fetch(self, wanted: Sequence[Wanted], directory: str, limit: float) -> Dict[Wanted, str]:
        deadline = Deadline(limit, self._clock)
        paths = {item: os.path.join(directory, payload.file_name(archive(item.name, item.arch, item.version))) for item in wanted}
        cache = load.directories(self._runner)["archives"]
        lacking = [item for item in wanted if not self._there(item, paths[item], cache)]
        native = load.architecture(self._runner)
        for at in range(0, len(lacking), CHUNK):
            load.checked(download(self._runner, specs(lacking[at:at + CHUNK], native), directory, max(deadline.left, 1.0)))
        for item in lacking:
            self._verify(item, paths[item])
        return paths

    def _there(self, item: Wanted, path: str, cache: str) -> bool:
        """Here already, or in apt's cache."""
        if payload.sha256(path) in self._checksums[item]:
            return True
        if payload.copy(os.path.join(cache, os.path.basename(path)), path) in self._checksums[item]:
            return True
        payload.discard(path)
        return False

    def _verify(self, item: Wanted, path: str) -> None:
        found = payload.sha256(path)
        if found not in self._checksums[item]:
            payload.discard(path)
            what = "has the SHA-256 %s, and its source says %s" % (found, ", ".join(sorted(self._checksums[item]))) if found else "did not come"
            raise CommandFailed("%s %s (%s) %s" % (item.name, item.version, item.arch, what), ["apt-get", "download"], package=item.name)


def download(runner: Runner, named: Sequence[str], directory: str, limit: float) -> Completed:
    """apt-get leaves files where it was started. Its own user for downloads can't write there, and need not: nothing is unpacked."""
    argv = ["apt-get", "-q", "-y"] + list(load.SETTINGS) + list(apply.NETWORK) + ["-o", "APT::Sandbox::User=root", "download", "--"] + list(named)
    done = runner.run(["env", "-C", directory] + argv, limit=limit, env=apply.environment())
    return Completed(tuple(argv), done.rc, done.stdout, done.stderr)


def checksums(text: str) -> Dict[Wanted, Set[str]]:
    """What sources say of each version, from ``apt-cache show``; one that is merely installed has no file. Two sources may have built
    the same version."""
    found: Dict[Wanted, Set[str]] = {}
    for item in parse.stanzas(text):
        if item.get("Filename") and item.get("SHA256"):
            found.setdefault(Wanted(item["Package"], item["Architecture"], item["Version"]), set()).add(item["SHA256"].lower())
    return found


def _others(policy: Optional[parse.Policy]) -> str:
    known: List[str] = [version.version for version in (policy.versions if policy else ()) if set(version.sources) - {parse.DPKG_STATUS}]
    return "its sources have %s" % ", ".join(known[:3]) if known else "no source has any version of it"
