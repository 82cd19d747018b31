# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: from transcripts, and at the machine that runs the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.compare import checked_baseline, compare
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.load import RealSystem, Space
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.probe import probe
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed, SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health import asked
from ansible_collections.fleetops.patchtrain.plugins.modules import host_health_info

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).resolve().parents[3]
NOT_BOOTED = "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n"


def text(name):
    return (DATA / name).read_text()


class Recorded:
    """A host of which every answer was recorded. ``without`` are programs that it does not have."""

    def __init__(self, load="busy", without=(), broken=None) -> None:
        self._without, self._broken, self.ran = without, broken or {}, []
        self._answers = {
            "--property=SystemState,NJobs": "systemd-252/manager-%s.txt" % load, "list-units": "systemd-252/units-%s.txt" % load,
            "--property=Id,NRestarts": "systemd-252/restarts-%s.txt" % load, "list-jobs": "systemd-252/jobs-busy.txt",
            "--property=Id,Type,TriggeredBy": "systemd-252/job-units-busy.txt", "ss": "sockets/ss.txt"}
        self._files = {
            "/proc/self/mounts": text("mounts-guest.txt"), "/proc/uptime": "2500.36 8691.21\n", "/proc/1/stat": "1 (systemd) S",
            "/proc/sys/kernel/random/boot_id": "f29f6b50-3b6a-4cdb-9e4a-0caef8e43b35\n",
            "/proc/sys/net/ipv4/ip_local_port_range": text("sockets/ip_local_port_range.txt")}
        self._files.update({"/proc/net/" + name: text("sockets/proc-net-%s.txt" % name) for name in ("tcp", "tcp6", "udp", "udp6")})

    def which(self, tool):
        return None if tool in self._without else "/usr/bin/" + tool

    def read(self, path):
        return self._files.get(path) if path not in self._without else None

    def run(self, argv, limit=0):
        self.ran.append(list(argv))
        for word in argv:
            if word in self._broken:
                return Completed(tuple(argv), 1, "", self._broken[word])
        answer, = [name for word, name in self._answers.items() if word in argv]
        return Completed(tuple(argv), 0, text(answer), "")


class Kernel:
    def space(self, path):
        return {"/": Space(50, 100, 30, 120), "/tmp": Space(9, 10, 0, 0)}[path]

    def clock_synchronized(self):
        return True

    def epoch(self):
        return 1795229163.4

    def ticks(self):
        return 100


def test_a_busy_host():
    assert probe(Recorded(), Kernel()) == {
        "boot_id": "f29f6b50-3b6a-4cdb-9e4a-0caef8e43b35",
        "system": {"state": "degraded", "problem": "", "starting": ["later.service", "slow.service"]},
        "failed_units": ["broken.service"], "restarting_units": ["flapping.service"], "restarts": {},
        "listening": [
            "tcp *:8080 web server", "tcp 0.0.0.0:80 web server", 'tcp 127.0.0.1:5432 odd"', "tcp 127.0.0.53%lo:53 resolver",
            "tcp [::]:443 web server", "udp 0.0.0.0:123 timekeeper", "udp 127.0.0.53%lo:53 resolver", "udp [::1]:323 timekeeper",
            "udp [fe80::10c5:7ff:fe1e:3088]%dummy0:123 timekeeper"],
        "mounts": [
            {"path": "/", "source": "/dev/vda", "read_only": False, "free_percent": 50.0, "inodes_free_percent": 25.0},
            {"path": "/tmp", "source": "tmpfs", "read_only": False, "free_percent": 90.0, "inodes_free_percent": None}],
        "clock": {"synchronized": True, "epoch": 1795229163.4}, "uptime_s": 2500.4}


def test_a_quiet_host_costs_four_short_programs():
    host = Recorded("quiet")
    assert probe(host, Kernel())["system"] == {"state": "running", "problem": "", "starting": []}
    assert len(host.ran) == 4


def test_the_document_serves_as_a_baseline():
    document = probe(Recorded(), Kernel())
    assert compare(checked_baseline(json.loads(json.dumps(document))), document) == []


@pytest.mark.parametrize("host", [Recorded(without=["systemctl"]), Recorded(broken={"--property=SystemState,NJobs": NOT_BOOTED})])
def test_a_host_without_systemd(host):
    document = probe(host, Kernel())
    assert document["system"] == {"state": None, "problem": "", "starting": []}
    assert (document["failed_units"], document["restarting_units"], document["restarts"]) == ([], [], {})


def test_a_systemd_that_does_not_answer_is_not_taken_for_none():
    host = Recorded(broken={"--property=SystemState,NJobs": "Failed to connect to bus: Connection refused\n"})
    document = probe(host, Kernel())
    assert document["system"] == {"state": "unknown", "problem": "Failed to connect to bus: Connection refused", "starting": []}
    found = compare(probe(Recorded("quiet"), Kernel()), document)
    assert [d["message"] for d in found] == ["systemd is unknown: Failed to connect to bus: Connection refused (running before)"]


