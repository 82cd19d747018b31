# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Slurm cluster, a controller and three workers: its jobs are counted where they ran while its workers are emptied, patched and rebooted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_fleet import Fleet, wait_for
from lab_modules import module

pytestmark = [pytest.mark.lab]

NAME = "test-slurm"
CONTROLLER = "slurm1"
NODES = ("node1", "node2", "node3")
_ENDED = "/var/tmp/jobs-ended"
_TOLD = "until [ -e /var/tmp/jobs-may-end ]; do sleep 1; done"
"""A job that ends when it may: how long a module takes to start is the machine's affair."""


class Slurm(Fleet):
    """The cluster as its users see it, through the controller."""

    def __init__(self, state: Path) -> None:
        super().__init__(state, NAME)

    def submit(self, work: str, *options: str) -> str:
        """A job that says on its worker's own disk that it has come to its end; its id.

        Joined by ``&&``: Slurm's SIGTERM reaches the work before the shell around it, which in between would go on to what follows a ``;``.
        """
        script = "%s && echo $SLURM_JOB_ID >> %s" % (work, _ENDED)
        return self.sh(CONTROLLER, "sbatch --parsable -D /var/tmp -o /dev/null %s --wrap '%s'" % (" ".join(options), script))

    def tell(self, *nodes: str) -> None:
        for node in nodes:
            self.sh(node, "touch /var/tmp/jobs-may-end")

    def running_on(self, job: str) -> str:
        return str(wait_for(lambda: self.sh(CONTROLLER, "squeue -h -t R -j %s -o %%N" % job, check=False), "job %s to run" % job))

    def node(self, name: str) -> dict[str, str]:
        """Its state and reason, read here without the driver's help.

        All nodes are asked for: to ``sinfo --nodes`` of one node Slurm tells the processors in use as of when somebody last asked for all.
        """
        rows = [row.split("|", 3) for row in self.sh(CONTROLLER, "sinfo -h -N -o '%N|%T|%w|%E'").splitlines()]
        return next(dict(zip(("state", "weight", "reason"), row[1:])) for row in rows if row[0] == name)

    def completed(self) -> list[str]:
        """The same by Slurm's own book of ends; what it writes there of a requeued job's first place is no end."""
        return sorted(self.sh(CONTROLLER, "sed -n 's/^JobId=\\([0-9]*\\) .*JobState=COMPLETED .*/\\1/p' /var/log/slurm/jobcomp.log").split())

    def ended(self) -> list[str]:
        """The jobs that came to their end, once for each time."""
        return sorted(" ".join(self.sh(node, "cat %s 2>/dev/null" % _ENDED, check=False) for node in NODES).split())

    def mode(self, state: str, node: str, check: bool = False, timeout: float = 60, prior: str = "", **options: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"driver": "slurm", "host": node, "state": state, "timeout": timeout, "options": {"poll": 0.5, **options}}
        if prior:
            given["prior_state"] = prior
        return module(self, CONTROLLER, "maintenance_mode", check=check, **given)


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    keeper = Slurm(tmp_path_factory.mktemp("keeper"))
    keeper.lab("up", "--topology", "slurm")
    yield
    keeper.lab("down")


@pytest.fixture
def cluster(laboratory: None, tmp_path: Path) -> Slurm:
    """All workers as on their first day, idle and without any job."""
    found = Slurm(tmp_path / "state")
    found.lab("reset")
    wait_for(lambda: {found.node(name)["state"] for name in NODES} == {"idle"}, "all workers to be idle")
    return found


def test_a_worker_is_emptied_and_comes_back(cluster: Slurm) -> None:
    job = cluster.submit(_TOLD, "-J '\"; touch /tmp/harm; echo \"'")
    node = cluster.running_on(job)
    foreseen = cluster.mode("entered", node, check=True, running_jobs="requeue", grace=1)
    assert foreseen["changed"] and [found["job"] for found in foreseen["detail"]["jobs"]] == [job], foreseen
    assert cluster.node(node) == {"state": "mixed", "weight": "7", "reason": "none"}, "check mode touches nothing"
    done = cluster.mode("entered", node, running_jobs="requeue", grace=1)
    assert not done["failed"] and done["prior_state"] == "in_service", done
    moved, = done["detail"]["moved"]
    assert (moved["job"], moved["from"], moved["state"]) == (job, node, "RUNNING") and moved["to"] == cluster.running_on(job) != node
    assert cluster.node(node) == {"state": "drained", "weight": "7", "reason": "patchtrain: maintenance"}
    again = cluster.mode("entered", node)
    assert (again["changed"], again["prior_state"]) == (False, "drained")
    assert cluster.mode("left", node, prior=done["prior_state"])["changed"]
    assert cluster.node(node) == {"state": "idle", "weight": "7", "reason": "none"}
    assert not cluster.mode("left", node)["changed"]
    cluster.tell(*NODES)
    wait_for(lambda: cluster.ended() == [job], "the job to end, once")


