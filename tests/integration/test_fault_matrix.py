# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rest of the fault matrix, each fault under traffic and seen by a watcher outside Ansible: never more out of service than the budget says."""

from __future__ import annotations

import json
import os
import random
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from lab_fleet import HAPROXY, WEB, Fleet, Played, wait_for
from patchlab.traffic import Traffic
from patchlab.watch import Watch
from test_faults import whole
from test_resume import steps, upgrades

pytestmark = [pytest.mark.lab, pytest.mark.full]

FIRST, NEXT = "web1", "web2"
PAIR = (FIRST, NEXT)
# As a canary the first host is the first for certain: others may ask for their slot a moment before it.
ONE_BY_ONE: dict[str, Any] = {"patch_hosts": "web1,web2", "patch_max_unavailable": 1, "patch_canaries": [FIRST], "patch_run_name": "night"}
BUDGETS = [
    pytest.param(ONE_BY_ONE, id="refused"),
    pytest.param({"patch_max_failed": 4, "patch_max_unavailable": 2, "patch_run_name": "night"}, id="others go on")]
# A service that is there before the first reboot and fails after it.
BREAKS_AT_BOOT = """set -e
printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/usr/bin/test -e /run/first\\n[Install]\\nWantedBy=multi-user.target\\n' \
  > /etc/systemd/system/frail.service
touch /run/first; systemctl daemon-reload; systemctl enable --now frail.service"""
HOLD = """
- name: Wait until the test says so
  ansible.builtin.wait_for: {path: "%s", state: absent, timeout: 50}
  delegate_to: localhost
  become: false
  vars: {ansible_connection: local}
  when: inventory_hostname == 'web1'
"""


@pytest.fixture(autouse=True)
def few_updates_and_all_run_again(fleet: Fleet) -> Iterator[None]:
    """Debian's own updates would take most of the time. The next test's beginning wants hosts that run, also those that this one has ended."""
    fleet.deployment["patch_include"] = ["patchlab-*"]
    yield
    ended = sorted({host["name"] for host in fleet.status()} - set(fleet.running()))
    if ended:
        fleet.lab("reset", *ended)


@contextmanager
def outside(fleet: Fleet, most: int, failures: bool = False) -> Iterator[tuple[Watch, Traffic]]:
    """Client traffic and the watcher; at the end never more than ``most`` were out, and no request failed."""
    address = fleet.address("lb1")
    with Traffic("http://%s/" % address) as traffic, Watch({host: fleet.address(host) for host in WEB}, address) as seen:
        yield seen, traffic
    said = seen.result()
    assert said["most_out"] <= most, json.dumps(said)
    assert failures or traffic.result()["failed"] == 0, traffic.result()["failures"]
    assert traffic.result()["served"] > 50


def hook(fleet: Fleet, text: str) -> str:
    fleet.state.mkdir(parents=True, exist_ok=True)
    path = fleet.state / "hook.yml"
    path.write_text(text)
    return str(path)


def holding(fleet: Fleet) -> tuple[str, Path]:
    """A hook in which the first host stays until the file is gone."""
    gate = fleet.state / "hold"
    name = hook(fleet, HOLD % gate)
    gate.touch()
    return name, gate


def reached(fleet: Fleet, step: str, outcome: str = "", host: str = FIRST) -> None:
    wait_for(lambda: (host, step, outcome) in steps(fleet), "%s to be in %s" % (host, step), 120)


def finished(done: Played, states: dict[str, str]) -> None:
    assert done.states() == states, done.text[-4000:]
    assert (done.rc == 0) == (set(states.values()) <= {"succeeded", "up_to_date"})


def first_and(state: str, others: str, hosts: tuple[str, ...] = PAIR) -> dict[str, str]:
    return {**dict.fromkeys(hosts, others), FIRST: state}


def patched_once(fleet: Fleet, hosts: tuple[str, ...] = PAIR) -> None:
    assert {host: upgrades(fleet, host) for host in hosts} == dict.fromkeys(hosts, 1)
    assert all(fleet.balancer()[host].startswith("UP") for host in hosts), fleet.balancer()


