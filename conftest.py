# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests are spread over workers: those that share a lab's hosts run on one, one after another. And how long they may take."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

# No test asserts a time: on a busy machine an example takes what it takes.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

INTEGRATION = Path(__file__).parent / "tests" / "integration"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if INTEGRATION in item.path.parents and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("lab"))
