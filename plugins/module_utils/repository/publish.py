# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A release is made where nobody sees it, and appears by one rename."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..clock import Deadline
from ..errors import BadInput
from ..job.files import sync_directory
from ..job.lock import exclusive
from ..release.manifest import Document, canonical, digest_of, read
from ..runner import Runner
from . import apt_index, identity, pool, rpm_index, signatures, tools
from .files import APT, Given, Item, Platform, document, match
from .layout import FILES, MANIFEST, OPEN, PRIVATE, RepositoryWrong, Root, clear_failures, full_if_so, make_folder, read_bytes, remove_file, settle, write_file
from .published import manifest_of, platforms_of, proved
from .signing import Gpg
from .updateinfo import updateinfo

Result = Dict[str, Any]
Files = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Request:
    """``modules`` names per platform the files in ``incoming`` that describe its module streams."""

    digest: str
    manifest: str
    files: Files
    incoming: str
    modules: Mapping[str, Sequence[str]]
    signing_keys: Sequence[str]
    gpg_home: str
    check_mode: bool = False


def present(runner: Runner, root: Root, request: Request, deadline: Deadline) -> Result:
    """Publish a release; one that is published already gets the signatures that are asked for."""
    manifest = read(request.manifest.encode("utf-8"), request.digest)
    if canonical(manifest) != request.manifest.encode("utf-8"):
        raise BadInput("the manifest is not written in its canonical form (sorted, no spaces, ASCII)", option="manifest")
    given = match(manifest, request.files)
    tools.check(runner, platforms_of(manifest))
    gpg = Gpg(runner, request.gpg_home, deadline)
    keys = gpg.signing(request.signing_keys)
    publisher = _Publisher(runner, root, request, deadline, gpg, keys, manifest, given)
    with clear_failures(root):
        return publisher.preview() if request.check_mode else publisher.publish()


@dataclass(frozen=True)
class _Publisher:
    runner: Runner
    root: Root
    request: Request
    deadline: Deadline
    gpg: Gpg
    keys: Sequence[str]
    manifest: Document
    given: Mapping[str, List[Given]]

    @property
    def goal(self) -> str:
        return self.root.release(self.request.digest)

    @property
    def folder(self) -> str:
        return self.root.part(self.request.digest)

    @property
    def platforms(self) -> List[Platform]:
        return platforms_of(self.manifest)

    def preview(self) -> Result:
        if not os.path.isdir(self.goal):
            content = document(self.request.digest, self.given)
            return self._result(True, digest_of(content), [self.gpg.export(key) for key in self.keys])
        changed = self._renewed()
        return self._result(changed, self._published_digest(), [self.gpg.export(key) for key in self.keys])

    def publish(self) -> Result:
        self.root.prepare()
        with exclusive(self.root.lock, "a publisher (pid %d)" % os.getpid(), self.deadline):
            self.root.clear_leftovers()
            if os.path.isdir(self.goal):
                changed = self._renewed()
            else:
                self._make()
                changed = True
            texts = signatures.publish_keys(self.gpg, self.keys, self.root, True)
        return self._result(changed, self._published_digest(), texts)

    def _published_digest(self) -> str:
        return digest_of(read_bytes("%s/%s" % (self.goal, FILES)))

    def _result(self, changed: bool, files_digest: str, keys: Sequence[str]) -> Result:
        return {"changed": changed, "digest": self.request.digest, "files_digest": files_digest, "keys": list(keys),
                "releases": [self.request.digest] if changed else []}

    def _renewed(self) -> bool:
        """The release is there; nothing of it is written again but signatures."""
        manifest_of(self.root, self.request.digest)
        return signatures.renew(self.gpg, self.keys, self.goal, self.platforms, self.request.check_mode)

    def _make(self) -> None:
        listed = document(self.request.digest, self.given)
        unfinished = "%s/%s.json" % (self.root.unfinished, self.request.digest)
        self._fill_pool()
        write_file(unfinished, listed)
        try:
            with full_if_so(self.root):
                self._build(listed)
            self._appear()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        remove_file(unfinished)

    def _fill_pool(self) -> None:
        """All files are looked at before the first is taken."""
        known = proved(self.root)
        for where in self.platforms:
            rows = self.given[where.key]
            lacking = {one for one in rows if not pool.is_there(self.root, where.kind, one.item)}
            for one in sorted(lacking):
                pool.check_brought(self._brought(one.brought), one.item)
            unproved = [one for one in rows if (one.item.place, one.item.sha256) not in known]
            at = [(one.item, self._brought(one.brought) if one in lacking else pool.path_of(self.root, where.kind, one.item)) for one in unproved]
            identity.check(self.runner, where.kind, at, self.deadline)
        for where in self.platforms:
            for one in self.given[where.key]:
                if not pool.is_there(self.root, where.kind, one.item):
                    pool.take(self.root, where.kind, one.item, self._brought(one.brought))

    def _brought(self, name: str) -> str:
        return "%s/%s" % (self.request.incoming, name)

    def _build(self, listed: bytes) -> None:
        # Until it appears, nobody but us may look into it.
        make_folder(self.folder, PRIVATE)
        write_file("%s/%s" % (self.folder, MANIFEST), canonical(self.manifest))
        write_file("%s/%s" % (self.folder, FILES), listed)
        for where in self.platforms:
            self._build_platform(where, [one.item for one in self.given[where.key]])
        signatures.sign(self.gpg, self.keys, signatures.places(self.folder, self.platforms))

    def _build_platform(self, where: Platform, items: Sequence[Item]) -> None:
        top = "%s/%s" % (self.folder, where.key)
        folder = "%s/%s" % (top, apt_index.POOL if where.kind == APT else rpm_index.PACKAGES)
        make_folder(folder, OPEN)
        for item in items:
            os.link(pool.path_of(self.root, where.kind, item), "%s/%s" % (folder, item.file))
        if where.kind == APT:
            apt_index.build(self.runner, top, where, items, "%s/apt/%s.db" % (self.root.cache, where.key), self.deadline)
        else:
            rpm_index.build(self.runner, top, where.key, items, self._relative(where), self.deadline)
            self._add_documents(where, top)

    def _relative(self, where: Platform) -> Optional[str]:
        """The same platform in the parent, or in the newest release that has it: most of its files are the same."""
        parent = self.manifest.get("parent")
        for digest in ([parent] if parent else []) + self.root.published():
            folder = "%s/%s" % (self.root.release(digest), where.key)
            if os.path.isfile("%s/%s" % (folder, rpm_index.REPOMD)):
                return folder
        return None

    def _add_documents(self, where: Platform, top: str) -> None:
        scratch = "%s/.scratch" % self.folder
        make_folder(scratch, PRIVATE)
        advisories = updateinfo(where.key, self.manifest["platforms"][where.key]["packages"])
        modules = b"".join(self._described(where, name) for name in self.request.modules.get(where.key, ()))
        for kind, name, content in (("updateinfo", "updateinfo.xml", advisories), ("modules", "modules.yaml", modules)):
            if content:
                write_file("%s/%s" % (scratch, name), content)
                rpm_index.add(self.runner, top, kind, "%s/%s" % (scratch, name), self.deadline)
        shutil.rmtree(scratch)

    def _described(self, where: Platform, name: str) -> bytes:
        content = read_bytes(self._brought(name))
        if not content:
            raise RepositoryWrong("the description of module streams of %s, %s, was not brought" % (where.key, self._brought(name)))
        return content if content.endswith(b"\n") else content + b"\n"

    def _appear(self) -> None:
        settle(self.folder)
        os.chmod(self.folder, OPEN)
        os.rename(self.folder, self.goal)
        sync_directory(self.root.releases)