def repaired(fleet: Fleet) -> None:
    """The next run over the first host patches it where it is, drained, and brings it back for the run that left it there."""
    done = fleet.play(patch_hosts=FIRST, patch_max_unavailable=2, patch_run_name="repair")
    finished(done, {FIRST: "succeeded"})
    assert "run night had left it out of service" in done.host(FIRST)["reason"]
    whole(fleet, FIRST)
    assert fleet.version(FIRST, "patchlab-web") == "1.1"
    all_back(fleet)


def all_back(fleet: Fleet) -> None:
    assert fleet.balancer()[FIRST].startswith("UP")
    assert not fleet.play("fleetops.patchtrain.control").text.count("out for"), "both slots are returned"


def control(fleet: Fleet, wanted: str, run: str = "night") -> int:
    """The playbook, as from another terminal."""
    done = fleet.finish(fleet.start("fleetops.patchtrain.control", "-e", "control=%s" % wanted, "-e", "patch_run_name=%s" % run))
    return done.rc


# --- hosts that don't come back as they went


def faced(limits: dict[str, Any], state: str) -> dict[str, str]:
    """By default the first failure starts no new host; all others are patched where more may fail."""
    return first_and(state, "succeeded", WEB) if "patch_max_failed" in limits else first_and(state, "not_started")


@pytest.mark.parametrize("limits", BUDGETS)
def test_a_host_that_never_returns_from_its_reboot(fleet: Fleet, limits: dict[str, Any]) -> None:
    fleet.sh(FIRST, "systemctl set-default poweroff.target")
    with outside(fleet, limits["patch_max_unavailable"]):
        done = fleet.play(**limits, patch_reboot_timeout=20, patch_reconnect_timeout=20)
    finished(done, faced(limits, "failed"))
    assert "web1 did not come back" in done.host(FIRST)["reason"]
    assert fleet.balancer()[FIRST] == "MAINT", "whenever it comes, it gets no traffic"
    assert (fleet.version(NEXT, "patchlab-web") == "1.1") == ("patch_max_failed" in limits)


@pytest.mark.parametrize("limits", BUDGETS)
def test_a_host_that_returns_with_a_failed_service(fleet: Fleet, limits: dict[str, Any]) -> None:
    fleet.sh(FIRST, BREAKS_AT_BOOT)
    with outside(fleet, limits["patch_max_unavailable"]):
        done = fleet.play(**limits, patch_health_timeout=8)
        finished(done, faced(limits, "failed"))
        assert "frail.service" in done.host(FIRST)["reason"], "the gate names it"
        assert fleet.balancer()[FIRST] == "MAINT" and upgrades(fleet, FIRST) == 1
        fleet.sh(FIRST, "touch /run/first; systemctl restart frail.service")
        assert fleet.play("fleetops.patchtrain.restore", patch_hosts=FIRST).rc == 0
    assert fleet.balancer()[FIRST].startswith("UP")


def test_a_host_that_reboots_by_itself_while_it_waits(fleet: Fleet) -> None:
    boots = fleet.boots()
    before, gate = holding(fleet)
    with outside(fleet, 1, failures=True):
        process = fleet.start(**ONE_BY_ONE, patch_hook_before_drain=before)
        reached(fleet, "hook before_drain")
        fleet.sh(NEXT, "systemctl reboot", check=False)
        wait_for(lambda: fleet.boots()[NEXT] == boots[NEXT] + 1, "the other host to be rebooted")
        fleet.all_up()
        gate.unlink()
        done = fleet.finish(process)
    finished(done, first_and("succeeded", "succeeded"))
    patched_once(fleet)
    assert fleet.boots() == {**boots, FIRST: boots[FIRST] + 1, NEXT: boots[NEXT] + 2}, "its own reboot does not stand for the one that is due"


