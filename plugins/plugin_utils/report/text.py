# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from hosts is hostile. Here it becomes harmless: for a page, a spreadsheet, a terminal. Pure.

What can't be seen or moves what stands beside it (control characters, terminal escapes, bidirectional overrides,
invisible ones, broken encodings) is written as its escape, for example ``\\x1b`` or ``\\u202e``: a reader sees that it was there.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

LINE_LIMIT = 2000
BLOCK_LIMIT = 65536

# Unicode's Cc, Cf, Cs, Zl, Zp, the non-characters of the basic plane and the fillers that look like nothing
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe-\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN_IN_LINE = re.compile(f"[{_UNSEEN}]")
_UNSEEN_IN_BLOCK = re.compile(f"(?![\n\t])[{_UNSEEN}]")
_BREAKS = re.compile("[\t\n\x0b\x0c\r]+")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s?#]+@")
_FORMULA_START = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# A spreadsheet that splits at another separator than ours finds new cells inside a cell
_FORMULA_INSIDE = re.compile(r"([,;|\"']\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _plain(value: str) -> str:
    """An exact ``str``: a subclass could claim to be markup or bring methods of its own."""
    return str.__str__(value)


def hide_credentials(text: str) -> str:
    """Without the user and password that a URL may carry."""
    return _CREDENTIALS.sub("***@", text) if "://" in text else text


def clean_line(value: str, limit: int = LINE_LIMIT) -> str:
    """One line that can stand anywhere."""
    text = hide_credentials(_plain(value))
    if len(text) > limit:
        text = f"{text[:limit]} ... ({len(text) - limit} more characters)"
    if _UNSEEN_IN_LINE.search(text) is None:
        return text
    return _UNSEEN_IN_LINE.sub(_escape, _BREAKS.sub(" ", text)).strip()


def clean_block(value: str, limit: int = BLOCK_LIMIT) -> str:
    """Several lines; of too many, the end, because that is where a log says what went wrong."""
    text = hide_credentials(_plain(value)).replace("\r\n", "\n")
    if len(text) > limit:
        text = f"({len(text) - limit} characters before this)\n{text[-limit:]}"
    return _UNSEEN_IN_BLOCK.sub(_escape, text)


def cleaned(value: Any, key: str = "") -> Any:
    """A copy of JSON-like data in which every text is harmless; ``log`` keeps its lines. No number is infinite."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_block(value) if key == "log" else clean_line(value)
    if isinstance(value, Mapping):
        return {clean_line(str(k)): cleaned(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [cleaned(item, key) for item in value]
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    return clean_line(str(value))


def csv_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula, wherever it splits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    text = _FORMULA_INSIDE.sub(r"\1'", clean_line(str(value)))
    return f"'{text}" if _FORMULA_START.match(text) else text


def script_json(value: Any) -> str:
    """JSON that can stand inside ``<script>``: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if char < "\x7f":
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def fit(text: str, columns: int) -> str:
    """The text in at most so many columns, with ``~`` where something was cut."""
    if width(text) <= columns:
        return text
    kept, used = [], 0
    for char in text:
        used += _char_width(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept) + "~" if columns > 0 else ""


def pad(text: str, columns: int, right: bool = False) -> str:
    """Fitted and filled with spaces to exactly so many columns."""
    short = fit(text, columns)
    fill = " " * (columns - width(short))
    return fill + short if right else short + fill