def sign_all(runner: Runner, root: Root, names: Sequence[str], home: str, check_mode: bool, deadline: Deadline) -> Result:
    """Renew the signatures of all releases."""
    tools.check_signing(runner)
    gpg = Gpg(runner, home, deadline)
    keys = gpg.signing(names)
    if check_mode or not root.published():
        changed = [digest for digest in root.published() if _sign(gpg, keys, root, digest, True)]
        return {"changed": bool(changed), "releases": changed, "keys": [gpg.export(key) for key in keys]}
    with clear_failures(root), exclusive(root.lock, "a publisher (pid %d)" % os.getpid(), deadline):
        # A host that comes in between finds its old key in both.
        texts = signatures.publish_keys(gpg, keys, root, False)
        changed = [digest for digest in root.published() if _sign(gpg, keys, root, digest, False)]
    return {"changed": bool(changed), "releases": changed, "keys": texts}


def _sign(gpg: Gpg, keys: Sequence[str], root: Root, digest: str, check_mode: bool) -> bool:
    platforms = platforms_of(manifest_of(root, digest))
    return signatures.renew(gpg, keys, root.release(digest), platforms, check_mode)


def remove(root: Root, digest: str, check_mode: bool, deadline: Deadline) -> Result:
    """Remove a release, and the package files that no other one holds."""
    there = os.path.isdir(root.release(digest))
    if check_mode or not os.path.isdir(root.releases):
        return {"changed": there, "digest": digest, "releases": [digest] if there else []}
    with clear_failures(root), exclusive(root.lock, "a removal (pid %d)" % os.getpid(), deadline):
        root.clear_leftovers()
        there = os.path.isdir(root.release(digest))
        if there:
            os.rename(root.release(digest), root.part(digest))
            sync_directory(root.releases)
            shutil.rmtree(root.part(digest))
        gone = pool.collect(root, False)
    return {"changed": there or bool(gone), "digest": digest, "releases": [digest] if there else []}
