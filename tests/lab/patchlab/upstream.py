# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream: repositories for apt, dnf and zypper at each level, built once and served by every lab that wants them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from email.utils import formatdate
from pathlib import Path
from typing import Callable, Sequence

from .aptsource import PrivateApt, main_source, security_source
from .definitions import GONE, LEVELS, MODULES, RELEASE_RPM, SHOWN, Version, base_level, index, modules, published
from .paths import cache_home
from .pool import Pool
from .preflight import BUILD_TOOLS, Machine, require_tools
from .rpms import build_rpm, modulemd, rpm_name, updateinfo
from .security import choose, download, pending, release_fields, sizes
from .shell import run
from .signing import clearsign, public_key
from .state import locked

Say = Callable[[str], None]
FORMAT = 3
_LAB_SUITES = {
    "lab": {"Origin": "Patchlab", "Label": "Patchlab", "Suite": "stable", "Codename": "lab"},
    "lab-security": {"Origin": "Patchlab", "Label": "Patchlab-Security", "Suite": "stable-security", "Codename": "lab-security"},
}


class Upstream:
    """The repositories for hosts of certain images."""

    def __init__(self, machine: Machine, pool: Pool, images: Sequence[Path], say: Say) -> None:
        self.machine = machine
        self.pool = pool
        self.images = sorted(images)
        self.say = say
        self.home = cache_home() / "upstream"

    @property
    def folder(self) -> Path:
        text = json.dumps([FORMAT, self.pool.digest, [image.name for image in self.images], public_key().read_text()])
        return self.home / hashlib.sha256(text.encode()).hexdigest()[:12]

    def level(self, name: str) -> Path:
        return self.folder / name

    def ensure(self) -> Path:
        """Build all levels when they are not there."""
        with locked(self.home / "lock"):
            if not self.folder.exists():
                require_tools(BUILD_TOOLS)
                self._build()
        return self.folder

    def _build(self) -> None:
        self.say("building upstream: the lab's packages and Debian's security updates for its images")
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=self.home))
        part.chmod(0o755)
        try:
            fields = self._fetch_security(part / "security", part / "apt")
            _build_modules(part / "modular")
            for level in SHOWN:
                self._build_level(part, level, fields)
                set_times(part / level, level)
            for left in ("apt", "modular"):
                shutil.rmtree(part / left)
            part.rename(self.folder)
        finally:
            if part.exists():
                shutil.rmtree(part)

    def _fetch_security(self, into: Path, scratch: Path) -> dict[str, dict[str, str]]:
        """Real updates for what the images hold, a handful; and how the real suites call themselves."""
        codename = self.machine.codename
        apt = PrivateApt(scratch, [main_source(codename), security_source(codename)])
        apt.update()
        found = {item for image in self.images for item in pending(apt, _status(image))}
        chosen = choose(sizes(apt, found))
        download(apt, chosen, into)
        self.say(f"Debian's security suite has {len(found)} newer packages for the images; the lab's upstream takes {len(chosen)}")
        return {suite: release_fields(scratch / "lists", suite) for suite in (codename, f"{codename}-security")}

    def _build_level(self, part: Path, level: str, fields: dict[str, dict[str, str]]) -> None:
        top = part / level
        codename, archs, when = self.machine.codename, [self.machine.arch], level_time(level)
        security = sorted((part / "security").glob("*.deb")) if base_level(level) != LEVELS[0] else []
        build_suite(top / "debian", codename, fields[codename], self._main(security, level), archs, when)
        build_suite(top / "debian-security", f"{codename}-security", fields[f"{codename}-security"], security, archs, when)
        for suite, names in _LAB_SUITES.items():
            items = index(level, suite)
            debs = [deb for item in items for deb in self.pool.debs(item)]
            build_suite(top / suite, suite, names, debs, [*archs, *_foreign(items, self.machine.arch)], when)
        self._build_rpm(top / "rpm", level, part / "modular")

    def _main(self, security: Sequence[Path], level: str) -> list[Path]:
        """What the images were made of, without what the security suite has newer when old versions are gone."""
        newer = {package_of(path) for path in security} if level.endswith(GONE) else set()
        debs = (path for image in self.images for path in (image / "debs").glob("*.deb"))
        return sorted(path for path in debs if package_of(path) not in newer)

    def _build_rpm(self, folder: Path, level: str, modular: Path) -> None:
        folder.mkdir(parents=True)
        for item in modules(level):
            link(modular / rpm_name(item, "all"), folder)
        for item in (RELEASE_RPM, *published(level)):
            for rpm in self.pool.rpms(item):
                link(rpm, folder)
        run(["createrepo_c", "--quiet", "--error-exit-val", folder])
        for kind, name, text in (("updateinfo", "updateinfo.xml", updateinfo(level)), ("modules", "modules.yaml", modulemd(level))):
            told = folder.with_name(name)
            told.write_text(text)
            run(["modifyrepo_c", f"--mdtype={kind}", told, folder / "repodata"])
            told.unlink()