def test_who_cannot_be_emptied_stays_in_service(cluster: Slurm) -> None:
    endless = cluster.submit("trap : TERM; while :; do sleep 1; done", "-w node1", "--no-requeue")
    cluster.running_on(endless)
    for options, said in (({"running_jobs": "wait"}, "did not end within 4 s"), ({"running_jobs": "undo", "grace": 1}, "did not end within 1 s"),
                          ({"running_jobs": "requeue", "grace": 1}, "--no-requeue")):
        done = cluster.mode("entered", "node1", timeout=4, **options)
        assert done["failed"] and said in done["msg"] and done["undone"] is True, done
        assert cluster.node("node1")["reason"] == "none" and cluster.running_on(endless) == "node1"
    cluster.sh(CONTROLLER, "scontrol update nodename=node1,node3 state=drain reason='bad disk'")
    alone = cluster.mode("entered", "node2")
    assert alone["failed"] and "partition work has 0 other usable nodes" in alone["msg"] and alone["error"]["blocked"], alone
    assert cluster.node("node2")["state"] == "idle"
    found = cluster.mode("entered", "node3")
    assert (found["changed"], found["prior_state"]) == (False, "drained")
    assert not cluster.mode("left", "node3", prior=found["prior_state"])["changed"]
    assert cluster.node("node3") == {"state": "drained", "weight": "7", "reason": "bad disk"}


@pytest.mark.full
def test_a_job_without_a_place_elsewhere_fails_the_drain_and_runs_on(cluster: Slurm) -> None:
    full = [cluster.submit("sleep 300", "-w " + node, "-n 4") for node in ("node2", "node3")]
    for job in full:
        cluster.running_on(job)
    job = cluster.submit("sleep 60", "-n 4")
    assert cluster.running_on(job) == "node1", "the only one with room"
    done = cluster.mode("entered", "node1", timeout=15, running_jobs="requeue", grace=0)
    assert done["failed"] and done["undone"] is True and "not seen elsewhere" in done["msg"] and done["error"]["awaited"] == [job], done
    assert cluster.node("node1")["reason"] == "none"
    assert cluster.running_on(job) == "node1", "it starts anew where it was"


@pytest.mark.full
def test_a_worker_that_was_down_is_down_again(cluster: Slurm) -> None:
    cluster.sh(CONTROLLER, "scontrol update nodename=node2 state=down reason='bad disk; $(reboot)'")
    done = cluster.mode("entered", "node2")
    assert (done["changed"], done["prior_state"]) == (True, "down: bad disk; $(reboot)"), done
    assert cluster.mode("left", "node2", prior=done["prior_state"])["changed"]
    wait_for(lambda: cluster.node("node2")["state"] != "down*", "the node to answer again")
    assert cluster.node("node2") == {"state": "down", "weight": "7", "reason": "bad disk; $(reboot)"}


@pytest.mark.full
def test_a_controller_that_restarts_while_jobs_are_waited_for(cluster: Slurm) -> None:
    job = cluster.submit(_TOLD)
    node = cluster.running_on(job)
    told: list[dict[str, Any]] = []
    entering = threading.Thread(target=lambda: told.append(cluster.mode("entered", node, timeout=120)))
    entering.start()
    wait_for(lambda: cluster.node(node)["state"].startswith("drain"), "the drain")
    cluster.sh(CONTROLLER, "systemctl restart slurmctld")
    cluster.tell(node)
    entering.join()
    done = told[0]
    assert not done["failed"], done
    assert cluster.node(node)["state"] == "drained" and cluster.ended() == [job]
    assert cluster.mode("left", node)["changed"]


@pytest.mark.full
def test_all_workers_are_patched_and_rebooted_under_a_stream_of_jobs(cluster: Slurm) -> None:
    jobs = [cluster.submit("sleep %d" % (2 + number * 7 % 40)) for number in range(24)]
    maintenance = [{"driver": "slurm", "place": CONTROLLER, "timeout": 120, "options": {"running_jobs": "requeue", "grace": 5}}]
    before = cluster.boots()
    done = cluster.play(patch_hosts="slurm_node", patch_max_unavailable=1, patch_maintenance=maintenance,
                        patch_health_checks=[{"cluster": "slurm", "try_job": True, "timeout": 20}])
    assert done.rc == 0 and done.states() == dict.fromkeys(NODES, "succeeded"), done.text[-4000:]
    after = cluster.boots()
    assert all(after[node] == before[node] + 1 for node in NODES), (before, after)
    wait_for(lambda: cluster.sh(CONTROLLER, "squeue -h") == "", "the last job to end", 120)
    assert cluster.ended() == sorted(jobs), "each says once that it has come to its end"
    assert cluster.completed() == sorted(jobs), "Slurm's own book has each end once"
    restarts = dict(line.split() for line in cluster.sh(CONTROLLER, "squeue -h -t all -O JobID:20,RestartCnt:20").splitlines())
    listed = Counter(move["job"] for node in NODES for step in done.host(node)["steps"] for move in step.get("moved", ()))
    assert listed and listed == Counter({job: int(times) for job, times in restarts.items() if times != "0"}), "Slurm's own count says who was moved"
    wait_for(lambda: {cluster.node(node)["state"] for node in NODES} == {"idle"}, "all workers to be in service and idle")
