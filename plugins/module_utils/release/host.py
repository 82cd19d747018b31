# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The release that a host is attached to, held against the host. Reads only."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..errors import TransactionImpossible
from ..packages.manager import PackageManager
from ..packages.records import Package
from ..packages.versions import comparator
from ..runner import Runner
from . import streams
from .advice import NOTHING, Advice
from .attached import attached, manifest
from .drift import Entry, drift, fed
from .manifest import Document, section


Strays = Callable[[Runner, str, Optional[Document], str], List[Entry]]


class Target(NamedTuple):
    """What the host should be: the release's digest, its globs of packages that it does not speak of, and its section for this host.
    ``attached`` is what the host keeps of it, in ``root``; ``strays`` are the sources that it should not see."""

    strays: Strays
    root: str
    attached: Document
    digest: str
    exclude: Sequence[str]
    section: Dict[str, Any]


def target(runner: Runner, root: str) -> Optional[Target]:
    """None where the host is attached to no release; ``ManifestWrong`` where its manifest is not the one of the digest."""
    document = attached(runner, root)
    content = manifest(runner, root)
    if document is None or content is None:
        return None
    # Only where there is a release: a host that has none is not to wait for it while it is out of service. And no later than here, for
    # after an update of Python itself nothing more can be imported.
    from ..sources.drift import strays

    return Target(strays, root, document, document["digest"], content["exclude"], section(content, document["platform"]))


def required(runner: Runner, root: str, digest: str) -> Target:
    """The release that is meant, and no other."""
    found = target(runner, root)
    if found is None or found.digest != digest:
        there = "to %s" % found.digest if found else "to no release"
        raise TransactionImpossible("the host is attached %s, and is to go to %s: attach it first (software_source)" % (there, digest),
                                    attached=found.digest if found else None, release=digest)
    return found


def advice(runner: Runner, manager: PackageManager, root: str) -> Advice:
    """What the release that the host is attached to knows of updates; nothing where there is none."""
    should = target(runner, root)
    return NOTHING if should is None else advice_of(manager, should)


def advice_of(manager: PackageManager, should: Target) -> Advice:
    return Advice(should.section, manager.arch(), comparator(manager.name))


def differences(runner: Runner, manager: PackageManager, should: Target, kernel: Dict[str, Any]) -> List[Entry]:
    """The host's drift, with who still feeds each package that the release does not know."""
    installed = manager.installed()
    visible = should.strays(runner, manager.name, should.attached, should.root)
    found = drift(installed, should.section, should.exclude, manager.arch(), comparator(manager.name), kernel, visible)
    found += streams.entries(streams.differing(runner, manager, should.section))
    unknown = {(entry["name"], entry["arch"]) for entry in found if entry["kind"] == "unknown"}
    return fed(found, manager.feeders(_of(installed, unknown))) if unknown else found


def _of(installed: Sequence[Package], keys: Set[Tuple[str, str]]) -> List[Package]:
    return [package for package in installed if (package.name, package.arch) in keys]
