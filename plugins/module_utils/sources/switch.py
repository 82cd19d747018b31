# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A host's sources become a release's, or what they were. Whatever cuts it, the next call finds files that are not as they should be, and
ends it: what was there before is written down before anything is changed, and the document of the release comes last."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import PatchtrainError
from ..job.files import canonical
from ..packages.detect import platform
from ..packages.manager import PackageManager
from ..release import attached as host
from ..release.manifest import Document, ManifestWrong, platform_key, read, section
from ..runner import Runner
from . import record
from .disk import Disk, Files, Was
from .drift import kind_of, remembered, store_path, strays
from .certificates import authorities
from .entries import CA, KEYS, PRIVATE, Spec, matches
from .fetch import check_url, manifest
from .keys import SourceRefused, blocks, keyring
from .kind import Kind, Store, key_files

__all__ = ["Aim", "Place", "Result", "attach", "detach", "strays"]


@dataclass(frozen=True)
class Place:
    """The host, and where it keeps what it is attached to."""

    runner: Runner
    disk: Disk
    manager: PackageManager
    root: str = host.ROOT

    @property
    def kind(self) -> Kind:
        return kind_of(self.manager.name)

    @property
    def document(self) -> str:
        return self.root + "/release/attached.json"

    @property
    def manifest(self) -> str:
        return self.root + "/release/manifest.json"


@dataclass(frozen=True)
class Aim:
    """Which release, from where, and whose signature counts."""

    url: str
    digest: str
    keys: Sequence[str]
    passthrough: Sequence[str] = ()
    package_gpgcheck: bool = False
    ca: str = ""


@dataclass
class Result:
    changed: bool
    attached: Optional[Document]
    previous: Optional[Document]
    before: List[str] = field(default_factory=list)
    after: List[str] = field(default_factory=list)
    warnings: List[str] = field(default_factory=list)


def attach(place: Place, aim: Aim, limit: float, check: bool = False) -> Result:
    """``SourceRefused``, ``ManifestWrong`` or what the package manager said; the host then has what it had."""
    url, previous = check_url(aim.url, aim.digest), _document(place)
    key = platform_key(platform(place.runner, place.manager).to_dict(), place.manager.name)
    spec = _spec(place, aim, url, key)
    files, document = _wanted(place, spec, aim.passthrough), _next(aim, url, spec, previous)
    seen = sorted({entry.id for entry in place.kind.visible(place.runner)})
    if previous and _settled(place, previous, document, files):
        return Result(False, previous, previous, seen, seen)
    content = manifest(place.runner, url, aim.digest, spec.keys, min(limit, 60.0), spec.ca)
    section(read(content, aim.digest), key)
    if not check:
        _try(place, spec, limit)
        _switch(place, files, document, content, limit)
    return Result(True, document, previous, seen, [spec.uri] + sorted({entry.id for entry in spec.beside}))


def _document(place: Place) -> Optional[Document]:
    try:
        return host.attached(place.runner, place.root)
    except ManifestWrong:
        # It says itself what to do about it: attach again.
        return None


def _spec(place: Place, aim: Aim, url: str, key: str) -> Spec:
    every = tuple(place.kind.originals(place.runner, remembered(place.runner, place.root)))
    beside = tuple(entry for entry in every if matches(entry, aim.passthrough))
    ca = authorities(aim.ca) if url.startswith("https:") else ""
    return Spec(url, key, blocks(aim.keys), aim.package_gpgcheck, ca, beside, every)


def _next(aim: Aim, url: str, spec: Spec, previous: Optional[Document]) -> Document:
    """Of the one before, only itself is remembered."""
    kept = {entry.id for entry in spec.beside}
    if previous and previous["digest"] == aim.digest:
        earlier = previous.get("previous")
    else:
        earlier = dict(previous, previous=None) if previous else None
    return {"digest": aim.digest, "url": url, "platform": spec.platform, "passthrough": sorted(set(aim.passthrough)),
            "hidden": sorted({entry.id for entry in spec.all_of} - kept), "previous": earlier}


def _keys(keys: Sequence[str]) -> Files:
    return dict({name: text.encode() for name, text in key_files(keys).items()}, **{"release.gpg": keyring(keys)})