def test_one_less_healthy_than_before_the_first_drain_stays_out_though_the_next_run_patched_it(fleet: Fleet) -> None:
    """To the next run the failed service is how the host was; the run that drained it knows better."""
    fleet.lab("install", FIRST, "patchlab-slow")
    fleet.sh(FIRST, BREAKS_AT_BOOT)
    with outside(fleet, 1):
        first = fleet.play(**ONE_BY_ONE, patch_health_timeout=8, patch_exclude=["patchlab-slow"])
        finished(first, first_and("failed", "not_started"))
        again = fleet.play(patch_hosts=FIRST, patch_max_unavailable=2, patch_run_name="again", patch_health_timeout=8)
        assert fleet.version(FIRST, "patchlab-slow") == "1.1", again.text[-3000:]
        finished(again, {FIRST: "failed"})
        assert "still in maintenance for run night" in again.host(FIRST)["reason"] and "frail.service" in again.host(FIRST)["reason"]
        assert "fleetops.patchtrain.restore -e @" in again.text and "--limit web1" in again.text and fleet.balancer()[FIRST] == "MAINT"
        fleet.sh(FIRST, "touch /run/first; systemctl restart frail.service")
        assert fleet.play("fleetops.patchtrain.restore", patch_hosts=FIRST).rc == 0
    assert fleet.balancer()[FIRST].startswith("UP")


def test_a_host_that_is_down_already_stands_against_the_budget(fleet: Fleet) -> None:
    """The watcher counts it too: with two allowed and one down, one goes at a time."""
    fleet.lab("stop", "web4")
    wait_for(lambda: fleet.balancer()["web4"].startswith("DOWN"), "the load balancer to see it")
    with outside(fleet, 2) as (seen, _traffic):
        done = fleet.play(patch_max_failed=1, patch_max_unavailable=2)
    finished(done, {FIRST: "succeeded", "web2": "succeeded", "web3": "succeeded", "web4": "unreachable"})
    assert all(seen.result()["hosts"][host] for host in WEB), "the watcher saw each of them out"
    patched_once(fleet, WEB[:3])


def test_a_canary_that_fails_ends_the_roll_whatever_else_may_fail(fleet: Fleet) -> None:
    fleet.sh(FIRST, BREAKS_AT_BOOT)
    with outside(fleet, 2):
        done = fleet.play(patch_canaries=[FIRST, "web2"], patch_max_failed=4, patch_health_timeout=8)
    finished(done, {FIRST: "failed", "web2": "succeeded", "web3": "not_started", "web4": "not_started"})
    assert "canary web1" in done.host("web3")["reason"]
    assert {fleet.version(host, "patchlab-web") for host in ("web3", "web4")} == {"1.0"}


# --- the package manager, its disk, its sources


def filled(folder: str) -> str:
    return "mkdir -p {0} && mount -t tmpfs -o size=8k,nr_inodes=4 full {0} && (dd if=/dev/zero of={0}/fill bs=4k 2>/dev/null; true)".format(folder)


def test_a_disk_that_is_full_before_the_drain_blocks_its_host_and_no_other(fleet: Fleet) -> None:
    fleet.sh(FIRST, filled("/var/cache/apt/archives"))
    with outside(fleet, 1) as (seen, _traffic):
        done = fleet.play(**dict(ONE_BY_ONE, patch_canaries=[]))
    assert done.rc != 0 and done.states() == first_and("blocked", "succeeded"), done.text[-3000:]
    assert "not enough space: /var/cache/apt/archives" in done.host(FIRST)["reason"]
    assert seen.result()["hosts"][FIRST] == [], "it served all the time"


@pytest.mark.parametrize("folder", ["/usr/share/doc", "/var/lib/patchtrain"])
def test_a_disk_that_is_full_after_the_drain_keeps_its_host_out_until_it_is_repaired(fleet: Fleet, folder: str) -> None:
    fills = hook(fleet, "- name: Fill the disk\n  ansible.builtin.shell: %s\n  when: inventory_hostname == 'web1'\n" % filled(folder))
    with outside(fleet, 1):
        done = fleet.play(**ONE_BY_ONE, patch_hook_after_drain=fills)
        finished(done, first_and("failed", "not_started"))
        assert "space" in done.host(FIRST)["reason"], done.host(FIRST)["reason"]
        assert fleet.balancer()[FIRST] == "MAINT"
        fleet.sh(FIRST, "umount %s" % folder)
        again = fleet.play(patch_hosts=FIRST, patch_max_unavailable=2, patch_run_name="repair")
        whole(fleet, FIRST)
        assert fleet.version(FIRST, "patchlab-web") == "1.1", again.text[-3000:]
        # What filled the disk was a hook of the drain.
        finished(again, {FIRST: "failed"})
        assert "hook after_drain of that run was begun, and only a person can know what undoes it" in again.host(FIRST)["reason"]
        assert fleet.play("fleetops.patchtrain.restore", patch_hosts=FIRST).rc == 0
    all_back(fleet)


