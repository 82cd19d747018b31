# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a cluster is whole, as a health check asks: real Slurm's words, and hypervisors that are not there. Pacemaker's is with the other checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.health.checks import parse_checks, run_checks
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from libvirt_fake import HV1, HV2, HV3, FakeGuest, Stage, bad, late, missing

DATA = Path(__file__).parent / "data" / "slurm-22.05"


def run(check: Dict[str, Any], runner: Any, limit: float = 60) -> str:
    result, = run_checks(parse_checks([check]), runner, limit, Clock())
    assert result["ok"] == (result["message"] == "ok")
    return result["message"]


class Slurm:
    """Answers recorded at a real cluster, some words of them changed."""

    def __init__(self, nodes: str = "nodes-idle", partitions: str = "partitions", job: str = "", **changes: str) -> None:
        self._said = {"nodes": (DATA / (nodes + ".txt")).read_text(), "partitions": (DATA / (partitions + ".txt")).read_text()}
        for was, now in changes.items():
            self._said["nodes"] = self._said["nodes"].replace("State=" + was, "State=" + now, 1)
        self._job = job
        self.asked: list = []

    def run(self, argv: Sequence[str], limit: float = 0, **_more: Any) -> Completed:
        self.asked.append((argv[0], limit))
        if argv[0] == "sbatch":
            assert list(argv[1:3]) == ["--test-only", "--partition=work"]
            return Completed(tuple(argv), 1 if self._job else 0, "", self._job or "sbatch: Job 2 to start at 2026-11-21T11:23:34")
        return Completed(tuple(argv), 0, self._said[argv[-1]], "")


def drained(reason: str) -> Slurm:
    found = Slurm(IDLE="IDLE+DRAIN")
    lines = found._said["nodes"].splitlines()
    found._said["nodes"] = "\n".join([lines[0] + " Reason=%s [root@2026-11-21T11:23:34]" % reason] + lines[1:])
    return found


@pytest.mark.parametrize("slurm, more, said", [
    (Slurm(), {}, "ok"),
    (drained("patchtrain: maintenance"), {}, "ok"),
    (drained("Low RealMemory"), {}, "node node1 is IDLE+DRAIN (Low RealMemory)"),
    (drained("mine"), {"reason": "mine"}, "ok"),
    (Slurm(IDLE="IDLE+NOT_RESPONDING"), {}, "node node1 does not answer Slurm: it is IDLE+NOT_RESPONDING"),
    (Slurm(IDLE="DOWN"), {}, "node node1 is DOWN"),
    (Slurm("nodes-starting"), {"node": "node2"}, "does not answer Slurm"),
    (Slurm("nodes-drained"), {"node": "node2"}, "partition work has 0 other usable nodes, min_peers wants 1: node1 is MIXED+DRAIN, node3 is DOWN"),
    (Slurm("nodes-drained"), {"node": "node2", "min_peers": 0}, "ok"),
    (Slurm("nodes-idle"), {"node": "elsewhere"}, "Slurm has no node elsewhere"),
    (Slurm(partitions="partitions-down"), {}, "partition work is DOWN"),
    (Slurm(job="allocation failure: Requested node configuration is not available"), {"try_job": True},
     "no job would start in partition work: allocation failure: Requested node configuration is not available"),
    (Slurm(job="not asked"), {}, "ok"), (Slurm(), {"try_job": True}, "ok")])
def test_a_slurm_cluster(slurm: Slurm, more: Dict[str, Any], said: str) -> None:
    found = run(dict({"cluster": "slurm", "node": "node1", "timeout": 7}, **more), slurm)
    assert said in found if said != "ok" else found == "ok"
    assert all(0 < limit <= 7 for _tool, limit in slurm.asked)


@pytest.mark.parametrize("nonsense", ["", "slurm_load_partitions: hm\n", "<html>"])
def test_a_controller_that_answers_nonsense_is_no_whole_cluster(nonsense: str) -> None:
    slurm = Slurm()
    slurm._said["partitions"] = nonsense
    assert "ok" != run({"cluster": "slurm", "node": "node1"}, slurm)


def libvirt(stage: Stage, **more: Any) -> str:
    return run(dict({"cluster": "libvirt", "peers": [HV1, HV2, HV3]}, **more), stage)


