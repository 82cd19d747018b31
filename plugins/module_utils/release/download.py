# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The files of exactly named packages, from a golden host's own sources. All or nothing: what no source has is named before
anything is fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Protocol, Sequence, Tuple

from ..errors import BadInput, CommandFailed, TransactionImpossible
from ..packages import payload
from ..packages.apt.fetch import Fetch as AptFetch
from ..packages.dnf.fetch import Fetch as DnfFetch
from ..packages.records import Wanted
from ..packages.zypper.fetch import Fetch as ZypperFetch
from ..runner import Runner

_NAMED = 5


class Fetcher(Protocol):
    """What each package manager does for it. Names and versions are checked before they become arguments (``BadInput``)."""

    def look(self, wanted: Sequence[Wanted]) -> Dict[Wanted, str]:
        """Those that can't be had, each with the reason; from the metadata on the host."""

    def fetch(self, wanted: Sequence[Wanted], directory: str, limit: float) -> Dict[Wanted, str]:
        """After ``look``: the paths in ``directory``, of files that are what the source's metadata says."""


FETCHERS: Mapping[str, Callable[[Runner], Fetcher]] = {"apt": AptFetch, "dnf": DnfFetch, "zypper": ZypperFetch}


@dataclass(frozen=True)
class Order:
    """``dry`` only looks."""

    wanted: Tuple[Wanted, ...]
    directory: str
    limit: float
    dry: bool = False


def order(options: Mapping[str, Any], dry: bool) -> Order:
    """From the module's options."""
    if not os.path.isabs(options["directory"]):
        raise BadInput("directory is %r: give an absolute path" % options["directory"], option="directory")
    if options["timeout"] <= 0:
        raise BadInput("timeout is %g: give seconds, more than 0" % options["timeout"], option="timeout")
    wanted = {Wanted(item["name"], item["arch"], item["version"]) for item in options["packages"]}
    return Order(tuple(sorted(wanted, key=_place)), options["directory"], options["timeout"], dry)


def download(fetcher: Fetcher, asked: Order) -> Dict[str, Any]:
    """The module's result. ``TransactionImpossible`` has what is ``missing`` in its data."""
    if not asked.wanted:
        return {"changed": False, "files": [], "missing": []}
    reasons = fetcher.look(asked.wanted)
    missing = [dict(item.to_dict(), reason=reasons[item]) for item in asked.wanted if item in reasons]
    if asked.dry:
        return {"changed": len(missing) < len(asked.wanted), "files": [], "missing": missing}
    if missing:
        raise TransactionImpossible("%d package%s in no source of this host: %s" % (
            len(missing), " is" if len(missing) == 1 else "s are", _named(missing)), missing=missing)
    folder = payload.private_folder(asked.directory)
    before = {name: payload.sha256(os.path.join(folder, name)) for name in os.listdir(folder)}
    paths = fetcher.fetch(asked.wanted, folder, asked.limit)
    files = [_file(item, paths[item]) for item in asked.wanted]
    return {"changed": any(before.get(file["file"]) != file["sha256"] for file in files), "files": files, "missing": []}


def _named(missing: Sequence[Mapping[str, Any]]) -> str:
    shown = ["%s %s %s (%s)" % (one["name"], one["version"], one["arch"], one["reason"]) for one in missing[:_NAMED]]
    return ", ".join(shown + (["and %d more" % (len(missing) - _NAMED)] if len(missing) > _NAMED else []))


def _file(item: Wanted, path: str) -> Dict[str, Any]:
    digest = payload.sha256(path)
    if digest is None:
        raise CommandFailed("the file of %s %s is gone from %s: somebody else works there" % (item.name, item.version, os.path.dirname(path)), [])
    return dict(item.to_dict(), file=payload.file_name(path), size=os.path.getsize(path), sha256=digest)


def _place(item: Wanted) -> Tuple[str, str, str]:
    return (item.name, item.arch, item.version)
