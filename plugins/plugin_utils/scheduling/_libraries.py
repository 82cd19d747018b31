# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports the libraries for windows, where one is asked for: most windows name no calendar, whose libraries take longer to load than this
whole room. Whoever declares no window needs none of them; ``needed`` says what is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from ...module_utils.errors import PatchtrainError

__all__ = ["CALENDARS", "RECURRENCE", "LibraryMissing", "needed"]


class LibraryMissing(PatchtrainError):
    """The controller's Python lacks a library; the message has the command that installs it."""


def _rrule() -> Any:
    from dateutil import rrule
    return rrule


def _icalendar() -> Any:
    import icalendar
    return icalendar


def _recurring_ical_events() -> Any:
    import recurring_ical_events  # type: ignore[import-untyped]
    return recurring_ical_events


_Library = tuple[str, Callable[[], Any]]
RECURRENCE: Sequence[_Library] = (("python-dateutil", _rrule),)
CALENDARS: Sequence[_Library] = (("icalendar", _icalendar), ("recurring-ical-events", _recurring_ical_events))


def needed(libraries: Sequence[_Library], what: str) -> list[Any]:
    """These, in their order. Raises ``LibraryMissing`` with the command that helps, unless all are there."""
    found, missing = [], []
    for distribution, load in libraries:
        try:
            found.append(load())
        except ImportError:
            missing.append(distribution)
    if missing:
        raise LibraryMissing("%s needs %s, which the controller's Python has not: %s -m pip install %s" % (
            what, " and ".join(missing), sys.executable, " ".join(missing)), python=sys.executable, missing=missing)
    return found
