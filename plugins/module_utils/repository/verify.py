# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether published releases still are what they were: every file against its checksum, every index against the list of files, every
signature. Nothing is changed; what is wrong is told, a line each."""

from __future__ import annotations

import os
import tempfile
import zlib
from contextlib import contextmanager
from typing import Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

from ..clock import Deadline
from ..errors import BadInput, PatchtrainError
from ..runner import Runner
from . import apt_index, rpm_index, signatures, tools
from .files import APT, Item, Platform
from .layout import FILES, RepositoryWrong, Root, clear_failures, read_bytes
from .pool import path_of, sha256_of
from .published import files_of, manifest_of, platforms_of
from .signing import Gpg

Sums = Dict[Tuple[int, int], str]


def verify(runner: Runner, root: Root, digests: Sequence[str], gpg_home: str, signing_keys: Sequence[str], deadline: Deadline) -> List[str]:
    """The problems of releases. With ``signing_keys`` their signatures have to be by each of them, otherwise by any that is published."""
    tools.check_signing(runner)
    with clear_failures(root), _keyring(runner, root, gpg_home, signing_keys, deadline) as (gpg, keys):
        look = _Look(root, gpg, keys, {}, [])
        for digest in digests:
            look.release(digest)
    return look.problems


@contextmanager
def _keyring(runner: Runner, root: Root, home: str, names: Sequence[str], deadline: Deadline) -> Iterator[Tuple[Gpg, Sequence[str]]]:
    """The site's own keyring where keys are named, else one of the keys that hosts are told to trust."""
    if names:
        gpg = Gpg(runner, home, deadline)
        yield gpg, gpg.signing(names)
        return
    if not os.path.isfile(root.public_keys):
        raise RepositoryWrong("%s is missing: without it no signature can be checked" % root.public_keys, path=root.public_keys)
    with tempfile.TemporaryDirectory(prefix="patchtrain-") as folder:
        gpg = Gpg(runner, folder, deadline)
        gpg.learn(root.public_keys)
        yield gpg, ()


class _Look:
    """A look at releases that hold many files in common: each is read once."""

    def __init__(self, root: Root, gpg: Gpg, keys: Sequence[str], sums: Sums, problems: List[str]) -> None:
        self._root, self._gpg, self._keys, self._sums = root, gpg, keys, sums
        self.problems = problems

    def release(self, digest: str) -> None:
        folder = self._root.release(digest)
        if not os.path.isdir(folder):
            raise BadInput("there is no release %s in %s" % (digest, self._root.path), digest=digest)
        try:
            platforms = platforms_of(manifest_of(self._root, digest))
            listed = files_of("%s/%s" % (folder, FILES))
        except PatchtrainError as error:
            self.problems.append("%s: %s" % (folder, error.message))
            return
        self.problems += signatures.problems(self._gpg, self._keys, signatures.places(folder, platforms))
        for where in platforms:
            self._platform(folder, where, listed.get(where.key, []))

    def _platform(self, folder: str, where: Platform, items: Sequence[Item]) -> None:
        top = "%s/%s" % (folder, where.key)
        packages = "%s/%s" % (top, apt_index.POOL if where.kind == APT else rpm_index.PACKAGES)
        for item in items:
            self._package("%s/%s" % (packages, item.file), where.kind, item)
        self.problems += ["%s/%s is no file of the release" % (packages, name) for name in _others(packages, items)]
        self._try("%s/%s" % (top, "dists" if where.kind == APT else rpm_index.REPODATA),
                  lambda: self._apt(top, where, items) if where.kind == APT else self._rpm(top, where, items))

    def _package(self, path: str, kind: str, item: Item) -> None:
        if not os.path.isfile(path):
            self.problems.append("%s is missing" % path)
        elif self._sum(path) != item.sha256:
            self.problems.append("%s was changed: it is not the file with the checksum %s any more" % (path, item.sha256))
        elif not os.path.isfile(path_of(self._root, kind, item)):
            self.problems.append("%s is missing in the pool: %s" % (path, path_of(self._root, kind, item)))

    def _apt(self, top: str, where: Platform, items: Sequence[Item]) -> None:
        folder = "%s/%s" % (top, apt_index.DISTS)
        release = read_bytes(folder + "/Release").decode("utf-8", "replace")
        wanted = {"main/binary-%s/Packages%s" % (arch, tail) for arch in apt_index.architectures(where, items) for tail in ("", ".gz")}
        known = apt_index.checksums(release)
        self.problems += ["%s/Release knows nothing of %s" % (folder, name) for name in sorted(wanted - set(known))]
        for name, (_size, digest) in sorted(known.items()):
            self._index("%s/%s" % (folder, name), digest)
        found: Dict[str, apt_index.Stanza] = {}
        for name in sorted(name for name in wanted & set(known) if name.endswith("s")):
            text = read_bytes("%s/%s" % (folder, name)).decode("utf-8", "replace")
            found.update((fields.get("Filename", ""), fields) for fields, _block in apt_index.stanzas_of(text))
        apt_index.check(where.key, list(found.values()), items)

    def _rpm(self, top: str, where: Platform, items: Sequence[Item]) -> None:
        for data in rpm_index.repomd(read_bytes("%s/%s" % (top, rpm_index.REPOMD))):
            self._index("%s/%s" % (top, data.href), data.sha256)
        rpm_index.check(where.key, list(rpm_index.primary(top)), items)

    def _index(self, path: str, digest: str) -> None:
        if not os.path.isfile(path):
            self.problems.append("the index %s is missing" % path)
        elif sha256_of(path) != digest:
            self.problems.append("the index %s was changed" % path)

    def _try(self, what: str, look: Callable[[], None]) -> None:
        """An index that was damaged can't be read in many ways."""
        try:
            look()
        except (PatchtrainError, OSError, EOFError, zlib.error) as error:
            self.problems.append("%s: %s" % (what, error))

    def _sum(self, path: str) -> str:
        seen = os.stat(path)
        place = (seen.st_dev, seen.st_ino)
        if place not in self._sums:
            self._sums[place] = sha256_of(path)
        return self._sums[place]


def _others(folder: str, items: Iterable[Item]) -> List[str]:
    names = {item.file for item in items}
    return sorted(set(os.listdir(folder) if os.path.isdir(folder) else []) - names)