def test_what_was_downloaded_is_installed_though_the_repository_is_gone(fleet: Fleet) -> None:
    before, gate = holding(fleet)
    with outside(fleet, 1):
        process = fleet.start(**ONE_BY_ONE, patch_hook_before_drain=before)
        reached(fleet, "hook before_drain")
        # The next test's upstream puts it back.
        (fleet.home / "upstream").unlink()
        gate.unlink()
        done = fleet.finish(process)
    assert fleet.sh(FIRST, "apt-get update 2>&1 | grep -c 404") != "0", "it is gone indeed"
    finished(done, first_and("succeeded", "succeeded"))
    patched_once(fleet)


def test_a_transaction_killed_with_all_its_processes_is_repaired_by_the_next_run(fleet: Fleet) -> None:
    """Nothing is left that could tell or mend: the host fails, stays out, and its packages' true state is told."""
    fleet.lab("install", FIRST, "patchlab-slow")
    fleet.sh(FIRST, "echo 60 > /etc/patchlab-slow.seconds")
    with outside(fleet, 1):
        process = fleet.start(**ONE_BY_ONE)
        wait_for(lambda: fleet.sh(FIRST, "pgrep -f '[p]atchlab-slow.postinst' || true"), "dpkg to be in the middle", 120)
        hit = fleet.sh(FIRST, "pgrep -x 'dpkg|apt-get'; pgrep -f '[p]rogram.zip run'; rm /etc/patchlab-slow.seconds;"
                              "systemctl kill --signal=KILL --kill-who=all 'patchtrain-*.service'").split()
        assert len(hit) >= 3, "dpkg, apt-get and the job itself"
        done = fleet.finish(process)
        finished(done, first_and("failed", "not_started"))
        assert fleet.sh(FIRST, "pgrep -x 'dpkg|apt-get' || true") == "" and fleet.sh(FIRST, "dpkg --audit") != "", "nobody mended it"
        assert fleet.balancer()[FIRST] == "MAINT"
        repaired(fleet)
    assert fleet.version(FIRST, "patchlab-slow") == "1.1"


# --- the controller's side


@contextmanager
def small_disk(fleet: Fleet) -> Iterator[Path]:
    where = fleet.state / "small"
    where.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "patchtrain-test", str(where)], check=True)
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


def spoil(where: Path, how: str) -> None:
    if how == "full":
        subprocess.run(["dd", "if=/dev/zero", "of=%s/fill" % where, "bs=1k"], check=False, stderr=subprocess.DEVNULL)
    else:
        wait_for(lambda: subprocess.run(["mount", "-o", "remount,ro", str(where)], check=False, capture_output=True).returncode == 0, "a moment")


def mended(where: Path) -> None:
    subprocess.run(["mount", "-o", "remount,rw", str(where)], check=True)
    (where / "fill").unlink(missing_ok=True)


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_ledger_that_can_not_be_written_stops_the_run_before_the_next_host(fleet: Fleet, how: str) -> None:
    fleet.lab("install", FIRST, "patchlab-slow")
    fleet.sh(FIRST, "echo 8 > /etc/patchlab-slow.seconds")
    with small_disk(fleet) as where, outside(fleet, 1):
        ledger = {"patch_ledger": str(where / "ledger.db")}
        process = fleet.start(**ONE_BY_ONE, **ledger)
        wait_for(lambda: fleet.sh(FIRST, "pgrep -f '[p]atchlab-slow.postinst' || true"), "the installation", 120)
        spoil(where, how)
        done = fleet.finish(process)
        assert done.rc != 0 and str(where) in done.text and "Traceback" not in done.text, done.text[-4000:]
        assert {fleet.version(host, "patchlab-web") for host in WEB[1:]} == {"1.0"}, "no other host was touched"
        assert all(fleet.balancer()[host].startswith("UP") for host in WEB[1:])
        mended(where)
        # Where there was room for the little that tells how it ended, the run has ended; otherwise it is gone on with.
        ended = "run night failed" in " ".join(done.text.split())
        again = fleet.play(**dict(ONE_BY_ONE, **({"patch_run_name": "again"} if ended else {})), **ledger)
        finished(again, first_and("succeeded", "succeeded"))
    patched_once(fleet)


