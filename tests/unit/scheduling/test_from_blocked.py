# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a run over the blocked ones of another is for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.scope import only_blocked, why_not_blocked

HOSTS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(HOSTS, HOSTS)
def test_each_target_is_chosen_or_told_why_not(blocked: list[str], targets: list[str]) -> None:
    both = [host for host in targets if host in blocked]
    if not both:
        with pytest.raises(BadInput, match="patch_from_blocked: of run night"):
            only_blocked("night", dict.fromkeys(blocked, "why"), targets)
        return
    chosen, record = only_blocked("night", dict.fromkeys(blocked, "why"), targets)
    assert chosen == both
    assert {host for host in targets if why_not_blocked(record, host)} == set(targets) - set(blocked)


def test_the_words() -> None:
    with pytest.raises(BadInput, match="of run night no host is blocked, and none of them is among the 1 hosts"):
        only_blocked("night", {}, ["a"])
    with pytest.raises(BadInput, match="of run night a, b, c, d, e and 1 more are blocked"):
        only_blocked("night", dict.fromkeys("abcdef", ""), ["z"])
    assert why_not_blocked({}, "a") is None
    assert why_not_blocked(only_blocked("night", {"a": ""}, ["a", "b"])[1], "b") == (
        "not targeted: patch_from_blocked is for hosts that ended blocked in run night, and b did not")
