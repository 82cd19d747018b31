# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners for tests of downloads: one that answers from a transcript, and hosts whose tools write files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

DATA = Path(__file__).parent / "data"


class Transcript:
    """Answers what was recorded, for exactly these arguments; ``outgoing`` is where the recorded download went."""

    def __init__(self, name: str, outgoing: str = "/outgoing") -> None:
        scene = json.loads((DATA / f"{name}.json").read_text().replace("/outgoing", outgoing))
        self.files: dict[str, str | None] = scene["files"]
        self.runs = {tuple(entry["argv"]): Completed(tuple(entry["argv"]), entry["rc"], entry["stdout"], entry["stderr"]) for entry in scene["runs"]}
        self.ran: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], limit: float | None = 1.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        self.ran.append(tuple(argv))
        return self.runs[tuple(argv)]

    def which(self, tool: str) -> str | None:
        return tool

    def read(self, path: str) -> str | None:
        return self.files.get(path)


class Host:
    """A host whose tools answer by ``answer``; what it has no answer for succeeds and prints nothing."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.fails = ""

    def run(self, argv: Sequence[str], limit: float | None = 1.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        self.ran.append(tuple(argv))
        if self.fails and {"download", "install"} & set(argv):
            return Completed(tuple(argv), 1, "", self.fails)
        rc, out = self.answer(list(argv))
        return Completed(tuple(argv), rc, out, "")

    def answer(self, argv: list[str]) -> tuple[int, str]:
        raise NotImplementedError

    def which(self, tool: str) -> str | None:
        return tool

    def read(self, path: str) -> str | None:
        return None

    def count(self, word: str) -> int:
        return len([argv for argv in self.ran if word in argv])


SHOWN = """Package: {name}
Architecture: {arch}
Version: {version}
Filename: pool/{name}.deb
SHA256: {sha256}
"""
TARGET = """Description: http://mirror.example/{id} stable/main amd64 Packages
Created-By: Packages
Trusted: {trusted}
"""


class DebianHost(Host):
    """``archive`` is what its source has: the content of each file; ``sent`` what arrives, the same unless told otherwise."""

    def __init__(self, archive: Mapping[Wanted, bytes], cache: Path, trusted: bool = True) -> None:
        super().__init__()
        self.archive, self.cache, self.trusted = dict(archive), cache, trusted
        self.sent = dict(archive)

    def answer(self, argv: list[str]) -> tuple[int, str]:
        if argv[0] == "dpkg":
            return 0, "amd64\n"
        if argv[:2] == ["apt-config", "shell"]:
            return 0, f"archives='{self.cache}/'\nstates='/x'\n"
        if argv[:2] == ["apt-get", "indextargets"]:
            return 0, TARGET.format(id="main", trusted="yes" if self.trusted else "no")
        if argv[:2] == ["apt-cache", "show"]:
            return 0, "\n".join(self._shown(item) for item in self.archive if self._spec(item) in argv)
        if argv[:2] == ["apt-cache", "policy"]:
            return 0, "".join(self._policy(item) for item in self.archive if item.name in argv)
        if argv[0] == "bootc":
            return 1, ""
        assert argv[:2] == ["env", "-C"], argv
        for item, content in self.sent.items():
            if self._spec(item) in argv:
                (Path(argv[2]) / self.file(item)).write_bytes(content)
        return 0, ""

    @staticmethod
    def _spec(item: Wanted) -> str:
        return f"{item.name}:{'amd64' if item.arch == 'all' else item.arch}={item.version}"

    @staticmethod
    def file(item: Wanted) -> str:
        return f"{item.name}_{item.version.replace(':', '%3a')}_{item.arch}.deb"

    def _shown(self, item: Wanted) -> str:
        return SHOWN.format(name=item.name, arch=item.arch, version=item.version, sha256=hashlib.sha256(self.archive[item]).hexdigest())

    def _policy(self, item: Wanted) -> str:
        return (f"{item.name}:\n  Installed: (none)\n  Candidate: {item.version}\n  Version table:\n"
                f"     {item.version} 500\n        500 http://mirror.example/main stable/main amd64 Packages\n")


class RpmHost(Host):
    """A host with dnf whose one source has ``offered``; the content of a file is its package, as JSON."""

    def __init__(self, offered: Sequence[Wanted], gpgcheck: bool = True, plugin: bool = True) -> None:
        super().__init__()
        self.offered, self.gpgcheck, self.plugin = list(offered), gpgcheck, plugin
        self.brings = list(offered)
        self.bad: list[str] = []
        self.installed: list[Wanted] = []

    def read(self, path: str) -> str | None:
        return f"[main]\ngpgcheck={int(self.gpgcheck)}\n" if path == "/etc/dnf/dnf.conf" else None

    def answer(self, argv: list[str]) -> tuple[int, str]:
        if argv == ["dnf", "--version"]:
            return 0, "4.14.0\n"
        if argv == ["dnf", "--help"]:
            return 0, "download                  Download package\n" if self.plugin else "install                   install packages\n"
        if "repoinfo" in argv:
            return 0, "Repo-id            : main\nRepo-status        : enabled\nRepo-baseurl       : http://mirror.example/rpm\n"
        if "repoquery" in argv:
            return 0, "".join("patchtrain|%s|%s|%s|%s|%s|main|10|10\n" % self._parts(item) for item in self.offered if self._asked(item, argv))
        if argv[:2] == ["rpm", "-qp"]:
            return 0, "".join(Path(path).read_text() for path in argv[argv.index("--") + 1:])
        if argv[:2] == ["rpm", "-qa"]:
            return 0, "".join("%s|%s|%s|%s|%s|1|1|1\n" % self._parts(item) for item in self.installed)
        if argv[:2] == ["rpmkeys", "--checksig"]:
            paths = [path for path in argv[argv.index("--") + 1:] if Path(path).name in self.bad]
            return (1 if paths else 0), "".join(f"{path}: digests SIGNATURES NOT OK\n" for path in paths)
        if {"download", "reinstall", "install"} & set(argv):
            self._bring(argv)
        return 0, ""

    @staticmethod
    def _parts(item: Wanted) -> tuple[str, str, str, str, str]:
        epoch, _colon, rest = item.version.rpartition(":")
        version, _dash, release = rest.rpartition("-")
        return (item.name, epoch or "0", version, release, item.arch)

    def _asked(self, item: Wanted, argv: list[str]) -> bool:
        name, epoch, version, release, arch = self._parts(item)
        return f"{name}-{epoch}:{version}-{release}.{arch}" in argv or item.name in argv

    def _bring(self, argv: list[str]) -> None:
        folder = Path(argv[argv.index("--") - 1])
        for item in self.brings:
            if self._asked(item, argv):
                name, epoch, version, release, arch = self._parts(item)
                (folder / f"{name}-{version}-{release}.{arch}.rpm").write_text(f"{name}|{epoch}|{version}|{release}|{arch}\n")
