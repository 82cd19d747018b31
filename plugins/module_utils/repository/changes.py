# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which CVEs lie between two versions of packages, by the changelogs inside the pool's files: Debian's repositories carry no advisories."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from ..clock import Deadline
from ..errors import BadInput
from ..packages.versions import compare_deb
from ..runner import Runner
from . import tools
from .archive import changelog
from .changelog import cves_between, source_version, without_rebuild
from .files import APT, Item, Place, platform, read_item
from .layout import RepositoryWrong, Root
from .pool import path_of
from .published import documents, readable

_FIELDS = ("name", "arch", "from", "to")


class _Answer(NamedTuple):
    cves: List[str]
    reason: str


def changes(runner: Runner, root: Root, packages: Sequence[Mapping[str, Any]], deadline: Deadline) -> List[Dict[str, Any]]:
    """For each of ``packages``, what lies between its two versions, whichever of them is the newer."""
    tools.check_all(runner, {"dpkg-deb": "dpkg"})
    look = _Look(runner, root, deadline)
    return [look.change(package) for package in packages]


class _Look:
    def __init__(self, runner: Runner, root: Root, deadline: Deadline) -> None:
        self._runner, self._root, self._deadline = runner, root, deadline
        self._files: Optional[Dict[Place, Dict[str, Item]]] = None
        self._controls: Dict[str, str] = {}

    def change(self, package: Mapping[str, Any]) -> Dict[str, Any]:
        missing = [field for field in _FIELDS if not package.get(field)]
        if missing:
            raise BadInput("a package needs name, arch, from and to, and has no %s: %.200r" % (missing[0], package))
        if self._deadline.passed:
            raise RepositoryWrong("the changelogs were not read within %g s: ask for fewer packages, or raise timeout" % self._deadline.seconds)
        answer = self._answer(package)
        return dict({field: str(package[field]) for field in _FIELDS}, cves=answer.cves, changelog=not answer.reason, reason=answer.reason)

    def _answer(self, package: Mapping[str, Any]) -> _Answer:
        name, arch = str(package["name"]), str(package["arch"])
        older, newer = str(package["from"]), str(package["to"])
        given = str(package.get("sha256") or "")
        if compare_deb(older, newer) > 0:
            older, newer, given = newer, older, ""
        path = self._path((name, arch, newer), str(package.get("platform") or ""), given)
        if path is None:
            return _Answer([], "the repository has no file of %s %s" % (name, newer))
        after = self._after((name, arch, older), newer, path, str(package.get("platform") or ""))
        if after is None:
            return _Answer([], "its changelog counts other versions, and the repository has no file of %s %s to compare" % (name, older))
        text = self._text(path, name, newer)
        if text is None:
            return _Answer([], "the package has no changelog")
        return _Answer(cves_between(text, after, source_version(self._control(path), newer)), "")

    def _after(self, place: Place, newer: str, path: str, key: str) -> Optional[str]:
        """The older version as the newer one's changelog knows it. Most packages have their source's version."""
        if source_version(self._control(path), newer) in (newer, without_rebuild(newer)):
            return place[2]
        older = self._path(place, key, "")
        return None if older is None else source_version(self._control(older), place[2])

    def _control(self, path: str) -> str:
        if path not in self._controls:
            done = self._runner.run(["dpkg-deb", "--field", path, "Source", "Version"], limit=self._deadline.left)
            self._controls[path] = done.check().stdout
        return self._controls[path]

    def _text(self, path: str, name: str, version: str) -> Optional[str]:
        """The changelog, also where the documentation is another package's of the same source."""
        found = changelog(self._runner, path, name, self._deadline)
        if found.text is not None or not found.elsewhere:
            return found.text
        for place, items in self._listed().items():
            if place[0] == found.elsewhere and without_rebuild(place[2]) == without_rebuild(version):
                other = self._existing(items.values())
                return None if other is None else changelog(self._runner, other, place[0], self._deadline).text
        return None

    def _path(self, place: Place, key: str, sha256: str) -> Optional[str]:
        if sha256:
            item = read_item({"name": place[0], "arch": place[1], "version": place[2], "file": place[0], "size": 0, "sha256": sha256})
            return self._existing([item])
        files = self._listed().get(place, {})
        return self._existing(([files[key]] if key in files else []) + list(files.values()))

    def _existing(self, items: Iterable[Item]) -> Optional[str]:
        paths = [path_of(self._root, APT, item) for item in items]
        return next((path for path in paths if os.path.isfile(path)), None)

    def _listed(self) -> Dict[Place, Dict[str, Item]]:
        """All files of apt's platforms, by platform."""
        if self._files is None:
            self._files = {}
            for listed in readable(documents(self._root)):
                for key, items in listed.items():
                    for item in items if platform(key).kind == APT else []:
                        self._files.setdefault(item.place, {}).setdefault(key, item)
        return self._files
