# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports SQLAlchemy.

The modules of this room can be imported without it, for documentation and linters; ``require`` is what says that it
is missing, or too old, before anything is done.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from .errors import LedgerMissing

__all__ = ["installed", "require", "sa", "sqlite"]

OLDEST = (2, 0)


class _Absent:
    """Stands for SQLAlchemy where it isn't installed, or too old: declarations pass, nothing comes of them."""

    def __getattr__(self, name: str) -> _Absent:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> _Absent:
        return self

    def __getitem__(self, item: Any) -> _Absent:
        return self

    def __iter__(self) -> Iterator[_Absent]:
        return iter(())

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (object,)


def _will_do(version: str) -> bool:
    return bool(version) and tuple(int(part) for part in version.split(".")[:2]) >= OLDEST


try:
    import sqlalchemy as sa
    from sqlalchemy.dialects import sqlite
    found = sa.__version__
except ImportError:
    found = ""

installed = _will_do(found)
if not installed:
    # What is too old lacks types that the tables are declared with: it is as good as none.
    sa = sqlite = _Absent()  # type: ignore[assignment]


def require() -> None:
    """Raise ``LedgerMissing`` with the command that helps, unless a SQLAlchemy that will do is there."""
    if not installed:
        raise LedgerMissing("the ledger needs SQLAlchemy 2.0 or newer, and the controller's Python has %s: %s -m pip install 'SQLAlchemy>=2.0'"
                            % (found or "none", sys.executable), python=sys.executable)
