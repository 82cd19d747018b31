# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The advisories of a release as dnf and zypper read them (updateinfo.xml), from the manifest. Pure.

A package's entries are those of the versions that it came by too, under these versions, because a host that goes from an old version to the
release's one gets the fixes in between.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple
from xml.sax.saxutils import escape, quoteattr

from ..packages.records import CLASSIFICATIONS, SEVERITIES

_TYPES = {"security": "security", "bugfix": "bugfix", "enhancement": "enhancement"}
_OTHER_TYPE = "other"
_ILLEGAL = {number: None for number in range(32) if number not in (9, 10, 13)}

Row = Tuple[str, str, str]


class _Advisory:
    """All that the manifest says under one id."""

    def __init__(self) -> None:
        self.classification, self.severity = CLASSIFICATIONS[-1], SEVERITIES[-1]
        self.cves: Set[str] = set()
        self.packages: Set[Row] = set()

    def take(self, package: Mapping[str, Any], update: Mapping[str, Any]) -> None:
        self.classification = _gravest(CLASSIFICATIONS, self.classification, update["classification"])
        self.severity = _gravest(SEVERITIES, self.severity, update["severity"])
        self.cves.update(update["cves"])
        self.packages.add((package["name"], package["arch"], update["version"]))


def updateinfo(key: str, packages: Sequence[Mapping[str, Any]]) -> bytes:
    """The document, empty bytes where no package has an advisory."""
    found: Dict[str, _Advisory] = {}
    for package in packages:
        for update in package.get("updates", []):
            for ident in update["advisories"]:
                found.setdefault(ident, _Advisory()).take(package, update)
    if not found:
        return b""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<updates>"]
    for ident in sorted(found):
        lines += _update(key, ident, found[ident])
    return ("\n".join(lines + ["</updates>"]) + "\n").encode("utf-8")


def _gravest(order: Sequence[str], one: str, other: str) -> str:
    return min(one, other, key=lambda word: order.index(word) if word in order else len(order))


def _update(key: str, ident: str, advisory: _Advisory) -> List[str]:
    kind = _TYPES.get(advisory.classification, _OTHER_TYPE)
    severity = "None" if advisory.severity == "unknown" else advisory.severity.capitalize()
    return [
        '<update from="patchtrain" status="final" type=%s version="1">' % quoteattr(kind),
        "<id>%s</id>" % _text(ident),
        "<title>%s</title>" % _text(ident),
        "<severity>%s</severity>" % _text(severity),
        "<references>",
        *["<reference href=%s id=%s type=\"cve\" title=%s/>" % (_attribute("https://www.cve.org/CVERecord?id=" + cve), _attribute(cve), _attribute(cve))
          for cve in sorted(advisory.cves)],
        "</references>",
        "<description>%s</description>" % _text(ident),
        "<pkglist><collection short=%s><name>%s</name>" % (_attribute(key), _text(key)),
        *[_package(row) for row in sorted(advisory.packages)],
        "</collection></pkglist>",
        "</update>",
    ]


def _package(row: Row) -> str:
    name, arch, version = row
    head, colon, tail = version.partition(":")
    epoch, rest = (head, tail) if colon else ("0", version)
    number, _dash, release = rest.rpartition("-") if "-" in rest else (rest, "", "")
    fields = (("name", name), ("version", number), ("release", release), ("epoch", epoch), ("arch", arch))
    return "<package %s><filename>%s</filename></package>" % (
        " ".join("%s=%s" % (field, _attribute(value)) for field, value in fields), _text("%s-%s.%s.rpm" % (name, rest, arch)))


def _text(value: str) -> str:
    return escape(value.translate(_ILLEGAL))


def _attribute(value: str) -> str:
    return quoteattr(value.translate(_ILLEGAL))
