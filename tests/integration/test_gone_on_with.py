# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is left in the middle, and another start goes on with it; no host is touched."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from canned import Canned

pytestmark = [pytest.mark.full]

SLOT = {"patch_max_unavailable": 1}


def window(hours: float) -> dict[str, dict[str, str]]:
    """One that begins so many hours from now."""
    start = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 3600 * hours))
    return {"patch_window": {"start": start, "duration": "6h", "timezone": "UTC"}}


def left_in_the_middle(fleet: Canned, at: str = "install", **variables: object) -> None:
    """A host was installing when the controller was killed, or in a hook that waits under the name ``at``."""
    hold, reached = fleet.write(at + ".hold", ""), fleet.folder / (at + ".reached")
    process = fleet.start("fleetops.patchtrain.patch", **{**SLOT, **variables})
    deadline = time.monotonic() + 300
    while not reached.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    said, _none = process.communicate(timeout=300)
    assert reached.exists(), said
    hold.unlink()


def test_outside_of_the_window_a_run_is_gone_on_with_and_none_is_begun(tmp_path: Path) -> None:
    fleet = Canned(tmp_path / "fleet")
    left_in_the_middle(fleet, patch_run_name="night", **window(-1))
    begun = fleet.play(patch_run_name="morning", **SLOT, **window(3))
    assert begun.rc != 0 and "the window is closed and opens next" in begun.text and fleet.runs() == ["running"]
    done = fleet.play(patch_run_name="night", **SLOT, **window(3))
    assert done.rc == 0 and set(fleet.states().values()) == {"succeeded"} and fleet.out() == fleet.slots() == [], done.text


def test_the_same_start_within_one_window_goes_on_with_its_run_and_its_scope(tmp_path: Path) -> None:
    fleet = Canned(tmp_path / "fleet")
    same = dict(window(-1), patch_scope="!(ledger.last_state)")
    left_in_the_middle(fleet, **same)
    done = fleet.play(**SLOT, **same)
    assert done.rc == 0 and fleet.runs() == ["succeeded"] and set(fleet.states().values()) == {"succeeded"}, done.text
    assert "leavers" not in done.text


def page(fleet: Canned, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((fleet.folder / "state" / "patchtrain" / "reports" / run / "report.json").read_text())
    return {host["name"]: host for host in found["hosts"]}


def test_another_run_says_who_is_out_of_service_and_how_that_run_goes_on(tmp_path: Path) -> None:
    """Its installation has come to its end without a controller, so that the next run finds nothing to do."""
    fleet = Canned(tmp_path / "fleet")
    left_in_the_middle(fleet, patch_run_name="night")
    (out,) = fleet.out()
    fleet.say(**{out: {"changes": []}})
    done = fleet.play(patch_run_name="morning", patch_max_unavailable=2)
    said = " ".join(done.text.split())
    assert done.rc != 0 and "run night was left unfinished, and its controller is gone: %s out of service" % out in said, done.text
    assert {host for host, state in fleet.states().items() if state == "succeeded"} == {"h1", "h2", "h3", "h4"} - {out}
    told = page(fleet, "morning")[out]
    assert told["state"] == "blocked" and told["held_by"]["name"] == "night" and told["out_of_service"][-1]["to"] is None
    assert "What needs a person" in done.text and "fleetops.patchtrain.patch -e patch_run_name=night" in done.text.rpartition("What needs a person")[2]
    again = fleet.play(patch_run_name="night", **SLOT)
    assert again.rc == 0 and fleet.out() == fleet.slots() == [], again.text


def test_a_host_that_a_failed_run_left_out_comes_back_with_the_next_one_that_finds_nothing_to_do(tmp_path: Path) -> None:
    fleet = Canned(tmp_path / "fleet")
    fleet.say(h1={"install": "dpkg said no"})
    failed = fleet.play(patch_run_name="night", patch_hosts="h1")
    assert failed.rc != 0 and fleet.out() == fleet.slots() == ["h1"], failed.text
    fleet.say(h1={"changes": []}, h2={"changes": []})
    done = fleet.play(patch_run_name="morning", patch_hosts="h1,h2", patch_max_unavailable=1)
    assert done.rc == 0 and fleet.out() == fleet.slots() == [], done.text
    known = page(fleet, "morning")
    assert (known["h1"]["state"], known["h2"]["state"]) == ("succeeded", "up_to_date")
    assert "run night had left it out of service" in known["h1"]["reason"]


def test_a_host_that_somebody_restored_in_between_is_drained_by_its_hooks_again(tmp_path: Path) -> None:
    fleet = Canned(tmp_path / "fleet")
    drain, wait = fleet.folder / "drain.yml", fleet.folder / "wait.yml"
    drain.write_text("- ansible.builtin.shell: echo {{ inventory_hostname }} >> %s/drained\n" % fleet.folder)
    wait.write_text("- ansible.builtin.shell: touch hook.reached; while [ -e hook.hold ]; do sleep 0.1; done\n  args: {chdir: %s}\n" % fleet.folder)
    hooks = {"patch_hosts": "h1,h2", "patch_hook_before_drain": str(drain), "patch_hook_after_drain": str(wait)}
    left_in_the_middle(fleet, "hook", patch_run_name="night", **hooks)
    (host,) = fleet.out()
    back = fleet.play("fleetops.patchtrain.restore", **hooks)
    assert back.rc == 0 and fleet.states()[host] == "deferred" and fleet.out() == fleet.slots() == [], back.text
    done = fleet.play(patch_run_name="night", **SLOT, **hooks)
    assert done.rc == 0 and set(fleet.states().values()) == {"succeeded"} and fleet.out() == fleet.slots() == [], done.text
    assert sorted((fleet.folder / "drained").read_text().split()) == sorted(["h1", "h2", host]), "each in its turn, and the one again"
