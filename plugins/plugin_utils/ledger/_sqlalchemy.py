# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that imports SQLAlchemy.

The modules of this room can be imported without it, for documentation and linters; ``require`` is what says that it
is missing, before anything is done.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from .errors import LedgerMissing

__all__ = ["installed", "require", "sa", "sqlite"]

OLDEST = (2, 0)


class _Absent:
    """Stands for SQLAlchemy where it isn't installed: declarations pass, nothing comes of them."""

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


try:
    import sqlalchemy as sa
    from sqlalchemy.dialects import sqlite
except ImportError:
    sa = sqlite = _Absent()  # type: ignore[assignment]

installed = not isinstance(sa, _Absent)


def require() -> None:
    """Raise ``LedgerMissing`` with the command that helps, unless a SQLAlchemy that will do is there."""
    version = sa.__version__ if installed else ""
    if version and tuple(int(part) for part in version.split(".")[:2]) >= OLDEST:
        return
    raise LedgerMissing("the ledger needs SQLAlchemy 2.0 or newer, and the controller's Python has %s: %s -m pip install 'SQLAlchemy>=2.0'"
                        % (version or "none", sys.executable), python=sys.executable)
