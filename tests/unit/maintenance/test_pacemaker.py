# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pacemaker driver on what the tools of a real cluster said (Pacemaker 2.1.5, two nodes, a group and a clone)."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (BadInput, CannotMove, MaintenanceFailed, ParseFailed,
                                                                                 ToolMissing)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._pacemaker_status import (parse_database, parse_simulation,
                                                                                                       with_standby)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance._pacemaker_tools import cluster_problems
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from hypothesis import given
from hypothesis import strategies as st
from pacemaker_fake import DATA, OFF, ON, Recorded, said


def test_a_node_is_emptied_and_its_resources_are_seen_elsewhere():
    cluster = Recorded("whole", on=["moving", "moving", "standby"])
    result = cluster.driver().enter(60)
    assert (result.changed, result.state, result.prior_state) == (True, "entered", "in_service")
    assert cluster.changes == [ON] and cluster.now == 2.0
    assert [(move["resource"], move["to"]) for move in result.detail["moved"]] == [("front-address", "ha2"), ("front-service", "ha2")]
    assert result.detail["nodes"] == {"ha1": "in standby", "ha2": "online"} and result.detail["resources"] == []


def test_check_mode_says_what_would_move_by_the_clusters_own_rules_and_changes_nothing():
    cluster = Recorded("whole")
    result = cluster.driver(check_mode=True).enter(60)
    assert result.changed and result.detail["would"] == [ON] and cluster.changes == []
    assert [(move["resource"], move["to"]) for move in result.detail["moves"]] == [("front-address", "ha2"), ("front-service", "ha2")]
    left = Recorded("standby")
    result = left.driver(check_mode=True).leave("in_service", 60)
    assert result.changed and result.detail["would"] == [OFF] and left.changes == []


def test_in_check_mode_a_driver_that_wants_to_change_something_fails():
    cluster = Recorded("whole")
    with pytest.raises(MaintenanceFailed, match="check mode refused"):
        cluster.driver(check_mode=True)._take_out(None, True, None)
    assert cluster.changes == []


def test_a_node_that_was_in_standby_already_stays_so():
    cluster = Recorded("standby")
    result = cluster.driver().enter(60)
    assert (result.changed, result.prior_state) == (False, "standby")
    left = cluster.driver().leave("standby", 60)
    assert (left.changed, left.detail["note"]) == (False, "left as found: it was in standby before")
    assert cluster.changes == []


def test_a_standby_that_ends_with_the_next_reboot_is_made_to_last_and_only_ours_is_taken_back():
    cluster = Recorded("transient", on=["standby"])
    result = cluster.driver().enter(60)
    assert (result.changed, result.prior_state, cluster.changes) == (True, "standby_until_reboot", [ON])
    cluster = Recorded("standby", off=["back"])
    assert cluster.driver().leave("standby_until_reboot", 60).changed and cluster.changes == [OFF]


def test_what_no_other_node_may_run_blocks_the_node_before_anything_is_touched():
    cluster = Recorded("banned")
    with pytest.raises(CannotMove) as caught:
        cluster.driver().enter(60)
    assert "resource front-service can't move: constraint cli-ban-front-on-ha2 keeps front off ha2" in caught.value.message
    assert caught.value.data["blocked"] and cluster.changes == []
    assert [item["resource"] for item in caught.value.data["resources"]] == ["front-address", "front-service"]


def test_what_has_failed_on_the_other_node_before_blocks_too():
    cluster = Recorded("failed-undone")
    with pytest.raises(CannotMove, match="front-service can't move: start of front-service on ha2 failed: failed .*--cleanup"):
        cluster.driver().enter(60)
    assert cluster.changes == []


def test_what_is_unmanaged_would_stay_and_blocks():
    cluster = Recorded("unmanaged")
    with pytest.raises(CannotMove, match="beside can't move: it is unmanaged"):
        cluster.driver().enter(60)


