# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Files that several processes and a power cut may meet: whole or not there, never half written."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, Optional

from ..errors import ParseFailed

Document = Dict[str, Any]


def canonical(document: Any) -> str:
    """The one text of a document, so that two texts can be compared."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def read_document(path: str) -> Optional[Document]:
    """A JSON object, or None where there is no such file."""
    try:
        with open(path, encoding="utf-8") as handle:
            text = handle.read()
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ParseFailed("%s is not JSON (%s): remove it if nothing runs" % (path, error), path=path) from error
    if not isinstance(document, dict):
        raise ParseFailed("%s holds no JSON object: remove it if nothing runs" % path, path=path)
    return document


def replace_file(path: str, data: bytes) -> None:
    """Give ``path`` this content, whatever it held before."""
    temporary = _write_beside(path, data)
    os.rename(temporary, path)
    sync_directory(os.path.dirname(path))


def replace_document(path: str, document: Document) -> None:
    replace_file(path, _encode(document))


def create_document(path: str, document: Document) -> bool:
    """Write a file that must not exist yet; False where somebody else was first. Exactly one caller gets True."""
    temporary = _write_beside(path, _encode(document))
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    sync_directory(os.path.dirname(path))
    return True


def sync_directory(path: str) -> None:
    """Make names in a directory survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _encode(document: Document) -> bytes:
    return json.dumps(document, sort_keys=True, indent=1).encode("ascii") + b"\n"


def _write_beside(path: str, data: bytes) -> str:
    # mkstemp gives mode 0600, so nobody else reads what is in there.
    number, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".new-")
    try:
        with os.fdopen(number, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError:
        os.unlink(temporary)
        raise
    return temporary
