# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What the sources of every package manager can do for a switch, and how a host's files of sources are looked at. Reads only."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple

from ..packages.rpm.load import found
from ..runner import Runner
from .entries import PRIVATE, Entry, Spec

Document = Mapping[str, Any]
Store = Dict[str, Any]
"""What is remembered of how a host was before it was attached."""

Texts = Dict[str, str]


class Kind(Protocol):
    """How one package manager is told where its sources are. ``parts`` is the folder of our own sources, ``private`` all folders that are ours."""

    name: str
    parts: str
    private: Sequence[str]

    def remember(self, runner: Runner) -> Store:
        """What ``originals`` has to know once the host is attached."""

    def originals(self, runner: Runner, store: Store) -> List[Entry]:
        """The sources that the host would see if it were attached to nothing."""

    def visible(self, runner: Runner) -> List[Entry]:
        """The sources that the host sees now."""

    def parts_files(self, spec: Spec, private: str) -> Texts:
        """Names and content of what ``parts`` holds; keys and certificates lie in folders in ``private``."""

    def ca_files(self, runner: Runner, spec: Spec) -> Texts:
        """Names and content of files of who vouches for the release's server."""

    def settings(self, runner: Runner, spec: Spec, passthrough: Sequence[str]) -> Dict[str, Optional[str]]:
        """Files that point the package manager to our folders, and what they hold then; of others' files with nothing lost."""

    def unset(self, runner: Runner) -> Dict[str, Optional[str]]:
        """The same files without it; None removes."""

    def trial(self, runner: Runner, folder: str, spec: Spec, limit: float) -> None:
        """Fetch the indexes of the sources in ``folder``/parts without a change to the host."""

    def cached(self, runner: Runner, document: Document) -> List[str]:
        """Files and folders of what the package manager has fetched of a release."""

    def trusted(self, runner: Runner) -> List[str]:
        """Names of the keys that the package manager takes from anybody, where it has such."""

    def accept(self, runner: Runner, keys: Sequence[str]) -> None:
        """Let it take these files of keys, where it asks for it."""

    def reject(self, runner: Runner, names: Sequence[str]) -> None:
        """Take back what ``accept`` added to ``trusted``."""


def names(runner: Runner, folder: str) -> List[str]:
    """A folder may be a link, and so may what lies in it."""
    return sorted(found(runner, folder.rstrip("/") + "/", ["-mindepth", "1", "-maxdepth", "1"], "%f\\n"))


def texts(runner: Runner, folder: str, endings: Tuple[str, ...]) -> List[Tuple[str, str]]:
    """Path and content of a folder's files whose names end so."""
    paths = ["%s/%s" % (folder.rstrip("/"), name) for name in names(runner, folder) if name.endswith(endings)]
    read = [(path, runner.read(path)) for path in paths]
    return [(path, text) for path, text in read if text is not None]


def key_files(keys: Sequence[str]) -> Texts:
    """The release's keys, one a file: not every tool reads more."""
    return {"release-%d.asc" % number: key for number, key in enumerate(keys, 1)}


def key_paths(keys: Sequence[str], private: str = PRIVATE) -> List[str]:
    return ["%s/keys/%s" % (private, name) for name in key_files(keys)]
