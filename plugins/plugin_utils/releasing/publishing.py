# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release becomes a signed repository: its files are gathered, and the repository host makes the rest in one execution."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...module_utils.release.manifest import canonical, package_place
from ...module_utils.repository.layout import Root, full
from ..prepared import raise_if_failed
from ..remote import DISK_FULL, CannotRun, Remote
from .gather import REPOSITORY, Files, Share, gather, known_files, shares


@dataclass(frozen=True)
class Place:
    """A repository host: where files lie there, by which URL hosts reach them, with which keys they are signed."""

    host: str
    root: str
    url: str
    signing_keys: tuple[str, ...]
    gpg_home: str
    seconds: float

    def arguments(self, **more: Any) -> dict[str, Any]:
        return dict(more, root=self.root, signing_keys=list(self.signing_keys), gpg_home=self.gpg_home, timeout=self.seconds)


Reach = Callable[[str], Remote]
Modules = dict[str, list[str]]


def publish(reach: Reach, place: Place, digest: str, manifest: Mapping[str, Any], golden: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The result of ``release_repository``. ``golden`` names per platform the hosts that may provide packages."""
    repository = reach(place.host)
    wanted = {key: section["packages"] for key, section in manifest["platforms"].items()}
    files, published = known_files(repository, place.root, wanted, place.seconds)
    # What describes streams is in the indexes, which are written once.
    streams = {key: [] if digest in published else section.get("streams", []) for key, section in manifest["platforms"].items()}
    plan = {key: shares(reach, golden.get(key, ()), _lacking(packages, files[key]), streams[key], place.seconds) for key, packages in wanted.items()}
    incoming = "%s/incoming/%s-%s" % (place.root, digest[:16], secrets.token_hex(4))
    try:
        with _clear_when_full(place):
            modules = _bring(reach, repository, plan, files, incoming, place.seconds)
        return _present(repository, place, digest, manifest, files, modules, incoming)
    finally:
        repository.must(["rm", "-rf", "--", incoming], place.seconds)


@contextmanager
def _clear_when_full(place: Place) -> Iterator[None]:
    try:
        yield
    except CannotRun as error:
        if error.data.get("host") == place.host and DISK_FULL in error.message:
            raise full(Root(place.root)) from error
        raise


def _lacking(packages: Sequence[Mapping[str, Any]], files: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    there = {package_place(item) for item in files}
    return [package for package in packages if package_place(package) not in there]


def _bring(reach: Reach, repository: Remote, plan: Mapping[str, Sequence[Share]], files: Files, incoming: str, seconds: float) -> Modules:
    """Adds to ``files``; the names of what describes module streams, by platform."""
    modules: Modules = {}
    repository.must(["install", "-d", "-m", "0700", "--", incoming], seconds)
    for key, parts in plan.items():
        for share in parts:
            found = gather(reach, share, repository, incoming, seconds)
            files[key] += found.files
            modules[key] = modules.get(key, []) + found.modules
    return modules


def _present(repository: Remote, place: Place, digest: str, manifest: Mapping[str, Any], files: Files, modules: Modules, incoming: str) -> dict[str, Any]:
    result = repository.module(REPOSITORY, place.arguments(
        state="present", digest=digest, manifest=canonical(manifest).decode("ascii"), files=files, modules=modules, incoming=incoming), place.seconds)
    raise_if_failed(result)
    return result
