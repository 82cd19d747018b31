# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract: how long hosts were out of service."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import durations, events, hosts, packages, slots, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import max_failed, max_unavailable
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.estimate import Past

FLEET = ["web1", "web2", "web3"]
WAY = ("draining", "drained", "installing", "checking", "restoring", "succeeded")


@pytest.fixture
def cycle(ledger):
    """A host's whole way: ``cycle(run, "web1", 1000.0, 90.0, 3)`` took its slot at 1000, for 90 s, and changed three packages."""

    def done(run, host, at, seconds, changed=0, reboot=0.0, soak=0.0, way=WAY, returned=True):
        slots.take(ledger, slots.Ask(run.id, host, FLEET, max_unavailable(3, 3), max_failed(3, 3)), at)
        with ledger.write() as c:
            for step, took in (("reboot", reboot), ("soak", soak)):
                if took:
                    steps.end(c, steps.begin(c, run.id, host, step, at=at), "ok", at=at + took)
            packages.record(c, run.id, host, [{"name": "p%d" % n, "arch": "all", "from": "1", "to": "2", "result": "installed"} for n in range(changed)]
                            + [{"name": "held", "arch": "all", "from": "1", "to": None, "result": "excluded"}], at)
            for state in way:
                hosts.set_state(c, run.id, host, state, at=at + seconds)
            if returned:
                slots.give_back(c, run.id, host, at=at + seconds)

    return done


def read(ledger, *args, **more):
    with ledger.read() as c:
        return durations.past(c, *args, **more)


def test_newest_first_with_packages_and_reboot_and_without_the_soak(ledger, open_run, cycle):
    first, second = open_run("one", FLEET), open_run("two", FLEET)
    cycle(first, "web1", 1000.0, 90.0, changed=3)
    cycle(first, "web2", 1000.0, 200.0, changed=1, reboot=60.0, soak=30.0)
    cycle(second, "web1", 5000.0, 80.0)
    assert read(ledger, "web") == [Past("web1", 80.0, 0, 0.0, 5080.0), Past("web2", 170.0, 1, 60.0, 1200.0), Past("web1", 90.0, 3, 0.0, 1090.0)]
    assert [p.seconds for p in read(ledger, "web", ["web1", "nobody"])] == [80.0, 90.0]
    assert [p.seconds for p in read(ledger, "web", newest=1)] == [80.0] == [p.seconds for p in read(ledger, "web", FLEET, newest=1)]
    assert read(ledger, "web", []) == read(ledger, "db") == []


def test_only_hosts_that_came_back(ledger, open_run, cycle):
    run = open_run("one", FLEET)
    cycle(run, "web1", 1000.0, 90.0, way=(*WAY[:4], "failed"))
    cycle(run, "web2", 1000.0, 90.0, returned=False)
    cycle(run, "web3", 1000.0, 90.0, way=(*WAY[:5], "reboot_pending"))
    assert [p.host for p in read(ledger, "web")] == ["web3"]


def test_waiting_for_a_controller_is_no_work(ledger, open_run, cycle):
    run = open_run("one", FLEET)
    cycle(run, "web1", 1000.0, 90.0)
    cycle(run, "web2", 1100.0, 90.0)
    with ledger.write() as c:
        events.append(c, "taken_over", run_id=run.id, at=1150.0)
    assert [p.host for p in read(ledger, "web")] == ["web1"]


def test_no_more_runs_are_read_than_say_something(ledger, open_run, cycle, monkeypatch):
    monkeypatch.setattr(durations, "RUNS", 2)
    for number in range(3):
        cycle(open_run("run%d" % number, FLEET), "web1", 1000.0 * number, 50.0 + number)
    assert [p.seconds for p in read(ledger, "web")] == [52.0, 51.0]


def test_runs_that_only_looked_push_no_history_out(ledger, open_run, cycle, monkeypatch):
    monkeypatch.setattr(durations, "RUNS", 2)
    cycle(open_run("one", FLEET), "web1", 1000.0, 90.0)
    for name in ("look", "look-again", "and-again"):
        open_run(name, FLEET)
    assert [past.host for past in read(ledger, "web")] == ["web1"]


def test_more_hosts_than_a_statement_takes(ledger, open_run, cycle, monkeypatch):
    monkeypatch.setattr(durations, "_FEW", 1)
    run = open_run("one", FLEET)
    for host in FLEET:
        cycle(run, host, 1000.0, 90.0, changed=2)
    assert [(p.host, p.packages) for p in read(ledger, "web", FLEET)] == [("web3", 2), ("web2", 2), ("web1", 2)]


def test_what_was_tried_again_and_every_round_is_part_of_what_a_host_needed(ledger, open_run, cycle):
    run = open_run("one", FLEET)
    with ledger.write() as c:
        for step, outcome, at in (("install", "failed", 1010.0), ("retry install", "ok", 1020.0), ("install", "ok", 1030.0), ("reboot before", "ok", 1040.0)):
            steps.end(c, steps.begin(c, run.id, "web1", step, at=at), outcome, at=at + 10.0)
    cycle(run, "web1", 1000.0, 300.0, changed=2, reboot=60.0)
    assert read(ledger, "web") == [Past("web1", 300.0, 2, 60.0, 1300.0)]
