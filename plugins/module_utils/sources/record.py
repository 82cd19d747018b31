# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What is written down of a host before it is attached: files of others that are changed, byte for byte, and keys that were not trusted. Pure."""

from __future__ import annotations

import base64
from typing import Dict, Mapping, Optional, Tuple

from .kind import Store

Bytes = Optional[bytes]


def extended(store: Store, more: Store, files: Mapping[str, Tuple[Bytes, Bytes, Bytes]]) -> Store:
    """What is known already stays; ``files`` are now, then, and now without what is ours. One that is no longer as it was left was edited
    or put back: what it holds now is then what counts."""
    known: Dict[str, Dict[str, Optional[str]]] = dict(store.get("files", {}))
    for path, (now, then, stripped) in files.items():
        if now == then and path in known:
            continue
        if path not in known or _read(known[path]["after"]) != now:
            known[path] = {"before": _text(stripped), "after": _text(then)}
        else:
            known[path] = dict(known[path], after=_text(then))
    return dict(more, **dict(store, files=known))


def former(store: Store, path: str, now: Bytes, stripped: Bytes) -> Tuple[Bytes, bool]:
    """What a file held before, and whether it was edited since, in which case it is what it holds without ours."""
    known = store.get("files", {}).get(path)
    if known and _read(known["after"]) == now:
        return _read(known["before"]), False
    return stripped, True


def _text(data: Bytes) -> Optional[str]:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _read(text: Optional[str]) -> Bytes:
    return None if text is None else base64.b64decode(text)
