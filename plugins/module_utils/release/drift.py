# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""How a host differs from its release, computed from the host itself. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from ..packages.records import Package
from ..packages.versions import Compare
from .pairing import Differing, Pairing, Section, pair

Entry = Dict[str, Any]
Feeds = Mapping[Tuple[str, str], str]
"""By name and arch, a source that offers any version of a package."""


def drift(installed: Iterable[Package], section: Section, exclude: Sequence[str], native: str, compare: Compare,
          kernel: Optional[Mapping[str, Any]] = None, strays: Sequence[Entry] = ()) -> List[Entry]:
    """All differences; none means that the host is at exactly the release. ``kernel`` is a snapshot's, ``strays`` are sources that
    should be hidden and are not. Of what is unknown to the release, ``source`` is where this version came from, until ``fed`` says
    who offers any version of it."""
    return entries(pair(installed, section, exclude, native, compare), section, kernel, strays)


def entries(found: Pairing, section: Section, kernel: Optional[Mapping[str, Any]], strays: Sequence[Entry] = ()) -> List[Entry]:
    rows = [_row(item.package, "version", item.should.version) for item in found.differing]
    rows += [_missing(item) for item in found.missing]
    rows += [_row(package, "unknown", None) for package in found.unknown]
    rows.sort(key=lambda row: (row["name"], row["arch"], row["is"] or ""))
    return rows + _kernel(section.get("kernel"), kernel) + list(strays)


def fed(rows: Iterable[Entry], feeds: Feeds) -> List[Entry]:
    """The same with the source that still feeds each package which the release does not know; empty where nobody does."""
    return [dict(row, source=feeds.get((row["name"], row["arch"]), "")) if row["kind"] == "unknown" else row for row in rows]


def _row(package: Package, kind: str, should: Optional[str]) -> Entry:
    return {"name": package.name, "arch": package.arch, "kind": kind, "is": package.version, "should": should, "source": package.source}


def _missing(item: Differing) -> Entry:
    return {"name": item.should.name, "arch": item.should.arch, "kind": "version", "is": None, "should": item.should.version, "source": ""}


def _kernel(release: Optional[Mapping[str, Any]], host: Optional[Mapping[str, Any]]) -> List[Entry]:
    """Only where the host has a kernel of its own that the release speaks of."""
    if not release or not release.get("default") or not host or not host["applicable"]:
        return []
    should = release["default"]
    looks = (("running kernel", host["running"]), ("boot default", host["default"]))
    return [{"name": name, "arch": "", "kind": "kernel", "is": is_, "should": should, "source": ""} for name, is_ in looks if is_ != should]
