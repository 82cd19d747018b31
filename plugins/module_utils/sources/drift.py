# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Sources that a host sees beside those that its release lets it see. Reads only."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Set

from ..errors import BadInput
from ..release.attached import ROOT
from ..runner import Runner
from .apt import AptSources
from .dnf import DnfSources
from .entries import Entry, matches, release_uri, trusting
from .kind import Kind, Store
from .zypper import ZypperSources

_KINDS: Dict[str, Kind] = {"apt": AptSources(), "dnf": DnfSources(), "zypper": ZypperSources()}


def kind_of(manager_name: str) -> Kind:
    if manager_name not in _KINDS:
        raise BadInput("sources of %s are not known: they are of %s" % (manager_name, ", ".join(_KINDS)))
    return _KINDS[manager_name]


def strays(runner: Runner, manager_name: str, document: Optional[Mapping[str, Any]], root: str = ROOT) -> List[Dict[str, Any]]:
    """Entries of drift: sources that should be hidden and are visible, and the release's own where it is not."""
    if document is None:
        return []
    kind = kind_of(manager_name)
    uri, seen = release_uri(document["url"], document["platform"]), kind.visible(runner)
    own = [entry for entry in seen if entry.uri.rstrip("/") in (uri, trusting(uri))]
    allowed = _allowed(kind, runner, document["passthrough"], root)
    odd = [entry for entry in seen if entry not in own and entry.id not in allowed and not matches(entry, document["passthrough"])]
    missing = [] if own else [_row(uri, None, uri, kind.parts)]
    return missing + sorted((_row(entry.id, entry.uri, None, entry.file) for entry in _once(odd)), key=lambda row: (row["name"], row["source"]))


def _allowed(kind: Kind, runner: Runner, passthrough: List[str], root: str) -> Set[str]:
    """A source that is named by its file lies in another one now."""
    if not passthrough:
        return set()
    return {entry.id for entry in kind.originals(runner, remembered(runner, root)) if matches(entry, passthrough)}


def remembered(runner: Runner, root: str) -> Store:
    try:
        store: Store = json.loads(runner.read(store_path(root)) or "{}")
    except ValueError as error:
        raise BadInput("%s is damaged (%s): put it back from a backup, or remove it; then what it remembers is not restored" % (
            store_path(root), error)) from error
    return store


def store_path(root: str) -> str:
    return root + "/release/sources.json"


def _once(entries: List[Entry]) -> List[Entry]:
    return list({(entry.id, entry.file): entry for entry in entries}.values())


def _row(name: str, is_: Optional[str], should: Optional[str], source: str) -> Dict[str, Any]:
    return {"name": name, "arch": "", "kind": "source", "is": is_, "should": should, "source": source}
