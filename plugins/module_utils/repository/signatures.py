# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is signed in a release, and by whom. A signature is a file of its own (InRelease is one too, around the same Release), so that it is
renewed without touching anything that hosts have checksums of."""

from __future__ import annotations

import os
from typing import Iterable, List, NamedTuple, Sequence

from . import apt_index, rpm_index
from .files import APT, Platform
from .layout import FILES, MANIFEST, OPEN, make_folder, read_bytes, remove_file, write_file, Root
from .signing import Gpg, body

_END = "-----END PGP PUBLIC KEY BLOCK-----\n"


class Signed(NamedTuple):
    """A document with the file that has its signatures. ``clear``: the document stands in there too."""

    source: str
    signature: str
    clear: bool


def places(folder: str, platforms: Iterable[Platform]) -> List[Signed]:
    """All that is signed in a release's folder."""
    found = [_detached("%s/%s" % (folder, name)) for name in (MANIFEST, FILES)]
    for where in platforms:
        top = "%s/%s" % (folder, where.key)
        if where.kind == APT:
            release = "%s/%s/Release" % (top, apt_index.DISTS)
            found += [Signed(release, release + ".gpg", False), Signed(release, os.path.dirname(release) + "/InRelease", True)]
        else:
            found.append(_detached("%s/%s" % (top, rpm_index.REPOMD)))
    return found


def sign(gpg: Gpg, keys: Sequence[str], wanted: Iterable[Signed]) -> None:
    for one in wanted:
        if one.clear:
            gpg.clearsign(keys, one.source, one.signature)
        else:
            gpg.detach(keys, one.source, one.signature)


def renew(gpg: Gpg, keys: Sequence[str], folder: str, platforms: Iterable[Platform], check_mode: bool) -> bool:
    """Whether there was a signature that is not exactly by ``keys``; it is made anew then."""
    old = [one for one in places(folder, platforms) if not _is_by(gpg, keys, one)]
    if not check_mode:
        _clear_leftovers({os.path.dirname(one.signature) for one in places(folder, platforms)})
        sign(gpg, keys, old)
    return bool(old)


def problems(gpg: Gpg, keys: Sequence[str], wanted: Iterable[Signed]) -> List[str]:
    """What is wrong with signatures: each has to be good by all of ``keys``, by any known key where none is named."""
    found: List[str] = []
    for one in wanted:
        found += _problems(gpg, keys, one)
    return found


def publish_keys(gpg: Gpg, keys: Sequence[str], root: Root, others_stay: bool) -> List[str]:
    """The public keys, armoured; they lie on the repository host for everybody. As long as other releases may be signed by other keys, these
    stay too."""
    texts = [gpg.export(key) for key in keys]
    before = read_bytes(root.public_keys)
    others = _blocks(before.decode("ascii", "replace")) if others_stay else []
    content = "".join(texts + [block for block in others if gpg.fingerprint(block) not in keys]).encode("utf-8")
    if before != content:
        make_folder(root.keys, OPEN)
        write_file(root.public_keys, content)
    return texts


def _blocks(text: str) -> List[str]:
    return [block + _END for block in text.split(_END) if block.strip()]


def _detached(path: str) -> Signed:
    return Signed(path, path + ".asc", False)


def _is_by(gpg: Gpg, keys: Sequence[str], one: Signed) -> bool:
    if not os.path.isfile(one.signature):
        return False
    verdict = gpg.verify(one.signature, None if one.clear else one.source)
    return verdict.good == frozenset(keys) and not verdict.problems and _says_the_same(one)


def _problems(gpg: Gpg, keys: Sequence[str], one: Signed) -> List[str]:
    if not os.path.isfile(one.source):
        return ["%s is missing" % one.source]
    if not os.path.isfile(one.signature):
        return ["the signature %s is missing" % one.signature]
    verdict = gpg.verify(one.signature, None if one.clear else one.source)
    found = ["the signature %s %s" % (one.signature, problem) for problem in verdict.problems]
    found += ["the signature %s is not by the key %s" % (one.signature, key) for key in keys if key not in verdict.good and not verdict.problems]
    if not _says_the_same(one):
        found.append("%s does not say what %s says" % (one.signature, one.source))
    return found


def _says_the_same(one: Signed) -> bool:
    return not one.clear or body(read_bytes(one.signature).decode("utf-8", "replace")).encode("utf-8") == read_bytes(one.source)


def _clear_leftovers(folders: Iterable[str]) -> None:
    """Half-made files of a process that was killed."""
    for folder in folders:
        for name in os.listdir(folder):
            if name.startswith(".new-"):
                remove_file("%s/%s" % (folder, name))
