# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's default, and all there is with some ways to become root: modules are sent as files. They don't stay behind, and a host that is lost
with them ends as any other that is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from canned import Canned

HOOK = "- name: Do nothing\n  ansible.builtin.debug: {msg: x}\n"


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    found = Canned(tmp_path / "fleet")
    found.inventory({"h1": {"ansible_connection": "strange"}, "h2": {}})
    return found


def sent(fleet: Canned) -> list[str]:
    """What lies about of modules that were sent."""
    return sorted(path.parent.name for path in fleet.sent.glob("*/*"))


def hooked(fleet: Canned, with_hooks: bool) -> dict[str, str]:
    return {"patch_hook_after_drain": str(fleet.write("hook.yml", HOOK))} if with_hooks else {}


@pytest.mark.parametrize("with_hooks", [False, True])
def test_no_module_stays_where_it_was_sent(fleet: Canned, with_hooks: bool) -> None:
    done = fleet.play("fleetops.patchtrain.patch", "-vvv", **hooked(fleet, with_hooks))
    assert done.rc == 0 and fleet.states() == {"h1": "succeeded", "h2": "succeeded"}, done.text
    assert "ansible-tmp-" in done.text, "some were sent"
    assert sent(fleet) == []


def test_none_stays_where_hosts_are_their_own_places_and_are_asked_side_by_side(fleet: Canned) -> None:
    done = fleet.play(patch_maintenance=[dict(fleet.maintenance[0], place="{{ inventory_hostname }}")])
    assert done.rc == 0, done.text
    assert sent(fleet) == []


@pytest.mark.parametrize("with_hooks", [False, True])
def test_a_host_that_is_lost_is_recorded_and_the_play_goes_on_to_its_end(fleet: Canned, with_hooks: bool) -> None:
    fleet.say(h1={"vanishes": True})
    done = fleet.play(patch_reconnect_timeout=1, patch_max_unavailable=2, **hooked(fleet, with_hooks))
    assert fleet.states() == {"h1": "unreachable", "h2": "succeeded"}, done.text
    assert "UNREACHABLE" not in done.text and "a fault in this collection" not in done.text
    (reason,) = fleet.ask("SELECT reason FROM run_hosts WHERE host = 'h1'")[0]
    assert "h1 can't be reached: no route to host" in reason
    assert (fleet.out(), fleet.slots(), fleet.runs()) == (["h1"], ["h1"], ["failed"])
