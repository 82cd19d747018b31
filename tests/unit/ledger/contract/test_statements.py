# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement that is made once takes and gives what SQLAlchemy would."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import schema
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import LedgerUnavailable
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.statements import Statement, one_of, this_host

_e, _h = schema.events, schema.run_hosts
ADD = Statement(lambda d: sa.insert(_e), "run_id", "host", "at", "actor", "action", "text", "detail")
FOUND = Statement(lambda d: sa.select(_e).where(_e.c.action == sa.bindparam("b_action")).order_by(_e.c.id))
SOME = Statement(lambda d: sa.select(_e.c.id).where(one_of(_e.c.text, ("x", "y"))).order_by(_e.c.id.desc()).limit(2))
TOLD = Statement(lambda d: sa.update(_e).where(_e.c.detail == sa.bindparam("b_detail")), "text", "detail")
NOW = Statement(lambda d: sa.update(_e).where(_e.c.id == sa.bindparam("b_id")).values(at=_e.c.at + sa.bindparam("b_seconds", type_=sa.Double)))


def add(c: Any, text: str = "x", detail: Any = None) -> int:
    return ADD.add(c, run_id=None, host="web1", at=1.5, actor="a", action="note", text=text, detail=detail)


def test_values_are_kept_as_their_columns_keep_them(ledger: Ledger) -> None:
    with ledger.write() as c:
        numbers = [add(c, "a\0b", {"b": [1, None], "a": "é"}), add(c)]
        rows = FOUND.all(c, b_action="note")
        known = [dict(row._mapping) for row in c.execute(sa.select(_e).order_by(_e.c.id))]
    assert rows == known and [row["id"] for row in rows] == numbers
    assert [(row["text"], row["detail"]) for row in rows] == [("a\N{REPLACEMENT CHARACTER}b", {"b": [1, None], "a": "é"}), ("x", None)]


def test_what_is_big_is_packed_and_true_is_true(ledger: Ledger, open_run: Any) -> None:
    run, plan = open_run(canaries=["web1"]), {"changes": [{"name": "a"}] * 1000}
    keep, kept = Statement(lambda d: this_host(sa.update(_h), _h), "plan"), Statement(lambda d: this_host(sa.select(_h.c.plan, _h.c.baseline, _h.c.canary), _h))
    with ledger.write() as c:
        assert keep.change(c, b_run=run.id, b_host="web1", plan=plan) == 1 and keep.change(c, b_run=run.id, b_host="db1", plan=plan) == 0
        found = kept.first(c, b_run=run.id, b_host="web1")
    assert found == {"plan": plan, "baseline": None, "canary": True} and found["canary"] is True


def test_what_is_fixed_in_it_stays(ledger: Ledger) -> None:
    with ledger.write() as c:
        numbers = [add(c, text) for text in ("x", "z", "y", "x")]
        assert [row["id"] for row in SOME.all(c)] == [numbers[3], numbers[2]]
        assert SOME.value(c) == numbers[3] and FOUND.value(c, b_action="other") is None and FOUND.first(c, b_action="other") is None


def test_a_change_is_told_by_what_was_there_and_counted(ledger: Ledger) -> None:
    with ledger.write() as c:
        first, _second, third = add(c, detail={"n": 1}), add(c, detail={"n": 2}), add(c, detail={"n": 1})
        assert TOLD.change(c, b_detail={"n": 1}, text="y", detail=None) == 2
        assert [row["id"] for row in FOUND.all(c, b_action="note") if row["text"] == "y" and row["detail"] is None] == [first, third]
        assert NOW.change(c, b_id=first, b_seconds=2.0) == 1
        assert [row["at"] for row in FOUND.all(c, b_action="note")] == [3.5, 1.5, 1.5]


def test_a_value_that_is_missing_is_a_failure(ledger: Ledger) -> None:
    with pytest.raises((LedgerUnavailable, sa.exc.StatementError), match="b_action"), ledger.read() as c:
        FOUND.all(c)
