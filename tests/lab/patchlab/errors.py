# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that a person can act on: one line, what is wrong and what to do."""

from __future__ import annotations


class LabError(Exception):
    """One line for a person; the program ends with ``rc``."""

    rc = 1


class CommandFailed(LabError):
    """A program ended with a return code that means failure; ``said`` are its last words."""

    def __init__(self, line: str, said: str) -> None:
        super().__init__(line)
        self.said = said


class Damaged(LabError):
    """A lab's state can't be read."""


class Missing(LabError):
    """This machine lacks what the lab needs; nothing has been built."""

    rc = 2
