# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The slurm driver: parsers on what the real tools said, the driver on a cluster that answers in the same words."""

from __future__ import annotations


import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, CannotMove, CommandFailed, MaintenanceFailed, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance import _slurm_api
from hypothesis import given
from hypothesis import strategies as st
from slurm_fake import OURS, Cluster, said

# --- what the tools say --------------------------------------------------------------------------------------------------


def test_nodes_as_scontrol_tells_them():
    nodes = _slurm_api.parse_nodes(said("nodes-mixed.txt"))
    assert [(node.name, node.state, node.reason) for node in nodes] == [
        ("node1", "MIXED+DRAIN", OURS), ("node2", "IDLE", ""), ("node3", "DOWN", "bad disk (RMA 12) [slot 3]")]
    assert [(node.usable, node.works, node.busy, node.drained) for node in nodes] == [
        (False, True, True, True), (True, True, False, False), (False, False, False, False)]
    assert {(node.partitions, node.weight) for node in nodes} == {(("work",), 7)}


def test_nodes_of_a_controller_that_is_starting_are_not_usable():
    assert [node.usable for node in _slurm_api.parse_nodes(said("nodes-starting.txt"))] == [True, False, False]


def test_jobs_as_squeue_tells_them():
    jobs = _slurm_api.parse_jobs(said("jobs-node.txt"))
    assert [(job.id, job.label, job.state, job.requeueable, job.batch, job.restarts, job.user, job.nodes, job.wants) for job in jobs] == [
        (16, "16", "RUNNING", True, True, 0, "root", "node1", "node1"), (17, "17", "RUNNING", False, True, 0, "root", "node1", "node1"),
        (21, "18_1", "RUNNING", True, True, 0, "ada", "node1", ""), (18, "18_2", "RUNNING", True, True, 0, "ada", "node1", "")]


def test_a_requeued_job_keeps_its_id_and_counts_its_restart_while_it_still_ends_on_the_old_node():
    before, = _slurm_api.parse_jobs(said("jobs-requeued.txt"))
    after, = _slurm_api.parse_jobs(said("jobs-moved.txt"))
    assert [(job.id, job.restarts, job.state, job.nodes) for job in (before, after)] == [(21, 1, "COMPLETING", "node1"), (21, 1, "RUNNING", "node2")]


@pytest.mark.parametrize("text", ["", "Segmentation fault\n", "NodeName=node1\n", "NodeName=node1 State=idle Weight=1 CPUAlloc=0\n",
                                  "NodeName=node1 State=IDLE Weight=x CPUAlloc=0\n"])
def test_nonsense_instead_of_nodes_is_one_clear_failure(text):
    with pytest.raises(ParseFailed, match="scontrol"):
        _slurm_api.parse_nodes(text)


@pytest.mark.parametrize("text", ["Segmentation fault\n", said("jobs-node.txt").splitlines()[0][:300], "1 2 RUNNING\n", "{}\n"])
def test_nonsense_instead_of_jobs_is_one_clear_failure(text):
    with pytest.raises(ParseFailed, match="squeue"):
        _slurm_api.parse_jobs(text)


@given(st.text())
def test_whatever_is_printed_is_understood_or_refused(text):
    for parse in (_slurm_api.parse_nodes, _slurm_api.parse_jobs):
        try:
            parse(text)
        except ParseFailed as error:
            assert "\n" not in error.message


# --- entering ------------------------------------------------------------------------------------------------------------


def test_an_idle_node_is_drained_and_nothing_else():
    cluster = Cluster()
    result = cluster.driver().enter(30)
    assert (result.changed, result.prior_state, result.detail["moved"]) == (True, "in_service", [])
    assert result.detail["peers"] == {"work": ["node2", "node3"]}
    assert cluster.changes == ["scontrol update NodeName=node1 State=DRAIN Reason=" + OURS]
    again = cluster.driver().enter(30)
    assert (again.changed, again.prior_state, len(cluster.changes)) == (False, "drained", 1)


def test_running_jobs_are_waited_for():
    cluster = Cluster(j7={})
    cluster.pace = [lambda: cluster.now >= 5 and cluster.end(7)()]
    assert cluster.driver().enter(30).changed
    assert cluster.now == 5 and cluster.nodes["node1"]["state"] == "IDLE+DRAIN"


@pytest.mark.parametrize("mode, kind", [("wait", MaintenanceFailed), ("undo", CannotMove)])
def test_a_job_that_never_ends_is_a_failure_and_undone(mode, kind):
    cluster = Cluster(j7={})
    with pytest.raises(kind, match=r"jobs did not end within 30 s on node node1: 7 of ada \(RUNNING\); undone: node node1 takes jobs as before") as caught:
        cluster.driver(running_jobs=mode).enter(30)
    assert type(caught.value) is kind and caught.value.data["undone"] is True
    assert cluster.nodes["node1"] == {"state": "IDLE", "reason": ""}
    assert cluster.jobs[7]["state"] == "RUNNING"


