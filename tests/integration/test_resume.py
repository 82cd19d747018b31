# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller is killed in the middle of a host's cycle, and the run goes on in another one: each host patched once, restored once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from lab_fleet import WEB, Fleet, wait_for

pytestmark = [pytest.mark.lab]

SLOW = """
- name: Take a while
  ansible.builtin.command: sleep 3
  changed_when: false
"""


def steps(fleet: Fleet, run: str = "night") -> list[tuple[str, str, str]]:
    """Host, step and outcome, in order."""
    path = fleet.state / "patchtrain" / "ledger.db"
    if not path.exists():
        return []
    connection = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    try:
        return list(connection.execute(
            "SELECT s.host, s.step, s.outcome FROM steps s JOIN runs r ON r.id = s.run_id WHERE r.name = ? ORDER BY s.id", (run,)))
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def upgrades(fleet: Fleet, host: str) -> int:
    return int(fleet.sh(host, "grep -c ' upgrade patchlab-web:all 1.0 1.1' /var/log/dpkg.log || true"))


def cut(fleet: Fleet, step: str, outcome: str) -> str:
    """Begin the run, and kill its controller as soon as a host is in a step, or through it; the host."""
    playing = fleet.start("fleetops.patchtrain.patch", patch_run_name="night")

    def there() -> str:
        found = next((h for h, s, o in steps(fleet) if (s, o) == (step, outcome)), "")
        assert found or playing.poll() is None, "the run ended before: %s" % playing.communicate()[0][-4000:]
        return found

    # The late moments come after a whole cycle, which is minutes where the machine has other things to do.
    host: str = wait_for(there, "a host in %s" % step, 400)
    playing.kill()
    playing.communicate(timeout=60)
    return host


def gone_on_with(fleet: Fleet) -> None:
    boots = fleet.boots()
    done = fleet.play("fleetops.patchtrain.patch", patch_run_name="night")
    assert done.rc == 0, done.text[-4000:]
    assert set(done.states().values()) == {"succeeded"}
    assert {upgrades(fleet, host) for host in WEB} == {1}
    assert {fleet.version(host, "patchlab-web") for host in WEB} == {"1.1"}
    assert all(status.startswith("UP") for status in fleet.balancer().values())
    assert all(fleet.boots()[host] - boots[host] <= 1 for host in WEB), "no host is rebooted twice"
    assert not fleet.play("fleetops.patchtrain.control").text.count("out for")
    again = fleet.play("fleetops.patchtrain.patch", patch_run_name="night")
    assert again.rc != 0 and "run night has ended (succeeded), and a finished run is never resumed" in " ".join(again.text.split())


EARLY = [("install", "")]
ALL = [("prepare", ""), ("confirm", "ok"), ("hook before_drain", ""), ("enter", ""), ("enter", "ok"), ("install", "ok"), ("reboot", ""), ("reboot", "ok"),
       ("gate", ""), ("gate", "ok"), ("leave", ""), ("leave", "ok"), ("hook after_restore", ""), ("release", "")]


@pytest.mark.parametrize(("step", "outcome"), [
    *(pytest.param(*at, id="in %s" % at[0]) for at in EARLY),
    *(pytest.param(*at, marks=pytest.mark.full, id="%s %s" % ("after" if at[1] else "in", at[0])) for at in ALL)])
def test_a_killed_controller(fleet: Fleet, step: str, outcome: str) -> None:
    fleet.state.mkdir(parents=True)
    hook = Path(fleet.state / "slow.yml")
    hook.write_text(SLOW)
    if step.startswith("hook "):
        fleet.deployment["patch_hook_%s" % step.partition(" ")[2]] = str(hook)
    before = fleet.boots()
    host = cut(fleet, step, outcome)
    gone_on_with(fleet)
    assert fleet.boots()[host] == before[host] + 1, "one update wants a reboot"
