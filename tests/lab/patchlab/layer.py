# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dresses one image: packages, files and commands inside an overlay. Runs in a mount namespace of its own, which takes its mounts along."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from .aptsource import PrivateApt, Source
from .images import prepare_lists
from .shell import run

_LIMIT = 900.0
_INSTALL = {
    "dpkg": ("dpkg", "--install"),
    "dnf": ("dnf", "-y", "--disablerepo=*", "--repofrompath=first,file:///run/lab", "--enablerepo=first", "--nogpgcheck", "install"),
    "zypper": ("zypper", "--non-interactive", "--no-gpg-checks", "--plus-repo", "file:///run/lab", "install"),
}


_UPDATE = {
    "dnf": (*_INSTALL["dnf"][:-1], "--refresh", "upgrade"),  # what it knows of that address is from the first installation
    "zypper": (*_INSTALL["zypper"][:-1], "update"),
}


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an interrupted build ends what it runs
    spec = json.loads(Path(sys.argv[1]).read_text())
    root = _mount(spec)
    _mount_kernel(root)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    _install_debian(spec, root)
    for path, text in spec["files"]:
        _write(root / path, text)
    _install_lab(spec, root)
    if spec["level"]:
        _bring_to(Path(spec["level"]), spec, root)
    _keep_packages(root, Path(spec["keep"]))
    for command in spec["commands"]:
        run(["chroot", root, *command], limit=_LIMIT)
    policy.unlink()
    return 0


def _mount(spec: dict[str, Any]) -> Path:
    """The tree itself for a base, an overlay that fills it for a layer."""
    tree = Path(spec["tree"])
    if not spec["parents"]:
        return tree
    root, work = Path(spec["scratch"], "root"), Path(spec["scratch"], "work")
    for folder in (root, work, tree):
        folder.mkdir(parents=True)
    tree.chmod(0o755)
    run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={':'.join(spec['parents'])},upperdir={tree},workdir={work}", root])
    return root


def _mount_kernel(root: Path) -> None:
    run(["mount", "-t", "proc", "proc", root / "proc"])
    run(["mount", "-t", "tmpfs", "tmpfs", root / "run"])
    run(["mount", "--rbind", "/dev", root / "dev"])


def _install_debian(spec: dict[str, Any], root: Path) -> None:
    if spec["debian"]:
        apt = prepare_lists(Path(spec["scratch"], "apt"), spec["codename"])
        run(["apt-get", "-y", "install", *spec["debian"]], env=apt.environment(root), limit=_LIMIT)


def _install_lab(spec: dict[str, Any], root: Path) -> None:
    """By the package manager that the host has, as its administrator would have done it."""
    if spec["lab"]:
        offer = root / "run/lab"
        shutil.copytree(spec["offer"], offer)
        files = [f"/run/lab/{path.name}" for path in sorted(offer.glob("*.deb"))]
        run(["chroot", root, *_INSTALL[spec["manager"]], *(files or _asked_for(spec["lab"]))],
            env={"DEBIAN_FRONTEND": "noninteractive"}, limit=_LIMIT)


def _bring_to(level: Path, spec: dict[str, Any], root: Path) -> None:
    """All that upstream shows at this level, by the package manager that the host has."""
    if spec["manager"] == "dpkg":
        apt = PrivateApt(Path(spec["scratch"], "upstream"), _suites(level, Path(spec["keyring"])))
        apt.update()
        run(["apt-get", "-y", "-o", "Dpkg::Options::=--force-confold", "dist-upgrade"], env=apt.environment(root), limit=_LIMIT)
        run(["apt-get", "clean"], env=apt.environment(root))
        return
    shutil.copytree(level / "rpm", root / "run/lab")
    run(["chroot", root, *_UPDATE[spec["manager"]]], limit=_LIMIT)


def _suites(level: Path, keyring: Path) -> list[Source]:
    """Copied, because a file outside the root is none that dpkg finds inside it."""
    return [Source(f"copy:{suite.parents[1]}", suite.name, keyring) for suite in sorted(level.glob("*/dists/*"))]


def _asked_for(names: list[str]) -> list[str]:
    """The lib comes as a dependency of the app, and is remembered as one."""
    return [name for name in names if name != "patchlab-lib"]


def _keep_packages(root: Path, keep: Path) -> None:
    """What was installed is what the lab's copy of the main suite offers; hosts need it to go back to."""
    archives = root / "var/cache/apt/archives"
    for package in archives.glob("*.deb"):
        shutil.move(package, keep / package.name)
    (archives / "lock").unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
