# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The files of exactly named packages, from a golden host's own sources. All or nothing: what no source has is named before
anything is fetched."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Protocol, Sequence, Tuple

from ..errors import BadInput, CommandFailed, TransactionImpossible
from ..job.files import replace_file
from ..packages import payload
from ..packages.apt.fetch import Fetch as AptFetch
from ..packages.dnf.fetch import Fetch as DnfFetch
from ..packages.dnf.modules import Described
from ..packages.records import Wanted
from ..packages.zypper.fetch import Fetch as ZypperFetch
from ..runner import Runner

_NAMED = 5
_STREAM = re.compile(r"[A-Za-z0-9._+-]+:[A-Za-z0-9._+-]+")


class Fetcher(Protocol):
    """What each package manager does for it. Names and versions are checked before they become arguments (``BadInput``)."""

    def look(self, wanted: Sequence[Wanted]) -> Dict[Wanted, str]:
        """Those that can't be had, each with the reason; from the metadata on the host."""

    def fetch(self, wanted: Sequence[Wanted], directory: str, limit: float) -> Dict[Wanted, str]:
        """After ``look``: the paths in ``directory``, of files that are what the source's metadata says."""


FETCHERS: Mapping[str, Callable[[Runner], Fetcher]] = {"apt": AptFetch, "dnf": DnfFetch, "zypper": ZypperFetch}

Describe = Callable[[Sequence[str]], Described]
"""What a host's sources say of module streams."""


@dataclass(frozen=True)
class Order:
    """``streams`` are module streams whose descriptions are wanted beside the packages. ``dry`` only looks."""

    wanted: Tuple[Wanted, ...]
    directory: str
    limit: float
    dry: bool = False
    streams: Tuple[str, ...] = ()


def order(options: Mapping[str, Any], dry: bool) -> Order:
    """From the module's options."""
    if not os.path.isabs(options["directory"]):
        raise BadInput("directory is %r: give an absolute path" % options["directory"], option="directory")
    if options["timeout"] <= 0:
        raise BadInput("timeout is %g: give seconds, more than 0" % options["timeout"], option="timeout")
    wanted = {Wanted(item["name"], item["arch"], item["version"]) for item in options["packages"]}
    streams = tuple(sorted(set(options.get("streams") or ())))
    wrong = [stream for stream in streams if not _STREAM.fullmatch(stream)]
    if wrong:
        raise BadInput("streams has %r: a stream is written NAME:STREAM" % wrong[0][:80], option="streams")
    return Order(tuple(sorted(wanted, key=_place)), options["directory"], options["timeout"], dry, streams)


def nobody(streams: Sequence[str]) -> Described:
    return Described("", dict.fromkeys(streams, "only dnf has module streams"))


def describer(manager: str, runner: Runner) -> Describe:
    return DnfFetch(runner).describe if manager == "dnf" else nobody


def download(fetcher: Fetcher, asked: Order, describe: Describe = nobody) -> Dict[str, Any]:
    """The module's result. ``TransactionImpossible`` has what is ``missing``, packages and streams, in its data."""
    reasons = fetcher.look(asked.wanted) if asked.wanted else {}
    missing = [dict(item.to_dict(), reason=reasons[item]) for item in asked.wanted if item in reasons]
    told = describe(asked.streams) if asked.streams else Described("", {})
    lacking = [{"stream": stream, "reason": reason} for stream, reason in sorted(told.missing.items())]
    if asked.dry:
        there = len(missing) < len(asked.wanted) or len(lacking) < len(asked.streams)
        return {"changed": there, "files": [], "modules": None, "missing": missing, "missing_streams": lacking}
    _refuse(missing, lacking)
    if not asked.wanted and not asked.streams:
        return {"changed": False, "files": [], "modules": None, "missing": [], "missing_streams": []}
    return _brought(fetcher, asked, told.text)


def _brought(fetcher: Fetcher, asked: Order, text: str) -> Dict[str, Any]:
    folder = payload.private_folder(asked.directory)
    before = {name: payload.sha256(os.path.join(folder, name)) for name in os.listdir(folder)}
    paths = fetcher.fetch(asked.wanted, folder, asked.limit) if asked.wanted else {}
    files = [_file(item, paths[item]) for item in asked.wanted]
    modules = _modules(text, folder) if text else None
    changed = any(before.get(file["file"]) != file["sha256"] for file in files + ([modules] if modules else []))
    return {"changed": changed, "files": files, "modules": modules, "missing": [], "missing_streams": []}


def _modules(text: str, folder: str) -> Dict[str, Any]:
    """The name is by the content, so that files of several hosts can lie beside each other."""
    content = text.encode("utf-8")
    digest = hashlib.sha256(content).hexdigest()
    name = "modules-%s.yaml" % digest[:16]
    replace_file(os.path.join(folder, name), content)
    return {"file": name, "size": len(content), "sha256": digest}


def _refuse(missing: Sequence[Mapping[str, Any]], lacking: Sequence[Mapping[str, str]]) -> None:
    parts: List[str] = []
    if missing:
        parts.append("%d package%s in no source of this host: %s" % (len(missing), " is" if len(missing) == 1 else "s are", _named(missing)))
    if lacking:
        parts.append("module streams that can't be described: %s" % ", ".join("%s (%s)" % (one["stream"], one["reason"]) for one in lacking))
    if parts:
        raise TransactionImpossible("; ".join(parts), missing=list(missing), missing_streams=list(lacking))


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
