# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""dnf's own configuration files, as far as dnf has no command that tells. Pure."""

from __future__ import annotations

import configparser
import re
from typing import List, Mapping

from ...errors import ParseFailed

_TRUE = ("1", "yes", "true", "on")


class Config:
    """Sections of options, the main one and one for each repository."""

    def __init__(self, text: str, path: str) -> None:
        self._parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            self._parser.read_string(text)
        except configparser.Error as error:
            raise ParseFailed("%s is not understood: %s" % (path, str(error).replace("\n", " ")), path=path) from None

    def _section(self, name: str) -> Mapping[str, str]:
        return self._parser[name] if self._parser.has_section(name) else {}

    def text(self, section: str, option: str, default: str) -> str:
        return self._section(section).get(option, default)

    def flag(self, section: str, option: str, default: bool) -> bool:
        value = self._section(section).get(option)
        return default if value is None else value.strip().lower() in _TRUE

    def words(self, section: str, *options: str) -> List[str]:
        """The values of all these options, which dnf separates by commas and blanks."""
        texts = [self._section(section).get(option, "") for option in options]
        return [word for text in texts for word in re.split(r"[,\s]+", text) if word]
