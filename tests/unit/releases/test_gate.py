# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a stage lets its release go on."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.gate import check_order, objections

NOW, HOUR, DIGEST = 1_000_000.0, 3600.0, "d" * 64
DRIFT = [{"name": "a", "arch": "all", "kind": "version", "is": "1", "should": "2", "source": ""}]


def at(hours_ago: float, **more: Any) -> tuple[float, dict[str, Any]]:
    return NOW - hours_ago * HOUR, dict({"release": DIGEST, "drift": [], "obstacles": [], "interrupted": None}, **more)


def why(*seen: tuple[float, dict[str, Any]], hours: float = 24, out: dict[str, str] | None = None) -> list[str]:
    return objections({"h": seen}, DIGEST, hours, 24 * HOUR, NOW, out or {})


def test_a_host_that_has_been_there_long_enough() -> None:
    assert why(at(1), at(13), at(25)) == []
    assert why(at(1), hours=0) == []
    assert why(at(1), at(30, drift=DRIFT), hours=0.5) == []


@pytest.mark.parametrize(("seen", "said"), [
    ((), "h: was never assessed"),
    ((at(25),), "h: was last assessed 25.0 h ago, and at most 24.0 h count: assess it again"),
    ((at(1, release=None), at(30)), "h: is attached to no release"),
    (((NOW - HOUR, {"obstacles": [{"kind": "unreachable", "message": "h can't be reached"}]}), at(30)), "h: could not be assessed: h can't be reached"),
    ((at(1, release="e" * 64),), "h: is attached to eeeeeeeeeeee"),
    ((at(1, drift=DRIFT), at(30)), "h: differs from the release in 1 places (a)"),
    ((at(1, drift=[dict(DRIFT[0], kind="stream", name="nodejs")]), at(30)), "h: differs from the release in 1 places (nodejs)"),
    ((at(1, interrupted="dpkg"),), "h: is not healthy: dpkg"),
    ((at(1, failed_units=["x.service"]),), "h: has failed units: x.service"),
    ((at(1), at(12), at(20, drift=DRIFT), at(30)), "h: has been at the release and healthy for 12.0 h, of 24.0 h"),
])
def test_who_is_in_the_way_and_why(seen: Any, said: str) -> None:
    assert why(*seen) == [said]


def test_what_the_release_does_not_know_is_no_hindrance() -> None:
    assert why(at(1, drift=[dict(DRIFT[0], kind="unknown")]), at(30)) == []


def test_a_host_out_of_service_and_an_empty_stage() -> None:
    assert why(at(1), at(30), out={"h": "out of service since run r1"}) == ["h: out of service since run r1"]
    assert objections({}, DIGEST, 0, HOUR, NOW, {}) == ["no host is in the stage before: an empty stage proves nothing"]


def test_the_order_of_stages() -> None:
    assert [check_order(stage, ["dev", "test", "prod"]) for stage in ("dev", "test", "prod")] == [None, "dev", "test"]
    with pytest.raises(BadInput, match="prd is none of the stages dev, prod"):
        check_order("prd", ["dev", "prod"])
    with pytest.raises(BadInput, match="names one twice"):
        check_order("dev", ["dev", "dev"])
