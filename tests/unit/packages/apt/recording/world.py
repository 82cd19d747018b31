# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small world of Debian packages in which everything happens that an update can run into."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Deb:
    name: str
    version: str
    arch: str = "amd64"
    control: str = ""
    conffile: str = ""
    postinst: str = ""
    preinst: str = ""


LAB = (
    Deb("app-a", "1.0", control="Depends: lib-x (>= 1.0)"), Deb("app-a", "2.0", control="Depends: lib-x (>= 2.0), new-n"),
    Deb("lib-x", "1.0"), Deb("lib-x", "2.0"), Deb("new-n", "1.0"),
    Deb("held-b", "1.0"), Deb("held-b", "2.0"),
    Deb("needs-held", "1.0", control="Depends: held-b"), Deb("needs-held", "2.0", control="Depends: held-b (>= 2.0)"),
    Deb("conf-c", "1.0"), Deb("conf-c", "2.0", control="Conflicts: old-d"), Deb("old-d", "1.0"),
    Deb("bad-e", "1.0"), Deb("bad-e", "2.0", control="Depends: no-such-package (>= 3)"),
    Deb("fail-f", "1.0"), Deb("fail-f", "2.0", postinst="echo about to fail; exit 3"),
    Deb("slow-s", "1.0"), Deb("slow-s", "2.0", preinst="sleep 8", postinst="sleep 8"),
    Deb("phased-p", "1.0"), Deb("phased-p", "2.0", control="Phased-Update-Percentage: 10"),
    Deb("rec-r", "1.0"), Deb("rec-r", "2.0", control="Recommends: new-rec"), Deb("new-rec", "1.0"),
    Deb("pair-l", "1.0"), Deb("pair-r", "1.0", control="Depends: pair-l (= 1.0)"),
    Deb("pair-l", "2.0"), Deb("pair-r", "2.0", control="Depends: pair-l (= 2.0)"),
    Deb("pair-l", "3.0"), Deb("pair-r", "3.0", control="Depends: pair-l (= 3.0)"),
    Deb("conffile-g", "1.0", conffile="one"), Deb("conffile-g", "2.0", conffile="two"),
    Deb("plus-h", "1.0"), Deb("plus-h", "2.0+"), Deb("plus-h", "2.0+1-1~x+b1"),
    Deb("epoch-i", "1:1.0"), Deb("epoch-i", "2:0.5"),
    Deb("toall-j", "1.0"), Deb("toall-j", "2.0", arch="all"), Deb("toany-k", "1.0", arch="all"), Deb("toany-k", "2.0"),
    *(Deb("libm-a", version, arch, "Multi-Arch: same") for version in ("1.0", "2.0") for arch in ("amd64", "i386")),
    Deb("regex.q", "1.0"), Deb("regexxq", "1.0"), Deb("removed-t", "1.0", conffile="remnant"),
)
"""From a source that says nothing about security. What has a version 1.0 gets installed."""

LATER = ("new-n", "new-rec", "regexxq")
"""Available, not installed."""

UBUNTU = {
    "noble": (Deb("usn-u", "1.0"), Deb("usn-v", "1.0")),
    "noble-security": (Deb("usn-u", "1.1"),),
    "noble-updates": (Deb("usn-u", "1.1"), Deb("usn-u", "1.2"), Deb("usn-v", "1.1")),
}


def build(root: Path) -> None:
    """Flat repositories below ``root``: ``lab`` and one a suite."""
    _repository(root / "lab", LAB, "Lab, Inc", "stable", "train")
    for suite, debs in UBUNTU.items():
        _repository(root / suite, debs, "Ubuntu", suite, "noble")


def _repository(folder: Path, debs: tuple[Deb, ...], origin: str, suite: str, codename: str) -> None:
    folder.mkdir(parents=True)
    for deb in debs:
        _build(folder, deb)
    packages = subprocess.run(["apt-ftparchive", "packages", "."], cwd=folder, check=True, capture_output=True, text=True).stdout
    (folder / "Packages").write_text(packages)
    options = [f"-oAPT::FTPArchive::Release::{key}={value}" for key, value in
               (("Origin", origin), ("Label", origin.split(",")[0]), ("Suite", suite), ("Codename", codename))]
    release = subprocess.run(["apt-ftparchive", *options, "release", "."], cwd=folder, check=True, capture_output=True, text=True).stdout
    (folder / "Release").write_text(release)


def _build(folder: Path, deb: Deb) -> None:
    tree = folder / "tree"
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    fields = [f"Package: {deb.name}", f"Version: {deb.version}", f"Architecture: {deb.arch}", "Installed-Size: 20",
              "Maintainer: Lab <lab@example.org>", f"Description: {deb.name}", *filter(None, [deb.control])]
    (control / "control").write_text("\n".join(fields) + "\n")
    payload = tree / "usr/share/lab" / f"{deb.name}-{deb.arch}"
    payload.parent.mkdir(parents=True)
    payload.write_text(deb.version)
    if deb.conffile:
        (tree / "etc").mkdir()
        (tree / "etc" / f"{deb.name}.conf").write_text(deb.conffile + "\n")
        (control / "conffiles").write_text(f"/etc/{deb.name}.conf\n")
    for script, body in (("preinst", deb.preinst), ("postinst", deb.postinst)):
        if body:
            (control / script).write_text(f"#!/bin/sh\n{body}\n")
            (control / script).chmod(0o755)
    name = f"{deb.name}_{deb.version.replace(':', '%3a')}_{deb.arch}.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "--root-owner-group", "-b", str(tree), str(folder / name)], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
