# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's packages as files: built once, kept in the cache under the hash of their definitions."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .debs import build_deb, deb_name
from .definitions import RELEASE_RPM, VERSIONS, Version, digest
from .paths import cache_home
from .preflight import BUILD_TOOLS, require_tools
from .rpms import build_rpm, rpm_name
from .state import locked


@dataclass(frozen=True)
class Pool:
    """All versions of all packages of the lab."""

    folder: Path

    @property
    def digest(self) -> str:
        return self.folder.name

    def deb(self, item: Version) -> Path:
        return self.debs(item)[0]

    def rpm(self, item: Version) -> Path:
        return self.rpms(item)[0]

    def debs(self, item: Version) -> list[Path]:
        """One file for each architecture that it is built for."""
        return [self.folder / "deb" / deb_name(item, arch) for arch in item.archs]

    def rpms(self, item: Version) -> list[Path]:
        return [self.folder / "rpm" / rpm_name(item, arch) for arch in item.archs]


def package_pool() -> Pool:
    """The pool, built when it is not there."""
    home = cache_home() / "packages"
    folder = home / digest()
    with locked(home / "lock"):
        if not folder.exists():
            require_tools(BUILD_TOOLS)
            _build(home, folder)
    return Pool(folder)


def _build(home: Path, folder: Path) -> None:
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=home))
    try:
        for kind in ("deb", "rpm", "scratch-deb", "scratch-rpm"):
            (part / kind).mkdir()
        _build_all(part)
        for left in ("scratch-deb", "scratch-rpm"):
            shutil.rmtree(part / left)
        part.chmod(0o755)
        part.rename(folder)
    finally:
        if part.exists():
            shutil.rmtree(part)


def _build_all(part: Path) -> None:
    with ThreadPoolExecutor(max_workers=4) as workers:
        built = [(item, arch) for item in (*VERSIONS, RELEASE_RPM) for arch in item.archs]
        jobs = [workers.submit(build_deb, item, arch, part / "deb", part / "scratch-deb") for item, arch in built if item is not RELEASE_RPM]
        jobs += [workers.submit(build_rpm, item, arch, part / "rpm", part / "scratch-rpm") for item, arch in built]
        for job in jobs:
            job.result()
