# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Packages of which several versions stand beside each other: kernels and what belongs to them. Pure.

rpm keeps several versions of one name; Debian has the version in the name, so that each kernel is a package of its own. There the
*family* is the name with a star in the version's place: ``linux-image-*-amd64``.
"""

from __future__ import annotations

import re
from typing import Iterable, List, NamedTuple, Optional

from .records import Change

_INSTALL_ONLY = re.compile(
    r"(?:kernel|kernel-(?:core|PAE|(?:modules|devel|default|debug|rt|uek|azure|64k|16k|zfcpdump|preempt|vanilla|pae|source|syms)(?:-.+)?))\Z")
# A whole kernel release: three numbers, what a distribution appends to them, and its count of incompatible builds.
_IN_NAME = re.compile(r"(linux-(?:[a-z0-9.]+-)*?)(\d+\.\d+\.\d+(?:[+~][a-z0-9.+~]*)?(?:-\d+)?)((?:-[a-z0-9-]+)?)\Z")


class Member(NamedTuple):
    """One kernel package of Debian's kind."""

    family: str
    release: str


def install_only(name: str) -> bool:
    """Whether rpm's tools install a new version of this package beside the old one."""
    return bool(_INSTALL_ONLY.match(name))


def member(name: str) -> Optional[Member]:
    match = _IN_NAME.match(name)
    return Member("%s*%s" % (match.group(1), match.group(3)), match.group(2)) if match else None


def losing(changes: Iterable[Change], running: str) -> List[Change]:
    """Changes that would take away a package of the running kernel (``uname -r``)."""
    return [change for change in changes if change.from_ and _goes(change, running)]


def _goes(change: Change, running: str) -> bool:
    if install_only(change.name):
        # A kernel that pushes out the oldest one is a change from that one to the new one.
        return belongs(change.from_ or "", running)
    found = member(change.name)
    return change.to is None and found is not None and (running == found.release or running.startswith(found.release + "-"))


def belongs(version: str, running: str) -> bool:
    """Whether an rpm version is of the running kernel, whose release carries the architecture or flavour (``5.14.0-427.el9.x86_64``,
    ``6.4.0-150600.21-default``), and at SUSE lacks the package's last count."""
    bare = version.rpartition(":")[2]
    stem = re.sub(r"[-+.](?:x86_64|aarch64|ppc64le|s390x|i686|default|azure|rt|preempt|vanilla)(?:[+-].*)?\Z", "", running)
    return bare == stem or bare.startswith(stem + ".")