def test_a_resource_that_fails_on_the_other_node_is_brought_back_and_the_node_blocked():
    cluster = Recorded("whole", on=["moving", "failed", "failed"], off=["failed", "failed-undone"])
    with pytest.raises(CannotMove) as caught:
        cluster.driver().enter(60)
    assert cluster.changes == [ON, OFF]
    assert caught.value.message == (
        "node ha1 can't be taken out: resource front-service can't move: start of front-service on ha2 failed: failed (remembered until "
        "crm_resource --cleanup); undone: node ha1 is out of standby again and its resources work")
    assert (caught.value.data["blocked"], caught.value.data["undone"], caught.value.data["prior_state"]) == (True, True, "in_service")


def test_one_look_at_a_resource_that_is_nowhere_is_not_the_last_word():
    cluster = Recorded("whole", on=["failed", "moving", "failed", "standby"])
    assert cluster.driver().enter(60).changed


def test_a_node_that_could_not_be_undone_has_failed_and_is_not_blocked():
    cluster = Recorded("whole", on=["failed"], off=["failed"])
    with pytest.raises(MaintenanceFailed, match="UNDOING IT FAILED TOO: resources did not come back within 60 s: .*front-service") as caught:
        cluster.driver().enter(60)
    assert not isinstance(caught.value, CannotMove) and "blocked" not in caught.value.data
    assert caught.value.data["undone"] is False


def test_a_limit_that_passes_is_a_failure_and_undone():
    cluster = Recorded("whole", on=["moving"], off=["whole"])
    with pytest.raises(MaintenanceFailed, match="resources did not move within 10 s: stop front-service on ha1; .*undone") as caught:
        cluster.driver().enter(10)
    assert cluster.changes == [ON, OFF] and caught.value.data["undone"] is True and not isinstance(caught.value, CannotMove)


@pytest.mark.parametrize("state, peer", [("peer-offline", "ha2 is offline"), ("peer-standby", "ha2 is in standby")])
def test_a_lone_node_is_never_taken_out(state, peer):
    cluster = Recorded(state)
    with pytest.raises(CannotMove, match="0 usable peers of the 1 that are wanted: %s" % peer) as caught:
        cluster.driver().enter(60)
    assert cluster.changes == [] and caught.value.data["blocked"]


def test_a_peer_that_is_lost_or_drained_meanwhile_undoes_the_standby():
    cluster = Recorded("whole", on=["moving", "both"], off=["whole"])
    cluster.edits = []
    original = cluster.cibadmin

    def cibadmin(argv, stdin):
        if cluster.states[0] == "both":
            cluster.states = ["moving"]
            cluster.edits = [('name="ha2" id="2" online="true" standby="false"', 'name="ha2" id="2" online="true" standby="true"')]
        return original(argv, stdin)

    def attribute(argv, stdin):
        cluster.edits = []
        return Recorded.crm_attribute(cluster, argv, stdin)
    cluster.cibadmin, cluster.crm_attribute = cibadmin, attribute
    with pytest.raises(CannotMove, match="ha2 is in standby; undone"):
        cluster.driver().enter(60)
    assert cluster.changes == [ON, OFF]


def test_a_node_that_is_no_member_is_not_taken_out_unless_it_was_in_standby():
    offline = [('name="ha1" id="1" online="true"', 'name="ha1" id="1" online="false"')]
    cluster = Recorded("whole")
    cluster.edits = offline
    with pytest.raises(CannotMove, match="it is offline in its cluster"):
        cluster.driver().enter(60)
    cluster = Recorded("standby")
    cluster.edits = offline + [('name="ha1" id="1" online="false" standby="true"', 'name="ha1" id="1" online="false" standby="false"')]
    assert cluster.driver().enter(60).prior_state == "standby" and cluster.changes == []


def test_without_quorum_nothing_is_begun():
    cluster = Recorded("whole")
    cluster.edits = [('have-quorum="1"', 'have-quorum="0"')]
    with pytest.raises(CannotMove, match="the cluster has no quorum"):
        cluster.driver().enter(60)
    assert cluster.changes == []


