# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Names as rpm, dnf and zypper write them. Pure.

Names and versions come from data, and the tools read more into an argument than a package: ``-x`` is an option, ``*`` and ``[`` are
globs, ``@`` is a group, ``>=`` a condition, ``/`` a file. What is not rpm's own syntax never gets there.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from ...errors import BadInput
from ..records import Wanted

_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.+~-]*")
_ARCH = re.compile(r"[0-9a-z_]+")
_VERSION = re.compile(r"(?:[0-9]+:)?[0-9A-Za-z_.+~^]+-[0-9A-Za-z_.+~^]+")
_NEVRA = re.compile(r"(.+)-(?:([0-9]+):)?([^-:]+)-([^-:]+)\.([^-.:]+)")


class Nevra(NamedTuple):
    """One build of a package; ``version`` is ``[epoch:]version-release`` with a zero epoch left out."""

    name: str
    version: str
    arch: str

    def __str__(self) -> str:
        return "%s-%s.%s" % self


def evr(epoch: str, version: str, release: str) -> str:
    """A version as the records write it. A missing epoch is zero to rpm."""
    return "%s%s-%s" % ("" if epoch in ("", "0", "(none)") else epoch + ":", version, release)


def split(text: str) -> Optional[Nevra]:
    """The parts of ``name-[epoch:]version-release.arch``, None where it is something else."""
    match = _NEVRA.fullmatch(text)
    if match is None:
        return None
    name, epoch, version, release, arch = match.groups()
    return Nevra(name, evr(epoch or "", version, release), arch)


def checked(wanted: Wanted) -> Nevra:
    """Raise ``BadInput`` unless each part is what rpm allows there."""
    for what, value, syntax in (("package name", wanted.name, _NAME), ("architecture", wanted.arch, _ARCH),
                                ("version", wanted.version, _VERSION)):
        if not syntax.fullmatch(value):
            raise BadInput("%r is no rpm %s (package %r): correct the list of packages, whose versions are [epoch:]version-release"
                           % (value, what, wanted.name), package=wanted.name)
    return Nevra(wanted.name, wanted.version, wanted.arch)


def with_epoch(nevra: Nevra) -> str:
    """``name-epoch:version-release.arch``, the one form that dnf can't read in two ways."""
    version = nevra.version if ":" in nevra.version else "0:" + nevra.version
    return "%s-%s.%s" % (nevra.name, version, nevra.arch)


def spaced(text: str) -> str:
    """A tool's sentence with ``name-version.arch`` as ``name version``, so that people and ``resolve`` find the names in it."""
    return re.sub(r"\S+", lambda match: _spaced(match.group(0)), text)


def _spaced(word: str) -> str:
    bare = word.rstrip(",;")
    nevra = split(bare)
    return "%s %s%s" % (nevra.name, nevra.version, word[len(bare):]) if nevra else word
