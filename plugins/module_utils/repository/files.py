# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The package files of a release and the document that lists them (files.json). Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Set, Tuple

from ..errors import BadInput
from ..release.manifest import canonical, check_platform, package_place

APT, RPM = "apt", "rpm"
SUFFIX = {APT: ".deb", RPM: ".rpm"}

_KINDS = {"apt": APT, "dnf": RPM, "zypper": RPM}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~^%:-]*\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_LISTED = 8

Place = Tuple[str, str, str]


class Item(NamedTuple):
    """A package file as it is published."""

    name: str
    arch: str
    version: str
    file: str
    size: int
    sha256: str

    @property
    def place(self) -> Place:
        return (self.name, self.arch, self.version)

    def to_dict(self) -> Dict[str, Any]:
        return dict(self._asdict())


class Given(NamedTuple):
    """A package file, and what it is called among those that were brought."""

    item: Item
    brought: str


class Platform(NamedTuple):
    key: str
    kind: str
    arch: str


def platform(key: str) -> Platform:
    parts = check_platform(key).rsplit("-", 2)
    if len(parts) != 3 or parts[2] not in _KINDS:
        raise BadInput("%r is no platform that can be published: it ends with none of -%s" % (key, ", -".join(sorted(_KINDS))), platform=key)
    return Platform(key, _KINDS[parts[2]], parts[1])


def read_item(row: Mapping[str, Any]) -> Item:
    """One row of ``files``; everything in it may become part of a path or a document."""
    try:
        item = Item(str(row["name"]), str(row["arch"]), str(row["version"]), str(row["file"]), int(row["size"]), str(row["sha256"]))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("a row of files is not one: it needs name, arch, version, file, size and sha256, and is %.200r" % (row,)) from error
    for word in (item.name, item.arch, item.version, item.file):
        if not _NAME.match(word):
            raise BadInput("a row of files has %r, which is no part of a file's name" % word[:80], file=item.file[:80])
    if not _SHA256.match(item.sha256) or item.size < 0:
        raise BadInput("the file %s has no valid size or sha256" % item.file, file=item.file)
    return item


def match(manifest: Mapping[str, Any], files: Mapping[str, Sequence[Mapping[str, Any]]]) -> Dict[str, List[Given]]:
    """Per platform each package's file under the name that it is published by; what is too little or too much is named."""
    unknown = sorted(set(files) - set(manifest["platforms"]))
    if unknown:
        raise BadInput("files are given for %s, of which the release has nothing" % ", ".join(unknown))
    return {key: _match_platform(platform(key), section["packages"], files.get(key, [])) for key, section in manifest["platforms"].items()}


def document(digest: str, given: Mapping[str, Sequence[Given]]) -> bytes:
    """The bytes of files.json."""
    platforms = {key: {"files": [one.item.to_dict() for one in sorted(rows)]} for key, rows in given.items()}
    return canonical({"format": 1, "release": digest, "platforms": platforms})


def rows(content: Mapping[str, Any]) -> Dict[str, List[Item]]:
    """The files of a files.json, by platform."""
    return {key: [read_item(row) for row in section["files"]] for key, section in content["platforms"].items()}


def _match_platform(where: Platform, packages: Sequence[Mapping[str, Any]], files: Sequence[Mapping[str, Any]]) -> List[Given]:
    wanted = {package_place(package) for package in packages}
    found: Dict[Place, Item] = {}
    for row in files:
        item = read_item(row)
        if found.setdefault(item.place, item).sha256 != item.sha256:
            raise BadInput("two different files are given for %s %s of %s: %s and %s" % (
                item.name, item.version, where.key, found[item.place].file, item.file), platform=where.key)
    _complain("packages of the release for %s have no file" % where.key, wanted - set(found))
    _complain("files are given for packages that the release does not have for %s" % where.key, set(found) - wanted)
    return _named(where, [found[place] for place in sorted(found)])


def _complain(what: str, places: Set[Place]) -> None:
    if places:
        lines = ["%s %s (%s)" % (name, version, arch) for name, arch, version in sorted(places)]
        more = ["and %d more" % (len(lines) - _LISTED)] if len(lines) > _LISTED else []
        raise BadInput("%s: %s" % (what, ", ".join(lines[:_LISTED] + more)), packages=lines)


def _named(where: Platform, items: Sequence[Item]) -> List[Given]:
    """Names as distributions give them, without the epoch, whose colon not all clients of a web server can ask for."""
    taken: Set[str] = set()
    given = []
    for item in items:
        name = file_name(where.kind, item)
        if name in taken:
            name = "%s.%s%s" % (name[:-len(SUFFIX[where.kind])], item.sha256[:12], SUFFIX[where.kind])
        taken.add(name)
        given.append(Given(item._replace(file=name), item.file))
    return given


def file_name(kind: str, item: Item) -> str:
    version = item.version.partition(":")[2] or item.version
    pattern = "%s_%s_%s.deb" if kind == APT else "%s-%s.%s.rpm"
    return pattern % (item.name, version, item.arch)