def _wanted(place: Place, spec: Spec, passthrough: Sequence[str]) -> Was:
    """All files, in the order in which they are written: what points the package manager to ours is the last."""
    kind = place.kind
    files: Was = {"%s/%s" % (KEYS, name): data for name, data in _keys(spec.keys).items()}
    files.update({"%s/%s" % (CA, name): text.encode("utf-8") for name, text in kind.ca_files(place.runner, spec).items()})
    files.update({"%s/%s" % (kind.parts, name): text.encode("utf-8") for name, text in kind.parts_files(spec, PRIVATE).items()})
    settings = {path: _bytes(text) for path, text in kind.settings(place.runner, spec, passthrough).items()}
    odd = {path: None for path in _ours(place) if path not in files and path not in settings}
    return {**files, **odd, **settings}


def _bytes(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else text.encode("utf-8")


def _ours(place: Place) -> List[str]:
    """Everything that lies in our folders, whoever put it there."""
    return ["%s/%s" % (folder, name) for folder in list(place.kind.private) + [KEYS, CA] for name in place.disk.names(folder)]


def _settled(place: Place, previous: Document, document: Document, files: Was) -> bool:
    same = all(previous.get(name) == document[name] for name in ("digest", "url", "platform", "passthrough"))
    if not same or any(place.disk.read(path) != data for path, data in files.items()) or strays(place.runner, place.manager.name, previous, place.root):
        return False
    try:
        return host.manifest(place.runner, place.root) is not None
    except ManifestWrong:
        return False


def _try(place: Place, spec: Spec, limit: float) -> None:
    """The new sources in a folder of their own, before the host's are touched."""
    folder = tempfile.mkdtemp(prefix="patchtrain-")
    try:
        # apt fetches as a user of its own.
        os.chmod(folder, 0o755)
        disk = Disk(folder)
        disk.put({"/keys/" + name: data for name, data in _keys(spec.keys).items()})
        disk.put({"/ca/" + name: text.encode("utf-8") for name, text in place.kind.ca_files(place.runner, spec).items()})
        disk.put({"/parts/" + name: text.encode("utf-8") for name, text in place.kind.parts_files(spec, folder).items()})
        for name in ("lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(folder, name))
        place.kind.trial(place.runner, folder, spec, limit)
    except PatchtrainError as error:
        raise SourceRefused("the host keeps its sources: the release's are refused: %s" % error.message.replace(folder, PRIVATE), **error.data) from error
    finally:
        shutil.rmtree(folder)


def _switch(place: Place, files: Was, document: Document, content: bytes, limit: float) -> None:
    before = place.disk.read(store_path(place.root))
    store = record.extended(remembered(place.runner, place.root), place.kind.remember(place.runner), _others(place, files))
    _save(place, store)
    was = place.disk.put(files)
    try:
        _trust(place, store)
        _refresh(place, document, limit)
    except PatchtrainError as error:
        trouble = _undo(place, was, before, document, limit)
        raise SourceRefused("the host has its former sources again: %s%s" % (error.message, trouble), **error.data) from error
    place.disk.put({place.manifest: content, place.document: canonical(document).encode("utf-8") + b"\n"})


def _others(place: Place, files: Was) -> Dict[str, Tuple[Optional[bytes], Optional[bytes], Optional[bytes]]]:
    """Files that are not ours: what each holds, will hold, and holds without what is ours."""
    unset = place.kind.unset(place.runner)
    others = {path: place.disk.read(path) for path in files if not path.startswith(PRIVATE + "/")}
    return {path: (now, files[path], _bytes(unset[path]) if path in unset else now) for path, now in others.items()}


def _trust(place: Place, store: Store) -> None:
    """A key that does not count any more must go, so that all of ours go first. What others trust is written down before ours are added."""
    kind = place.kind
    kind.reject(place.runner, _own_trusted(place, store))
    others = kind.trusted(place.runner)
    _save(place, dict(store, others_trusted=others))
    kind.accept(place.runner, _accepted(place))
    done = {name: value for name, value in store.items() if name != "others_trusted"}
    _save(place, dict(done, trusted=[name for name in kind.trusted(place.runner) if name not in others]))


def _own_trusted(place: Place, store: Store) -> List[str]:
    own: List[str] = list(store.get("trusted", []))
    if "others_trusted" in store:
        # It was cut before it could say which ones are ours.
        own += [name for name in place.kind.trusted(place.runner) if name not in store["others_trusted"]]
    return own


def _accepted(place: Place) -> List[str]:
    return [path for path in _ours(place) if path.startswith(KEYS + "/") and path.endswith(".asc")]


def _save(place: Place, store: Optional[Store]) -> None:
    path = store_path(place.root)
    for folder in (place.root, os.path.dirname(path)):
        os.makedirs(place.disk.at(folder), mode=0o700, exist_ok=True)
    if store is not None:
        place.disk.write(path, canonical(store).encode("utf-8") + b"\n", 0o600)


def _refresh(place: Place, document: Document, limit: float) -> None:
    """Whatever was fetched of this release in earlier times goes first."""
    _drop(place, document)
    place.manager.refresh(limit)
    odd = strays(place.runner, place.manager.name, document, place.root)
    if odd:
        raise SourceRefused("%s still sees other sources than the release's: %s; look for a setting that overrides this one's" % (
            place.manager.name, ", ".join("%s (%s)" % (row["name"], row["source"]) for row in odd)), sources=odd)


def _drop(place: Place, document: Mapping[str, Any]) -> None:
    for path in place.kind.cached(place.runner, document):
        there = place.disk.at(path)
        if os.path.isdir(there):
            shutil.rmtree(there)
        elif os.path.lexists(there):
            os.unlink(there)


def _undo(place: Place, was: Was, store: Optional[bytes], document: Document, limit: float) -> str:
    """Backwards, so that our files are there for as long as something points to them. Says what could not be brought back."""
    place.disk.put(dict(reversed(list(was.items()))))
    place.kind.reject(place.runner, _own_trusted(place, remembered(place.runner, place.root)))
    if store is not None:
        place.kind.accept(place.runner, _accepted(place))
    _drop(place, document)
    place.disk.put({store_path(place.root): store})
    place.disk.tidy(_folders(place))
    try:
        place.manager.refresh(limit)
    except PatchtrainError as error:
        return "; their lists could not be fetched again: %s" % error.message
    return ""


def _folders(place: Place) -> List[str]:
    """Ours, the innermost first."""
    found: List[str] = []
    for folder in list(place.kind.private) + [KEYS, CA]:
        while folder.startswith(PRIVATE):
            found.append(folder)
            folder = os.path.dirname(folder)
    return sorted(set(found), key=len, reverse=True)


def detach(place: Place, limit: float, check: bool = False) -> Result:
    """The host gets back what it had; what was edited since is kept but for what is ours, and is said."""
    previous, store = _document(place), remembered(place.runner, place.root)
    seen = sorted({entry.id for entry in place.kind.visible(place.runner)})
    files, warnings = _former(place, store)
    ends = _kept(place)
    originals = sorted({entry.id for entry in place.kind.originals(place.runner, store)})
    if not files and not ends:
        return Result(False, None, None, seen, seen)
    if not check:
        place.disk.put(files)
        place.kind.reject(place.runner, _own_trusted(place, store))
        if previous:
            _drop(place, previous)
        place.disk.put(dict.fromkeys(ends))
        place.disk.tidy(_folders(place))
        warnings += _refreshed(place, limit)
    return Result(True, None, previous, seen, originals, warnings)


def _kept(place: Place) -> List[str]:
    """Files about a release, and what a write that was cut has left; what is needed to continue is the last."""
    folder, store = os.path.dirname(place.document), store_path(place.root)
    cut = ["%s/%s" % (folder, name) for name in place.disk.names(folder) if name.startswith(".new-")]
    return [path for path in cut + [place.document, place.manifest, store] if place.disk.read(path) is not None]


def _former(place: Place, store: Store) -> Tuple[Was, List[str]]:
    files: Was = {}
    warnings: List[str] = []
    for path, text in place.kind.unset(place.runner).items():
        now = place.disk.read(path)
        data, edited = record.former(store, path, now, _bytes(text))
        if data != now:
            files[path] = data
        warnings += ["%s was edited while this host was attached: only what made it so was taken out" % path] if edited and data != now else []
    files.update(dict.fromkeys(_ours(place)))
    return {path: data for path, data in files.items() if place.disk.read(path) != data}, warnings


def _refreshed(place: Place, limit: float) -> List[str]:
    try:
        place.manager.refresh(limit)
    except PatchtrainError as error:
        return ["the host has its own sources again, and they can't be fetched: %s" % error.message]
    return []