def _build_modules(into: Path) -> None:
    """Few and small, and for dnf alone: hosts are not made of them."""
    into.mkdir()
    for item in MODULES:
        build_rpm(item, "all", into, into / "scratch")


def _foreign(items: Sequence[Version], own: str) -> list[str]:
    """The architectures besides the machine's own that these packages are built for."""
    return sorted({arch for item in items for arch in item.archs} - {"all", own})


def package_of(deb: Path) -> tuple[str, str]:
    """Name and architecture, as a package's file tells them."""
    name, _, rest = deb.stem.partition("_")
    return name, rest.rpartition("_")[2]


def build_suite(top: Path, suite: str, fields: dict[str, str], packages: Sequence[Path], archs: Sequence[str], when: float) -> None:
    """One signed apt repository with one suite; every one has a pool of its own, of hard links."""
    (top / "pool").mkdir(parents=True)
    for package in packages:
        link(package, top / "pool")
    for arch in archs:
        _list_packages(top, top / "dists" / suite / "main" / f"binary-{arch}", arch)
    told = {**fields, "Architectures": " ".join([*archs, "all"]), "Components": "main"}
    options = [word for key, value in told.items() for word in ("-o", f"APT::FTPArchive::Release::{key}={value}")]
    release = run(["apt-ftparchive", *options, "release", "."], cwd=top / "dists" / suite).stdout
    release = re.sub(r"^Date: .*$", f"Date: {formatdate(when, usegmt=True)}", release, flags=re.MULTILINE)
    (top / "dists" / suite / "InRelease").write_text(clearsign(release))


def _list_packages(top: Path, folder: Path, arch: str) -> None:
    folder.mkdir(parents=True)
    (folder / "Packages").write_text(run(["apt-ftparchive", "--arch", arch, "packages", "pool"], cwd=top, limit=120).stdout)
    run(["gzip", "-9nk", folder / "Packages"])


def level_time(level: str) -> float:
    """Minutes between levels: a client that asks "newer than what I have?" is told yes after an advance, within the same second too."""
    return float(int(time.time()) - 60 * (len(SHOWN) - SHOWN.index(level)))


def set_times(folder: Path, level: str) -> None:
    """The time of every index is its level's. Packages keep theirs: they are links, shared by levels."""
    when = level_time(level)
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".deb", ".rpm"):
            os.utime(path, (when, when))


def link(file: Path, folder: Path) -> None:
    """A hard link, so that levels cost no space; several images bring the same package."""
    target = folder / file.name
    if not target.exists():
        os.link(file, target)


def switch(link_path: Path, level: Path) -> None:
    """Show another level from one moment to the next."""
    part = link_path.with_name(f".{link_path.name}.new")
    part.unlink(missing_ok=True)
    part.symlink_to(level)
    part.replace(link_path)


def _status(image: Path) -> Path:
    """The list of installed packages of an image; a layer that installs none has its parent's."""
    return Path((image / "status").read_text())
