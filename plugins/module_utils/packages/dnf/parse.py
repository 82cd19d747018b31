# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From the text of dnf 4 to records. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...errors import ParseFailed
from ...text import first_line
from ..rpm.classify import Candidate, Fix
from ..rpm.names import Nevra, evr, spaced, split

MARK = "patchtrain"
"""Begins every record that we ask for: plugins print lines of their own."""

AVAILABLE = "|".join([MARK, "%{name}", "%{epoch}", "%{version}", "%{release}", "%{arch}", "%{repoid}", "%{downloadsize}", "%{installsize}"])
REASONS = "|".join([MARK, "%{name}", "%{arch}", "%{reason}"])

_ADVISORY = re.compile(r"(\S+)\s+(?:(\S+)/Sec\.|(bugfix|enhancement|newpackage|unknown))\s+(\S+)")
_STEP = re.compile(r"---> Package (\S+)\.([^.\s]+) (\S+) will be (.+)")
_COUNT = re.compile(r"^(Install|Upgrade|Downgrade|Remove) +(\d+) Packages?$", re.MULTILINE)
_FIELD = re.compile(r"([A-Z][A-Za-z -]*?) *: ?(.*)")
_ALTERED = re.compile(r"^[ *]+(Install|Upgrade|Downgrade|Reinstall) +(\S+)", re.MULTILINE)
_PROBLEM = re.compile(r"Problem(?: \d+)?: (?:conflicting requests; )?")
_SCRIPT = re.compile(r"%(\w+)\(([^)]+)\) scriptlet failed, exit status -?\d+")

_REASONS = {"user": "manual", "group": "manual", "dependency": "automatic", "weak-dependency": "automatic"}


class Offer(NamedTuple):
    """One line of ``AVAILABLE``."""

    candidate: Candidate
    installed_size: int


def offers(text: str) -> List[Offer]:
    return [_offer(parts) for parts in _records(text, 9)]


def _records(text: str, length: int) -> List[List[str]]:
    rows = [line.split("|") for line in text.splitlines() if line.startswith(MARK + "|")]
    for row in rows:
        if len(row) != length:
            raise ParseFailed("dnf repoquery printed a line that is not understood: %s" % first_line("|".join(row)))
    return rows


def _offer(parts: Sequence[str]) -> Offer:
    _mark, name, epoch, version, release, arch, source, download, size = parts
    return Offer(Candidate(name, arch, evr(epoch, version, release), source, int(download)), int(size))


def reasons(text: str) -> Dict[Tuple[str, str], str]:
    """The record's word for why a package is installed, by name and arch."""
    return {(name, arch): _REASONS.get(reason, "unknown") for _mark, name, arch, reason in _records(text, 4)}


def fixes(listed: str, cves: str) -> List[Fix]:
    """From ``updateinfo list`` and the same ``--with-cve``, where a CVE stands in the advisory's place."""
    of: Dict[Nevra, List[str]] = {}
    for cve, _type, _severity, nevra in _advisories(cves):
        of.setdefault(nevra, []).append(cve)
    return [Fix(nevra.name, nevra.arch, nevra.version, advisory, kind, severity, tuple(sorted(of.get(nevra, []))))
            for advisory, kind, severity, nevra in _advisories(listed)]


def _advisories(text: str) -> List[Tuple[str, str, str, Nevra]]:
    matches = [match for match in map(_ADVISORY.fullmatch, (line.strip() for line in text.splitlines())) if match]
    named = [(match, split(match.group(4))) for match in matches]
    return [(match.group(1), match.group(3) or "security", match.group(2) or "unknown", nevra) for match, nevra in named if nevra]


class Repository(NamedTuple):
    """``file`` is where it is configured."""

    id: str
    uri: str
    enabled: bool
    file: str


def repositories(text: str) -> List[Repository]:
    """From ``repoinfo --all``, a block of fields for each."""
    blocks = [_fields(block) for block in re.split(r"\n\s*\n", text)]
    return [_repository(fields) for fields in blocks if "Repo-id" in fields]


