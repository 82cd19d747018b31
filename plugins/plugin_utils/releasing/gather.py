# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package files of a release: what the repository has already stays there, the rest comes from golden hosts, through their own package
managers. All hosts are asked before anything is downloaded, so that a version that nobody has is named first."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...module_utils.errors import PatchtrainError
from ...module_utils.release.manifest import package_place
from ..prepared import raise_if_failed
from ..remote import Remote
from .transfer import carry

DOWNLOAD = "fleetops.patchtrain.package_download"
REPOSITORY = "fleetops.patchtrain.release_repository"
DIRECTORY = "/var/lib/patchtrain/download"
_FORGOTTEN_DAYS = 2

Package = Mapping[str, Any]
Files = dict[str, list[dict[str, Any]]]


class PackagesMissing(PatchtrainError):
    """Versions of a release that no source, golden host or earlier release has any more."""


@dataclass(frozen=True)
class Share:
    """What one golden host provides."""

    host: str
    packages: tuple[Package, ...]


def known_files(repository: Remote, root: str, wanted: Mapping[str, Sequence[Package]], seconds: float) -> Files:
    """Per platform, what earlier releases have in the repository already."""
    asked = {key: [_named(package) for package in packages] for key, packages in wanted.items()}
    result = repository.module(REPOSITORY, {"state": "known", "root": root, "packages": asked, "timeout": seconds}, seconds)
    raise_if_failed(result)
    return {key: list(result["files"].get(key, [])) for key in wanted}


def shares(reach: Callable[[str], Remote], hosts: Sequence[str], packages: Sequence[Package], seconds: float) -> list[Share]:
    """Which host provides which of ``packages``, the first that has one; ``PackagesMissing`` names all that nobody has."""
    left, found, reasons = list(packages), [], {}
    for host in hosts:
        if left:
            missing = _missing(reach(host), left, seconds)
            has = tuple(package for package in left if package_place(package) not in missing)
            found += [Share(host, has)] if has else []
            left = [package for package in left if package_place(package) in missing]
            reasons.update(missing)
    if left:
        lines = ["%s %s (%s)" % (p["name"], p["version"], reasons.get(package_place(p), "no golden host to ask")) for p in left]
        raise PackagesMissing(
            "%d packages of the release are nowhere to be had any more: %s" % (len(left), shortened(lines)), packages=lines)
    return found


def gather(reach: Callable[[str], Remote], share: Share, repository: Remote, incoming: str, seconds: float) -> list[dict[str, Any]]:
    """Download a share and bring it to the repository host; the files. Others may publish from the same golden host at the same time, so the
    folder there is named as the one that they come to, which nobody else has."""
    source, folder = reach(share.host), "%s/%s" % (DIRECTORY, posixpath.basename(incoming))
    try:
        result = source.module(DOWNLOAD, {"packages": [_named(p) for p in share.packages], "directory": folder, "timeout": seconds}, seconds)
        raise_if_failed(result)
        files = [dict(item) for item in result["files"]]
        carry(source, folder, files, repository, incoming, seconds)
    finally:
        source.must(["rm", "-rf", "--", folder], seconds)
    # Of publishers that were killed.
    source.must(["find", DIRECTORY, "-mindepth", "1", "-maxdepth", "1", "-mtime", "+%d" % _FORGOTTEN_DAYS, "-exec", "rm", "-rf", "{}", "+"], seconds)
    return files


def shortened(lines: Sequence[str], most: int = 8) -> str:
    return "; ".join(list(lines[:most]) + (["and %d more" % (len(lines) - most)] if len(lines) > most else []))


def _missing(source: Remote, packages: Sequence[Package], seconds: float) -> dict[tuple[str, str, str], str]:
    args = {"packages": [_named(p) for p in packages], "directory": DIRECTORY, "timeout": seconds}
    result = source.module(DOWNLOAD, args, seconds, check=True)
    if result.get("missing") is None:
        raise_if_failed(result)
    return {package_place(item): str(item.get("reason", "")) for item in result["missing"]}


def _named(package: Package) -> dict[str, str]:
    return {key: str(package[key]) for key in ("name", "arch", "version")}
