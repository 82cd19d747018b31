# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The manifest of a release: its canonical form, its identity, its reading. Pure; docs/releases.md has the shape."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Dict, List, Mapping, Tuple

from ..errors import BadInput

FORMAT = 1

Document = Dict[str, Any]

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*\Z")
_ODD = re.compile(r"[^A-Za-z0-9._+~]+")


class ManifestWrong(BadInput):
    """A manifest that is not one, or not the one that its digest says."""


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The bytes that are published and that the digest is of. Lists of packages have to be sorted already: ``sort`` does it."""
    return (json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n").encode("ascii")


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def digest(manifest: Mapping[str, Any]) -> str:
    return digest_of(canonical(manifest))


def check_digest(value: str) -> str:
    """The value, if it is a digest; it becomes part of paths and URLs."""
    if not _DIGEST.match(value):
        raise ManifestWrong("%r is not the digest of a release: it has 64 hexadecimal digits" % value[:80])
    return value


def read(content: bytes, expected: str) -> Document:
    """The manifest in ``content``; ``ManifestWrong`` when it is not the one with the ``expected`` digest."""
    found = digest_of(content)
    if found != check_digest(expected):
        raise ManifestWrong("the manifest has the digest %s, and %s was expected: it was changed, or is another release's" % (found, expected),
                            found=found, expected=expected)
    try:
        document: Document = json.loads(content.decode("ascii"))
    except ValueError as error:
        raise ManifestWrong("the manifest %s is not JSON: %s" % (expected, error)) from error
    if document.get("format") != FORMAT:
        raise ManifestWrong("the manifest %s has format %r, and this version of the collection reads %d: update the collection" % (
            expected, document.get("format"), FORMAT))
    return document


def platform_key(platform: Mapping[str, Any], manager: str) -> str:
    """By which the manifest knows hosts of a kind, from a snapshot's ``platform`` and ``manager``: ``debian-12-amd64-apt``."""
    version = str(platform.get("version", ""))
    if manager == "dnf":
        version = version.split(".", 1)[0]
    parts = [_ODD.sub("_", str(part)) or "unknown" for part in (platform.get("id", ""), version, platform.get("arch", ""), manager)]
    return check_platform("-".join(parts))


def check_platform(key: str) -> str:
    if not _PART.match(key):
        raise ManifestWrong("%r is not a platform of a release" % key[:80])
    return key


def section(manifest: Mapping[str, Any], key: str) -> Document:
    """What the release has for one platform; ``ManifestWrong`` names those that it has."""
    platforms: Dict[str, Document] = manifest["platforms"]
    if key not in platforms:
        raise ManifestWrong("the release has nothing for %s: it was captured for %s" % (key, ", ".join(sorted(platforms)) or "no platform"),
                            platform=key, platforms=sorted(platforms))
    return platforms[key]


def package_place(package: Mapping[str, Any]) -> Tuple[str, str, str]:
    return (package["name"], package["arch"], package["version"])


def sort(packages: List[Document]) -> List[Document]:
    """Packages in the order of the manifest, each once."""
    found = {package_place(package): package for package in packages}
    return [found[place] for place in sorted(found)]
