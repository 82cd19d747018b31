# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real packages, and a repository host in a folder that gets them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock, Deadline
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import canonical, digest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.layout import Root
from ansible_collections.fleetops.patchtrain.plugins.module_utils.repository.publish import Request, present
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner

APT_KEY, DNF_KEY = "debian-12-amd64-apt", "almalinux-9-x86_64-dnf"

_SPEC = """Name: {name}
Version: {version}
Release: 1
Epoch: {epoch}
Summary: {name}
License: MIT
BuildArch: noarch
%description
{name}
%files
"""


def run(*argv: str | Path, stdin: str = "") -> str:
    return subprocess.run([str(word) for word in argv], input=stdin, capture_output=True, text=True, check=True, timeout=60).stdout


@dataclass(frozen=True)
class Keyring:
    home: str
    one: str
    two: str
    expired: str


@dataclass(frozen=True)
class Built:
    """A package file."""

    path: Path
    name: str
    arch: str
    version: str
    updates: list[dict[str, Any]] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        content = self.path.read_bytes()
        return {"name": self.name, "arch": self.arch, "version": self.version, "file": self.path.name, "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest()}

    def package(self) -> dict[str, Any]:
        return {"name": self.name, "arch": self.arch, "version": self.version, "reason": "manual", "updates": self.updates}


def build_deb(folder: Path, name: str, version: str, arch: str = "all", text: str = "", files: dict[str, bytes] | None = None,
              more: str = "") -> Built:
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: T <t@patchtrain.invalid>\n{more}Description: {name} {text}\n")
    for path, content in (files or {}).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    path = folder / f"{name}_{version.replace(':', '%3a')}_{arch}.deb"
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, path)
    shutil.rmtree(tree)
    return Built(path, name, arch, version)


def build_rpm(folder: Path, name: str, version: str, epoch: int = 0) -> Built:
    (folder / "package.spec").write_text(_SPEC.format(name=name, version=version, epoch=epoch))
    run("rpmbuild", "-bb", "--quiet", "--nodeps", "--define", f"_topdir {folder}/top", "--define", f"_dbpath {folder}/db", folder / "package.spec")
    path, = (folder / "top" / "RPMS").rglob(f"{name}-{version}-*.rpm")
    return Built(path, name, "noarch", f"{epoch}:{version}-1" if epoch else f"{version}-1")


class Repository:
    """A repository host with its keyring, and what is brought to it."""

    def __init__(self, top: Path, keyring: Keyring) -> None:
        self.top, self.keyring = top, keyring
        self.root = Root(str(top / "root"))
        self.incoming = top / "root" / "incoming" / "one"
        self.runner = SystemRunner()

    def request(self, platforms: dict[str, Sequence[Built]], bring: bool = True, **more: Any) -> Request:
        parent = more.pop("parent", None)
        manifest = {"format": 1, "parent": parent, "exclude": [], "platforms": {
            key: {"packages": sorted((one.package() for one in built), key=lambda row: (row["name"], row["arch"], row["version"])),
                  "kernel": None, "streams": []} for key, built in platforms.items()}}
        if bring:
            self.incoming.mkdir(parents=True, exist_ok=True)
            for one in (one for built in platforms.values() for one in built):
                shutil.copy(one.path, self.incoming)
        files = {key: [one.row() for one in built] for key, built in platforms.items()}
        request = Request(digest(manifest), canonical(manifest).decode(), files, str(self.incoming), {}, [self.keyring.one], self.keyring.home)
        return replace(request, **more)

    def publish(self, platforms: dict[str, Sequence[Built]], **more: Any) -> dict[str, Any]:
        return self.present(self.request(platforms, **more))

    def present(self, request: Request) -> dict[str, Any]:
        return present(self.runner, self.root, request, self.deadline())

    @staticmethod
    def deadline() -> Deadline:
        return Deadline(60, Clock())

    def copy(self, top: Path) -> Repository:
        """The same in another place, links between its files included."""
        run("cp", "--archive", self.top, top)
        return Repository(top, self.keyring)

    def folder(self, result: dict[str, Any]) -> Path:
        return Path(self.root.release(result["digest"]))

    def listing(self) -> dict[str, tuple[int, int]]:
        """Every file with its inode and its time of writing."""
        found = sorted(path for path in Path(self.root.path).rglob("*") if path.is_file())
        return {str(path.relative_to(self.root.path)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found if path.name != ".lock"}
