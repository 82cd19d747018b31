# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept in columns: text from anywhere, documents, and long text packed."""

from __future__ import annotations

import json
import zlib
from typing import Any

from ._sqlalchemy import sa


def clean(text: str) -> str:
    """Plain text that every database can keep: no NUL, nothing that is not Unicode, no subclass of ``str``."""
    return str.__str__(text).replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


class Text(sa.types.TypeDecorator[str]):
    impl = sa.types.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else clean(value)


class Document(sa.types.TypeDecorator[Any]):
    """JSON that stays readable in the database; escapes keep what ``clean`` would have to replace."""

    impl = sa.types.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else json.dumps(value, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else json.loads(value)


class Packed(sa.types.TypeDecorator[Any]):
    """JSON that is big and rarely read, compressed."""

    impl = sa.types.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> bytes | None:
        return None if value is None else zlib.compress(json.dumps(value, sort_keys=True).encode("ascii"))

    def process_result_value(self, value: bytes | None, dialect: Any) -> Any:
        return None if value is None else json.loads(zlib.decompress(value))
