# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From zypper's XML to records. Pure."""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple
from xml.etree import ElementTree

from ...errors import ParseFailed
from ...text import first_line
from ..rpm.classify import Candidate, Fix
from ..rpm.names import Nevra, spaced, split

SYSTEM = "(System Packages)"
"""zypper's name for the place of a package that no source offers."""

_CONFLICT = re.compile(r"\s+(\S+)\.([^.\s]+) < (\S+)")
_NAME = re.compile(r"Name\s*: (\S+)")
_COMMAND = re.compile(r"^\d{4}-[^|]*\|command\|", re.MULTILINE)
_SCRIPT = re.compile(r"%(\w+)\(([^)]+)\) scriptlet failed")
_SOLUTION = re.compile(r"\s*\n Solution 1: ")


def stream(text: str) -> ElementTree.Element:
    """The document that every command prints with ``--xmlout``."""
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ParseFailed("zypper's XML is not understood: %s, in: %s" % (error, first_line(text))) from None


def _all(text: str, tag: str) -> Iterable[ElementTree.Element]:
    return stream(text).iter(tag)


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def errors(text: str) -> str:
    """What zypper complains about, in one line."""
    found = [m.text or "" for m in _all(text, "message") if m.get("type") == "error"]
    return "; ".join(" ".join(line for line in message.split("\n") if line.strip()) for message in found)


class Repository(NamedTuple):
    """``files`` where its metadata is not of the kind that tells its age and its advisories."""

    alias: str
    name: str
    uri: str
    enabled: bool
    trusted: bool
    files: bool


def repositories(text: str) -> List[Repository]:
    """From ``repos``."""
    return [Repository(r.get("alias", ""), r.get("name", ""), _text(r, "url"), r.get("enabled") == "1",
                       any(r.get(name) == "1" for name in ("gpgcheck", "repo_gpgcheck", "pkg_gpgcheck")), r.get("type") == "plaindir")
            for r in _all(text, "repo")]


class Newest(NamedTuple):
    """The version to which zypper would update a package."""

    name: str
    arch: str
    version: str
    source: str


def newest(text: str) -> List[Newest]:
    """From ``list-updates --all``."""
    return [Newest(u.get("name", ""), u.get("arch", ""), u.get("edition", ""), _source(u))
            for u in _all(text, "update") if u.get("kind") == "package"]


def _source(update: ElementTree.Element) -> str:
    found = update.find("source")
    return found.get("alias", "") if found is not None else ""


def versions(text: str, aliases: Dict[str, str]) -> List[Candidate]:
    """From ``search -s``, which names sources by their names; ``aliases`` by those. What no source offers has the source ''."""
    return [Candidate(s.get("name", ""), s.get("arch", ""), s.get("edition", ""), aliases.get(s.get("repository", ""), ""))
            for s in _all(text, "solvable") if s.get("kind") == "package"]


class Patch(NamedTuple):
    """An advisory, as SUSE calls it."""

    name: str
    category: str
    severity: str
    cves: Tuple[str, ...]


def patches(text: str) -> List[Patch]:
    """From ``list-patches``."""
    return [Patch(u.get("name", ""), u.get("category", ""), u.get("severity", ""),
                  tuple(issue.get("id", "") for issue in u.iter("issue") if issue.get("type") == "cve"))
            for u in _all(text, "update") if u.get("kind") == "patch"]


def fixes(text: str, of: Iterable[Patch]) -> List[Fix]:
    """From ``info -t patch``: a patch conflicts with all that is older than what it brings."""
    known = {patch.name: patch for patch in of}
    found: List[Fix] = []
    patch: Optional[Patch] = None
    for line in "\n".join(message.text or "" for message in _all(text, "message")).splitlines():
        name, conflict = _NAME.fullmatch(line.rstrip()), _CONFLICT.fullmatch(line.rstrip())
        patch = known.get(name.group(1)) if name else patch
        if conflict and patch:
            package, arch, version = conflict.groups()
            found.append(Fix(package, arch, version, patch.name, patch.category, patch.severity, patch.cves))
    return found


class Step(NamedTuple):
    """What zypper would do with one package: ``to-install``, ``to-upgrade``, ``to-downgrade``, ``to-remove``, ``to-reinstall``, ..."""

    nevra: Nevra
    does: str
    before: str


class Summary(NamedTuple):
    steps: List[Step]
    download: int
    growth: int


def summary(text: str) -> Optional[Summary]:
    """The transaction that a dry run found, None where it found none."""
    found = next(iter(_all(text, "install-summary")), None)
    if found is None:
        return None
    steps = [_step(group.tag, s) for group in found for s in group.iter("solvable") if s.get("type") == "package"]
    return Summary(steps, int(found.get("download-size", "0")), int(found.get("space-usage-diff", "0")))


def _step(does: str, solvable: ElementTree.Element) -> Step:
    nevra = Nevra(solvable.get("name", ""), solvable.get("edition", ""), solvable.get("arch", ""))
    return Step(nevra, does, solvable.get("edition-old", ""))


def problem(text: str) -> Optional[str]:
    """Why zypper can't do what it was asked, in one line; None where it did not ask what to do about it."""
    asked = [_text(prompt, "description") for prompt in _all(text, "prompt")]
    told = [(message.text or "").strip() for message in _all(text, "message")]
    reasons = [_SOLUTION.split(said)[0] for said in told + asked if said.startswith("Problem: ")]
    lines = [" ".join(reason[len("Problem: "):].split()) for reason in reasons]
    return "; ".join(spaced(line) for at, line in enumerate(lines) if not any(line in other for other in lines[at + 1:])) or None


def failed_scripts(history: str) -> Dict[str, str]:
    """Scripts of coming packages that failed in the last transaction, from zypper's log of transactions."""
    last = _COMMAND.split(history)[-1]
    return {_bare(package): "its %%%s script failed" % script for script, package in _SCRIPT.findall(last) if not script.endswith("un")}


def _bare(package: str) -> str:
    nevra = split(package)
    return nevra.name if nevra else package


def automatic(text: str) -> List[str]:
    """Names in the list of packages that were installed as dependencies."""
    return sorted({line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")})


def automatic_text(names: Iterable[str]) -> str:
    return "# AutoInstalled\n#\n%s#\n" % "".join(name + "\n" for name in sorted(names))
