# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a roll withstands. Every host ends in a named state, the others go on as the limits allow, and the page is written."""

from __future__ import annotations

import socket
import time

import pytest
from lab_fleet import HAPROXY, LAB, WEB, Fleet, Played, wait_for

pytestmark = [pytest.mark.lab]

FIRST, OTHERS = "web1", WEB[1:]
# As a canary the first host is the first for certain: others may ask for their slot a moment before it.
ONE_BY_ONE = {"patch_max_unavailable": 1, "patch_canaries": [FIRST]}


def ended_badly(done: Played, host: str, state: str, said: str) -> None:
    assert done.rc != 0, done.text[-3000:]
    assert done.states()[host] == state, done.text[-3000:]
    assert said in done.host(host)["reason"]


def hook(fleet: Fleet, text: str, name: str = "hook.yml") -> str:
    fleet.state.mkdir(parents=True, exist_ok=True)
    path = fleet.state / name
    path.write_text(text)
    return str(path)


def test_a_package_that_fails_keeps_its_host_drained_until_it_is_restored(fleet: Fleet) -> None:
    fleet.lab("install", FIRST, "patchlab-broken")
    fleet.sh(FIRST, "touch /etc/patchlab-broken.fail")
    done = fleet.play(**ONE_BY_ONE)
    ended_badly(done, FIRST, "failed", "patchlab-broken")
    assert {done.states()[host] for host in OTHERS} == {"not_started"}, "the first failure starts no new host"
    assert {p["name"]: p["result"] for p in done.host(FIRST)["packages"]}["patchlab-broken"] == "failed"
    assert fleet.balancer()[FIRST] == "MAINT"
    assert {fleet.version(host, "patchlab-web") for host in OTHERS} == {"1.0"}
    fleet.sh(FIRST, "rm /etc/patchlab-broken.fail && dpkg --configure -a")
    back = fleet.play("fleetops.patchtrain.restore", patch_hosts=FIRST)
    assert back.rc == 0, back.text[-3000:]
    assert fleet.balancer()[FIRST].startswith("UP")


@pytest.mark.parametrize("victims", ["dpkg|apt-get", pytest.param("dpkg", marks=pytest.mark.full)])
def test_dpkg_killed_in_the_middle_is_repaired_by_the_same_job(fleet: Fleet, victims: str) -> None:
    """apt does not start dpkg again: the job finishes what was left, and says so."""
    fleet.lab("install", FIRST, "patchlab-slow")
    fleet.sh(FIRST, "echo 60 > /etc/patchlab-slow.seconds")
    process = fleet.start(patch_hosts=FIRST, patch_include=["patchlab-*"])
    wait_for(lambda: fleet.sh(FIRST, "pgrep -f '[p]atchlab-slow.postinst' || true"), "dpkg to be in the middle", 120)
    hit = fleet.sh(FIRST, "echo 2 > /etc/patchlab-slow.seconds; pgrep -x '%s'; pkill -KILL -x '%s'; pkill -KILL -f '[p]atchlab-slow.postinst'" % (
        victims, victims)).split()
    assert len(hit) >= len(victims.split("|")), "the kill hit nobody"
    done = fleet.finish(process)
    assert done.rc == 0 and done.states() == {FIRST: "succeeded"}, done.text[-3000:]
    assert fleet.sh(FIRST, "grep -c ' configure patchlab-slow:all 1.1 ' /var/log/dpkg.log") == "2", "begun, killed, and begun again"
    assert fleet.sh(FIRST, "ls /var/lib/patchtrain/jobs | wc -l") == "1", "by the same job"
    whole(fleet, FIRST)
    assert fleet.version(FIRST, "patchlab-slow") == "1.1"
    assert {p["name"]: p["result"] for p in done.host(FIRST)["packages"]}["patchlab-slow"] == "installed"
    said = [step["message"] for step in done.host(FIRST)["steps"] if step["step"] == "install"]
    assert len(said) == 1 and "patchlab-slow" in said[0] and "finished" in said[0], said


def whole(fleet: Fleet, host: str) -> None:
    """The package database, as the tools see it: nothing half done, and each package configured."""
    assert fleet.sh(host, "dpkg --audit; apt-get -q check >/dev/null && find /var/lib/dpkg/updates -type f") == ""
    states = set(fleet.sh(host, "dpkg-query -W -f '${db:Status-Abbrev}\\n'").split())
    assert states <= {"ii", "hi", "rc"}, states


