# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What dpkg and apt print, as data. Pure; checked on transcripts of the real tools."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Set, Tuple

from ...errors import ParseFailed
from .names import Key, split

STATUS_FIELDS = ("Package", "Architecture", "Version", "db:Status-Want", "db:Status-Eflag", "db:Status-Status", "Installed-Size")
STATUS_FORMAT = "\\t".join("${%s}" % field for field in STATUS_FIELDS) + "\\n"

_GONE = ("not-installed", "config-files")
_WHOLE = ("installed", "triggers-awaited", "triggers-pending")


@dataclass(frozen=True)
class Entry:
    """A line of dpkg's database. ``size`` is the installed size in bytes."""

    name: str
    arch: str
    version: str
    want: str
    flag: str
    status: str
    size: int

    @property
    def present(self) -> bool:
        """Something of it is unpacked; remnants of configuration do not count."""
        return self.status not in _GONE

    @property
    def installed(self) -> bool:
        """Unpacked and configured."""
        return self.status in _WHOLE and self.flag == "ok"

    @property
    def held(self) -> bool:
        return self.want == "hold"

    @property
    def broken(self) -> bool:
        return self.present and (self.status != "installed" or self.flag != "ok")


def status(text: str) -> List[Entry]:
    """``dpkg-query -W -f STATUS_FORMAT``."""
    return [_entry(line) for line in text.splitlines() if line]


def _entry(line: str) -> Entry:
    parts = line.split("\t")
    if len(parts) != len(STATUS_FIELDS):
        raise ParseFailed("dpkg-query printed a line that is not understood: %r" % line)
    name, arch, version, want, flag, state, size = parts
    return Entry(name, arch, version, want, flag, state, int(size or 0) * 1024)


_KERNEL = re.compile(r"^(\S+) .*\bDebian (\S+) \(")


def kernel(text: str) -> Tuple[str, str]:
    """``uname -r -v``: the release, and the version of the package that was booted, empty where the kernel does not tell."""
    match = _KERNEL.match(text)
    return (match.group(1), match.group(2)) if match else (text.partition(" ")[0].strip(), "")


def automatic(text: str, native: str) -> Set[Key]:
    """apt's ``extended_states``: the packages that were installed as dependencies."""
    return {split("%s:%s" % (item.get("Package", ""), item.get("Architecture", "")), native)
            for item in stanzas(text) if item.get("Auto-Installed") == "1"}


def stanzas(text: str) -> Iterator[Dict[str, str]]:
    """Paragraphs of ``Field: value``; continued lines are left out."""
    for block in re.split(r"\n\s*\n", text):
        lines = [line.partition(":") for line in block.splitlines() if line and not line[0].isspace()]
        if lines:
            yield {field: value.strip() for field, _colon, value in lines}


# ---------------------------------------------------------------- sources

@dataclass(frozen=True)
class Target:
    """One index of packages that apt uses. ``text`` is how ``apt-cache policy`` refers to it, ``source`` the id of the
    repository's component, whatever the architecture, ``suite_uri`` where the release file is that vouches for it."""

    text: str
    source: str
    uri: str
    suite_uri: str
    origin: str
    label: str
    suite: str
    codename: str
    trusted: bool


_INDEX = re.compile(r"^(.*?)(?: [a-z0-9-]+)? Packages$")
_LOGIN = re.compile(r"://[^/@]*@")


def targets(text: str) -> List[Target]:
    """``apt-get indextargets``."""
    return [_target(item) for item in stanzas(text) if item.get("Created-By") == "Packages"]


def _target(item: Dict[str, str]) -> Target:
    text = _without_login(item.get("Description", ""))
    return Target(
        text=text, source=source_id(text), uri=_without_login(item.get("Repo-URI", "")),
        suite_uri=_without_login(item.get("Base-URI", text)), origin=item.get("Origin", ""),
        label=item.get("Label", ""), suite=item.get("Suite", ""), codename=item.get("Codename", ""), trusted=item.get("Trusted") == "yes")


def source_id(text: str) -> str:
    match = _INDEX.match(text)
    return match.group(1) if match else text


def _without_login(uri: str) -> str:
    # What a source's address carries as a password must not get into a document.
    return _LOGIN.sub("://", uri)


# ---------------------------------------------------------------- versions on offer

@dataclass(frozen=True)
class Version:
    """A line of a version table. ``sources`` are texts of targets, and ``/var/lib/dpkg/status``."""

    version: str
    priority: int
    phased: bool
    sources: Tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    candidate: Optional[str]
    versions: Tuple[Version, ...]

    def find(self, version: str) -> Optional[Version]:
        return next((item for item in self.versions if item.version == version), None)


DPKG_STATUS = "/var/lib/dpkg/status"
_HEAD = re.compile(r"^(\S+):$")
_FACT = re.compile(r"^  (\S[^:]*):(?: (.*))?$")
_ROW = re.compile(r"^ (?:\*\*\*|   ) (\S+)(?: (-?\d+))?(?: \(phased (\d+)%\))?$")
_FROM = re.compile(r"^ {6,}-?\d+ (\S.*)$")


def policies(text: str, native: str) -> Dict[Key, Policy]:
    """``apt-cache policy NAME...``."""
    found: Dict[Key, Policy] = {}
    for lines in _blocks(text):
        head = _HEAD.match(lines[0])
        if not head:
            raise ParseFailed("apt-cache policy printed a line that is not understood: %r" % lines[0])
        found[split(head.group(1), native)] = _policy(lines[1:])
    return found


