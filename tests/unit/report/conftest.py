# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.fleetops.patchtrain.tests.unit.report.browser import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all pages; a machine without one fails, it doesn't skip."""
    started = Browser()
    yield started
    started.close()