def test_the_same_run_by_a_second_controller_is_refused(fleet: Fleet) -> None:
    before, gate = holding(fleet)
    with outside(fleet, 1):
        process = fleet.start(**ONE_BY_ONE, patch_hook_before_drain=before)
        reached(fleet, "hook before_drain")
        second = fleet.finish(fleet.start(**ONE_BY_ONE, patch_hook_before_drain=before))
        gate.unlink()
        done = fleet.finish(process)
    assert second.rc != 0 and "night" in second.text, second.text[-3000:]
    finished(done, first_and("succeeded", "succeeded"))
    patched_once(fleet)


def test_two_deployments_that_claim_one_host_work_on_it_one_after_the_other(fleet: Fleet) -> None:
    before, gate = holding(fleet)
    other = {"patch_deployment": "other", "patch_hosts": FIRST, "patch_max_unavailable": 1}
    with outside(fleet, 1):
        process = fleet.start(**ONE_BY_ONE, patch_hook_before_drain=before)
        reached(fleet, "hook before_drain")
        second = fleet.finish(fleet.start(**other, patch_run_name="late", patch_slot_timeout=1))
        assert second.rc != 0 and "run night has taken this host out of service" in " ".join(second.text.split()), second.text[-3000:]
        asked = control_says(fleet, "late")
        assert "Out of service by this run: no host" in asked and "Of its hosts, out of service by other runs: 1" in asked, asked
        gate.unlink()
        finished(fleet.finish(process), first_and("succeeded", "succeeded"))
        third = fleet.play(**other, patch_run_name="later")
        finished(third, {FIRST: "up_to_date"})
    patched_once(fleet)


def other_controller(fleet: Fleet) -> Fleet:
    """With a state of its own, and the same ledger."""
    other = Fleet(fleet.state / "other", fleet.name)
    fleet.deployment["patch_ledger"] = str(fleet.state / "ledger.db")
    other.deployment = dict(fleet.deployment, patch_deployment="other", patch_run_name="other")
    return other


def meeting(fleet: Fleet, mine: str, theirs: str) -> dict[str, Any]:
    """A hook before the run that ends when the other run is there as well."""
    text = ("- name: Say that this run is there\n  ansible.builtin.file: {path: '%s', state: touch, mode: '0644'}\n"
            "- name: Wait for the other\n  ansible.builtin.wait_for: {path: '%s', timeout: 120}\n")
    path = fleet.state / ("%s.yml" % mine)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text % (fleet.state / mine, fleet.state / theirs))
    return {"patch_run_hook_before": str(path), "patch_lock_timeout": 120}


def test_two_runs_that_prepare_the_same_hosts_at_one_moment_patch_each_once(fleet: Fleet) -> None:
    """Both have the same plan for each host. Whoever comes second to a host finds it done, says so, and does not drain it."""
    other, boots = other_controller(fleet), fleet.boots()
    limits = {"patch_hosts": "web1,web2", "patch_max_unavailable": 1}
    with outside(fleet, 1):
        first = fleet.start(**limits, **meeting(fleet, "mine", "theirs"), patch_run_name="night")
        second = other.start(**limits, **meeting(fleet, "theirs", "mine"))
        ends = [fleet.finish(first), other.finish(second)]
    assert [done.rc for done in ends] == [0, 0], "\n".join(done.text[-3000:] for done in ends)
    for host in PAIR:
        told = {done.states()[host]: done.host(host) for done in ends}
        assert sorted(told) == ["succeeded", "up_to_date"], told
        assert "was installed meanwhile, not by this run" in told["up_to_date"]["reason"] and told["up_to_date"]["packages"] == []
        assert [step["step"] for step in told["up_to_date"]["steps"]].count("enter") == 0, "it was not drained a second time"
        assert {package["name"] for package in told["succeeded"]["packages"]} >= {"patchlab-web"}
    patched_once(fleet)
    assert fleet.boots() == {**boots, **{host: boots[host] + 1 for host in PAIR}}
    all_back(fleet)


def control_says(fleet: Fleet, run: str) -> str:
    return fleet.finish(fleet.start("fleetops.patchtrain.control", "-e", "patch_run_name=%s" % run)).text


# --- the load balancer


