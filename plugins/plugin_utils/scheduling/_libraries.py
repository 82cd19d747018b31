# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports the libraries for windows. The room can be imported without them, for documentation and linters,
and whoever declares no window needs none of them; ``require`` says what is missing where it is needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ...module_utils.errors import PatchtrainError

__all__ = ["CALENDARS", "RECURRENCE", "LibraryMissing", "icalendar", "recurring_ical_events", "require", "rrule"]

RECURRENCE = (("dateutil", "python-dateutil"),)
CALENDARS = (("icalendar", "icalendar"), ("recurring_ical_events", "recurring-ical-events"))


class LibraryMissing(PatchtrainError):
    """The controller's Python lacks a library; the message has the command that installs it."""


try:
    from dateutil import rrule
except ImportError:
    rrule = None  # type: ignore[assignment]

try:
    import icalendar
except ImportError:
    icalendar = None  # type: ignore[assignment]

try:
    import recurring_ical_events  # type: ignore[import-untyped]
except ImportError:
    recurring_ical_events = None


def require(libraries: Sequence[tuple[str, str]], what: str) -> None:
    """Raise ``LibraryMissing`` with the command that helps, unless all of ``libraries`` are there."""
    there: dict[str, Any] = {"dateutil": rrule, "icalendar": icalendar, "recurring_ical_events": recurring_ical_events}
    missing = [distribution for name, distribution in libraries if there[name] is None]
    if missing:
        raise LibraryMissing("%s needs %s, which the controller's Python has not: %s -m pip install %s" % (
            what, " and ".join(missing), sys.executable, " ".join(missing)), python=sys.executable, missing=missing)
