# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how long the controller of a run lives for those that can't see it."""

from __future__ import annotations

import time

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import leases, runs, slots
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import NOBODY, Owner, owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import max_failed, max_unavailable

AWAY = Owner("other.example", 7, 7, "b", "m")


@pytest.fixture
def ask():
    def asked(run, host, **more):
        fleet = ["web1", "web2"]
        return slots.Ask(run.id, host, fleet, max_unavailable(1, 2), max_failed(0, 2), **more)

    return asked


def expire(ledger, run):
    with ledger.write() as c:
        leases.renew(c, run.id, -1.0)


def found(ledger, name="night"):
    with ledger.read() as c:
        return runs.get(c, name)


def test_a_run_begins_with_the_lease_of_its_settings(ledger, open_run):
    open_run(settings={"patch_lease": 100.0})
    open_run("other")
    assert 90 < found(ledger).lease_left <= 100 and leases.SECONDS - 10 < found(ledger, "other").lease_left <= leases.SECONDS


def test_the_time_is_the_databases(ledger, open_run, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1.0)
    open_run(owner=AWAY)
    assert not found(ledger).left


def test_a_lease_that_was_not_renewed_leaves_the_run_to_others(ledger, open_run):
    run = open_run(owner=AWAY)
    assert not found(ledger).left
    expire(ledger, run)
    assert found(ledger).left
    with ledger.write() as c:
        assert runs.renew(c, run)
    assert not found(ledger).left, "it was only late, and nobody has taken the run over"


def test_who_was_taken_over_has_no_lease_to_renew_and_gets_no_slot(ledger, open_run, ask):
    run = open_run(owner=AWAY)
    with ledger.write() as c:
        runs.take_over(c, run.name, owner_of())
    expire(ledger, run)
    with ledger.write() as c:
        assert not runs.renew(c, run)
        told = slots.take_in(c, ask(run, "web1", owner=AWAY.to_dict()))
        assert (told.kind, told.budget) == ("refused", slots.LOST) and "run night was taken over (by process" in told.reason
        assert slots.take_in(c, ask(run, "web1", owner=owner_of().to_dict())).granted
    assert found(ledger).lease_left < 0


def test_what_is_nobodys_has_no_lease(ledger, open_run):
    open_run()
    with ledger.write() as c:
        runs.take_over(c, "night", NOBODY)
    assert found(ledger).lease_left is None and found(ledger).left


@pytest.mark.parametrize("expired", [True, False])
def test_slots_and_slices_of_another_machine_count_by_its_lease(ledger, open_run, ask, expired):
    run, mine = open_run("away", owner=AWAY), open_run("mine")
    with ledger.write() as c:
        assert slots.take_in(c, ask(run, "web1")).granted
    if expired:
        expire(ledger, run)
    with ledger.read() as c:
        assert slots.holders(c)[0].left is expired
        assert runs.slices(c, mine) == ([] if expired else ["away"])
        assert slots.look(c, ask(mine, "web2")).kind == ("refused" if expired else "wait")
