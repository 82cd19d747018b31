# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What a repository's index of indexes (repomd.xml) tells. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional
from xml.etree import ElementTree

from ...errors import ParseFailed

_DATA = re.compile(r'<data\s+type="updateinfo(?:_zck)?"\s*>(.*?)</data>', re.DOTALL)
_SIZE = re.compile(r"<(?:open-)?size>(\d+)</(?:open-)?size>")

# Some tools write an updateinfo.xml into every repository, an empty one where they know nothing. It has less than 150 bytes; the
# shortest advisory with a package takes more than twice that.
_EMPTY = 200


def tells_advisories(repomd: str) -> bool:
    """Whether the repository says which of its packages are security fixes."""
    data = _DATA.search(repomd)
    if data is None:
        return False
    sizes = [int(size) for size in _SIZE.findall(data.group(1))]
    return not sizes or max(sizes) > _EMPTY


class Located(NamedTuple):
    """A file of the metadata: where it is, and its checksum, of a kind that ``hashlib`` knows."""

    href: str
    algorithm: str
    checksum: str


def located(repomd: str, kind: str) -> Optional[Located]:
    """The file of a kind (``modules``); None where the repository has none."""
    if not repomd:
        return None
    try:
        tree = ElementTree.fromstring(repomd)
    except ElementTree.ParseError as error:
        raise ParseFailed("repomd.xml is not XML: %s" % error) from error
    for data in tree.iter("{http://linux.duke.edu/metadata/repo}data"):
        checksum, location = data.find("{*}checksum"), data.find("{*}location")
        if data.get("type") == kind and checksum is not None and location is not None:
            algorithm = checksum.get("type", "")
            return Located(location.get("href", ""), "sha1" if algorithm == "sha" else algorithm, (checksum.text or "").strip())
    return None
