# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the lab's packages as .deb."""

from __future__ import annotations

import gzip
from pathlib import Path

from .definitions import Content, Version
from .shell import run

_DATE = "Thu, 01 Jan 2026 00:00:00 +0000"
_PEOPLE = "The Lab <lab@patchlab.invalid>"


def deb_name(item: Version, arch: str) -> str:
    return f"{item.name}_{item.bare}_{arch}.deb"


def control(item: Version, arch: str = "all") -> str:
    """The control file; pure."""
    lines = [
        f"Package: {item.name}", f"Version: {item.version}", f"Architecture: {arch}", "Section: misc", "Priority: optional",
        f"Maintainer: {_PEOPLE}",
    ]
    if item.depends:
        lines.append("Depends: " + ", ".join(f"{name} ({relation})" for name, relation in item.needs))
    if item.conflicts:
        lines.append("Conflicts: " + ", ".join(item.conflicts))
    if item.replaces:
        lines += [f"Provides: {item.replaces} (= {item.version})", f"Replaces: {item.replaces}", f"Conflicts: {item.replaces}"]
    if arch != "all":
        lines.append("Multi-Arch: same")
    lines.append(f"Description: {item.description}")
    return "\n".join(lines) + "\n"


def changelog(item: Version) -> str:
    """The package's own changelog, newest entry alone; pure."""
    urgency = "high" if item.security else "medium"
    return f"{item.name} ({item.version}) {item.suite}; urgency={urgency}\n\n  * {item.change}\n\n -- {_PEOPLE}  {_DATE}\n"


def build_deb(item: Version, arch: str, into: Path, scratch: Path) -> Path:
    """Build one package and return its file."""
    tree = scratch / f"{item.file_stem}-{arch}"
    for content in (*item.contents, _documented(item)):
        _write(tree, content)
    (tree / f"usr/share/doc/{item.name}/changelog.gz").write_bytes(gzip.compress(changelog(item).encode(), mtime=0))
    _write_control(item, arch, tree / "DEBIAN")
    target = into / deb_name(item, arch)
    run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, target])
    return target


def _documented(item: Version) -> Content:
    return Content(f"/usr/share/doc/{item.name}/copyright", "Made by the lab for the lab.\n")


def _write_control(item: Version, arch: str, folder: Path) -> None:
    folder.mkdir(mode=0o755)
    (folder / "control").write_text(control(item, arch))
    configs = [content.path for content in item.contents if content.config]
    if configs:
        (folder / "conffiles").write_text("".join(f"{path}\n" for path in configs))
    script = item.post + item.post_deb
    if script:
        (folder / "postinst").write_text(f'#!/bin/sh\nset -e\nif [ "$1" = configure ]; then\n{script}fi\n')
        (folder / "postinst").chmod(0o755)


def _write(tree: Path, content: Content) -> None:
    path = tree / content.path.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content.text)
    path.chmod(content.mode)
