# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's model, from runs as they are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, hosts, logs, packages, runs, slots, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import RunUnknown
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import Owner, owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.model import assessment_model, run_model, stretches
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import Budget

DAY = 86400.0
KINDS = ("security", "bugfix", "enhancement", "other", "unknown", "held", "total")


def document(security=0, reboot=False):
    return {"counts": dict.fromkeys(KINDS, 0) | {"security": security, "total": security}, "updates": [], "obstacles": [],
            "reboot": {"required": reboot, "reasons": []}, "metadata_age_s": 1.0, "interrupted": None}


@pytest.fixture
def ledger(empty_ledger):
    return Ledger.open(str(empty_ledger))


OWNER = owner_of()
GONE = Owner(OWNER.host, OWNER.pid, OWNER.started + 1, OWNER.boot_id)


def opened(ledger, names, at=1000.0, name="night", owner=OWNER):
    with ledger.write() as c:
        return runs.open_run(c, runs.NewRun(name, "web", owner, [runs.Target(n) for n in names], actor="alice", change_id="CHG-7",
                                            settings={"patch_reboot": "never"}), at)[0]


def take(ledger, run, host, at):
    budget = Budget("b", 99, 99, "99")
    assert slots.take(ledger, slots.Ask(run.id, host, [host], budget, budget), at).granted


def step(c, run, host, name, start, end, outcome="ok", place="", **more):
    number = steps.begin(c, run.id, host, name, place, more.get("undo"), start)
    if outcome:
        steps.end(c, number, outcome, "", more.get("detail"), end)
    return number


@pytest.fixture
def night(ledger):
    """web1 is patched and rebooted, web2 fails after its drain, web3 can't be reached, web4 was never asked."""
    run = opened(ledger, ["web1", "web2", "web3", "web4"])
    with ledger.write() as c:
        assessments.record(c, "web1", document(2), run.id, 1001.0)
        assessments.record(c, "web2", document(1), run.id, 1001.0)
        assessments.record(c, "web3", {"obstacles": [{"kind": "unreachable", "message": "no answer"}]}, run.id, 1001.0)
        hosts.set_state(c, run.id, "web3", "unreachable", "no answer", at=1001.0)
    for host in ("web1", "web2"):
        take(ledger, run, host, 1010.0)
    with ledger.write() as c:
        for host in ("web1", "web2"):
            for state in ("draining", "drained", "installing"):
                hosts.set_state(c, run.id, host, state)
        first = step(c, run, "web1", "enter", 1011.0, 1012.0, place="lb1", undo={"was": "ready"})
        second = step(c, run, "web1", "enter", 1012.0, 1013.0, place="lb2", undo={"was": "ready"})
        step(c, run, "web1", "install", 1013.0, 1020.0)
        packages.record(c, run.id, "web1", [{"name": "ssl", "arch": "amd64", "from": "1", "to": "2", "classification": "security",
                                             "result": "installed", "reason": ""}], 1020.0)
        logs.store(c, run.id, "web1", "install", "Setting up ssl")
        logs.store(c, run.id, "web1", "reboot", "bye")
        step(c, run, "web1", "reboot", 1020.0, 1029.0, detail={"elapsed": 8.5})
        for number, at in ((second, 1030.0), (first, 1031.0)):
            steps.mark_undone(c, number, at)
        assessments.record(c, "web1", document(), run.id, 1032.0)
        for state in ("checking", "restoring"):
            hosts.set_state(c, run.id, "web1", state)
        slots.give_back(c, run.id, "web1", "succeeded", at=1040.0)
        step(c, run, "web2", "enter", 1011.0, 1014.0, place="lb1", undo={"was": "ready"})
        step(c, run, "web2", "install", 1015.0, 1016.0, "failed")
        hosts.set_state(c, run.id, "web2", "failed", "dpkg said no", at=1016.0)
        runs.finish(c, run.id, at=1050.0)
    return run


