# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's window with the calendars that it names: the files around what ``scheduling.windows`` computes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..module_utils.errors import BadInput
from .scheduling.windows import WINDOW, Window
from .scheduling.windows_parse import parse_window

_LARGEST = 4 * 1024 * 1024


def load_window(value: Mapping[str, Any], directory: str) -> Window | None:
    """The window of ``patch_window``, None where there is none; paths of calendars are relative to ``directory``."""
    return parse_window(value, lambda path: _text(path, Path(directory, os.path.expanduser(path))))


def _text(path: str, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise _bad(path, "can't be read (%s, looked for as %s)" % (getattr(error, "strerror", None) or error, file)) from None
    if len(data) > _LARGEST:
        raise _bad(path, "is larger than 4 MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad(path, "is not UTF-8 text") from None


def _bad(path: str, what: str) -> BadInput:
    return BadInput("%s.freeze: calendar %s %s: give the path of an .ics file on the controller" % (WINDOW, ascii(path), what), name=WINDOW)
