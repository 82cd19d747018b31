# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes by itself is tried again on real hosts, installations go on in rounds, and a reboot that is due comes first."""

from __future__ import annotations

import pytest
from lab_fleet import HAPROXY, Fleet, wait_for
from test_resume import steps, upgrades

pytestmark = [pytest.mark.lab]

HOST = "web1"
LOCKED = """
- name: Somebody else installs for a while
  ansible.builtin.shell: >-
    setsid {{ ansible_python_interpreter | default('python3') }} -c
    "import fcntl, time; f = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(f, fcntl.LOCK_EX); time.sleep(8)"
    >/dev/null 2>&1 </dev/null & sleep 1
  changed_when: true
"""


def hook(fleet: Fleet, text: str) -> str:
    fleet.state.mkdir(parents=True, exist_ok=True)
    path = fleet.state / "hook.yml"
    path.write_text(text)
    return str(path)


def play(fleet: Fleet, **variables: object) -> list[tuple[str, str]]:
    """The run's steps, once it has succeeded."""
    done = fleet.play("fleetops.patchtrain.patch", patch_hosts=HOST, patch_run_name="night", **variables)
    assert done.rc == 0 and done.states() == {HOST: "succeeded"}, done.text[-4000:]
    return [(step, outcome) for _host, step, outcome in steps(fleet)]


def test_an_installation_that_finds_the_lock_taken_is_tried_again(fleet: Fleet) -> None:
    walked = play(fleet, patch_hook_after_drain=hook(fleet, LOCKED), patch_lock_timeout=2, patch_retries={"install": 9}, patch_retry_delay=1)
    attempts = [outcome for step, outcome in walked if step == "install"]
    assert attempts[-1] == "ok" and set(attempts[:-1]) == {"failed"} and ("retry install", "ok") in walked
    assert upgrades(fleet, HOST) == 1
    assert fleet.sh(HOST, "ls /var/lib/patchtrain/jobs | wc -l") == str(len(attempts)), "each attempt is a job of its own"


@pytest.mark.full
def test_without_retries_the_host_fails_and_names_the_lock(fleet: Fleet) -> None:
    done = fleet.play("fleetops.patchtrain.patch", patch_hosts=HOST, patch_hook_after_drain=hook(fleet, LOCKED), patch_lock_timeout=2)
    assert done.rc != 0 and "lock" in done.host(HOST)["reason"]


@pytest.mark.full
def test_what_an_installation_brings_up_is_installed_in_the_next_round(fleet: Fleet) -> None:
    """A pin hides one update until a transaction is through."""
    fleet.lab("install", HOST, "patchlab-slow")
    fleet.sh(HOST, "printf 'Package: patchlab-slow\\nPin: version 1.1\\nPin-Priority: -1\\n' > /etc/apt/preferences.d/hidden;"
                   "echo 'DPkg::Post-Invoke { \"rm -f /etc/apt/preferences.d/hidden\"; };' > /etc/apt/apt.conf.d/99unhide")
    walked = play(fleet, patch_rounds=4)
    assert [step for step, outcome in walked if outcome == "ok" and step in ("install", "look again")] == ["install", "look again", "install"]
    assert fleet.version(HOST, "patchlab-slow") == "1.1" and upgrades(fleet, HOST) == 1


@pytest.mark.full
def test_a_reboot_that_is_due_is_done_first(fleet: Fleet) -> None:
    fleet.sh(HOST, "touch /run/reboot-required")
    boots = fleet.boots()[HOST]
    walked = play(fleet, patch_reboot_before=True)
    order = [step for step, _outcome in walked]
    assert order.index("enter") < order.index("reboot before") < order.index("install") < order.index("reboot")
    assert fleet.boots()[HOST] == boots + 2, "one update wants a reboot of its own"


@pytest.mark.full
def test_a_load_balancer_that_does_not_answer_is_asked_again(fleet: Fleet) -> None:
    # Cut before the drain by a hook of the host's, so that the run is open and the host prepared.
    fleet.deployment["patch_maintenance"] = [dict(HAPROXY[0], timeout=5)]
    holding = "- name: Wait\n  ansible.builtin.command: sleep 3\n  changed_when: false\n"
    process = fleet.start("fleetops.patchtrain.patch", patch_hosts=HOST, patch_run_name="night", patch_hook_before_drain=hook(fleet, holding),
                          patch_retries={"drain": 9}, patch_retry_delay=1)
    try:
        wait_for(lambda: (HOST, "hook before_drain", "") in steps(fleet), "the hook", 120)
        fleet.lab("cut", "lb1")
        wait_for(lambda: any(step == "retry drain" for _host, step, _outcome in steps(fleet)), "a second attempt", 120)
    finally:
        fleet.lab("mend", "lb1")
    done = fleet.finish(process)
    assert done.rc == 0 and done.states() == {HOST: "succeeded"}, done.text[-4000:]
    assert upgrades(fleet, HOST) == 1 and fleet.balancer()[HOST].startswith("UP")
