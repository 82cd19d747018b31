# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is published: releases as they lie there, and which package files they brought."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Set, Tuple

from ..errors import BadInput
from ..release.manifest import Document, package_place, read
from .files import Item, Place, Platform, platform, rows
from .layout import FILES, MANIFEST, RepositoryWrong, Root, read_bytes
from .pool import is_there

Rows = Dict[str, List[Item]]


def manifest_of(root: Root, digest: str) -> Document:
    """A published release's manifest; a failure when it is not the one that the digest says."""
    return read(read_bytes("%s/%s" % (root.release(digest), MANIFEST)), digest)


def platforms_of(manifest: Mapping[str, Any]) -> List[Platform]:
    return [platform(key) for key in sorted(manifest["platforms"])]


def files_of(path: str) -> Rows:
    """The files that a files.json lists, by platform."""
    try:
        return rows(json.loads(read_bytes(path).decode("ascii")))
    except (ValueError, KeyError, TypeError, AttributeError, BadInput) as error:
        raise RepositoryWrong("%s can't be read (%s): it is missing or was changed" % (path, error), path=path) from error


def documents(root: Root) -> List[str]:
    """All lists of files: of the releases, newest first, and of those whose publishing was cut after their files were in the pool."""
    found = ["%s/%s" % (root.release(digest), FILES) for digest in root.published()]
    unfinished = sorted(os.listdir(root.unfinished)) if os.path.isdir(root.unfinished) else []
    return found + ["%s/%s" % (root.unfinished, name) for name in unfinished if not name.startswith(".")]


def known(root: Root, wanted: Mapping[str, Sequence[Mapping[str, Any]]]) -> Dict[str, List[Dict[str, Any]]]:
    """Which of the wanted packages the pool has, by platform: what ``present`` takes without having it brought again."""
    left = {key: {_place(package) for package in packages} for key, packages in wanted.items()}
    kinds = {key: platform(key).kind for key in wanted}
    found: Dict[str, List[Item]] = {key: [] for key in wanted}
    for listed in readable(documents(root)):
        for key, places in left.items():
            items = [item for item in listed.get(key, []) if item.place in places and is_there(root, kinds[key], item)]
            found[key] += items
            places.difference_update(item.place for item in items)
    return {key: [item.to_dict() for item in sorted(items)] for key, items in found.items()}


def proved(root: Root) -> Set[Tuple[Place, str]]:
    """Packages with their checksums of which it was looked at that they are what they are said to be."""
    return {(item.place, item.sha256) for listed in readable(documents(root)) for items in listed.values() for item in items}


def readable(paths: Iterable[str]) -> Iterable[Rows]:
    """A release that was damaged does not keep others from being published; ``verified`` names it."""
    for path in paths:
        try:
            yield files_of(path)
        except RepositoryWrong:
            continue


def _place(package: Mapping[str, Any]) -> Place:
    try:
        return package_place(package)
    except KeyError as error:
        raise BadInput("a package needs name, arch and version, and is %.200r" % (package,)) from error
