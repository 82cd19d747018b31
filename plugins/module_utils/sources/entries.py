# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is said about sources, whatever the package manager. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Dict, List, Sequence, Tuple

RELEASE_ID = "patchtrain-release"
"""The id of the release's own source where ids are free (dnf, zypper)."""

PRIVATE = "/etc/patchtrain"
KEYS = PRIVATE + "/keys"
CA = PRIVATE + "/ca"

_LOGIN = re.compile(r"://[^/@]*@")


@dataclass(frozen=True)
class Entry:
    """One source that a package manager sees. ``text`` is what configures this one alone; ``whole`` is its paragraph as its author wrote it,
    which may configure others too: those of one paragraph have the same ``group``."""

    id: str
    uri: str
    file: str
    text: str
    whole: str
    group: str


@dataclass(frozen=True)
class Spec:
    """What a host is to see: the release, and beside it ``beside``. ``ca`` are certificates of who may vouch for the release's server, where it
    is asked over https; without, it is who the host trusts."""

    url: str
    platform: str
    keys: Tuple[str, ...]
    package_gpgcheck: bool = False
    ca: str = ""
    beside: Tuple[Entry, ...] = ()
    all_of: Tuple[Entry, ...] = field(default=(), repr=False)

    @property
    def uri(self) -> str:
        return release_uri(self.url, self.platform)


def release_uri(url: str, platform: str) -> str:
    return "%s/%s" % (url.rstrip("/"), platform)


def trusting(uri: str, private: str = PRIVATE) -> str:
    """zypper's way to say whom to trust for one address."""
    return "%s?ssl_capath=%s/ca" % (uri, private)


def without_login(uri: str) -> str:
    """What an address carries as a password must not get into a document."""
    return _LOGIN.sub("://", uri)


def matches(entry: Entry, globs: Sequence[str]) -> bool:
    """By id, address or file, with or without the trailing slash or the folder."""
    names = {entry.id, entry.uri, entry.uri.rstrip("/"), entry.file, entry.file.rsplit("/", 1)[-1]}
    return any(fnmatchcase(name, glob) for name in names for glob in globs)


def texts(every: Sequence[Entry], picked: Sequence[Entry]) -> List[str]:
    """What configures the ``picked`` ones: a paragraph of which all are picked stays as its author wrote it."""
    wanted = {(entry.group, entry.id) for entry in picked}
    groups: Dict[str, List[Entry]] = {}
    for entry in every:
        groups.setdefault(entry.group, []).append(entry)
    found: List[str] = []
    for members in groups.values():
        mine = [entry for entry in members if (entry.group, entry.id) in wanted]
        found += [members[0].whole] if len(mine) == len(members) else [entry.text for entry in mine]
    return found