@pytest.mark.parametrize("third, taken", [('online="false"', False), ('online="true"', True), ('online="false" type="remote"', True)])
def test_a_node_whose_reboot_would_cost_the_quorum_is_not_taken_out(third, taken):
    """There is quorum now, and one usable peer would do: yet two of three are a majority."""
    cluster = Recorded("whole", on=["standby"])
    cluster.edits = [('<node name="ha2" id="2" online', '<node name="ha3" id="3" %s/><node name="ha2" id="2" online' % third)]
    if taken:
        assert cluster.driver(min_peers=1).enter(60).changed
        return
    with pytest.raises(CannotMove, match="would lose its quorum with its reboot: 1 vote would be left, 2 are needed"):
        cluster.driver(min_peers=1).enter(60)
    assert cluster.changes == []


@pytest.mark.parametrize("said_by, rc, taken", [
    ("two-node", 0, True), ("device", 0, True), ("device-away", 0, False), ("device", 2, True), ("device-away", 1, True)])
def test_votes_are_those_that_corosync_counts_with_its_quorum_device(said_by, rc, taken):
    """As real ones told it: two nodes and a device, which is enough for one to go; with the device away it is not. An rc of 1 tells nothing."""
    cluster = Recorded("whole", on=["standby"])
    cluster.votes = Completed(("corosync-quorumtool",), rc, (DATA / "votes" / (said_by + ".txt")).read_text(), "")
    if taken:
        assert cluster.driver().enter(60).changed
        return
    with pytest.raises(CannotMove, match="would lose its quorum with its reboot: 1 vote would be left, 2 are needed"):
        cluster.driver().enter(60)
    assert cluster.changes == []


@pytest.mark.parametrize("old, new", [("Total votes:      3", "Total votes: 4"), ("Quorum:           2", "Quorum: two"), ("Membership", "\x00")])
def test_votes_that_are_nonsense_are_one_clear_failure(old, new):
    text = (DATA / "votes" / "device.txt").read_text().replace(old, new)
    cluster = Recorded("whole", on=["standby"])
    cluster.votes = Completed(("corosync-quorumtool",), 0, text if new != "\x00" else new, "")
    with pytest.raises(ParseFailed, match="corosync-quorumtool answered something without votes that add up"):
        cluster.driver().enter(60)
    assert cluster.changes == []


def test_a_failed_resource_anywhere_is_refused_before_and_can_be_left_out():
    cluster = Recorded("failed")
    with pytest.raises(CannotMove, match="not all well: resource front-service is not started"):
        cluster.driver().enter(60)
    cluster = Recorded("whole", on=["standby"])
    beside = 'id="beside" resource_agent="ocf:pacemaker:Dummy" role="Started" active="true" orphaned="false" blocked="false" managed="true" failed="%s"'
    cluster.edits = [(beside % "false", beside % "true")]
    with pytest.raises(CannotMove, match="resource beside is failed"):
        cluster.driver().enter(60)
    assert cluster.driver(ignore="everywhere").enter(60).changed is True


def test_somebody_who_takes_the_node_out_of_standby_meanwhile_is_noticed():
    cluster = Recorded("whole", on=["moving", "whole"], off=["whole"])
    with pytest.raises(MaintenanceFailed, match="out of standby although it was put there"):
        cluster.driver().enter(60)


def test_a_promoted_role_has_to_be_taken_over_as_well():
    cluster = Recorded("promotable")
    moves = cluster.driver(check_mode=True).enter(60).detail["moves"]
    assert moves == [{"what": "resource ledger-db (promoted)", "resource": "ledger-db", "promoted": True, "from": "ha1", "to": "ha2"}]
    cluster.edits = [('role="Promoted" active="true" orphaned="false" blocked="false" managed="true" failed="false" failure_ignored="false" '
                      'nodes_running_on="1">\n          <node name="ha2"',
                      'role="Unpromoted" active="true" orphaned="false" blocked="false" managed="true" failed="false" failure_ignored="false" '
                      'nodes_running_on="1">\n          <node name="ha2"')]
    with pytest.raises(CannotMove, match="resource ledger-db can't move"):
        cluster.driver(check_mode=True).enter(60)