def test_giving_up_takes_only_the_grace():
    cluster = Cluster(j7={})
    with pytest.raises(CannotMove):
        cluster.driver(running_jobs="undo", grace=4).enter(300)
    assert cluster.now == 4


@pytest.mark.parametrize("state", ["IDLE+DRAIN", "DOWN", "IDLE+NOT_RESPONDING", "IDLE+POWERED_DOWN", "IDLE+RESERVED", "MIXED+REBOOT_REQUESTED", "UNKNOWN"])
def test_a_lone_worker_is_refused_before_anything(state):
    cluster = Cluster(j7={})
    cluster.nodes["node2"]["state"] = cluster.nodes["node3"]["state"] = state
    with pytest.raises(CannotMove, match="partition work has 0 other usable nodes than node1, min_peers wants 1"):
        cluster.driver().enter(30)
    assert cluster.changes == []


def test_a_lone_worker_of_one_of_its_partitions_is_refused_too():
    cluster = Cluster()
    cluster.lines["node1"] = cluster.lines["node1"].replace("Partitions=work", "Partitions=work,gpu")
    with pytest.raises(CannotMove, match="partition gpu"):
        cluster.driver().enter(30)
    assert cluster.driver(min_peers=0).enter(30).changed


def test_of_two_that_are_drained_at_the_same_time_none_keeps_its_drain():
    cluster = Cluster()
    cluster.nodes["node3"]["state"] = "DOWN"

    def at_the_same_moment(argv):
        if "State=DRAIN" in argv:
            cluster.nodes["node2"]["state"] = "IDLE+DRAIN"
    cluster.hooks.append(at_the_same_moment)
    with pytest.raises(CannotMove, match="undone: node node1 takes jobs as before"):
        cluster.driver().enter(30)
    assert cluster.nodes["node1"]["state"] == "IDLE"


def test_a_drain_that_is_claimed_and_not_seen_is_a_failure():
    cluster = Cluster()
    cluster.hooks.append(lambda argv: (0, "", "") if argv[1] == "update" else None)
    with pytest.raises(MaintenanceFailed, match="node1 is IDLE although taken out"):
        cluster.driver().enter(30)


def test_a_node_that_dies_while_it_is_waited_for_is_a_failure_and_stays_down():
    cluster = Cluster(j7={})

    def dies():
        cluster.nodes["node1"]["state"] = cluster.nodes["node1"]["state"].replace("IDLE", "DOWN")
    cluster.pace.append(dies)
    with pytest.raises(MaintenanceFailed, match="node1 went down while it was waited for"):
        cluster.driver().enter(30)
    assert cluster.nodes["node1"]["state"] == "DOWN"


def test_an_undo_that_fails_is_told_in_capitals():
    cluster = Cluster(j7={})
    cluster.hooks.append(lambda argv: (1, "", said("denied.err")) if "State=UNDRAIN" in argv else None)
    with pytest.raises(MaintenanceFailed, match="UNDOING IT FAILED TOO: scontrol ended with rc 1 and said: slurm_update error: Invalid user id") as caught:
        cluster.driver(running_jobs="undo").enter(5)
    assert caught.value.data["undone"] is False and type(caught.value) is MaintenanceFailed


def test_who_may_not_drain_changes_nothing():
    cluster = Cluster()
    cluster.hooks.append(lambda argv: (1, "", said("denied.err")) if argv[1] == "update" else None)
    with pytest.raises(MaintenanceFailed, match="Invalid user id; undone"):
        cluster.driver().enter(5)


def test_a_reason_that_has_become_anothers_is_not_undone():
    cluster = Cluster(j7={})
    cluster.pace.append(lambda: cluster.nodes["node1"].update(reason="Kill task failed"))
    with pytest.raises(MaintenanceFailed, match="UNDOING IT FAILED TOO: .*not ours, so it is not resumed: Kill task failed"):
        cluster.driver(running_jobs="undo").enter(5)
    assert cluster.nodes["node1"]["state"] == "IDLE+DRAIN"


def test_a_controller_that_restarts_meanwhile_is_no_failure():
    cluster = Cluster(j7={})
    cluster.hooks.append(lambda argv: (1, "", said("controller-gone.err")) if 2 <= cluster.now <= 4 else None)
    cluster.pace.append(lambda: cluster.now >= 6 and cluster.end(7)())
    assert cluster.driver().enter(30).changed


def test_a_controller_that_stays_away_is_told():
    cluster = Cluster()
    cluster.hooks.append(lambda argv: (1, "", said("controller-gone.err")))
    with pytest.raises(CommandFailed, match="Unable to contact slurm controller"):
        cluster.driver().enter(30)