def test_a_systemd_that_stops_answering_midway_is_a_failure():
    with pytest.raises(CommandFailed, match="Transport endpoint is not connected"):
        probe(Recorded(broken={"list-units": "Failed to list units: Transport endpoint is not connected\n"}), Kernel())


@pytest.mark.parametrize("host", [Recorded(without=["ss"]), Recorded(broken={"ss": "Cannot open netlink socket"})])
def test_without_ss_the_kernels_tables_are_read(host):
    listening = probe(host, Kernel())["listening"]
    assert "tcp 0.0.0.0:80" in listening and "udp 0.0.0.0:123" in listening and len(listening) == 9


def test_neither_ss_nor_tables_is_a_failure_not_a_host_that_serves_nothing():
    with pytest.raises(CommandFailed, match="neither ss nor /proc/net/tcp"):
        probe(Recorded(without=["ss", "/proc/net/tcp"]), Kernel())


def test_a_host_without_proc_is_a_failure():
    with pytest.raises(ParseFailed, match="/proc/self/mounts is not there"):
        probe(Recorded(without=["/proc/self/mounts"]), Kernel())


def test_this_machine():
    document = probe(SystemRunner())
    assert document["boot_id"].count("-") == 4 and document["uptime_s"] > 0
    root = next(mount for mount in document["mounts"] if mount["path"] == "/")
    stat = os.statvfs("/")
    assert root["free_percent"] == pytest.approx(100 * stat.f_bavail / (stat.f_blocks - stat.f_bfree + stat.f_bavail), abs=1)
    assert document["clock"]["synchronized"] in (True, False)
    checked_baseline(document)


def test_a_path_that_can_not_be_asked_has_no_space():
    assert RealSystem().space("/nowhere/at/all") is None


# The module


def options(**more):
    return dict({"baseline": None, "ignore": [], "settle": 0.0, "limit": 1.0, "interval": 1.0, "min_free_percent": 5.0, "fail": True,
                 "checks": []}, **more)


def test_the_module_without_a_baseline_only_looks():
    result = host_health_info.perform(options())
    assert (result["healthy"], result["samples"], result["differences"]) == (True, 1, [])
    assert result["health"]["boot_id"]


def test_the_module_passes_and_fails(monkeypatch):
    """Not on this machine's own health, which others change while tests run."""
    monkeypatch.setattr(asked, "probe", lambda runner: probe(Recorded("quiet"), Kernel()))
    before = host_health_info.perform(options())["health"]
    passed = host_health_info.perform(options(baseline=before))
    assert passed["healthy"] and not passed["failed"]
    before["listening"].append("tcp 192.0.2.1:81 ghost")
    failed = host_health_info.perform(options(baseline=before, limit=0.01))
    assert failed["failed"] and not failed["healthy"]
    assert failed["msg"].endswith("nothing listens on tcp 192.0.2.1:81 ghost any more")
    told = host_health_info.perform(options(baseline=before, limit=0.01, fail=False))
    assert not told["failed"] and not told["healthy"] and told["differences"] == failed["differences"]
    assert host_health_info.perform(options(baseline=before, ignore=["listening:* 192.0.2.1:*"]))["healthy"]


def run_module(arguments):
    program = ("import json, sys\nfrom ansible.module_utils.testing import patch_module_args\n"
               "from ansible_collections.fleetops.patchtrain.plugins.modules import host_health_info as m\n"
               "with patch_module_args(json.load(sys.stdin)): m.main()\n")
    environment = dict(os.environ, PYTHONPATH=str(ROOT / ".cache" / "collections"))
    done = subprocess.run([sys.executable, "-c", program], input=json.dumps(arguments), capture_output=True, text=True, env=environment,
                          timeout=30)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_module_as_a_host_runs_it():
    rc, result = run_module({"settle": 0, "limit": 0.5, "checks": [{"command": ["false"], "name": "never"}]})
    assert (rc, result["failed"], result["healthy"], result["changed"]) == (1, True, False, False)
    assert result["msg"].endswith("check never: false ended with rc 1 and said: nothing")
    assert result["checks"] == [{"name": "never", "ok": False, "message": "false ended with rc 1 and said: nothing"}]


@pytest.mark.parametrize("arguments, words", [({"settle": 9, "limit": 5, "checks": [{"unit": "a"}]}, "settle (9 s)"),
                                              ({"baseline": {"a": 1}}, "baseline is no health document"),
                                              ({"checks": [{"nuit": "a"}]}, "check 1 must be a dict")])
def test_the_modules_bad_input_has_the_same_shape(arguments, words):
    rc, result = run_module(arguments)
    assert rc == 1 and words in result["msg"] and result["error"]["kind"] == "BadInput"
    assert {"healthy", "health", "differences", "checks", "samples", "seconds"} <= set(result)
