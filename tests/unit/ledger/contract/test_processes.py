# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract: many processes at one ledger, as Ansible's workers and several controllers are; some of them get killed.

The ledger is opened before the processes are forked: what they share must not be a connection.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events, hosts, runs, slots, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import max_failed, max_unavailable
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budgets import Standing, sort_into_sets
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.rules import parse_rules

pytestmark = pytest.mark.tools

FORK = multiprocessing.get_context("fork")
RACERS = 12
LIMIT = 2
FLEET = ["web%02d" % n for n in range(RACERS)]
PATIENCE = 60.0


def _ask(run_id, host):
    return slots.Ask(run_id, host, FLEET, max_unavailable(LIMIT, RACERS), max_failed(0, RACERS))


def _race(ledger, run_id, host, barrier, pipe):
    """Ask until granted, look who else is out, and give back."""
    barrier.wait(PATIENCE)
    while not slots.take(ledger, _ask(run_id, host)).granted:
        pass
    with ledger.read() as c:
        seen = len(slots.holders(c))
    with ledger.write() as c:
        slots.give_back(c, run_id, host)
    pipe.send(seen)


def _grab(ledger, run_id, host, barrier, pipe):
    """Ask once, and keep what is granted."""
    barrier.wait(PATIENCE)
    pipe.send(slots.take(ledger, _ask(run_id, host)).kind)


def _together(work, ledger, run_id, names=FLEET):
    barrier, ends = FORK.Barrier(len(names)), []
    processes = []
    for name in names:
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=work, args=(ledger, run_id, name, barrier, theirs))
        process.start()
        theirs.close()
        processes.append(process)
        ends.append(ours)
    answers = [pipe.recv() for pipe in ends if pipe.poll(PATIENCE)]
    for process in processes:
        process.join(PATIENCE)
    assert [p.exitcode for p in processes] == [0] * len(names)
    return answers


def _grab_by_sets(ledger, runs_, host, barrier, pipe):
    """Half of the hosts in each of two runs; both know all hosts, and of each cluster two may be out, all of one zone."""
    run = runs_[int(host[-2:]) % 2]
    standing = Standing(host, slots.sets_of(run))
    ask = slots.Ask(run.id, host, (), None, max_failed(0, RACERS), standing=standing)
    barrier.wait(PATIENCE)
    pipe.send((host, slots.take(ledger, ask).kind))


def _most_at_once(rows):
    marks = sorted([(row.taken_at, 1) for row in rows] + [(row.returned_at, -1) for row in rows])
    most = now = 0
    for _, change in marks:
        now += change
        most = max(most, now)
    return most


def test_two_runs_never_exceed_a_set_together(ledger, open_run):
    fleet = {name: {"cluster": "c%d" % (number % 3), "zone": "z%d" % (number // 6)} for number, name in enumerate(FLEET)}
    rules = parse_rules([{"name": "pair", "max_unavailable": 2, "per": "cluster"}, {"name": "zones", "exclusive": "zone", "within": "cluster"}])
    kept = {"set": FLEET, "budgets": sort_into_sets(rules, fleet, fleet).for_record()}
    pair = [open_run(name, FLEET[number::2], settings=kept) for number, name in enumerate(("day", "night"))]
    granted = [fleet[host] for host, kind in _together(_grab_by_sets, ledger, pair) if kind == "granted"]
    for cluster in ("c0", "c1", "c2"):
        zones = [known["zone"] for known in granted if known["cluster"] == cluster]
        assert len(zones) == 2 and len(set(zones)) == 1


def test_twelve_processes_get_two_slots(ledger, open_run):
    run = open_run(targets=FLEET)
    answers = _together(_grab, ledger, run.id)
    assert sorted(answers) == ["granted"] * LIMIT + ["wait"] * (RACERS - LIMIT)
    with ledger.read() as c:
        assert len(slots.holders(c)) == LIMIT


def test_twelve_processes_all_get_their_turn_and_never_three_at_once(ledger, open_run):
    run = open_run(targets=FLEET)
    seen = _together(_race, ledger, run.id)
    assert len(seen) == RACERS and max(seen) <= LIMIT
    with ledger.read() as c:
        rows = slots.of_run(c, run.id)
    assert sorted(row.host for row in rows) == FLEET
    assert _most_at_once(rows) <= LIMIT


def test_a_race_to_open_a_run_makes_one(target, ledger):
    def opens(ledger, run_id, host, barrier, pipe):
        barrier.wait(PATIENCE)
        new = runs.NewRun("night", "web", owner, [runs.Target(h) for h in FLEET])
        with Ledger.open(target).write() as c:
            pipe.send(runs.open_run(c, new)[1])

    owner = owner_of()
    assert sorted(_together(opens, ledger, 0)) == [False] * (RACERS - 1) + [True]
    with ledger.read() as c:
        assert len(runs.recent(c)) == 1 and len(hosts.all_of(c, 1)) == RACERS


def test_a_race_to_make_the_ledger_makes_one_whole_one(target):
    def opens(nothing, run_id, host, barrier, pipe):
        barrier.wait(PATIENCE)
        with Ledger.open(target).write() as c:
            events.append(c, "note", host)
        pipe.send(True)

    assert _together(opens, None, 0) == [True] * RACERS
    with Ledger.open(target).read() as c:
        assert events.count(c) == RACERS


def _begin_and_hang(ledger, run_id, pipe):
    with ledger.write() as c:
        hosts.set_state(c, run_id, "web1", "draining")
        steps.begin(c, run_id, "web1", "enter", "lb1", {"was": "ready"})
        slots.give_back(c, run_id, "web2")
        pipe.send("in the middle")
        signal.pause()


@pytest.fixture
def hanging(ledger, open_run):
    """A run, and a process that stands in the middle of a transaction on it."""
    run = open_run()
    assert slots.take(ledger, _ask(run.id, "web2")).granted
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_begin_and_hang, args=(ledger, run.id, theirs))
    process.start()
    assert ours.poll(PATIENCE) and ours.recv() == "in the middle"
    yield run, process
    process.kill()
    process.join(PATIENCE)


def test_a_transaction_cut_by_a_kill_leaves_nothing_half(ledger, hanging):
    run, process = hanging
    os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL
    with ledger.write() as c:
        assert hosts.get(c, run.id, "web1").state == "waiting"
        assert steps.all_of(c, run.id) == []
        assert [h.host for h in slots.holders(c)] == ["web2"]
        assert [e.action for e in events.of_run(c, run.id)] == ["opened"]


def test_readers_do_not_wait_for_a_writer(ledger, hanging):
    run, process = hanging
    with ledger.read() as c:
        assert hosts.get(c, run.id, "web1").state == "waiting"


def test_a_writer_waits_for_the_one_before(ledger, hanging):
    run, process = hanging
    wrote = threading.Event()

    def write():
        with ledger.write() as c:
            hosts.set_state(c, run.id, "web1", "up_to_date")
        wrote.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not wrote.wait(0.2)
    process.kill()
    assert wrote.wait(PATIENCE)
    thread.join()