def test_hidden_jobs_keep_a_node_from_being_idle():
    cluster = Cluster(j7={})
    cluster.hooks.append(lambda argv: (0, "", "") if argv[0] == "squeue" else None)
    with pytest.raises(MaintenanceFailed, match="no job is listed there; only root and SlurmUser may see all jobs"):
        cluster.driver().enter(5)
    assert cluster.nodes["node1"]["state"] == "IDLE"


# --- requeueing ----------------------------------------------------------------------------------------------------------


def test_jobs_are_moved_and_each_is_seen_elsewhere():
    cluster = Cluster(j7={}, j8={"state": "COMPLETING"}, j9={"node": "node2"})
    cluster.pace = [lambda: cluster.now > 10 and cluster.start_elsewhere(), lambda: cluster.now == 3 and cluster.end(8)()]
    result = cluster.driver(running_jobs="requeue", grace=4).enter(60)
    assert result.detail["moved"] == [{"what": "job 7 of ada", "job": "7", "id": 7, "from": "node1", "to": "node2", "state": "RUNNING"}]
    assert (result.detail["ended"], result.detail["awaited"]) == ([], [])
    assert cluster.changes[1:] == ["scontrol requeue Incomplete 7"]


def test_what_slurm_still_cleans_up_after_the_last_job_is_waited_for():
    cluster = Cluster(j7={})

    def cleaned_up():
        busy = cluster.jobs[7]["state"] != "RUNNING" or cluster.now < 20
        cluster.nodes["node1"]["state"] = "IDLE+COMPLETING+DRAIN" if busy else "IDLE+DRAIN"
    cluster.pace = [cluster.start_elsewhere, cleaned_up]
    cluster.driver(running_jobs="requeue", grace=1).enter(60)
    assert cluster.now == 20


def test_a_job_that_ends_at_that_moment_does_not_run_twice():
    cluster = Cluster(j7={})
    cluster.hooks.append(lambda argv: cluster.end(7)() if argv[1] == "requeue" else None)
    result = cluster.driver(running_jobs="requeue", grace=0).enter(60)
    assert (result.detail["moved"], [job["state"] for job in result.detail["ended"]]) == ([], ["COMPLETED"])
    assert cluster.jobs[7]["restarts"] == 0


def test_a_job_that_finds_no_place_is_a_failure_and_undone():
    cluster = Cluster(j7={})
    cluster.pace.append(lambda: cluster.jobs[7].update(state="PENDING", node="") if cluster.jobs[7]["state"] == "COMPLETING" else None)
    with pytest.raises(MaintenanceFailed, match="requeued jobs are not seen elsewhere within 20 s: 7 of ada; undone") as caught:
        cluster.driver(running_jobs="requeue", grace=2).enter(20)
    assert (caught.value.data["awaited"], caught.value.data["moved"]) == (["7"], [])
    assert cluster.nodes["node1"]["state"] == "IDLE"


def test_a_job_that_never_dies_is_a_failure_and_undone():
    cluster = Cluster(j7={})
    with pytest.raises(MaintenanceFailed, match="not seen elsewhere within 20 s: 7 of ada; undone"):
        cluster.driver(running_jobs="requeue", grace=2).enter(20)


def test_a_job_that_slurm_forgot_is_not_taken_for_moved():
    cluster = Cluster(j7={})
    cluster.pace.append(lambda: cluster.jobs.pop(7, None) if cluster.jobs.get(7, {}).get("state") == "COMPLETING" else None)
    with pytest.raises(MaintenanceFailed, match="job 7 was requeued, and Slurm forgot it"):
        cluster.driver(running_jobs="requeue", grace=2).enter(20)


@pytest.mark.parametrize("facts, why", [({"batch": 0}, "interactive"), ({"requeue": 0}, "--no-requeue"), ({"wants": "node1,node2"}, "this very node")])
def test_a_job_that_cannot_move_keeps_all_where_they_are(facts, why):
    cluster = Cluster(j6={}, j7=facts)
    with pytest.raises(CannotMove, match=r"jobs on node node1 can't be moved: 7 of ada \(RUNNING\): .*%s.*undone" % why):
        cluster.driver(running_jobs="requeue", grace=2).enter(20)
    assert not [change for change in cluster.changes if "requeue" in change]


# --- found out of service, and leaving -----------------------------------------------------------------------------------


@pytest.mark.parametrize("state, prior", [("IDLE+DRAIN", "drained"), ("IDLE+FAIL", "failing")])
def test_what_somebody_else_took_out_stays_out(state, prior):
    cluster = Cluster()
    cluster.nodes["node1"].update(state=state, reason="bad disk")
    result = cluster.driver().enter(30)
    assert (result.changed, result.prior_state) == (False, prior)
    left = cluster.driver().leave(result.prior_state, 30)
    assert (left.changed, cluster.changes) == (False, []) and "left as found" in left.detail["note"]
    assert cluster.nodes["node1"] == {"state": state, "reason": "bad disk"}