def _repository(fields: Dict[str, str]) -> Repository:
    # A mirror is whatever answered last; what the administrator wrote is the list.
    uri = next((fields[name] for name in ("Repo-metalink", "Repo-mirrors", "Repo-baseurl") if fields.get(name)), "")
    return Repository(fields["Repo-id"], uri.split(" ")[0].rstrip(","), fields.get("Repo-status", "enabled") == "enabled",
                      fields.get("Repo-filename", ""))


def _fields(block: str) -> Dict[str, str]:
    matches = (_FIELD.fullmatch(line.rstrip()) for line in block.splitlines())
    return {match.group(1): match.group(2) for match in matches if match}


class Step(NamedTuple):
    """What dnf would do with one package; ``does`` is its own word."""

    nevra: Nevra
    does: str


INBOUND = ("installed", "an upgrade", "a downgrade")
OUTBOUND = ("erased", "obsoleted")


def steps(text: str) -> List[Step]:
    """The resolved transaction, from the lines that ``-v`` prints: they name what goes and what comes, and are never wrapped as the
    table below them is. Its counts have to agree."""
    matches = (_STEP.fullmatch(line) for line in text.splitlines())
    found = [Step(Nevra(match.group(1), match.group(3), match.group(2)), match.group(4)) for match in matches if match]
    removed = [int(number) for name, number in _COUNT.findall(text) if name == "Remove"]
    brought = [int(number) for name, number in _COUNT.findall(text) if name != "Remove"]
    named = (len([s for s in found if s.does in INBOUND]), len([s for s in found if s.does == "erased"]))
    if named != (sum(brought), sum(removed)):
        counted = (sum(brought), sum(removed))
        raise ParseFailed("dnf names %d packages to install and %d to remove, but counts %d and %d" % (named + counted))
    return found


def problem(stdout: str, stderr: str) -> Optional[str]:
    """Why dnf can't resolve what it was asked, in one line; None where it failed for another reason."""
    said = error(stderr)
    hidden = re.findall(r"^All matches were filtered out by exclude filtering for argument: (\S+)", stdout + stderr, re.MULTILINE)
    if hidden:
        return "%s: excluded on this host" % spaced(", ".join(hidden))
    return spaced(_PROBLEM.sub("", said)) if said and (_PROBLEM.search(said) or "Unable to find a match" in said) else None


def error(stderr: str) -> Optional[str]:
    """All that stands after ``Error:``, in one line, without the advice to force it."""
    _before, colon, after = stderr.partition("Error:")
    lines = [line.strip().lstrip("- ") for line in after.splitlines()]
    said = [line for line in lines if line and not line.startswith("(try to add") and line != "conflicting requests"]
    return "; ".join(said) if colon and said else None


class Last(NamedTuple):
    """The last transaction in dnf's history: ``cut`` when it has no end, ``brought`` what it was to install, ``failed`` the scripts
    that failed, by package."""

    id: str
    cut: bool
    brought: Tuple[Nevra, ...]
    failed: Dict[str, str]


def last(text: str) -> Optional[Last]:
    """From ``history info``; None where there is no history."""
    fields = _fields(text)
    if "Transaction ID" not in fields:
        return None
    altered = [split(name) for _action, name in _ALTERED.findall(text)]
    failed = {_bare(package): "its %%%s script failed" % script for script, package in _SCRIPT.findall(text) if not script.endswith("un")}
    # What a package says when it goes (preun, postun) is no failure of the one that comes.
    # Without an end dnf shows the epoch's beginning, and so a duration below zero.
    return Last(fields["Transaction ID"], fields.get("End time", "").endswith("seconds)") and "(-" in fields["End time"],
                tuple(nevra for nevra in altered if nevra), failed)


def _bare(package: str) -> str:
    nevra = split(package)
    return nevra.name if nevra else package


def reboot(text: str) -> List[str]:
    """Packages for which ``needs-restarting -r`` wants a reboot."""
    return [line.strip().lstrip("* ") for line in text.splitlines() if line.startswith("  * ")]


def duplicates(text: str) -> List[Nevra]:
    """Packages that are there twice and should not."""
    found = [offer.candidate for offer in offers(text)]
    return [Nevra(c.name, c.version, c.arch) for c in found]
