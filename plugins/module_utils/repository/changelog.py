# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Debian changelogs: which CVEs lie between two versions. Pure."""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple

from ..packages.versions import compare_deb

_HEAD = re.compile(r"^[A-Za-z0-9][A-Za-z0-9+.-]* \(([^()\s]+)\)[^;]*;\s*\w+=")
_CVE = re.compile(r"CVE-\d{4}-\d{4,}", re.IGNORECASE)
_BINARY_ONLY = re.compile(r"\+b\d+\Z")
_SOURCE = re.compile(r"Source:\s*\S+\s+\(([^()\s]+)\)")


class Entry(NamedTuple):
    version: str
    text: str


def entries(changelog: str) -> Iterator[Entry]:
    """In the order of the file, newest first."""
    version = ""
    lines: List[str] = []
    for line in changelog.splitlines():
        head = _HEAD.match(line)
        if head:
            if version:
                yield Entry(version, "\n".join(lines))
            version, lines = head.group(1), []
        lines.append(line)
    if version:
        yield Entry(version, "\n".join(lines))


def cves_between(changelog: str, after: str, until: str) -> List[str]:
    """The CVEs of the entries after one version, up to and with the other."""
    return sorted({cve.upper() for entry in entries(changelog) if compare_deb(entry.version, after) > 0 and compare_deb(entry.version, until) <= 0
                   for cve in _CVE.findall(entry.text)}, key=_by_number)


def source_version(control: str, version: str) -> str:
    """The version that a package's changelog knows it by: its source's, where its control data has another one."""
    found = _SOURCE.search(control)
    return found.group(1) if found else version


def without_rebuild(version: str) -> str:
    """A rebuild for one architecture (``+b1``) is in no changelog of the source."""
    return _BINARY_ONLY.sub("", version)


def _by_number(cve: str) -> List[int]:
    return [int(part) for part in cve.split("-")[1:]]