def test_a_fencing_device_need_not_run_elsewhere():
    device = ('<resource id="fence-ha2" resource_agent="stonith:fence_ipmilan" role="%s" active="%s" orphaned="false" blocked="false" '
              'managed="true" failed="false" failure_ignored="false" nodes_running_on="1">%s</resource>')
    here, nowhere = device % ("Started", "true", '<node name="ha1" id="1" cached="true"/>'), device % ("Stopped", "false", "")
    cluster = Recorded("whole")
    original = cluster.crm_simulate

    def simulate(argv, stdin):
        now, revised, then = original(argv, stdin).partition("<revised_cluster_status>")
        moved = nowhere if "patchtrain-simulated-standby" in stdin else here
        return now.replace("<resources>", "<resources>" + here) + revised + then.replace("<resources>", "<resources>" + moved)
    cluster.crm_simulate = simulate
    assert cluster.driver(check_mode=True).enter(60).changed


def test_leaving_ends_the_standby_and_waits_until_the_cluster_has_settled():
    cluster = Recorded("standby", off=["moving", "back"])
    result = cluster.driver().leave("in_service", 60)
    assert (result.changed, cluster.changes, result.detail["nodes"]["ha1"]) == (True, [OFF], "online")


def test_leaving_waits_for_a_node_that_has_just_booted():
    cluster = Recorded("standby", off=["back"])
    node = '<node name="ha1" id="1" online="%s" standby="true" standby_onfail="false" maintenance="false" pending="%s"'
    phases = [("false", "false"), ("true", "true"), ("true", "false")]
    original = cluster.cibadmin

    def cibadmin(argv, stdin):
        online, pending = phases.pop(0) if phases else ("true", "false")
        cluster.edits = [(node % ("true", "false"), node % (online, pending))]
        return original(argv, stdin)
    cluster.cibadmin = cibadmin
    assert cluster.driver().leave("in_service", 60).changed and cluster.now == 2.0


def test_a_node_that_never_joins_is_left_in_standby_and_named():
    cluster = Recorded("standby")
    cluster.broken["cibadmin"] = Completed(("cibadmin",), 102, "", "Could not connect to the CIB: Transport endpoint is not connected\n")
    said = "did not join the cluster within 20 s: .*rc 102 and said: Could not connect.*nothing had been changed"
    with pytest.raises(MaintenanceFailed, match=said) as caught:
        cluster.driver().leave("in_service", 20)
    assert cluster.changes == [] and caught.value.data["undone"] is None


def test_a_node_that_can_not_run_what_comes_back_goes_into_standby_again():
    cluster = Recorded("standby", off=["back"], on=["standby"])
    original = cluster.cibadmin
    failure = ('<lrm_rsc_op id="front-service_last_failure_0" operation="start" exit-reason="no such file" on_node="ha1" call-id="99" '
               'rc-code="5" last-rc-change="1"/>')

    def cibadmin(argv, stdin):
        text = original(argv, stdin)
        head, resource, rest = text.rpartition('<lrm_resource id="front-service"')
        at = rest.index(">") + 1
        cluster.edits = [("uname=\"ha2\" ", "uname=\"ha1\" ")] if cluster.state == "back" else []
        return head + resource + rest[:at] + failure + rest[at:] if cluster.state == "back" else text
    cluster.cibadmin = cibadmin
    with pytest.raises(MaintenanceFailed, match="ha1 can't run what came back to it: start of front-service on ha1 failed: no such file; undone: "
                       "node ha1 is in standby again"):
        cluster.driver().leave("in_service", 60)
    assert cluster.changes == [OFF, ON]


def test_leaving_twice_changes_nothing_the_second_time():
    cluster = Recorded("back")
    assert not cluster.driver().leave("in_service", 60).changed and cluster.changes == []


def test_a_prior_state_that_was_never_told_is_refused():
    with pytest.raises(BadInput, match="prior_state 'draining' is not what entering reported"):
        Recorded("standby").driver().leave("draining", 60)


