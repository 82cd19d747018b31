# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package files of a release: what the repository has already stays there, the rest comes from golden hosts, through their own package
managers. All hosts are asked before anything is downloaded, so that a version that nobody has is named first."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...module_utils.errors import PatchtrainError
from ...module_utils.release.manifest import package_place
from ...module_utils.text import counted
from ..prepared import raise_if_failed
from ..remote import Remote
from .transfer import carry

DOWNLOAD = "fleetops.patchtrain.package_download"
REPOSITORY = "fleetops.patchtrain.release_repository"
DIRECTORY = "/var/lib/patchtrain/download"
_FORGOTTEN_DAYS = 2
_NOBODY = "no golden host to ask"

Package = Mapping[str, Any]
Files = dict[str, list[dict[str, Any]]]


class PackagesMissing(PatchtrainError):
    """Versions of a release that no source, golden host or earlier release has any more."""


@dataclass(frozen=True)
class Share:
    """What one golden host provides: files of packages, and what describes module streams."""

    host: str
    packages: tuple[Package, ...]
    streams: tuple[str, ...] = ()


class Gathered(NamedTuple):
    """Files of packages, and the names of those that describe module streams."""

    files: list[dict[str, Any]]
    modules: list[str]


class _Reasons(NamedTuple):
    """Why a host does not have something."""

    packages: dict[tuple[str, str, str], str]
    streams: dict[str, str]


def known_files(repository: Remote, root: str, wanted: Mapping[str, Sequence[Package]], seconds: float) -> tuple[Files, set[str]]:
    """Per platform, what earlier releases have in the repository already; and the digests of those releases."""
    asked = {key: [_named(package) for package in packages] for key, packages in wanted.items()}
    result = repository.module(REPOSITORY, {"state": "known", "root": root, "packages": asked, "timeout": seconds}, seconds)
    raise_if_failed(result)
    return {key: list(result["files"].get(key, [])) for key in wanted}, set(result["releases"])


def shares(reach: Callable[[str], Remote], hosts: Sequence[str], packages: Sequence[Package], streams: Sequence[str], seconds: float) -> list[Share]:
    """Which host provides which of ``packages`` and describes which of ``streams``, the first that can; ``PackagesMissing`` names all that
    nobody has."""
    left, nameless, found, reasons = list(packages), list(streams), [], _Reasons({}, {})
    for host in hosts:
        if left or nameless:
            missing = _missing(reach(host), left, nameless, seconds)
            has = tuple(package for package in left if package_place(package) not in missing.packages)
            tells = tuple(stream for stream in nameless if stream not in missing.streams)
            found += [Share(host, has, tells)] if has or tells else []
            left = [package for package in left if package_place(package) in missing.packages]
            nameless = [stream for stream in nameless if stream in missing.streams]
            reasons.packages.update(missing.packages)
            reasons.streams.update(missing.streams)
    _refuse(left, nameless, reasons)
    return found


def _refuse(packages: Sequence[Package], streams: Sequence[str], reasons: _Reasons) -> None:
    if packages:
        lines = ["%s %s (%s)" % (p["name"], p["version"], reasons.packages.get(package_place(p), _NOBODY)) for p in packages]
        raise PackagesMissing(
            "%s of the release nowhere to be had any more: %s" % (counted(len(packages), "package"), shortened(lines)), packages=lines)
    if streams:
        lines = ["%s (%s)" % (stream, reasons.streams.get(stream, _NOBODY)) for stream in streams]
        raise PackagesMissing("module streams of the release that no golden host can describe, so that dnf would not install from them: %s" % shortened(lines),
                              streams=list(streams))


def gather(reach: Callable[[str], Remote], share: Share, repository: Remote, incoming: str, seconds: float) -> Gathered:
    """Download a share and bring it to the repository host. Others may publish from the same golden host at the same time, so the
    folder there is named as the one that they come to, which nobody else has."""
    source, folder = reach(share.host), "%s/%s" % (DIRECTORY, posixpath.basename(incoming))
    try:
        result = source.module(DOWNLOAD, dict(_asked(share.packages, share.streams, seconds), directory=folder), seconds)
        raise_if_failed(result)
        files, modules = [dict(item) for item in result["files"]], [dict(result["modules"])] if result["modules"] else []
        carry(source, folder, files + modules, repository, incoming, seconds)
    finally:
        source.must(["rm", "-rf", "--", folder], seconds)
    # Of publishers that were killed.
    source.must(["find", DIRECTORY, "-mindepth", "1", "-maxdepth", "1", "-mtime", "+%d" % _FORGOTTEN_DAYS, "-exec", "rm", "-rf", "{}", "+"], seconds)
    return Gathered(files, [str(item["file"]) for item in modules])


def shortened(lines: Sequence[str], most: int = 8) -> str:
    return "; ".join(list(lines[:most]) + (["and %d more" % (len(lines) - most)] if len(lines) > most else []))


def _missing(source: Remote, packages: Sequence[Package], streams: Sequence[str], seconds: float) -> _Reasons:
    result = source.module(DOWNLOAD, _asked(packages, streams, seconds), seconds, check=True)
    if result.get("missing") is None or result.get("missing_streams") is None:
        raise_if_failed(result)
    return _Reasons({package_place(item): str(item.get("reason", "")) for item in result["missing"]},
                    {str(item["stream"]): str(item.get("reason", "")) for item in result["missing_streams"]})


def _asked(packages: Sequence[Package], streams: Sequence[str], seconds: float) -> dict[str, Any]:
    return {"packages": [_named(p) for p in packages], "streams": list(streams), "directory": DIRECTORY, "timeout": seconds}


def _named(package: Package) -> dict[str, str]:
    return {key: str(package[key]) for key in ("name", "arch", "version")}
