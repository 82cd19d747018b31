# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""apt's two ways to write sources. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Tuple

from .entries import Entry, without_login

Fields = Dict[str, str]

_ONE_LINE = re.compile(r"\s*(deb|deb-src)\s+(\[[^\]]*\]\s+)?(\w+:\[[^\]]*\]\S*|\S+)\s+(\S+)\s*([^#]*)")
_OPTION_SIGNED = re.compile(r"(?<![\w-])signed-by\s*=\s*([^\s\]]+)", re.IGNORECASE)
_NO = ("no", "false", "without", "off", "disable", "0")
_READ = re.compile(r"[A-Za-z0-9_.-]+\.(list|sources)\Z")


def is_read(name: str) -> bool:
    """Whether apt reads a file of this name; a copy that an editor left is none."""
    return bool(_READ.match(name))


def parse(text: str, path: str) -> List[Entry]:
    return _paragraphs(text, path) if path.endswith(".sources") else _lines(text, path)


def _lines(text: str, path: str) -> List[Entry]:
    found: List[Entry] = []
    for number, line in enumerate(text.splitlines()):
        match = _ONE_LINE.match(line)
        if match:
            kind, options, uri, suite, components = match.groups()
            start = "%s %s%s %s" % (kind, options or "", uri, suite)
            group = "%s:%d" % (path, number)
            found += [Entry(_id(uri, suite, component), without_login(uri), path, ("%s %s" % (start, component)).rstrip() + "\n", line + "\n", group)
                      for component in components.split() or [""]]
    return found


def _paragraphs(text: str, path: str) -> List[Entry]:
    found: List[Entry] = []
    for number, block in enumerate(re.split(r"\n[ \t]*\n", text)):
        fields = _fields(block)
        if "uris" in fields and "suites" in fields and fields.get("enabled", "yes").lower() not in _NO:
            group = "%s:%d" % (path, number)
            found += [Entry(_id(*place), without_login(place[0]), path, _narrowed(block, *place), block.strip("\n") + "\n", group)
                      for place in _places(fields)]
    return found


def _fields(block: str) -> Fields:
    """Names in lower case, as apt takes them in any."""
    found: Fields = {}
    name = ""
    for line in block.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            found[name] = "%s\n%s" % (found.get(name, ""), line.strip())
            continue
        name, _colon, value = line.partition(":")
        name = name.strip().lower()
        found[name] = value.strip()
    return found


def signed_by(text: str, path: str) -> List[str]:
    """The files of keys that sources name; keys may also be named by fingerprint, or stand there themselves."""
    if path.endswith(".sources"):
        said = [_fields(block).get("signed-by", "") for block in re.split(r"\n[ \t]*\n", text)]
    else:
        options = [match.group(2) or "" for match in map(_ONE_LINE.match, text.splitlines()) if match]
        said = [value for some in options for value in _OPTION_SIGNED.findall(some)]
    words = [word for value in said if "-----BEGIN" not in value for word in re.split(r"[\s,]+", value)]
    return [word for word in words if word.startswith("/")]


def _places(fields: Fields) -> Iterator[Tuple[str, str, str]]:
    for uri in fields["uris"].split():
        for suite in fields["suites"].split():
            for component in fields.get("components", "").split() or [""]:
                yield uri, suite, component


def _narrowed(block: str, uri: str, suite: str, component: str) -> str:
    """The paragraph for one of its places alone."""
    mine = {"uris": uri, "suites": suite, "components": component}
    lines: List[str] = []
    name = ""
    for line in block.strip("\n").splitlines():
        if not line[:1].isspace() and not line.startswith("#"):
            name = line.partition(":")[0].strip().lower()
            lines.append("%s: %s" % (line.partition(":")[0].strip(), mine[name]) if name in mine else line)
        elif name not in mine or line.startswith("#"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _id(uri: str, suite: str, component: str) -> str:
    """As apt itself names a source."""
    return ("%s %s" % (without_login(uri).rstrip("/"), suite if suite.endswith("/") else "%s/%s" % (suite, component))).rstrip("/")


def paragraph(uri: str, keyring: str) -> str:
    """The release's own source."""
    return "Types: deb\nURIs: %s\nSuites: release\nComponents: main\nSigned-By: %s\n" % (uri, keyring)
