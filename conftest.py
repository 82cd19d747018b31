# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests are spread over workers, and how long they may take."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest

# No test asserts a time: on a busy machine an example takes what it takes.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

_INTEGRATION = "tests/integration/"
_NO_LAB_OR_ONE_OF_THEIR_OWN = {"test_molecule.py", "test_tarball.py"}


def share_of(nodeid: str) -> str:
    """The tests that one worker runs, one after another: those of a file; and all that share the lab's hosts."""
    path = nodeid.split("::")[0]
    shares_the_lab = path.startswith(_INTEGRATION) and path.removeprefix(_INTEGRATION) not in _NO_LAB_OR_ONE_OF_THEIR_OWN
    return "lab" if shares_the_lab else path


# Not `--dist loadgroup`, which renames tests after their group: with pytest 9.2 that has no effect, and no error either.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class OneLab(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return share_of(nodeid)

    return OneLab(config, log)