def test_a_load_balancer_that_restarts_between_the_drain_and_the_installation(fleet: Fleet) -> None:
    """What was told to it is gone: the host is drained again before a package is touched."""
    restarts = hook(fleet, "- name: Restart the load balancer\n  ansible.builtin.command: systemctl restart haproxy\n  delegate_to: lb1\n"
                           "  when: inventory_hostname == 'web1'\n")
    with outside(fleet, 1, failures=True):
        done = fleet.play(**ONE_BY_ONE, patch_hook_after_drain=restarts)
    finished(done, first_and("succeeded", "succeeded"))
    said = {step["step"]: step for step in done.host(FIRST)["steps"]}
    assert said["drain again"]["message"] == "the drain was lost, and is done again"
    patched_once(fleet)


def test_a_load_balancer_that_restarts_in_the_middle_of_a_drain(fleet: Fleet) -> None:
    """It forgets what it was told. The host is drained again, or the drain fails; it is never patched while it serves."""
    held = [socket.create_connection((fleet.address("lb1"), 80)) for _ in WEB]
    with outside(fleet, 1, failures=True) as (_seen, traffic):
        for connection in held:
            connection.sendall(b"GET /slow?seconds=40 HTTP/1.1\r\nHost: lab\r\n\r\n")
        process = fleet.start(**ONE_BY_ONE, patch_maintenance=[dict(HAPROXY[0], timeout=40)])
        wait_for(lambda: fleet.balancer()[FIRST].startswith(("DRAIN", "MAINT")), "the drain", 120)
        restarted = time.time()
        fleet.sh("lb1", "systemctl restart haproxy")
        done = fleet.finish(process)
    for connection in held:
        connection.close()
    late = [failure for failure in traffic.result()["failures"] if failure["at"] > restarted + 3]
    assert late == [] and traffic.result()["failed"] < 20, traffic.result()
    assert done.states()[FIRST] in ("succeeded", "failed"), done.text[-3000:]
    assert fleet.version(FIRST, "patchlab-web") == ("1.1" if done.rc == 0 else "1.0")
    assert all(status.startswith("UP") for status in fleet.balancer().values())


# --- a person's hand on the run


def slots_taken(fleet: Fleet, begins: float, ends: float) -> list[str]:
    with sqlite3.connect("file:%s?mode=ro" % (fleet.state / "patchtrain/ledger.db"), uri=True) as ledger:
        return [host for (host,) in ledger.execute("SELECT host FROM slots WHERE taken_at > ? AND taken_at < ?", (begins, ends))]


def obeyed(fleet: Fleet, wanted: str) -> bool:
    """False where the run had come to its end by then; one that goes on obeys."""
    rc = control(fleet, wanted)
    with sqlite3.connect("file:%s?mode=ro" % (fleet.state / "patchtrain/ledger.db"), uri=True) as ledger:
        state = ledger.execute("SELECT state FROM runs WHERE name = 'night'").fetchone()[0]
    assert rc == 0 or state == "succeeded"
    return rc == 0


def test_stop_pause_and_resume_at_random_times(fleet: Fleet) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))
    print("FAULTS_SEED=%d" % seed)
    dice = random.Random(seed)
    with outside(fleet, 1):
        process = fleet.start(patch_max_unavailable=1, patch_run_name="night")
        wait_for(lambda: steps(fleet), "the run", 120)
        for _round in range(dice.randint(1, 3)):
            time.sleep(dice.uniform(0, 6))
            if not obeyed(fleet, "paused"):
                break
            paused = time.time()
            time.sleep(dice.uniform(0, 6))
            resumes = time.time()
            assert slots_taken(fleet, paused, resumes) == []
            obeyed(fleet, "resumed")
        time.sleep(dice.uniform(0, 12))
        obeyed(fleet, "stopped")
        since = time.time()
        done = fleet.finish(process)
        assert slots_taken(fleet, since, time.time()) == []
        states = done.states()
        assert set(states.values()) <= {"succeeded", "not_started"}, states
        patched_once(fleet, tuple(host for host in WEB if states[host] == "succeeded"))
        rest = fleet.play(patch_max_unavailable=1, patch_run_name="rest")
        finished(rest, {host: "up_to_date" if states[host] == "succeeded" else "succeeded" for host in WEB})
    patched_once(fleet, WEB)
