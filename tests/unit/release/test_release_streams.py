# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's module streams beside its release's."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import TransactionImpossible
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.streams import Differing, compared, entries, refuse
from hypothesis import given
from hypothesis import strategies as st

RELEASE = ["nodejs:20", "php:8"]
one_of_each = st.builds("{}:{}".format, st.sampled_from(["nodejs", "php", "perl"]), st.sampled_from(["8", "18", "20"]))
streams = st.lists(one_of_each, unique_by=lambda stream: stream.split(":")[0])


@pytest.mark.parametrize(("enabled", "used", "found"), [
    (["nodejs:20", "php:8"], ["nodejs"], []),
    ([], [], []),
    (["perl:5"], ["perl"], []),
    (["nodejs:18"], [], [Differing("nodejs", "nodejs:18", "nodejs:20")]),
    (["php:8"], ["nodejs"], [Differing("nodejs", None, "nodejs:20")])])
def test_only_modules_of_the_release_that_the_host_makes_use_of(enabled: list[str], used: list[str], found: list[Differing]) -> None:
    assert compared(enabled, used, RELEASE) == found


@given(streams, streams, st.sets(st.sampled_from(["nodejs", "php", "perl"])))
def test_who_does_what_is_said_has_no_drift(enabled: list[str], release: list[str], used: set[str]) -> None:
    found = compared(enabled, used, release)
    switched = [stream for stream in enabled if stream.split(":")[0] not in {one.module for one in found}] + [one.should for one in found]
    assert compared(switched, used, release) == []
    assert [row["should"] for row in entries(found)] == [one.should for one in found]


def test_the_commands_are_named() -> None:
    refuse([])
    with pytest.raises(TransactionImpossible) as caught:
        refuse([Differing("nodejs", "nodejs:18", "nodejs:20"), Differing("php", None, "php:8")])
    assert caught.value.message == (
        "module streams of the host are not the release's: nodejs:18 (release: nodejs:20), php without an enabled stream (release: php:8); "
        "attach the host (playbook attach), and switch them there: dnf -y module reset nodejs && dnf -y module enable nodejs:20 && dnf -y module enable php:8")
    assert caught.value.data == {"streams": ["nodejs:20", "php:8"]}
