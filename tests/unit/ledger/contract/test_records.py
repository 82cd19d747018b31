# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contract: assessments, packages, logs, events, and text from anywhere."""

from __future__ import annotations

import datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, events, hosts, logs, packages, runs, steps
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import HostUnknown, LedgerUnavailable

UPDATES = [
    {"name": "openssl", "arch": "amd64", "advisories": ["DSA-1-1"], "cves": ["CVE-2026-1", "CVE-2026-2"]},
    {"name": "bash", "arch": "amd64", "advisories": [], "cves": []},
    {"name": "kernel_a", "arch": "amd64", "advisories": ["openSUSE-2026-7"], "cves": ["CVE-2026-2"]}]


def outcome(name, result="installed", was="1", to="2", **more):
    return {"name": name, "arch": "amd64", "from": was, "to": to, "classification": "security", "result": result, "reason": "", **more}


def found(c, **wanted):
    return [(change.run, change.host, change.name) for change in packages.search(c, **wanted)]


def test_assessments_are_added_never_replaced(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        for at, number in ((10.0, 1), (30.0, 3), (20.0, 2)):
            assessments.record(c, "web1", {"n": number}, at=at)
        assessments.record(c, "db1", {"n": 9}, run.id, at=30.0)
    with ledger.read() as c:
        assert {h: a.document["n"] for h, a in assessments.latest(c).items()} == {"web1": 3, "db1": 9}
        assert assessments.latest(c, ["web1", "web9"], 25.0)["web1"].document == {"n": 2}
        assert assessments.latest(c, ["db1"])["db1"].run_id == run.id
        assert assessments.latest(c, ["web1"], 9.0) == assessments.latest(c, []) == {}


def test_of_two_at_once_the_later_one_counts(ledger):
    with ledger.write() as c:
        for number in range(3):
            assessments.record(c, "web1", {"n": number}, at=10.0)
        assert assessments.latest(c)["web1"].document == {"n": 2}


def test_what_was_known_on_a_past_day(ledger):
    noon = datetime.datetime(2026, 11, 3, 12, tzinfo=datetime.timezone.utc).timestamp()
    with ledger.write() as c:
        assessments.record(c, "web1", {"n": 1}, at=noon)
        assessments.record(c, "web1", {"n": 2}, at=noon + 11.99 * 3600)
        assessments.record(c, "web1", {"n": 3}, at=noon + 12 * 3600)
        known = [assessments.as_of(c, datetime.date(2026, 11, day)) for day in (2, 3, 4)]
    assert [k["web1"].document["n"] if k else None for k in known] == [None, 2, 3]


def test_many_hosts(ledger):
    with ledger.write() as c:
        for number in range(700):
            assessments.record(c, "web%d" % number, {"n": number}, at=1.0)
        wanted = {"web%d" % number for number in range(650)}
        assert set(assessments.latest(c, wanted)) == wanted
        assert len(assessments.latest(c)) == 700


@pytest.fixture
def patched(ledger, open_run):
    """Two runs that changed packages on two hosts."""
    first, second = open_run("first", at=1.0), open_run("second", at=2.0)
    with ledger.write() as c:
        for host in ("web1", "web2"):
            assessments.record(c, host, {"updates": UPDATES}, at=1.0)
        packages.record(c, first.id, "web1", [outcome("openssl"), outcome("bash"), outcome("gone", to=None)], at=10.0)
        packages.record(c, second.id, "web2", [outcome("kernel_a", "failed", reason="no space")], at=20.0)
    return first, second


def test_packages_are_found_by_whatever_is_known(ledger, patched):
    with ledger.read() as c:
        assert found(c) == [("second", "web2", "kernel_a"), ("first", "web1", "gone"), ("first", "web1", "bash"), ("first", "web1", "openssl")]
        assert found(c, limit=1) == [("second", "web2", "kernel_a")]
        assert found(c, package="bash") == found(c, package="ba*") == found(c, package="*as*") == [("first", "web1", "bash")]
        assert found(c, package="kernel_a") and found(c, package="k*_a") and not found(c, package="kernel?a*") and not found(c, package="openss_*")
        assert found(c, reference="cve-2026-2") == [("second", "web2", "kernel_a"), ("first", "web1", "openssl")]
        assert found(c, reference="OPENSUSE-2026-7", run="second") and not found(c, reference="openSUSE-2026-7", run="first")
        assert found(c, reference="DSA-1-1", host="web1") and not found(c, reference="DSA-1", host="web1")
        assert found(c, deployment="web", host="web2") and not found(c, deployment="db")


def test_a_change_is_kept_with_all_that_is_known(ledger, patched):
    with ledger.read() as c:
        (change,) = packages.of_host(c, patched[1].id, "web2")
        gone = packages.search(c, package="gone")[0]
    assert (change.from_version, change.to_version, change.result, change.reason, change.at) == ("1", "2", "failed", "no space", 20.0)
    assert change.references == ("CVE-2026-2", "openSUSE-2026-7")
    assert gone.to_version is None and gone.references == ()


def test_thousands_of_packages_are_few_statements(ledger, open_run):
    run, many, said = open_run("big", at=1.0), 2000, []
    with ledger.write() as c:
        assessments.record(c, "web1", {"updates": [dict(UPDATES[0], name="p%d" % number) for number in range(many)]}, at=1.0)
        sa.event.listen(c, "before_cursor_execute", lambda connection, cursor, statement, *more: said.append(statement))
        packages.record(c, run.id, "web1", [outcome("p%d" % number) for number in range(many)])
        assert len(said) < 40
        found = packages.of_host(c, run.id, "web1")
    assert [change.name for change in found] == ["p%d" % number for number in range(many)]
    assert all(change.references == found[0].references != () for change in found)


def test_a_result_that_is_fetched_again_is_on_record_once(ledger, patched):
    with ledger.write() as c:
        packages.record(c, patched[0].id, "web1", [outcome("bash"), outcome("openssl"), outcome("openssl")])
        packages.record(c, patched[0].id, "web1", [outcome("bash", "failed")])
        assert [(p.name, p.result) for p in packages.of_host(c, patched[0].id, "web1")] == [
            ("openssl", "installed"), ("bash", "installed"), ("gone", "installed"), ("bash", "failed")]


def test_thousands_of_packages(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        assessments.record(c, "web1", {"updates": [{"name": "p%d" % n, "arch": "amd64", "cves": ["CVE-1"]} for n in range(1200)]})
        packages.record(c, run.id, "web1", [outcome("p%d" % n) for n in range(1200)])
        assert len(packages.search(c, reference="CVE-1", limit=5000)) == 1200
        assert all(change.references == ("CVE-1",) for change in packages.of_run(c, run.id))


def test_logs_come_back_as_they_were(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        logs.store(c, run.id, "web1", "install", "one\r\n\x1b[31m", at=5.0)
        logs.store(c, run.id, "web1", "reboot", "two")
        logs.store(c, run.id, "web2", "install", "three")
        assert [(log.step, log.text) for log in logs.of_host(c, run.id, "web1")] == [("install", "one\r\n\x1b[31m"), ("reboot", "two")]
        assert {host: len(printed) for host, printed in logs.of_run(c, run.id).items()} == {"web1": 2, "web2": 1}


def test_a_megabyte_is_no_problem(ledger, open_run):
    run, text = open_run(), "é</script>\U0001f525" * 100_000
    with ledger.write() as c:
        logs.store(c, run.id, "web1", "install", text)
        steps.end(c, steps.begin(c, run.id, "web1", "install"), "failed", text, {"text": text})
        hosts.set_state(c, run.id, "web1", "failed", text)
    with ledger.read() as c:
        (step,) = steps.all_of(c, run.id, "web1")
        assert logs.of_host(c, run.id, "web1")[0].text == text == step.message == step.detail["text"]
        assert hosts.get(c, run.id, "web1").reason == text


HOSTILE = ["'; DROP TABLE runs; --", '"', "\\", "%s %(x)s {0} :name ?", "a\0b", "\ud800", "\U0001f525", "</script>", "=1+1", "\x1b[2J", "\r\n", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(ledger, open_run, text):
    kept = text.replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\ud800", "?")
    host = kept or "web"
    run = open_run(targets=[host], actor=text, change_id=text, settings={"x": text})
    with ledger.write() as c:
        step = steps.begin(c, run.id, host, "enter", text, {"x": text})
        steps.end(c, step, "failed", text, {text: text})
        hosts.set_baseline(c, run.id, host, {"x": text})
        packages.record(c, run.id, host, [outcome(text, was=text)])
        assessments.record(c, text, {"x": text})
        logs.store(c, run.id, host, text, text)
        events.append(c, "note", text, run_id=run.id, host=text, actor=text, detail={"x": text})
    with ledger.read() as c:
        run = runs.get(c, "night")
        (step,) = steps.to_undo(steps.all_of(c, run.id, host))
        assert (run.actor, run.change_id, step.place, step.message, packages.search(c)[0].from_version) == (kept,) * 5
        assert hosts.baseline(c, run.id, host) == {"x": text} == step.undo == run.settings and step.detail == {text: text}
        assert [(a.host, a.document["x"]) for a in assessments.latest(c).values()] == [(kept, text)]
        assert logs.of_host(c, run.id, host)[0].text == kept
        assert events.of_run(c, run.id)[-1].text == kept
        assert found(c, package=kept) == [("night", host, kept)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(text=st.text(st.characters()))
def test_any_text_at_all(ledger, text):
    with ledger.write() as c:
        assessments.record(c, "web1", {"x": text, text: [text]})
        events.append(c, "note", text)
        assert assessments.latest(c)["web1"].document == {"x": text, text: [text]}


def test_only_targets_have_logs_packages_and_steps(ledger, open_run):
    run = open_run()
    for write in (lambda c: logs.store(c, run.id, "db1", "x", "y"), lambda c: packages.record(c, run.id, "db1", []),
                  lambda c: steps.begin(c, run.id, "db1", "x")):
        with pytest.raises(HostUnknown, match="host db1 is not among the targets"), ledger.write() as c:
            write(c)


def test_the_database_itself_refuses_what_belongs_to_nothing(ledger, open_run):
    open_run()
    with pytest.raises(LedgerUnavailable, match=r"(?i)foreign key"), ledger.write() as c:
        events.append(c, "note", run_id=4711)


def test_events_keep_their_order(ledger, open_run):
    run = open_run()
    with ledger.write() as c:
        for number in range(5):
            events.append(c, "note", str(number), run_id=run.id, host="web%d" % (number % 2), actor="alice", at=100.0 - number)
    with ledger.read() as c:
        assert [e.text for e in events.of_run(c, run.id, action="note")] == list("01234")
        assert [e.text for e in events.of_run(c, run.id, "web1")] == ["1", "3"]
        assert events.count(c) == 6
