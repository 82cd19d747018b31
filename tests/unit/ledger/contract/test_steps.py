# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract: steps."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import HostUnknown, NotAllowed


def test_a_step_is_there_before_it_is_done(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        step = steps.begin(c, run.id, "web1", "enter", "lb1", {"state": "ready"}, at=5.0)
    with ledger.read() as c:
        (row,) = steps.all_of(c, run.id, "web1")
    assert (row.id, row.step, row.place, row.undo, row.started_at, row.finished_at, row.outcome) == (
        step, "enter", "lb1", {"state": "ready"}, 5.0, None, "")


def test_a_step_ends_once(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        step = steps.begin(c, run.id, "web1", "install")
        steps.end(c, step, "failed", "dpkg said no", {"rc": 1}, at=9.0)
        with pytest.raises(NotAllowed, match="is not open"):
            steps.end(c, step, "ok")
        (row,) = steps.all_of(c, run.id, "web1")
        assert (row.outcome, row.message, row.detail, row.finished_at) == ("failed", "dpkg said no", {"rc": 1}, 9.0)


def test_unknown_outcomes_and_hosts_are_refused(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        with pytest.raises(NotAllowed, match="not 'fine'"):
            steps.end(c, steps.begin(c, run.id, "web1", "x"), "fine")
        with pytest.raises(HostUnknown):
            steps.begin(c, run.id, "web9", "x")


def test_undoing_goes_backwards_and_takes_what_failed_or_was_cut_along(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        for number, outcome in enumerate(["ok", "ok", "skipped", "failed", ""]):
            step = steps.begin(c, run.id, "web1", "enter", "lb%d" % number, None if number == 1 else {"n": number})
            if outcome:
                steps.end(c, step, outcome)
        todo = steps.to_undo(steps.all_of(c, run.id, "web1"))
        assert [s.undo["n"] for s in todo] == [4, 3, 0]
        steps.mark_undone(c, todo[0].id, at=7.0)
        steps.mark_undone(c, todo[0].id, at=8.0)
        assert [s.undo["n"] for s in steps.to_undo(steps.all_of(c, run.id, "web1"))] == [3, 0]
        assert steps.all_of(c, run.id)[-1].undone_at == 7.0
        assert steps.to_undo(steps.all_of(c, run.id, "web2")) == []