def test_what_was_down_takes_no_job_meanwhile_and_is_down_again_with_its_reason():
    cluster = Cluster()
    cluster.nodes["node1"].update(state="DOWN", reason="bad disk: 3")
    result = cluster.driver().enter(30)
    assert (result.changed, result.prior_state, cluster.nodes["node1"]["state"]) == (True, "down: bad disk: 3", "DOWN+DRAIN")
    assert cluster.driver().leave(result.prior_state, 30).changed
    assert cluster.nodes["node1"] == {"state": "DOWN", "reason": "bad disk: 3"}


def test_leaving_waits_until_the_node_answers_and_a_second_time_changes_nothing():
    cluster = Cluster()
    cluster.driver().enter(30)
    cluster.nodes["node1"]["state"] = "DOWN+DRAIN+NOT_RESPONDING"
    cluster.pace.append(lambda: cluster.now == 3 and cluster.nodes["node1"].update(state="DOWN+DRAIN"))
    assert cluster.driver().leave("in_service", 30).changed
    assert cluster.nodes["node1"] == {"state": "IDLE", "reason": ""}
    assert not cluster.driver().leave("in_service", 30).changed


def test_a_node_that_does_not_answer_stays_drained():
    cluster = Cluster()
    cluster.driver().enter(30)
    cluster.nodes["node1"]["state"] += "+NOT_RESPONDING"
    with pytest.raises(MaintenanceFailed, match="did not answer Slurm within 30 s: it is IDLE.DRAIN.NOT_RESPONDING.*undone: node node1 is drained as before"):
        cluster.driver().leave("in_service", 30)


def test_a_node_that_another_one_drained_meanwhile_is_not_resumed():
    cluster = Cluster()
    cluster.driver().enter(30)
    cluster.nodes["node1"]["reason"] = OURS + ", Low RealMemory"
    with pytest.raises(MaintenanceFailed, match="not ours, so it is not resumed"):
        cluster.driver().leave("in_service", 30)
    assert cluster.nodes["node1"]["state"] == "IDLE+DRAIN"


def test_verifying_looks():
    cluster = Cluster()
    driver = cluster.driver()
    driver.verify("left")
    with pytest.raises(MaintenanceFailed, match="not seen as entered: it is IDLE"):
        driver.verify("entered")
    driver.enter(30)
    driver.verify("entered")
    with pytest.raises(MaintenanceFailed, match="not seen as left"):
        driver.verify("left")


# --- check mode and names ------------------------------------------------------------------------------------------------


def test_check_mode_tells_who_would_be_moved_and_changes_nothing():
    cluster = Cluster(j7={}, j8={"requeue": 0})
    result = cluster.driver(check_mode=True, running_jobs="requeue").enter(30)
    assert (result.changed, result.prior_state, cluster.changes) == (True, "in_service", [])
    assert result.detail["would"] == [
        "scontrol update NodeName=node1 State=DRAIN Reason=" + OURS, "wait for, then requeue, job 7 of ada",
        "wait for, then requeue, job 8 of ada: can't be moved, it was submitted with --no-requeue"]
    cluster.nodes["node1"].update(state="IDLE+DRAIN", reason=OURS)
    assert cluster.driver(check_mode=True).leave("in_service", 30).detail["would"] == ["scontrol update NodeName=node1 State=RESUME"]
    assert cluster.changes == []


def test_check_mode_can_not_write():
    with pytest.raises(MaintenanceFailed, match="check mode refused"):
        _slurm_api.Api(Cluster(), read_only=True).update("node1", "DRAIN", "x")


@pytest.mark.parametrize("name", ["", "ALL", "all", "node[1-3]", "node1,node2", "node1; reboot", "$(reboot)", "-a", "node1\nnode2"])
def test_names_that_mean_more_than_one_node_are_refused(name):
    cluster = Cluster()
    with pytest.raises(BadInput, match="can't be the name of one node"):
        cluster.driver(host=name)
    assert cluster.ran == []


def test_an_unknown_node_is_told_with_those_there_are():
    with pytest.raises(MaintenanceFailed, match="Slurm has no node node9; it has: node1, node2, node3"):
        Cluster().driver(host="node9").enter(30)


@pytest.mark.parametrize("reason", ["", " ", 'a "b"', "it's", "a\nb", "fan [x]", 7])
def test_reasons_that_slurm_would_not_give_back_are_refused(reason):
    with pytest.raises(BadInput, match="option reason"):
        Cluster().driver(reason=reason)


def test_a_prior_state_of_another_driver_is_refused():
    with pytest.raises(BadInput, match="is not what entering reported"):
        Cluster().driver().leave("maintenance", 30)
