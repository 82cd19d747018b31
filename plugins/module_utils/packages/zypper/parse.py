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

_FIELD = re.compile(r"([A-Z][A-Za-z ]*?) *:(?: (.*))?$")
_CONFLICT = re.compile(r"(\S+) < (\S+)$")
_COMMAND = re.compile(r"^\d{4}-[^|]*\|command\|", re.MULTILINE)
_LOCKED = re.compile(r"remove lock to allow (?:installation|removal) of ([^\s\[]+)")
_ADVICE = ("Please see the above", "Close this application")
_ECHO = ("Some of the repositories", "Skipping repository", "Could not refresh the repositories")
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
    """What zypper complains about, in one line, without its advice and without what only repeats it."""
    said = [_error(m.text or "") for m in _all(text, "message") if m.get("type") == "error"]
    told = [line for line in said if not line.startswith(_ECHO)]
    return "; ".join(dict.fromkeys(told or said))


def _error(message: str) -> str:
    lines = [line.strip() for line in message.partition("History:")[0].splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(_ADVICE))


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
    """From ``list-updates``, with ``--all`` or without."""
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


class Conflict(NamedTuple):
    """A patch conflicts with all that is older than what it brings. ``package`` is ``name.arch``, or the name alone where the package
    has no architecture; only whoever knows the packages can tell ``python3.11`` from these."""

    patch: str
    package: str
    version: str


def conflicts(text: str) -> List[Conflict]:
    """From ``info -t patch``, in whose descriptions anything may stand, but indented."""
    found: List[Conflict] = []
    patch, listing = "", False
    for line in "\n".join(message.text or "" for message in _all(text, "message")).splitlines():
        field = _FIELD.match(line)
        if field:
            listing = field.group(1) == "Conflicts"
            patch = field.group(2).strip() if field.group(1) == "Name" else patch
        conflict = _CONFLICT.search(line) if listing else None
        if conflict:
            found.append(Conflict(patch, conflict.group(1), conflict.group(2)))
    return found


def fixes(of: Iterable[Patch], found: Iterable[Conflict], packages: Iterable[Tuple[str, str]]) -> List[Fix]:
    """What patches say about these packages, each a name with its architecture."""
    known = {patch.name: patch for patch in of}
    meant: Dict[str, List[Tuple[str, str]]] = {}
    for name, arch in packages:
        meant.setdefault("%s.%s" % (name, arch), []).append((name, arch))
        meant.setdefault(name, []).append((name, arch))
    return [Fix(name, arch, conflict.version, patch.name, patch.category, patch.severity, patch.cves)
            for conflict in found for patch in [known.get(conflict.patch)] if patch
            for name, arch in meant.get(conflict.package, [])]


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
    locked = sorted({package for said in asked for package in _LOCKED.findall(said)})
    if locked:
        return "locked on this host: %s" % spaced(", ".join(locked))
    reasons = [_SOLUTION.split(said)[0] for said in told + asked if said.startswith("Problem: ")]
    lines = [" ".join(reason[len("Problem: "):].split()) for reason in reasons]
    return "; ".join(spaced(line) for at, line in enumerate(lines) if not any(other.startswith(line) for other in lines[at + 1:])) or None


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
