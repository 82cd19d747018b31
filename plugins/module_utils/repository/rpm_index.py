# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The indexes of a release for dnf and zypper: made by createrepo_c, and held against what was to be published."""

from __future__ import annotations

import gzip
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple
from xml.etree import ElementTree

from ..clock import Deadline
from ..errors import ParseFailed
from ..runner import Runner
from .files import Item
from .layout import PRIVATE, RepositoryWrong, make_folder

PACKAGES = "Packages"
REPODATA = "repodata"
REPOMD = REPODATA + "/repomd.xml"

_OPTIONS = ("--quiet", "--error-exit-val", "--checksum", "sha256", "--general-compress-type", "gz", "--no-database", "--update")


class Data(NamedTuple):
    """A file of the metadata, as repomd.xml has it."""

    type: str
    href: str
    sha256: str


def build(runner: Runner, folder: str, key: str, items: Sequence[Item], parent: Optional[str], deadline: Deadline) -> None:
    """``folder`` has the package files in ``Packages`` already. What ``parent``, the same platform's folder of an earlier release, knows of a
    file is taken from there."""
    make_folder("%s/%s" % (folder, PACKAGES), PRIVATE)
    known = ["--update-md-path", parent] if parent else []
    runner.run(["createrepo_c", *_OPTIONS, *known, folder], limit=deadline.left).check()
    check(key, list(primary(folder)), items)


def add(runner: Runner, folder: str, kind: str, path: str, deadline: Deadline) -> None:
    """Add a document to the metadata, by its type (``updateinfo``, ``modules``)."""
    runner.run(["modifyrepo_c", "--mdtype", kind, "--compress-type", "gz", path, "%s/%s" % (folder, REPODATA)], limit=deadline.left).check()


def check(key: str, found: Sequence[Tuple[str, str]], items: Sequence[Item]) -> None:
    """The index has exactly the files of the release. Pure."""
    wanted = {("%s/%s" % (PACKAGES, item.file), item.sha256) for item in items}
    if set(found) != wanted or len(found) != len(items):
        odd = sorted({name for name, _sha256 in set(found) ^ wanted})
        raise RepositoryWrong("the index that createrepo_c made for %s does not have the release's packages: %s" % (
            key, ", ".join(odd[:8]) or "one of them twice"), files=odd)


def primary(folder: str) -> Iterator[Tuple[str, str]]:
    """Name and checksum of each package file in the metadata."""
    for data in repomd(_read("%s/%s" % (folder, REPOMD))):
        if data.type == "primary":
            yield from packages_of(gzip.decompress(_read("%s/%s" % (folder, data.href))))


def packages_of(content: bytes) -> List[Tuple[str, str]]:
    """From a primary.xml. Pure."""
    found = []
    for package in _tree(content, "primary.xml").iter("{http://linux.duke.edu/metadata/common}package"):
        checksum = package.find("{*}checksum")
        location = package.find("{*}location")
        if checksum is not None and location is not None:
            found.append((location.get("href", ""), checksum.text or ""))
    return found


def repomd(content: bytes) -> List[Data]:
    """From a repomd.xml. Pure."""
    found = []
    for data in _tree(content, "repomd.xml").iter("{http://linux.duke.edu/metadata/repo}data"):
        checksum, location = data.find("{*}checksum"), data.find("{*}location")
        if checksum is not None and location is not None:
            found.append(Data(data.get("type", ""), location.get("href", ""), checksum.text or ""))
    return found


def _tree(content: bytes, name: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ParseFailed("%s is not XML: %s" % (name, error)) from error


def _read(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()
