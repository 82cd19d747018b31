# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests here ask the manager under test what it was asked when its transcripts were recorded (../rpm/recording)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "rpm" / "recording"))


@pytest.fixture
def scene() -> Callable[[str], Any]:
    """The runner that answers as the tools did in a recorded scene."""
    from replay import Replay

    return lambda name: Replay(HERE / "data" / (name + ".json"))
