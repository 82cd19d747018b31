# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What describes module streams: documents in the metadata of dnf's sources (modules.yaml), taken as they are.

No library for YAML can be counted on here, and little of it is needed: where documents begin and end, and three of their fields. Texts of
several lines are always further in than the field that they belong to.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import re
from typing import Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set

from ...errors import CommandFailed, NotReadable, ParseFailed
from ...runner import Runner
from ..rpm.repomd import Located, located

STREAM, DEFAULTS = "modulemd", "modulemd-defaults"

_FIELD = re.compile(r"( *)([A-Za-z_-]+):(?: +(.*))?$")
_UNPACK: Mapping[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}


class Document(NamedTuple):
    """``stream`` is empty where it is one about a module as a whole."""

    kind: str
    module: str
    stream: str
    text: str


class Described(NamedTuple):
    """The documents of streams as one text, and why there are none of the others."""

    text: str
    missing: Dict[str, str]


def described(runner: Runner, indexes: Mapping[str, str], streams: Sequence[str]) -> Described:
    """``indexes`` are the repomd.xml of sources, by source; ``streams`` are ``name:stream``."""
    known = [document for source, path in sorted(indexes.items()) for document in documents(_text(runner, source, path))]
    there: Set[str] = {"%s:%s" % (one.module, one.stream) for one in known if one.kind == STREAM}
    return Described(chosen(known, streams), dict.fromkeys(sorted(set(streams) - there), "no source of this host describes it"))


def chosen(known: Iterable[Document], streams: Sequence[str]) -> str:
    """What describes these streams, in all their builds and contexts, and which stream is the default of their modules. Pure."""
    modules = {stream.split(":", 1)[0] for stream in streams}
    wanted: Dict[str, None] = {}
    for one in known:
        if (one.kind == STREAM and "%s:%s" % (one.module, one.stream) in streams) or (one.kind == DEFAULTS and one.module in modules):
            wanted[one.text] = None
    return "".join("---\n%s...\n" % text for text in wanted)


def documents(text: str) -> List[Document]:
    """Of a modules.yaml; documents of other kinds are left out. Pure."""
    found = []
    for body in _split(text):
        fields = _fields(body)
        kind = fields.get("document", "")
        if kind in (STREAM, DEFAULTS):
            found.append(_document(kind, fields, body))
    return found


def _document(kind: str, fields: Mapping[str, str], body: str) -> Document:
    module, stream = (fields.get("data.name"), fields.get("data.stream")) if kind == STREAM else (fields.get("data.module"), "")
    if not module or stream is None or (kind == STREAM and not stream):
        raise ParseFailed("a description of a module stream does not say of which: %s" % body[:200].replace("\n", " "))
    return Document(kind, module, stream, body)


def _split(text: str) -> Iterator[str]:
    """The bodies of documents, without what stands between them."""
    lines: List[str] = []
    for line in text.split("\n") + ["---"]:
        if line.rstrip() in ("---", "..."):
            if any(one.strip() for one in lines):
                yield "\n".join(lines).strip("\n") + "\n"
            lines = []
        else:
            lines.append(line)


def _fields(body: str) -> Dict[str, str]:
    """The fields at the top, and as ``data.NAME`` those of ``data``."""
    found: Dict[str, str] = {}
    top, inner = "", None
    for line in body.split("\n"):
        field = _FIELD.match(line)
        if not field:
            continue
        indent, name, value = field.group(1), field.group(2), _scalar(field.group(3) or "")
        if not indent:
            top, inner = name, None
            found.setdefault(name, value)
        elif top == "data":
            inner = indent if inner is None else inner
            if indent == inner:
                found.setdefault("data." + name, value)
    return found


def _scalar(text: str) -> str:
    text = text.strip()
    if text[:1] in "'\"" and len(text) > 1:
        return text[1:].split(text[0], 1)[0]
    return text.split(" #", 1)[0].rstrip()


def _text(runner: Runner, source: str, index: str) -> str:
    """The source's own file, as its index has it; empty where the source has no modules."""
    where = located(runner.read(index) or "", "modules")
    if where is None:
        return ""
    path = os.path.join(os.path.dirname(index), os.path.basename(where.href))
    content = _checked(source, path, where)
    ending = os.path.splitext(path)[1]
    if ending == ".zst":
        return runner.run(["zstd", "-dcq", "--", path]).check().stdout
    try:
        return _UNPACK.get(ending, bytes)(content).decode("utf-8")
    except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
        raise ParseFailed("%s can't be unpacked: %s" % (path, error), path=path) from error


def _checked(source: str, path: str, where: Located) -> bytes:
    content = _bytes(path)
    if content is None:
        raise CommandFailed("dnf has not fetched the description of module streams of %s: refresh it (dnf makecache)" % source, [], path=path)
    try:
        found = hashlib.new(where.algorithm, content).hexdigest()
    except ValueError:
        raise ParseFailed("the index of %s has checksums of the unknown kind %s" % (source, where.algorithm)) from None
    if found != where.checksum:
        raise ParseFailed("%s is not what the index of %s says: it was changed, or cut (dnf clean metadata)" % (path, source), path=path)
    return content


def _bytes(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise NotReadable("%s can't be read by uid %d (become: true)" % (path, os.geteuid()), path=path) from error
