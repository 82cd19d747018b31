# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose files are a folder and whose programs answer from transcripts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO, Any, Callable, Mapping, Sequence
from zlib import crc32

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import canonical, digest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.disk import Disk
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.switch import Aim, Place

DATA = Path(__file__).parent / "data"

DEBIAN = """Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://tools.example/apt
Suites: stable
Components: main
"""
REPO = "[base]\nname=Base\nbaseurl=http://mirror.example/base\n\n[tools]\nname=Tools\nbaseurl=http://tools.example/rpm\n\n[off]\nbaseurl=http://off.example\nenabled=0\n"
DNF_CONF = "# mine\n[main]\ngpgcheck=True\nreposdir = /etc/yum.repos.d,\n  /nowhere\nbest=False\n"


def data(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


class World:
    """``answers`` are by the first two words of a command, or the first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ran: list[list[str]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.tools = {"gpgv"}
        self.trusted: list[str] = []
        self.answers["gpgv"] = (0, data("gpgv-good.txt"), "")

    def which(self, tool: str) -> str | None:
        return tool if tool in self.tools else None

    def read(self, path: str) -> str | None:
        try:
            return (self.root / path.lstrip("/")).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, text: str) -> None:
        there = self.root / path.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text, encoding="utf-8")

    def run(self, argv: Sequence[str], limit: float | None = 120.0, stdin: str = "", env: Mapping[str, str] | None = None,
            log: IO[str] | None = None) -> Completed:
        self.ran.append(list(argv))
        special: dict[str, Callable[[Sequence[str]], Completed]] = {
            "find": self._find, "apt-config": self._apt_config, "rpmkeys": self._import, "rpm": self._rpm}
        if argv[0] in special:
            return special[argv[0]](argv)
        rc, out, err = self.answers.get(argv[0], (0, "", ""))
        return Completed(tuple(argv), rc, out, err)

    def _find(self, argv: Sequence[str]) -> Completed:
        done = subprocess.run(["find", str(self.root) + argv[1], *argv[2:]], capture_output=True, text=True, check=False)
        return Completed(tuple(argv), done.returncode, done.stdout.replace(str(self.root), ""), done.stderr)

    def _apt_config(self, argv: Sequence[str]) -> Completed:
        """As apt itself answered, and what its configuration sets."""
        found = dict(line.split("=") for line in data("apt-config.out").splitlines())
        for line in (self.read("/etc/apt/apt.conf.d/zz-patchtrain") or "").splitlines() + (self.read("/etc/apt/apt.conf") or "").splitlines():
            for word, name in (("Dir::Etc::SourceList", "list"), ("Dir::Etc::SourceParts", "parts")):
                if line.startswith(word + " "):
                    found[name] = "'%s'" % line.split('"')[1]
        return Completed(tuple(argv), 0, "".join("%s=%s\n" % item for item in found.items()), "")

    def _import(self, argv: Sequence[str]) -> Completed:
        name = "gpg-pubkey-%08x" % crc32((self.root / argv[-1].lstrip("/")).read_bytes())
        self.trusted += [name] if name not in self.trusted else []
        return Completed(tuple(argv), 0, "", "")

    def _rpm(self, argv: Sequence[str]) -> Completed:
        if argv[1] == "--erase":
            self.trusted = [name for name in self.trusted if name not in argv]
        return Completed(tuple(argv), 0, "".join(name + "\n" for name in self.trusted), "")

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


class Manager:
    """Only what a switch asks of one."""

    def __init__(self, name: str, arch: str) -> None:
        self.name = name
        self._arch = arch
        self.refreshed = 0
        self.failures: list[str] = []

    def arch(self) -> str:
        return self._arch

    def refresh(self, limit: float) -> None:
        self.refreshed += 1
        if self.failures:
            raise CommandFailed(self.failures.pop(), [self.name])


class Host:
    """A world with its manager, and a folder in which releases are published."""

    def __init__(self, name: str, tmp_path: Path) -> None:
        self.world = World(tmp_path / "host")
        self.manager = Manager(name, "amd64" if name == "apt" else "x86_64")
        self.published = tmp_path / "site"
        self.key = "test-1-%s-%s" % (self.manager.arch(), name)
        self.world.write("/etc/os-release", "ID=test\nVERSION_ID=1\n")
        {"apt": self._apt, "dnf": self._dnf, "zypper": self._zypper}[name]()

    def _apt(self) -> None:
        self.world.write("/etc/apt/sources.list.d/debian.sources", DEBIAN)
        self.world.write("/etc/apt/sources.list", "deb http://one.example/debian old main contrib # mine\n")

    def _dnf(self) -> None:
        self.world.write("/etc/yum.repos.d/some.repo", REPO)
        self.world.write("/etc/dnf/dnf.conf", DNF_CONF)

    def _zypper(self) -> None:
        self.world.write("/etc/zypp/repos.d/some.repo", REPO)
        self.world.write("/usr/lib/zypp/plugins/services/cloud", "#!/bin/sh\n")

    def place(self) -> Place:
        root = str(self.world.root)
        (self.world.root / "var/lib").mkdir(parents=True, exist_ok=True)
        return Place(self.world, Disk(root), self.manager)  # type: ignore[arg-type]

    def publish(self, version: str = "1", platform: str | None = None) -> str:
        content: dict[str, Any] = {"format": 1, "parent": None, "exclude": [], "platforms": {platform or self.key: {
            "packages": [{"name": "a", "arch": "all", "version": version, "reason": "manual", "updates": []}], "kernel": None, "streams": []}}}
        found = digest(content)
        folder = self.published / "releases" / found
        index = folder / self.key / "repodata"
        index.mkdir(parents=True)
        for path in (folder / "manifest.json.asc", index / "repomd.xml", index / "repomd.xml.asc"):
            path.write_text("signature", encoding="ascii")
        (folder / "manifest.json").write_bytes(canonical(content))
        return found

    def aim(self, found: str, *passthrough: str, key: str = "key-good.asc") -> Aim:
        return Aim("file://%s/releases/%s" % (self.published, found), found, [data(key)], passthrough)


@pytest.fixture(params=["apt", "dnf", "zypper"])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    return Host(request.param, tmp_path)
