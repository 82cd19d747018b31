# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The indexes of a release for apt: made by apt-ftparchive, and held against what was to be published."""

from __future__ import annotations

import gzip
import os
from typing import Dict, Iterator, List, Sequence, Tuple

from ..clock import Deadline
from ..errors import CommandFailed
from ..runner import Runner
from .files import Item, Platform
from .layout import PRIVATE, RepositoryWrong, make_folder, remove_file, write_file

SUITE = "release"
DISTS = "dists/" + SUITE
POOL = "pool"

_OPTIONS = ("-o", "APT::FTPArchive::AlwaysStat=true", "-o", "APT::FTPArchive::MD5=false", "-o", "APT::FTPArchive::SHA1=false",
            "-o", "APT::FTPArchive::SHA512=false")

Stanza = Dict[str, str]


def build(runner: Runner, folder: str, where: Platform, items: Sequence[Item], database: str, deadline: Deadline) -> None:
    """``folder`` has the package files in ``pool`` already. ``database`` remembers what was read of files in other releases."""
    make_folder(os.path.dirname(database), PRIVATE)
    make_folder("%s/%s" % (folder, POOL), PRIVATE)
    text = _packages(runner, folder, database, deadline)
    stanzas = sorted(stanzas_of(text), key=lambda one: (one[0].get("Package", ""), one[0].get("Architecture", ""), one[0].get("Filename", "")))
    check(where.key, [fields for fields, _text in stanzas], items)
    archs = architectures(where, items)
    for arch in archs:
        _write_index("%s/%s/main/binary-%s" % (folder, DISTS, arch), [text for fields, text in stanzas if fields["Architecture"] in (arch, "all")])
    _write_release(runner, "%s/%s" % (folder, DISTS), archs, deadline)


def architectures(where: Platform, items: Sequence[Item]) -> List[str]:
    """The platform's own and the foreign ones. What is for all is in the index of each."""
    return sorted(({where.arch} | {item.arch for item in items}) - {"all"})


def stanzas_of(text: str) -> Iterator[Tuple[Stanza, str]]:
    """The paragraphs of an index, each with its fields of one line. Pure."""
    for block in text.split("\n\n"):
        if block.strip():
            yield dict(_field(line) for line in block.splitlines() if ":" in line and not line[0].isspace()), block.strip("\n") + "\n"


def check(key: str, stanzas: Sequence[Stanza], items: Sequence[Item]) -> None:
    """The index has exactly the files of the release. Pure."""
    found = {(one.get("Package"), one.get("Architecture"), one.get("Version"), one.get("Filename"), one.get("Size"), one.get("SHA256")) for one in stanzas}
    wanted = {(item.name, item.arch, item.version, "%s/%s" % (POOL, item.file), str(item.size), item.sha256) for item in items}
    if found != wanted or len(stanzas) != len(items):
        odd = sorted(str(row[3]) for row in found ^ wanted)
        raise RepositoryWrong("the index that apt-ftparchive made for %s does not have the release's packages: %s" % (
            key, ", ".join(odd[:8]) or "one of them twice"), files=odd)


def _field(line: str) -> Tuple[str, str]:
    name, _colon, value = line.partition(":")
    return name, value.strip()


def _packages(runner: Runner, folder: str, database: str, deadline: Deadline) -> str:
    # The database knows files by their path, which must not have the release in it.
    argv = ["env", "--chdir", folder, "apt-ftparchive", *_OPTIONS, "--db", database, "packages", POOL]
    try:
        return runner.run(argv, limit=deadline.left).check().stdout
    except CommandFailed:
        # A publisher that was killed may have left it half-written. It is a mere memory.
        remove_file(database)
        return runner.run(argv, limit=deadline.left).check().stdout


def _write_index(folder: str, blocks: Sequence[str]) -> None:
    os.makedirs(folder)
    content = "\n".join(blocks).encode("utf-8")
    write_file(folder + "/Packages", content)
    write_file(folder + "/Packages.gz", gzip.compress(content, 6))


def _write_release(runner: Runner, folder: str, archs: Sequence[str], deadline: Deadline) -> None:
    fields = {"Origin": "patchtrain", "Label": "patchtrain", "Suite": SUITE, "Codename": SUITE, "Architectures": " ".join(archs), "Components": "main"}
    options = [word for name, value in fields.items() for word in ("-o", "APT::FTPArchive::Release::%s=%s" % (name, value))]
    argv = ["env", "--chdir", folder, "apt-ftparchive", *_OPTIONS, *options, "release", "."]
    write_file(folder + "/Release", runner.run(argv, limit=deadline.left).check().stdout.encode("utf-8"))


def checksums(release: str) -> Dict[str, Tuple[int, str]]:
    """Size and SHA-256 of each index, from a Release file. Pure."""
    found: Dict[str, Tuple[int, str]] = {}
    inside = False
    for line in release.splitlines():
        if not line.startswith(" "):
            inside = line.strip() == "SHA256:"
        elif inside and len(line.split()) == 3:
            digest, size, name = line.split()
            found[name] = (int(size), digest)
    return found
