# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the name of a release, or of a stage, to what hosts need of it. The ledger knows; no repository is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..ledger import events, releases, stages
from ..ledger.engine import Ledger
from ..ledger.rows import Release
from ..scheduling.names import STAGE, check_release_reference


@dataclass(frozen=True)
class Published:
    """``url`` is the release's own directory, with the digest in it; any of ``keys`` (armoured) may have signed it."""

    digest: str
    url: str
    keys: list[str]


def resolve(ledger: Ledger, name: str) -> Release:
    """The release of that name, or the one that ``stage:NAME`` points to now."""
    check_release_reference(name, "name of a release")
    with ledger.read() as c:
        return stages.release_of(c, name[len(STAGE):]) if name.startswith(STAGE) else releases.get(c, name)


def published(ledger: Ledger, digest: str) -> Published:
    """Where hosts get it; raises ``NotPublished``."""
    with ledger.read() as c:
        found = releases.needed_publication(c, digest)
    return Published(digest, "%s/releases/%s" % (found.url.rstrip("/"), digest), list(found.keys))


def note(ledger: Ledger, host: str, result: Mapping[str, Any], who: Mapping[str, str]) -> None:
    """Record that a host got other sources, outside of any run."""
    now, before = result.get("attached") or {}, result.get("previous") or {}
    with ledger.write() as c:
        events.append(c, "attached" if now else "detached", now.get("digest") or before.get("digest") or "", host=host, actor=who["actor"],
                      detail={"digest": now.get("digest"), "previous": before.get("digest"), "job_id": who["job_id"]})