def guests() -> Stage:
    return Stage(FakeGuest("g1", 1, autostart=True), FakeGuest("asleep", 2, state="paused"), FakeGuest("-x; rm 'q$(id)", 3),
                 FakeGuest("off", 4, active=False, state="shut off", autostart=True))


def test_hypervisors_are_well_before_while_and_after_their_guests_are_away() -> None:
    stage = guests()
    assert libvirt(stage) == "ok"
    prior = stage.driver().enter(60).prior_state
    assert libvirt(stage) == "ok"
    stage.driver().leave(prior, 60)
    assert libvirt(stage) == "ok" and stage.changes.count("migrate") == 6


def test_a_guest_that_is_not_as_it_was_at_home_is_named() -> None:
    stage = guests()
    stage.driver().enter(60)
    moved = {guest.name: guest for guest in stage.hosts[HV2].guests.values()}
    moved["-x; rm 'q$(id)"].active, moved["-x; rm 'q$(id)"].state = False, "shut off"
    moved["asleep"].state = "running"
    assert libvirt(stage) == "guest -x; rm 'q$(id) is shut off at hv2, and was running; guest asleep is running at hv2, and was paused"
    assert libvirt(stage, ignore=["asleep", "-x*"]) == "ok"


@pytest.mark.parametrize("state, reason, well", [
    ("paused", "paused (user)", True), ("paused", "paused (I/O error)", False), ("crashed", "crashed (panicked)", False),
    ("shut off", "shut off (crashed)", False), ("shut off", "shut off (shutdown)", True), ("paused", "paused (watchdog)", False)])
def test_a_guest_that_nobody_stopped_is_named_wherever_it_is(state: str, reason: str, well: bool) -> None:
    stage = guests()
    broken = FakeGuest("theirs", 9, active=state != "shut off", state=state, reason=reason)
    stage.hosts[HV2].guests[broken.uuid] = broken
    assert libvirt(stage) == ("ok" if well else "guest theirs is %s at hv2" % reason)


def test_reasons_as_a_real_virsh_tells_them() -> None:
    """Booted, suspended, resumed, saved, restored, destroyed, killed, shut down: of these only the killed one was stopped by nobody."""
    said = [line for line in (DATA.parent / "libvirt-9.0" / "states.txt").read_text().splitlines() if line]
    stage = Stage(*(FakeGuest("g%d" % number, number, active=not reason.startswith("shut off"), state=reason.partition(" (")[0], reason=reason)
                    for number, reason in enumerate(said, 1)))
    assert len(said) >= 8 and libvirt(stage) == "guest g%d is shut off (crashed) at hv1" % (said.index("shut off (crashed)") + 1)


def test_a_peer_that_does_not_answer_is_named() -> None:
    stage = guests()
    stage.hosts[HV3].dead = True
    assert "%s: virsh hostname at %s: " % (HV3, HV3) in libvirt(stage)
    assert libvirt(stage, peers=[HV2]) == "ok"


@pytest.mark.parametrize("fault, words", [
    (lambda *_: missing(), "virsh"), (lambda words, _uri: late(words), "did not end"), (lambda *_: bad("error: no"), "virsh hostname at qemu:///system: no"),
    (lambda words, _uri: Completed(("virsh",), 0, "<html>", "") if words[0].startswith("hostname") else None, "told neither name nor memory"),
    (lambda words, _uri: Completed(("virsh",), 0, "one\ntwo\nthree\n", "") if words[0].startswith("domstate") else None, "told the states of 3 guests where")])
def test_virsh_that_is_missing_or_answers_nonsense_is_no_healthy_hypervisor(fault: Any, words: str) -> None:
    stage = guests()
    stage.faults.append(fault)
    assert words in libvirt(stage)


@pytest.mark.parametrize("check, words", [
    ({"cluster": "ceph"}, "'ceph' is not one of"), ({"cluster": ["slurm"]}, "is not one of"),
    ({"cluster": "slurm", "peers": ["x"]}, "check 1 \\(cluster\\) has no option 'peers'"),
    ({"cluster": "slurm", "node": "node[1-3]"}, "can't be the name of one node"),
    ({"cluster": "libvirt", "node": "x"}, "has no option 'node'"), ({"cluster": "libvirt", "peers": ["hv2"]}, "is no address of a libvirt")])
def test_what_does_not_belong_to_a_cluster_is_refused(check: Dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_checks([check])