def test_a_cut_connection_is_attached_to_again(fleet: Fleet) -> None:
    fleet.lab("install", FIRST, "patchlab-slow")
    fleet.sh(FIRST, "echo 12 > /etc/patchlab-slow.seconds")
    process = fleet.start(patch_hosts=FIRST)
    wait_for(lambda: fleet.sh(FIRST, "pgrep -f '[p]atchlab-slow.postinst' || true"), "the installation")
    fleet.sh(FIRST, "pkill -KILL -f '[s]shd: root'; true", check=False)
    done = fleet.finish(process)
    assert done.rc == 0 and done.states() == {FIRST: "succeeded"}, done.text[-3000:]
    assert fleet.sh(FIRST, "ls /var/lib/patchtrain/jobs | wc -l") == "1", "it was never started twice"


@pytest.mark.full
def test_a_host_that_is_lost_in_its_installation_where_modules_are_sent_as_files(fleet: Fleet) -> None:
    """Ansible's default. What was sent to the host can't be removed from it, and is from all others."""
    fleet.pipelining = False
    fleet.lab("install", FIRST, "patchlab-slow")
    fleet.sh(FIRST, "echo 90 > /etc/patchlab-slow.seconds")
    process = fleet.start(**ONE_BY_ONE, patch_reconnect_timeout=5)
    wait_for(lambda: fleet.sh(FIRST, "pgrep -f '[p]atchlab-slow.postinst' || true"), "the installation", 120)
    fleet.lab("cut", FIRST)
    done = fleet.finish(process)
    ended_badly(done, FIRST, "unreachable", FIRST)
    assert "UNREACHABLE" not in done.text and "a fault in this collection" not in done.text, done.text[-3000:]
    assert {done.states()[host] for host in OTHERS} == {"not_started"}
    assert fleet.balancer()[FIRST] == "MAINT"
    for host in ("lb1", *OTHERS):
        assert fleet.sh(host, "find / -xdev -name 'ansible-tmp-*' 2>/dev/null || true") == "", host


def test_a_host_that_was_never_there_is_named_and_the_others_go_on(fleet: Fleet) -> None:
    fleet.lab("stop", "web4")
    done = fleet.play(patch_max_unavailable=2)
    ended_badly(done, "web4", "unreachable", "web4")
    assert {done.states()[host] for host in WEB[:3]} == {"succeeded"}
    fleet.lab("start", "web4")


def test_a_slot_that_can_never_come_is_refused_at_once(fleet: Fleet) -> None:
    fleet.lab("stop", "web4")
    begun = time.monotonic()
    done = fleet.play(patch_max_unavailable=1)
    assert {done.states()[host] for host in WEB[:3]} == {"not_started"}, done.text[-3000:]
    assert "web4" in done.host(FIRST)["reason"] and "patch_max_unavailable" in done.host(FIRST)["reason"]
    assert time.monotonic() - begun < 300, "it did not wait for the slot's limit"
    fleet.lab("start", "web4")


@pytest.mark.parametrize("point", [
    "after_drain", pytest.param("before_drain", marks=pytest.mark.full), pytest.param("before_restore", marks=pytest.mark.full),
    pytest.param("after_restore", marks=pytest.mark.full)])
@pytest.mark.parametrize("how", ["cut", pytest.param("sshd", marks=pytest.mark.full)])
def test_a_host_that_vanishes_inside_a_hook(fleet: Fleet, point: str, how: str) -> None:
    lab = "%s cut --name %s" % (LAB, fleet.name)
    away = "- command: %s web1\n  delegate_to: localhost\n  become: false\n" % lab if how == "cut" else \
        "- shell: 'systemctl stop ssh.socket ssh.service; pkill -KILL -x sshd'\n  ignore_errors: true\n"
    text = "- when: inventory_hostname == 'web1'\n  block:\n%s    - ping:\n" % "".join("    %s\n" % line for line in away.splitlines())
    done = fleet.play(**{"patch_hook_" + point: hook(fleet, text), "patch_max_failed": 4, "patch_hook_task_timeout": 20})
    assert done.rc != 0 and done.states()[FIRST] == "unreachable", done.text[-3000:]
    assert point in done.host(FIRST)["reason"]
    assert {done.states()[host] for host in OTHERS} == {"succeeded"}
    if point not in ("before_drain", "after_restore"):
        assert fleet.balancer()[FIRST] == "MAINT"


@pytest.mark.parametrize("options, said", [
    ({"backend": "web", "server": "nobody"}, "nobody"),
    pytest.param({"backend": "web", "socket": "/run/haproxy/missing.sock"}, "missing.sock", marks=pytest.mark.full)])
def test_a_load_balancer_that_does_not_know_the_host(fleet: Fleet, options: dict, said: str) -> None:
    done = fleet.play(patch_hosts=FIRST, patch_maintenance=[dict(HAPROXY[0], options=options)])
    ended_badly(done, FIRST, "blocked", said)
    assert fleet.version(FIRST, "patchlab-web") == "1.0", "nothing was installed"
    assert fleet.balancer()[FIRST].startswith("UP")