def by_name(model):
    return {host["name"]: host for host in model["hosts"]}


def test_the_shape_is_the_documented_one(ledger, night):
    model = run_model(ledger, "night", 1060.0, DAY)
    assert list(model) == ["generated_at", "kind", "run", "summary", "hosts"]
    assert set(model["run"]) == {"name", "deployment", "state", "started_at", "finished_at", "actor", "job_id", "change_id", "settings"}
    assert set(model["summary"]) == {"hosts", "compliant", "non_compliant", "unknown", "compliance_percent", "counts", "reboot_pending", "states"}
    for host in model["hosts"]:
        assert set(host) == {"name", "state", "reason", "compliance", "assessment", "packages", "out_of_service", "reboot", "steps", "log"}
    assert json.loads(json.dumps(model)) == model


def test_a_run_is_told_as_it_was(ledger, night):
    model = run_model(ledger, "night", 1060.0, DAY)
    assert (model["kind"], model["generated_at"], model["run"]["state"], model["run"]["actor"]) == ("run", 1060.0, "failed", "alice")
    assert (model["run"]["started_at"], model["run"]["finished_at"], model["run"]["settings"]) == (1000.0, 1050.0, {"patch_reboot": "never"})
    assert model["summary"] == {
        "hosts": 4, "compliant": 1, "non_compliant": 1, "unknown": 2, "compliance_percent": 25.0, "reboot_pending": 0,
        "counts": dict.fromkeys(KINDS, 0) | {"security": 1, "total": 1},
        "states": {"failed": 1, "not_started": 1, "succeeded": 1, "unreachable": 1}}


def test_a_host_that_was_patched(ledger, night):
    host = by_name(run_model(ledger, "night", 1060.0, DAY))["web1"]
    assert (host["state"], host["compliance"]["status"]) == ("succeeded", "compliant")
    assert (host["assessment"]["at"], host["assessment"]["age_s"], host["assessment"]["counts"]["security"]) == (1032.0, 28.0, 0)
    assert host["packages"] == [{"name": "ssl", "arch": "amd64", "from": "1", "to": "2", "classification": "security",
                                 "result": "installed", "reason": ""}]
    assert host["out_of_service"] == [{"from": 1011.0, "to": 1031.0}]
    assert host["reboot"] == {"done": True, "seconds": 8.5}
    assert host["log"] == "Setting up ssl\nbye"
    assert host["steps"][0] == {"step": "enter", "place": "lb1", "started_at": 1011.0, "finished_at": 1012.0, "outcome": "ok", "message": ""}


def test_a_host_that_failed_is_still_out_until_a_person_brings_it_back(ledger, night):
    host = by_name(run_model(ledger, "night", 1060.0, DAY))["web2"]
    assert (host["state"], host["reason"], host["out_of_service"]) == ("failed", "dpkg said no", [{"from": 1011.0, "to": None}])
    assert host["compliance"] == {"status": "non_compliant", "reasons": ["1 security update pending"]}
    assert host["reboot"] is None and host["log"] is None
    with ledger.write() as c:
        (entered,) = steps.to_undo(steps.all_of(c, night.id, "web2"))
        steps.mark_undone(c, entered.id, 2000.0)
        slots.give_back(c, night.id, "web2", at=2001.0)
    assert by_name(run_model(ledger, "night", 2060.0, DAY))["web2"]["out_of_service"] == [{"from": 1011.0, "to": 2000.0}]


