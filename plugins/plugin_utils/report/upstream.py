# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream has published since a release was captured, and the release does not carry. Pure; expects a cleaned model."""

from __future__ import annotations

from .hosts import Data, count, number, records, section, word
from .units import span
from .words import CLASSIFICATIONS


def since(model: Data, digest: str) -> Data | None:
    """None where upstream was not asked, which is something else than that it has nothing."""
    known = section(model, "upstream").get(digest)
    return known if isinstance(known, dict) else None


def sentence(asked: Data | None) -> str:
    """``upstream has published since: 3 security (oldest 5 days), 2 bugfix``."""
    if asked is None:
        return ""
    counts = section(asked, "counts")
    kinds = [kind for kind in (*CLASSIFICATIONS, *sorted(set(counts) - {*CLASSIFICATIONS, "total"})) if count(counts, kind)]
    if not kinds:
        return "upstream has published nothing since"
    overall = number(asked, "oldest_age_s") if not any(_oldest(asked, kind) is not None for kind in kinds) else None
    end = "" if overall is None else f"; the oldest {span(overall)} ago"
    return "upstream has published since: " + ", ".join(_kind(asked, kind, count(counts, kind)) for kind in kinds) + end


def _kind(asked: Data, kind: str, many: int) -> str:
    oldest = _oldest(asked, kind)
    return f"{many:,} {kind}" + (f" ({'known for' if _only_seen(asked, kind) else 'oldest'} {span(oldest)})" if oldest else "")


def _of(asked: Data, kind: str, key: str) -> list[float]:
    times = (number(one, key) for one in records(asked, "packages") if word(one, "classification") == kind)
    return [time for time in times if time is not None]


def _only_seen(asked: Data, kind: str) -> bool:
    """Sources seldom say when something was published: then it is known since when it has been seen there, which is later."""
    return bool(_of(asked, kind, "first_seen")) and not _of(asked, kind, "published_at")


def _oldest(asked: Data, kind: str) -> float | None:
    """When upstream was asked, how long the oldest of a kind had been there: as told for the kind, else by its packages."""
    given = number(section(asked, "oldest_age_s"), kind)
    if given is not None:
        return given
    times, at = _of(asked, kind, "published_at") or _of(asked, kind, "first_seen"), number(asked, "asked_at")
    return max(0.0, at - min(times)) if times and at is not None else None