@pytest.mark.parametrize("wrong, said", [
    ({"patch_maintenance": [dict(HAPROXY[0], options={"backend": "web;shutdown"})]}, "web;shutdown"),
    ({"patch_health_checks": [{"unit": "a.service", "retries": 3}]}, "retries")])
def test_settings_that_are_wrong_refuse_the_run(fleet: Fleet, wrong: dict, said: str) -> None:
    done = fleet.play(patch_hosts=FIRST, **wrong)
    assert done.rc != 0 and said in done.text, done.text[-3000:]
    assert "Assess the host" not in done.text, "no host was touched"


def test_sessions_that_do_not_end_undo_the_drain(fleet: Fleet) -> None:
    held = [socket.create_connection((fleet.address("lb1"), 80)) for _ in WEB * 2]
    try:
        for connection in held:
            connection.sendall(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: lab\r\n\r\n")
        done = fleet.play(patch_hosts=FIRST, patch_maintenance=[dict(HAPROXY[0], timeout=3)])
    finally:
        for connection in held:
            connection.close()
    ended_badly(done, FIRST, "failed", "session")
    assert fleet.version(FIRST, "patchlab-web") == "1.0", "nothing was installed"
    assert fleet.balancer()[FIRST].startswith("UP"), "the drain was undone"


def test_a_health_check_that_fails_afterwards_keeps_the_host_out(fleet: Fleet) -> None:
    checks = [{"name": "never there", "url": "http://127.0.0.1:9/"}]
    done = fleet.play(patch_health_checks=checks, patch_health_timeout=4, **ONE_BY_ONE)
    ended_badly(done, FIRST, "failed", "never there")
    assert fleet.balancer()[FIRST] == "MAINT"
    assert {done.states()[host] for host in OTHERS} == {"not_started"}
    forced = fleet.play("fleetops.patchtrain.restore", patch_hosts=FIRST, patch_health_checks=checks, patch_health_timeout=4,
                        patch_force_reason="the check is wrong")
    assert forced.rc == 0 and fleet.balancer()[FIRST].startswith("UP"), forced.text[-3000:]


def test_what_was_prepared_is_installed_though_upstream_moves(fleet: Fleet) -> None:
    moves = hook(fleet, "- command: %s upstream --name %s next\n  delegate_to: localhost\n  become: false\n" % (LAB, fleet.name))
    fleet.lab("install", FIRST, "patchlab-lib")
    done = fleet.play(patch_hosts=FIRST, patch_hook_before_drain=moves)
    assert done.rc == 0, done.text[-3000:]
    assert fleet.version(FIRST, "patchlab-lib") == "1.1", "not the 1.2 that upstream has by now"


def test_another_transaction_than_the_prepared_one_is_refused_before_the_drain(fleet: Fleet) -> None:
    fleet.lab("install", "web2", "patchlab-lib")
    behind = hook(fleet, "- command: apt-mark hold patchlab-lib\n  delegate_to: web2\n  when: inventory_hostname == 'web1'\n")
    done = fleet.play(patch_hosts="web1,web2", patch_hook_before_drain=behind, **ONE_BY_ONE)
    ended_badly(done, "web2", "failed", "patchlab-lib")
    assert not any(step["step"] == "enter" for step in done.host("web2")["steps"])
    assert fleet.balancer()["web2"].startswith("UP")


@pytest.mark.parametrize("text", ["- debug: {msg: x\n", pytest.param("- nosuch_module:\n", marks=pytest.mark.full)])
def test_a_hook_that_does_not_parse_refuses_the_run(fleet: Fleet, text: str) -> None:
    done = fleet.play(patch_hook_before_restore=hook(fleet, text))
    assert done.rc != 0 and done.model is None and "hook.yml" in done.text
    assert all(status.startswith("UP") for status in fleet.balancer().values())


@pytest.mark.parametrize("variables, said", [
    ({"patch_run_name": "x; rm -rf /"}, "patch_run_name"),
    pytest.param({"patch_max_unavailable": "10%"}, "patch_max_unavailable", marks=pytest.mark.full),
    pytest.param({"patch_reboot": "sometimes"}, "patch_reboot", marks=pytest.mark.full)])
def test_bad_settings_are_refused_in_one_line(fleet: Fleet, variables: dict, said: str) -> None:
    done = fleet.play(**variables)
    assert done.rc != 0 and done.model is None and said in done.text
    assert {fleet.version(host, "patchlab-web") for host in WEB} == {"1.0"}


def test_hostile_descriptions_do_no_harm(fleet: Fleet) -> None:
    fleet.lab("install", FIRST, "patchlab-hostile")
    done = fleet.play(patch_hosts=FIRST)
    assert done.rc == 0, done.text[-3000:]
    page = fleet.reports()[-1].with_suffix(".html").read_text()
    assert "<script>alert" not in page and "\x1b" not in page and "\x1b[" not in done.text