@pytest.mark.parametrize(("owner", "kind"), [(OWNER, "working"), (GONE, "resume")])
def test_a_host_that_another_run_has_out_of_service_is_told_so(ledger, owner, kind):
    other = opened(ledger, ["web1"], 900.0, "evening", owner)
    take(ledger, other, "web1", 910.0)
    opened(ledger, ["web1", "web2"])
    known = by_name(run_model(ledger, "night", 1060.0, DAY))
    assert known["web1"]["out_of_service"] == [{"from": 1000.0, "to": None, "run": "evening"}], "since this run began"
    told = known["web1"]["held_by"]
    assert (told["name"], told["since"], [key for key in ("working", "resume") if told[key]]) == ("evening", 910.0, [kind])
    assert "held_by" not in known["web2"] and known["web2"]["out_of_service"] == []
    with ledger.write() as c:
        hosts.set_state(c, other.id, "web1", "failed")
    told = by_name(run_model(ledger, "night", 1060.0, DAY))["web1"]["held_by"]
    assert not told["working"] and not told["resume"], "it came to its end there"
    with ledger.write() as c:
        slots.give_back(c, other.id, "web1", at=1070.0)
    assert "held_by" not in by_name(run_model(ledger, "night", 1080.0, DAY))["web1"]


def test_a_host_that_is_out_by_this_run_too_is_out_once(ledger, night):
    other = opened(ledger, ["web2"], 900.0, "evening")
    take(ledger, other, "web2", 910.0)
    host = by_name(run_model(ledger, "night", 1060.0, DAY))["web2"]
    assert host["out_of_service"] == [{"from": 1011.0, "to": None}] and "held_by" not in host


def test_a_slot_that_a_later_run_took_is_not_of_this_ones_story(ledger, night):
    later = opened(ledger, ["web4"], 2000.0, "next")
    take(ledger, later, "web4", 2010.0)
    assert "held_by" not in by_name(run_model(ledger, "night", 2060.0, DAY))["web4"]


def test_hosts_that_were_not_touched(ledger, night):
    known = by_name(run_model(ledger, "night", 1060.0, DAY))
    assert known["web3"]["compliance"] == {"status": "unknown", "reasons": ["no answer"]}
    assert known["web4"]["compliance"] == {"status": "unknown", "reasons": ["never assessed"]} and known["web4"]["assessment"] is None
    assert known["web4"]["out_of_service"] == known["web3"]["packages"] == []


def test_a_run_does_not_know_what_came_later(ledger, night):
    with ledger.write() as c:
        assessments.record(c, "web1", document(9), at=1500.0)
    known = by_name(run_model(ledger, "night", 2000.0, DAY))["web1"]
    assert known["assessment"]["at"] == 1032.0
    late = run_model(ledger, "night", 1060.0 + 9 * DAY, DAY)
    assert late["summary"]["compliant"] == 0, "what is old is unknown"
    assert run_model(ledger, "night", 1050.0, DAY)["summary"]["compliant"] == 1, "as of its end it was not"


def test_a_run_that_goes_on(ledger):
    run = opened(ledger, ["web1"])
    take(ledger, run, "web1", 1010.0)
    with ledger.write() as c:
        step(c, run, "web1", "enter", 1011.0, 0, "", undo={})
        assessments.record(c, "web1", document(), run.id, 1001.0)
    model = run_model(ledger, "night", 1060.0, DAY)
    assert (model["run"]["state"], model["run"]["finished_at"]) == ("running", None)
    (host,) = model["hosts"]
    assert host["out_of_service"] == [{"from": 1011.0, "to": None}]
    assert (host["steps"][0]["finished_at"], host["steps"][0]["outcome"]) == (None, "")


def test_a_reboot_that_was_left_for_later_is_not_compliant(ledger):
    run = opened(ledger, ["web1"])
    with ledger.write() as c:
        assessments.record(c, "web1", document(), run.id, 1001.0)
        hosts.set_state(c, run.id, "web1", "reboot_pending")
    model = run_model(ledger, "night", 1060.0, DAY)
    assert model["hosts"][0]["compliance"]["status"] == "non_compliant" and model["summary"]["reboot_pending"] == 1