def test_verify():
    Recorded("standby").driver().verify("entered")
    Recorded("back").driver().verify("left")
    with pytest.raises(MaintenanceFailed, match="not seen as entered: it is online; resource beside is Started there"):
        Recorded("whole").driver().verify("entered")
    with pytest.raises(MaintenanceFailed, match="not seen as left: it is in standby"):
        Recorded("standby").driver().verify("left")
    with pytest.raises(MaintenanceFailed, match="node ha2 is offline"):
        Recorded("peer-offline").driver().verify("left")


@pytest.mark.parametrize("state, problems", [
    ("whole", []), ("standby", []), ("back", []), ("moving", ["resource front-service is not started"]),
    ("failed", ["resource front-service is not started"]), ("peer-offline", ["node ha2 is offline"])])
def test_whether_the_cluster_is_whole(state, problems):
    assert cluster_problems(Recorded(state), 5) == problems


def test_what_is_disabled_need_not_run():
    cluster = Recorded("failed")
    cluster.edits = [('<resource id="front-service" ', '<resource id="front-service" target_role="Stopped" ')]
    assert cluster_problems(cluster, 5) == []


@pytest.mark.parametrize("tool", ["cibadmin", "crm_simulate"])
@pytest.mark.parametrize("text", ["", "nonsense", "<a/>", "<cib", "<!DOCTYPE x [<!ENTITY e 'x'>]><cib>&e;</cib>", "<pacemaker-result/>", "\x00\x1b[31m"])
def test_nonsense_is_one_clear_failure(tool, text):
    cluster = Recorded("whole")
    cluster.broken[tool] = Completed((tool,), 0, text, "")
    with pytest.raises(ParseFailed) as caught:
        cluster.driver().enter(60)
    assert tool in caught.value.message and "\n" not in caught.value.message and "\x1b" not in caught.value.message
    assert cluster.changes == []


@given(st.text() | st.text().map(lambda text: "<cib>%s</cib>" % text) | st.integers(0, 8000).map(lambda at: said("whole", "cib")[:at]))
def test_whatever_a_tool_prints_is_read_or_a_failure_of_one_line(text):
    for parse in (parse_database, parse_simulation, lambda text: with_standby(text, "ha1")):
        try:
            parse(text)
        except ParseFailed as error:
            assert len(error.message.splitlines()) == 1


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1))
def test_whoever_is_put_into_standby_in_thought_is_that_very_node(name):
    text = with_standby(said("whole", "cib"), name)
    assert parse_database(text).standby == {name}
    assert parse_database(with_standby(text, name)).standby == {name}


def test_nonsense_in_the_middle_is_undone():
    cluster = Recorded("whole", off=["whole"])
    original = cluster.crm_attribute

    def attribute(argv, stdin):
        cluster.broken = {"crm_simulate": Completed(("crm_simulate",), 0, "?", "")} if argv == ON else {}
        return original(argv, stdin)
    cluster.crm_attribute = attribute
    with pytest.raises(MaintenanceFailed, match="crm_simulate answered something.*undone") as caught:
        cluster.driver().enter(60)
    assert (caught.value.data["cause"], cluster.changes) == ("ParseFailed", [ON, OFF])


def test_a_change_that_is_refused_is_undone_and_told():
    cluster = Recorded("whole")
    cluster.broken["crm_attribute"] = Completed(("crm_attribute",), 105, "", "crm_attribute: Could not map name=ha1 to a UUID\n")
    with pytest.raises(MaintenanceFailed, match="crm_attribute ended with rc 105 and said: .*UNDOING IT FAILED TOO"):
        cluster.driver().enter(60)


def test_a_success_that_is_claimed_while_nothing_happens_is_not_believed():
    cluster = Recorded("whole")
    with pytest.raises(MaintenanceFailed, match="out of standby although"):
        cluster.driver().enter(60)


def test_missing_tools_are_named_with_what_to_do():
    cluster = Recorded("whole")
    cluster.broken["cibadmin"] = ToolMissing("cibadmin can't be run: No such file or directory", tool="cibadmin")
    with pytest.raises(ToolMissing, match="cibadmin can't be run.*place of control has to be a node of the cluster"):
        cluster.driver().enter(60)


def test_a_node_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(MaintenanceFailed, match="no node 'web1'; it has: ha1, ha2"):
        Recorded("whole").driver(host="web1").enter(60)
    assert Recorded("standby").driver(host="web1", node="ha1").prior() == "standby"