def _blocks(text: str) -> Iterator[List[str]]:
    block: List[str] = []
    for line in text.splitlines():
        if block and not line.startswith(" "):
            yield block
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield block


def _policy(lines: List[str]) -> Policy:
    candidate: Optional[str] = None
    versions: List[Version] = []
    for line in lines:
        fact, row, origin = _FACT.match(line), _ROW.match(line), _FROM.match(line)
        if fact:
            candidate = fact.group(2) if fact.group(1) == "Candidate" and fact.group(2) != "(none)" else candidate
        elif row:
            versions.append(Version(row.group(1), int(row.group(2) or 0), row.group(3) is not None, ()))
        elif origin and versions:
            last = versions[-1]
            versions[-1] = Version(last.version, last.priority, last.phased, last.sources + (_without_login(origin.group(1)),))
        else:
            raise ParseFailed("apt-cache policy printed a line that is not understood: %r" % line)
    return Policy(candidate, tuple(versions))


@dataclass(frozen=True)
class Sizes:
    """Of one version, in bytes."""

    arch: str
    download: Optional[int]
    installed: int


def records(text: str) -> Dict[Tuple[str, str, str], Sizes]:
    """``apt-cache show NAME=VERSION...``, by name, architecture and version."""
    return {(item["Package"], item.get("Architecture", ""), item["Version"]): Sizes(
        item.get("Architecture", ""), int(item["Size"]) if "Size" in item else None, int(item.get("Installed-Size") or 0) * 1024)
        for item in stanzas(text) if "Package" in item and "Version" in item}


_RELATION = re.compile(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]+)")


def takes_over(text: str) -> Dict[str, Set[str]]:
    """``apt-cache show``: by name, the packages whose place each takes as a whole. To replace and to conflict says so, and so does to
    replace, break and provide; what only replaces and breaks took some files over."""
    found: Dict[str, Set[str]] = {}
    for item in stanzas(text):
        replaces, conflicts, breaks, provides = (set(_RELATION.findall(item.get(f, ""))) for f in ("Replaces", "Conflicts", "Breaks", "Provides"))
        found.setdefault(item.get("Package", ""), set()).update(replaces & (conflicts | (breaks & provides)))
    return found


# ---------------------------------------------------------------- simulations

@dataclass(frozen=True)
class Step:
    """What apt would do to one package; ``to`` None removes it, ``arch`` is the new version's (empty where it is removed)."""

    shown: str
    from_: Optional[str]
    to: Optional[str]
    arch: str


_INST = re.compile(r"^Inst (\S+)(?: \[([^\]]*)\])? \((\S+) .*?\[([a-z0-9-]+)\]\)")
_REMV = re.compile(r"^(?:Remv|Purg) (\S+)(?: \[([^\]]*)\])?")
_UNMET = re.compile(r"^(?:The following packages have unmet dependencies|Unsatisfied dependencies):$")
_SOLVER = re.compile(
    r"^E: (?:Unable to correct problems|Unable to locate package|Unable to satisfy dependencies|Version '.*' for '.*' was not found|"
    r"Package '?.*'? has no installation candidate|Error, pkgProblemResolver::Resolve|Can't find a source to download version)")


def steps(text: str) -> List[Step]:
    """``apt-get -s install``: its Inst and Remv lines."""
    return [step for step in map(_step, text.splitlines()) if step]


def _step(line: str) -> Optional[Step]:
    inst, remv = _INST.match(line), _REMV.match(line)
    if inst:
        return Step(inst.group(1), inst.group(2), inst.group(3), inst.group(4))
    if remv:
        return Step(remv.group(1), remv.group(2), None, "")
    if line.startswith(("Inst ", "Remv ", "Purg ")):
        raise ParseFailed("apt-get -s printed a line that is not understood: %r" % line)
    return None


def problem(stdout: str, stderr: str) -> Optional[str]:
    """Why apt can't, in one line; None where it failed for another reason than the packages asked for."""
    errors = [line for line in stderr.splitlines() if line.startswith("E: ")]
    if not any(_SOLVER.match(line) for line in errors):
        return None
    return "; ".join(unmet(stdout) or [line[3:] for line in errors if _SOLVER.match(line)])


def unmet(stdout: str) -> List[str]:
    """The dependencies that apt names as unmet."""
    lines = iter(stdout.splitlines())
    for line in lines:
        if _UNMET.match(line):
            return [" ".join(item.split()) for item in lines if item.startswith(" ")]
    return []


_REFUSED = re.compile(r"^[EW]: (Failed to fetch .*|(?:The )?[Rr]epository .*|GPG error: .*|The update command takes.*)$")
_ERR = re.compile(r"^Err:\d+ ((\S+) .*)$")


def fetch_failures(stdout: str, stderr: str) -> List[str]:
    """``apt-get update``: what could not be fetched or was not accepted. Where something was not accepted, apt's errors leave out
    what could not be fetched; and older apt calls all of it warnings and ends with zero."""
    refused = [match.group(1) for match in map(_REFUSED.match, stderr.splitlines()) if match]
    missed = [line for uri, line in _errs(stdout) if not any(uri in said for said in refused)]
    return [_without_login(" ".join(line.split())) for line in refused + missed]


def _errs(stdout: str) -> List[Tuple[str, str]]:
    """Address and message of each ``Err:``, whose reason stands on the next line."""
    lines = stdout.splitlines()
    found: Dict[str, str] = {}
    for line, reason in zip(lines, lines[1:] + [""]):
        match = _ERR.match(line)
        if match:
            found[match.group(2)] = "%s: %s" % (match.group(1), reason.strip() if reason.startswith(" ") else "no reason given")
    return list(found.items())