def test_the_runs_own_settings_say_what_counts(ledger):
    with ledger.write() as c:
        runs.open_run(c, runs.NewRun("night", "web", owner_of(), [runs.Target("web1")],
                                     settings={"patch_compliance_classifications": ["bugfix"]}), 1000.0)
        assessments.record(c, "web1", document(3), at=1001.0)
    assert run_model(ledger, "night", 1060.0, DAY)["summary"]["compliant"] == 1


def test_an_unknown_run(ledger):
    with pytest.raises(RunUnknown):
        run_model(ledger, "nope", 1.0, 1.0)


def test_the_latest_assessments_alone(ledger):
    with ledger.write() as c:
        assessments.record(c, "web1", document(1), at=100.0)
        assessments.record(c, "web1", document(), at=200.0)
        assessments.record(c, "db1", document(reboot=True), at=150.0)
    model = assessment_model(ledger, 300.0, DAY)
    assert (model["kind"], model["run"], model["summary"]["states"]) == ("assessment", None, {})
    assert [(h["name"], h["compliance"]["status"], h["state"], h["assessment"]["at"]) for h in model["hosts"]] == [
        ("db1", "non_compliant", "", 150.0), ("web1", "compliant", "", 200.0)]
    assert (model["summary"]["reboot_pending"], model["summary"]["compliance_percent"]) == (1, 50.0)


def test_hosts_that_were_never_assessed_are_listed_when_asked_for(ledger):
    with ledger.write() as c:
        assessments.record(c, "web1", document(), at=100.0)
    model = assessment_model(ledger, 300.0, DAY, ["web2", "web1"])
    assert [(h["name"], h["compliance"]["status"]) for h in model["hosts"]] == [("web2", "unknown"), ("web1", "compliant")]
    assert assessment_model(ledger, 300.0, DAY, [])["summary"]["compliance_percent"] is None


def test_a_past_day(ledger):
    with ledger.write() as c:
        assessments.record(c, "web1", document(1), at=100.0)
        assessments.record(c, "web1", document(), at=200.0)
    assert assessment_model(ledger, 150.0, DAY)["summary"]["non_compliant"] == 1


def test_percentages_never_look_better_than_they_are(ledger):
    with ledger.write() as c:
        for number in range(2000):
            assessments.record(c, "web%d" % number, document(security=int(number == 7)), at=100.0)
    assert assessment_model(ledger, 150.0, DAY)["summary"]["compliance_percent"] == 99.9


def entered(start, undone):
    return steps.Step(1, 1, "web1", "enter", "lb1", {}, start, start + 1, "ok", "", None, undone)


@pytest.mark.parametrize(("taken", "walked", "out"), [
    ([], [], []),
    ([(10.0, 20.0)], [], [(10.0, 20.0)]),
    ([(10.0, None)], [], [(10.0, None)]),
    ([(10.0, 20.0)], [entered(11.0, 18.0)], [(11.0, 18.0)]),
    ([(10.0, None)], [entered(11.0, 18.0)], [(11.0, 18.0)]),
    ([(10.0, None)], [entered(11.0, 18.0), entered(12.0, None)], [(11.0, None)]),
    ([(10.0, 30.0)], [entered(11.0, None)], [(11.0, 30.0)]),
    ([(10.0, 20.0), (30.0, None)], [entered(11.0, 18.0), entered(31.0, 35.0)], [(11.0, 18.0), (31.0, 35.0)]),
    ([(10.0, 20.0), (30.0, None)], [entered(31.0, None)], [(10.0, 20.0), (31.0, None)])])
def test_stretches(taken, walked, out):
    assert stretches(taken, walked) == [{"from": start, "to": end} for start, end in out]


@given(st.data())
def test_stretches_lie_within_their_slots(data):
    times = sorted(data.draw(st.lists(st.floats(0, 1000), min_size=4, max_size=4, unique=True)))
    (stretch,) = stretches([(times[0], times[3])], [entered(times[1], data.draw(st.none() | st.just(times[2])))])
    assert times[0] <= stretch["from"] <= stretch["to"] <= times[3]