@pytest.mark.parametrize("name", ["$(touch x)", "a b; reboot", "--help", "`id`", "'\"<&>"])
def test_names_are_handed_over_as_they_are(name):
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    cluster = Recorded("whole", on=["standby"])
    cluster.edits = [('uname="ha1"', 'uname="%s"' % escaped), ('name="ha1"', 'name="%s"' % escaped), ('resource id="front-service"', 'resource id="$(id)"')]
    result = cluster.driver(host=name).enter(60)
    assert cluster.changes == [ON[:2] + ["--node=" + name] + ON[3:]]
    assert "$(id)" in [move["resource"] for move in result.detail["moved"]]


@pytest.mark.parametrize("options, message", [
    ({"standby": 1}, "driver pacemaker has no option 'standby'; it has: ignore, min_peers, node, poll"),
    ({"min_peers": -1}, "option min_peers: -1 is no count"), ({"poll": 0}, "option poll: 0 is no number"),
    ({"node": "a\nb"}, "can't be a node's name")])
def test_wrong_options_are_one_clear_line(options, message):
    with pytest.raises(BadInput) as caught:
        Recorded("whole").driver(**options)
    assert message in caught.value.message


def busy_looks(cluster, state, looks):
    """For so many looks at that state the cluster still has something to do."""
    original = cluster.cibadmin
    left = [looks]

    def cibadmin(argv, stdin):
        text = original(argv, stdin)
        left[0] -= cluster.state == state
        cluster.edits = [("<transition/>", '<transition><rsc_action resource="beside" op="start" node="ha2"/></transition>')] if left[0] >= 0 else []
        return text
    cluster.cibadmin = cibadmin


@pytest.mark.parametrize("looks, waited", [(0, 0.0), (3, 3.0)])
def test_a_cluster_that_still_has_something_to_do_is_waited_for(looks, waited):
    cluster = Recorded("whole", on=["standby"])
    busy_looks(cluster, "standby", looks)
    assert cluster.driver().enter(60).changed and cluster.now == waited


def test_undone_means_that_what_worked_works_again():
    cluster = Recorded("whole", on=["failed"], off=["failed-undone"])
    original, looks = cluster.cibadmin, [0]

    def cibadmin(argv, stdin):
        text = original(argv, stdin)
        looks[0] += cluster.state == "failed-undone"
        cluster.edits = [('agent="systemd:patchlab-ha" role="Started" active="true"', 'agent="systemd:patchlab-ha" role="Stopped" active="false"')] \
            if cluster.state == "failed-undone" and looks[0] <= 4 else []
        return text
    cluster.cibadmin = cibadmin
    with pytest.raises(CannotMove, match="its resources work"):
        cluster.driver().enter(60)
    assert looks[0] == 5


def test_a_standby_that_stays_although_it_was_taken_back_is_noticed():
    cluster = Recorded("standby")
    with pytest.raises(MaintenanceFailed, match="did not settle within 5 s: it is in standby; undone"):
        cluster.driver().leave("in_service", 5)
    assert cluster.changes == [OFF, ON]


def test_a_standby_of_others_is_not_touched_when_the_node_does_not_become_empty():
    cluster = Recorded("moving")
    # What is not begun is not well either, but it is the limit that counts here.
    with pytest.raises(MaintenanceFailed, match="did not move within 5 s.*nothing had been changed"):
        cluster.driver(ignore=["front-service"]).enter(5)
    assert cluster.changes == []


def test_a_disabled_group_need_not_run():
    cluster = Recorded("failed")
    cluster.edits = [('<group id="front" number_resources="2" managed="true" disabled="false">',
                      '<group id="front" number_resources="2" managed="true" disabled="true">')]
    assert cluster_problems(cluster, 5) == []


def test_an_earlier_standby_attribute_is_replaced_and_not_doubled():
    before = said("transient", "cib")
    after = with_standby(before, "ha1")
    assert 'name="standby" value="off"' in before and 'name="standby" value="off"' not in after
