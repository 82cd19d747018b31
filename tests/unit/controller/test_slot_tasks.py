# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may come back into service, who keeps a slot, and what is written about it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import updates_install


def test_what_was_never_prepared_is_not_nothing_to_install(desk: Any) -> None:
    desk.open()
    with pytest.raises(updates_install.NotPrepared, match="web1 was not prepared in run night"):
        desk.do(updates_install, run_id="night", planned=True)
    desk.prepare(changes=())
    assert desk.do(updates_install, run_id="night", planned=True) == {"msg": "nothing to install"}
