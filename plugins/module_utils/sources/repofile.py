# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files of sections, as dnf and zypper write their sources and their own configuration. Pure; nothing is lost of what is not understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Mapping, Sequence, Tuple

from .entries import Entry, matches, without_login

MAIN = "main"

_HEADER = re.compile(r"\[([^\]\n]+)\]")
_OPTION = re.compile(r"([A-Za-z0-9_.]+)\s*[=:]\s*(.*)")
_NO = ("0", "no", "false", "off")
_BEGIN = "# patchtrain: from here to the next such line is set while this host is attached to a release\n"
_END = "# patchtrain: end\n"
_OFF = "#patchtrain# "
_BLOCK = re.compile(re.escape(_BEGIN) + r"(?:.*\n)*?" + re.escape(_END))


@dataclass(frozen=True)
class Section:
    name: str
    text: str
    options: Mapping[str, str]


def sections(text: str) -> List[Section]:
    """Each with its own text; what stands before the first is none's."""
    starts: List[Tuple[str, List[str]]] = []
    for line in text.splitlines(True):
        match = _HEADER.match(line)
        if match:
            starts.append((match.group(1).strip(), []))
        if starts:
            starts[-1][1].append(line)
    return [Section(name, "".join(lines), _options(lines[1:])) for name, lines in starts]


def _options(lines: Sequence[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    name = ""
    for line in lines:
        match = _OPTION.match(line)
        if match:
            name = match.group(1).lower()
            found[name] = match.group(2).strip()
        elif line[:1].isspace() and line.strip() and name:
            found[name] = ("%s\n%s" % (found[name], line.strip())).strip()
    return found


def parse(text: str, path: str) -> List[Entry]:
    """The sources of a file that are used."""
    return [_entry(section, path) for section in sections(text)
            if section.name != MAIN and section.options.get("enabled", "1").lower() not in _NO]


def _entry(section: Section, path: str) -> Entry:
    addresses = (section.options.get(name, "") for name in ("baseurl", "metalink", "mirrorlist"))
    uri = next((re.split(r"[\s,]+", address)[0] for address in addresses if address), "")
    return Entry(section.name, without_login(uri), path, section.text, section.text, "%s:%s" % (path, section.name))


def option(text: str, name: str) -> str:
    """An option of the main section; of one that is there twice the last counts. Empty where there is none."""
    values = [section.options[name] for section in sections(text) if section.name == MAIN and name in section.options]
    return values[-1] if values else ""


def words(value: str) -> List[str]:
    return [word for word in re.split(r"[,\s]+", value) if word]


def is_changed(text: str) -> bool:
    return _BEGIN in text or _OFF in text


def changed(text: str, options: Mapping[str, str], keep: Sequence[str] = ()) -> str:
    """The configuration with these options in its main section. What they replace, and sections of sources but for those to ``keep``, are made
    comments, so that ``restored`` brings them back however the rest was edited in between."""
    lines: List[str] = []
    block = _BEGIN + "".join("%s=%s\n" % item for item in options.items()) + _END
    # What is indented and has no option before it would become a part of ours.
    there, off, section = False, True, ""
    for line in restored(text).splitlines(True):
        match, named = _HEADER.match(line), _OPTION.match(line)
        if match:
            section, off = match.group(1).strip(), True
        elif named:
            off = named.group(1).lower() in options
        value = bool(named or line[:1].isspace() and line.strip())
        hidden = off and value if section in (MAIN, "") else section not in keep
        lines.append(_OFF + line if hidden else line)
        if match and section == MAIN and not there:
            there = True
            lines[-1] = line.rstrip("\n") + "\n" + block
    return "".join(lines) if there else _with_section("".join(lines), block)


def _with_section(text: str, block: str) -> str:
    """Before all else, so that nothing that follows is taken for a part of it."""
    return block.replace(_BEGIN, _BEGIN + "[%s]\n" % MAIN) + text


def restored(text: str) -> str:
    """The configuration without what ``changed`` did to it."""
    return re.sub("^" + re.escape(_OFF), "", _BLOCK.sub("", text), flags=re.MULTILINE)


def kept(text: str, path: str, globs: Sequence[str]) -> List[str]:
    """Names of the sections of sources in a configuration that stay."""
    return [entry.id for entry in parse(text, path) if matches(entry, globs)]
