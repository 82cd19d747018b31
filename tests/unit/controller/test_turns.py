# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's turn: its window, the canaries' soak, and the deployment's own checks."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.fleetops.patchtrain.plugins.action import host_reboot, maintenance_mode, maintenance_slot, updates_install
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import installing, patient, turns, waiting
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.book import HostBook
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.host_settings import check_all, zones_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.installing import arguments
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import events, hosts, runs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import LedgerUnavailable
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budget import Decision
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.turns import Turn
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.windowing import WindowClosed, of_host, windowed, within

NIGHT = {"start": "2026-11-21T01:00", "duration": "2h", "timezone": "UTC", "recurrence": "FREQ=DAILY"}
ONE = 1795222800.0  # 2026-11-21 01:00 UTC
HOUR = 3600.0


def settings(host: str = "web1", **variables: Any) -> Settings:
    return Settings.from_variables(variables, host)


def opened(now: float, **window: Any) -> Any:
    return windowed(settings(patch_deployment="web", patch_window=dict(NIGHT, **window)), {"web1": ""}, "/", now, True)


def turn(desk: Any, host: str = "web1", **variables: Any) -> Turn:
    return Turn(desk.book(host=host), settings(host, **variables))


def test_outside_of_its_window_a_run_is_refused_and_told_when_it_opens() -> None:
    with pytest.raises(WindowClosed, match="the window is closed and opens next .*01:00.*with patch_window.wait the run waits for it"):
        opened(ONE - HOUR)
    assert opened(ONE - HOUR, wait=True).record["occurrence"][""]["opens_at"] == ONE
    assert opened(ONE + 1).name == opened(ONE + HOUR).name == "web-20261121T010000Z"
    assert windowed(settings(), {}, "/", ONE, True).record == {}


def test_a_host_that_would_not_be_done_in_time_is_deferred(desk: Any) -> None:
    desk.open(**opened(ONE + 1).record)
    desk.prepare()
    known = {"patch_estimate_default": 600, "patch_estimate_reboot": 60}
    assert turn(desk, **known).objection(ONE + HOUR) is None
    late = turn(desk, **known).objection(ONE + 2 * HOUR - 659)
    assert late is not None and late.kind == "deferred" and "the host needs 11 min" in late.reason
    assert turn(desk, patch_reboot="never", **known).objection(ONE + 2 * HOUR - 600) is None
    waits = turn(desk).objection(ONE - 1)
    assert waits is not None and waits.kind == "wait"


def test_hosts_in_their_own_zones_have_their_own_windows() -> None:
    known = {"web1": "Europe/Berlin", "web2": "UTC"}
    record = windowed(settings(patch_window=dict(NIGHT, timezone="host")), known, "/", ONE + 1, True).record
    first, second = of_host(record, "web1"), of_host(record, "web2")
    assert first is not None and second is not None and second.opens_at - first.opens_at == HOUR
    assert of_host({}, "web1") is None


def test_a_host_whose_own_window_opens_no_more_is_never_touched(desk: Any) -> None:
    once = {"start": "2026-11-21T01:00", "duration": "2h", "timezone": "host"}
    now = ONE + 5 * HOUR + 60  # 01:01 in New York, when the afternoon has come in Tokyo
    desk.open(**windowed(settings(patch_window=once), {"web1": "Asia/Tokyo", "web2": "America/New_York"}, "/", now, True).record)
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=[{"name": "a", "arch": "all", "from": "1", "to": "2", "classification": "security"}])
    over = turn(desk).objection(now)
    assert over is not None and over.kind == "deferred" and "does not open again" in over.reason
    assert turn(desk, "web2").objection(now) is None
    plan = desk.book().plan()
    assert arguments(desk.book(), settings(), plan)["begin_within"] == 0.0
    desk.open("day")
    assert "begin_within" not in arguments(desk.book("day"), settings(), plan)


def test_a_host_whose_zone_has_the_occurrence_behind_it_does_not_wait_for_the_next_one(desk: Any) -> None:
    monthly = {"start": "01:00", "recurrence": "FREQ=MONTHLY;BYDAY=2SA", "duration": "4h", "timezone": "host"}
    zones = {"web1": "Asia/Tokyo", "web2": "Europe/Berlin", "web3": "America/Los_Angeles"}
    now = datetime(2026, 1, 10, 1, tzinfo=timezone.utc).timestamp()
    known = windowed(settings(patch_window=monthly), zones, "/", now, True)
    assert known.name == "patch-20260110T010000"
    desk.open(targets=zones, **known.record)
    over, going, ahead = (turn(desk, host).objection(now) for host in zones)
    assert going is None and ahead is not None and ahead.kind == "wait"
    assert over is not None and over.kind == "deferred"
    assert over.reason == ("for this host the window's occurrence of 20260110T010000 is over: the window is closed and opens next 2026-02-14 01:00 JST, "
                           "in 34 d 15 h")
    assert within(desk.run().settings, "web1")[1] < now and arguments(desk.book(), settings(), {"changes": [], "digest": ""})["begin_within"] == 0.0


def test_a_host_is_in_its_zone_though_its_other_variables_are_known_later_only() -> None:
    class Later(Dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            if name in ("patch_maintenance", "patch_hooks_dir"):
                raise AnsibleUndefinedVariable("it is known later")
            return super().__getitem__(name)

    hostvars = {"web1": {"patch_timezone": "UTC"}, "web2": Later(patch_timezone="Asia/Tokyo", patch_maintenance="{{ x }}"), "web3": {}}
    known = check_all(hostvars, hostvars)
    assert sorted(known) == ["web1", "web3"]
    zones = zones_of(hostvars, hostvars, known)
    assert zones == {"web1": "UTC", "web2": "Asia/Tokyo", "web3": ""}
    with pytest.raises(BadInput, match="host web3 has no patch_timezone"):
        windowed(settings(patch_window=dict(NIGHT, timezone="host")), zones, "/", ONE, True)


def test_a_deferred_host_is_not_started_and_says_why(desk: Any) -> None:
    desk.open(**opened(ONE + 1).record)
    desk.prepare()
    assert desk.do(maintenance_slot, state="taken", run_id="night")["host_state"] == "deferred", "that night is long over"
    assert desk.state().state == "deferred" and "the window closes" in desk.state().reason and desk.slots() == []


def test_what_is_longer_out_than_its_window_is_on_record(desk: Any) -> None:
    run = desk.open(**opened(ONE + 1).record)
    book = desk.drained()
    for step in book.entered():
        book.undone(step["id"])
    book.state("installing")
    with book.step("install"):
        pass
    book.state("checking")
    assert desk.do(maintenance_slot, state="returned", run_id="night")["host_state"] == "succeeded"
    with desk.ledger.read() as c:
        assert [event.action for event in events.of_run(c, run.id, "web1") if event.action == "overrun"] == ["overrun"]


def test_the_canaries_are_watched_before_the_others_go(desk: Any) -> None:
    new = runs.NewRun("night", "web", desk.living, [runs.Target("web1", True), runs.Target("web2")], settings={"set": []})
    with desk.ledger.write() as c:
        run = runs.open_run(c, new)[0]
        hosts.set_state(c, run.id, "web1", "up_to_date", at=1000.0)
    later = turn(desk, "web2", patch_canary_soak=60)
    watched = later.objection(1010.0)
    assert watched is not None and (watched.kind, watched.reason) == ("wait", "the canaries are watched for 50 s more")
    assert later.objection(1060.0) is None
    assert turn(desk, "web2").objection(1010.0) is None and turn(desk, "web1", patch_canary_soak=60).objection(1010.0) is None


def test_the_deployments_own_checks_hold_the_run_and_are_named_when_time_is_up(desk: Any) -> None:
    desk.open(**opened(ONE + 1).record)
    desk.prepare()
    no = {"patch_blocker_checks": [{"name": "trading hours", "command": ["false"]}]}
    held = turn(desk, **no).objection(ONE + HOUR)
    assert held is not None and held.kind == "wait" and held.reason.startswith("patch_blocker_checks says no: trading hours: ")
    late = turn(desk, **no).objection(ONE + 2 * HOUR - 10)
    assert late is not None and late.kind == "deferred" and "it was held up: patch_blocker_checks says no: trading hours" in late.reason
    assert turn(desk, patch_blocker_checks=[{"command": ["true"]}]).objection(ONE + HOUR) is None


NO = {"patch_blocker_checks": [{"name": "trading hours", "command": ["false"]}]}


@pytest.mark.parametrize("state, kind", [("stopping", "refused"), ("paused", "wait"), ("running", "wait")])
def test_what_a_host_waits_for_does_not_hide_that_its_run_is_being_stopped(desk: Any, state: str, kind: str) -> None:
    run = desk.open()
    desk.prepare()
    with desk.ledger.write() as c:
        runs.set_state(c, run.id, state)
    said = turn(desk, **NO).take(ONE, ())
    assert said.kind == kind and ("is being stopped" in said.reason) == (kind == "refused")
    assert desk.slots() == []


def test_a_stopped_run_ends_the_waiting_of_its_hosts_at_once(desk: Any) -> None:
    run = desk.open()
    desk.prepare()
    with desk.ledger.write() as c:
        runs.set_state(c, run.id, "stopping")
    ended = desk.do(maintenance_slot, state="taken", run_id="night", variables=dict(NO, patch_slot_timeout=60))
    assert ended["host_state"] == "not_started" and "is being stopped" in ended["reason"]


def canary_draining(desk: Any) -> None:
    desk.open(patch_canaries=["web1"])
    with desk.ledger.write() as c:
        c.exec_driver_sql("UPDATE run_hosts SET canary = true WHERE host = 'web1'")
    desk.prepare(host="web2")
    desk.drained()


@pytest.mark.parametrize("states, goes", [
    ({"web1": "blocked"}, False), ({"web1": "deferred"}, False), ({"web1": "not_started"}, False), ({"web1": "blocked", "web2": "deferred"}, False),
    ({"web1": "blocked", "web2": "up_to_date"}, True), ({"web1": "reboot_pending"}, True), ({"web1": "blocked", "web2": "failed"}, False)])
def test_the_others_go_only_after_a_canary_that_was_patched(desk: Any, states: Dict[str, str], goes: bool) -> None:
    run = desk.open(targets=(*states, "web9"), patch_canaries=len(states))
    desk.prepare(host="web9")
    with desk.ledger.write() as c:
        hosts.go_first(c, run.id, list(states))
        for host, state in states.items():
            hosts.set_state(c, run.id, host, state, "why")
    for window in ({}, {"patch_blocker_checks": [{"name": "trading hours", "command": ["false"]}]}):
        said = turn(desk, "web9", **window).take(ONE, ())
        assert (said.kind == "refused") == (not goes)
    if not goes and "failed" not in states.values():
        assert said.reason == ("patch_canaries: no canary was patched, so no further host is started: %s: mend that, name other canaries "
                               "(patch_canaries), or run without" % ", ".join("%s %s" % one for one in states.items()))
        assert desk.do(maintenance_slot, host="web9", state="taken", run_id="night")["host_state"] == "not_started"


def test_that_no_canary_was_patched_is_told_before_the_window_opens(desk: Any) -> None:
    run = desk.open(patch_canaries=1, **opened(ONE + 1).record)
    desk.prepare(host="web2")
    with desk.ledger.write() as c:
        hosts.go_first(c, run.id, ["web1"])
        hosts.set_state(c, run.id, "web1", "blocked")
    early, late = turn(desk, "web2").objection(ONE - 1), turn(desk, "web2").objection(ONE + 3 * HOUR)
    assert early is not None and early.kind == "refused" and late is not None and late.kind == "deferred"


@pytest.mark.parametrize("soak", [0, 60])
@pytest.mark.parametrize("state", ["waiting", "drained"])
def test_nobody_goes_while_a_canary_is_on_its_way(desk: Any, soak: float, state: str) -> None:
    canary_draining(desk)
    with desk.ledger.write() as c:
        c.exec_driver_sql("UPDATE run_hosts SET state = '%s' WHERE host = 'web1'" % state)
    room = {"patch_max_unavailable": 2, "patch_canary_soak": soak}
    said = turn(desk, "web2", **room).take(ONE, ())
    assert said.kind == "wait" and "web1 (%s) must come to an end" % state in said.reason
    assert turn(desk, "web1", **room).take(ONE, ()).granted
    for batch, in_step in ((["web2"], ()), (["web1", "web2"], ("web1", "web2"))):
        refused = Turn(desk.book(host="web2"), settings("web2", **room), batch).take(ONE, in_step)
        assert refused.kind == "refused" and "a batch before the others" in refused.reason
    desk.book().failed("failed", "over", keeps_slot=False)
    assert not turn(desk, "web2", **room).take(ONE, ()).granted, "a canary has failed"


def test_without_canaries_nobody_asks_how_they_are(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    waiting = turn(desk)
    monkeypatch.setattr(waiting._book, "canaries", lambda: pytest.fail("asked"))
    assert waiting.objection(ONE) is None


class Host:
    """Remembers how long the installation may take to begin, and puts it off."""

    name = "web1"

    def __init__(self) -> None:
        self.within: list[Any] = []
        self.before: list[Any] = []

    def module(self, _name: str, args: Any, _seconds: float, check: Any = None) -> Any:
        self.within.append(args.get("begin_within"))
        answer = self.before.pop(0) if self.before else {"changed": False, "failed": False, "finished": True, "packages": [LATE], "boot_id": "b"}
        if isinstance(answer, Exception):
            raise answer
        return answer


LATE = {"name": "a", "arch": "all", "from": "1", "to": "2", "classification": "other", "result": "deferred", "reason": "late"}
CHANGES = ({"name": "a", "arch": "all", "from": "1", "to": "2"},)


def test_an_installation_that_did_not_begin_in_its_window_is_put_off_and_its_host_comes_back(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(**opened(ONE + 1).record)
    desk.prepare(changes=CHANGES)
    book, desk.places["web1"] = desk.drained(), Host()
    monkeypatch.setattr(installing.time, "time", lambda: ONE + 2 * HOUR - 90)
    result = desk.do(updates_install, run_id="night", planned=True)
    assert (desk.places["web1"].within, result["deferred"], result["changed"]) == ([90.0], True, False)
    assert (book.installation(), book.touched(), book.job_step()) == (None, False, "install-2")
    told = desk.do(host_reboot, run_id="night")
    assert (told["rebooted"], told["reason"]) == (False, "its window closed before the installation could begin")
    desk.do(maintenance_mode, state="left", run_id="night")
    assert desk.do(maintenance_slot, state="returned", run_id="night")["host_state"] == "deferred"
    assert desk.state().reason == "its window closed before the installation could begin" and desk.slots() == []


def test_each_time_that_an_installation_is_begun_or_attached_to_what_is_left_of_the_window_is_told(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller may have slept meanwhile: what counts is the time of day."""
    desk.open(**opened(ONE + 1).record)
    desk.prepare(changes=CHANGES)
    desk.drained()
    host = desk.places["web1"] = Host()
    host.before = [Lost("web1 can't be reached", host="web1")]
    now = {"at": ONE + 2 * HOUR - 90}

    def forgotten() -> None:
        now["at"] += 1000

    host.forget_connection = forgotten
    monkeypatch.setattr(installing.time, "time", lambda: now["at"])
    monkeypatch.setattr(patient, "PAUSE", 0.0)
    assert desk.do(updates_install, run_id="night", planned=True)["deferred"] is True and host.within == [90.0, 0.0]


@pytest.mark.parametrize("first, state", [
    ({"error": {"kind": "LockTimeout"}}, "deferred"), ({"error": {"kind": "CommandFailed"}}, "deferred"),
    ({"error": {"kind": "LockTimeout"}, "repaired": "dpkg was cut"}, "failed"),
    ({"error": {"kind": "CommandTimeout"}, "packages": [dict(LATE, result="failed")]}, "failed")])
def test_an_attempt_that_changed_nothing_does_not_keep_the_next_one_from_being_put_off(desk: Any, first: Any, state: str) -> None:
    desk.open(**opened(ONE + 1).record)
    desk.prepare(changes=CHANGES)
    desk.drained()
    host = desk.places["web1"] = Host()
    host.before = [dict({"failed": True, "msg": "no", "finished": True, "packages": [dict(LATE, result="pending")], "boot_id": "b"}, **first)]
    again = {"patch_retries": 1, "patch_retry_delay": 0, "patch_retry_on": ["lock", "fetch", "packages"], "patch_reboot": "always"}
    assert desk.do(updates_install, run_id="night", planned=True, variables=again)["deferred"] is True
    assert [step.outcome for step in desk.steps() if step.step == "install"] == ["failed", "skipped"] and desk.book().job_step() == "install-3"
    assert desk.book().touched() is (state == "failed")
    if state == "deferred":
        assert not desk.do(host_reboot, run_id="night", variables=again)["rebooted"], "nothing was installed, and the window is closed"
    desk.do(maintenance_mode, state="left", run_id="night")
    assert desk.do(maintenance_slot, state="returned", run_id="night")["host_state"] == state and desk.slots() == []


def test_what_is_left_of_a_window_that_has_closed_is_nothing(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(**opened(ONE + 1).record)
    monkeypatch.setattr(installing.time, "time", lambda: ONE + 3 * HOUR)
    assert installing.arguments(desk.book(), settings(), {"changes": CHANGES, "digest": "d"})["begin_within"] == 0.0


def test_without_a_window_nothing_limits_when_it_begins(desk: Any) -> None:
    desk.open()
    assert "begin_within" not in installing.arguments(desk.book(), settings(), {"changes": CHANGES, "digest": "d"})


def test_only_waits_for_other_hosts_count_against_the_slots_limit(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(**opened(ONE - 7 * HOUR, wait=True).record)
    desk.prepare()
    now = {"at": ONE - 7 * HOUR}

    class Waiting:
        near = True

        def __init__(self, book: Any) -> None:
            pass

        def pause(self, most: float = 0.0, for_limit: bool = False) -> None:
            now["at"] += 600.0

    monkeypatch.setattr(maintenance_slot, "Waiting", Waiting)
    monkeypatch.setattr(maintenance_slot, "time", SimpleNamespace(time=lambda: now["at"], monotonic=lambda: now["at"]))
    taken = desk.do(maintenance_slot, state="taken", run_id="night")
    assert taken["granted"] and taken["waited_s"] == 7 * HOUR
    desk.prepare(host="web2")
    refused = desk.do(maintenance_slot, host="web2", state="taken", run_id="night", variables={"patch_slot_timeout": 1200})
    assert refused["host_state"] == "not_started" and now["at"] == ONE + 1800, "it waited for web1"


def test_a_ledger_that_is_away_for_a_moment_costs_no_host_its_turn(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()
    desk.prepare()
    away = LedgerUnavailable("the ledger can't be used: server closed the connection")
    answers: list[Any] = [Decision("wait", "full"), away, away, Decision("granted"), *[away] * 999]
    now = {"at": 0.0}

    def take(*args: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def outage(warn: Any) -> waiting.Outage:
        return waiting.Outage(warn, lambda: now["at"], lambda seconds: now.update(at=now["at"] + seconds))

    monkeypatch.setattr(HostBook, "take_slot", take)
    monkeypatch.setattr(maintenance_slot, "Outage", outage)
    monkeypatch.setattr(waiting.Waiting, "pause", lambda *args, **more: None)
    assert desk.do(maintenance_slot, state="taken", run_id="night")["granted"] and len(desk.warnings) == 1
    with pytest.raises(LedgerUnavailable):
        desk.do(maintenance_slot, state="taken", run_id="night")
    assert waiting.OUTAGE < now["at"] < waiting.OUTAGE + 60


def test_whichever_question_of_a_host_that_waits_finds_the_ledger_away_it_costs_no_turn(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["web%d" % number for number in range(60)]
    desk.open(targets=names)
    asked = {"left": -1}

    def counted(real: Any) -> Any:
        def question(self: Ledger) -> Any:
            asked["left"] -= 1
            if asked["left"] == 0:
                raise LedgerUnavailable("the ledger can't be used: server closed the connection")
            return real(self)
        return question

    monkeypatch.setattr(Ledger, "read", counted(Ledger.read))
    monkeypatch.setattr(Ledger, "write", counted(Ledger.write))
    monkeypatch.setattr(waiting, "_RETRY", 0.0)
    for number, host in enumerate(names, 1):
        asked["left"] = number
        assert desk.do(maintenance_slot, host=host, state="taken", run_id="night", variables={"patch_max_unavailable": 60})["granted"]
        if asked["left"] > 0:
            break
    assert 8 < number == len(desk.warnings) + 1


@pytest.mark.parametrize("held_up", ["paused", "blocker"])
def test_a_person_or_a_check_that_holds_the_run_costs_no_host_its_turn(desk: Any, monkeypatch: pytest.MonkeyPatch, held_up: str, tmp_path: Path) -> None:
    run = desk.open()
    desk.prepare()
    no = tmp_path / "no"
    no.touch()
    checks = [{"name": "quiet", "command": ["test", "!", "-e", str(no)]}] if held_up == "blocker" else []
    now, pauses = {"at": 0.0}, []

    class Waiting:
        near = True

        def __init__(self, book: Any) -> None:
            pass

        def pause(self, most: float = 0.0, for_limit: bool = False) -> None:
            now["at"] += 4.0
            pauses.append(most)
            if len(pauses) == 9:
                no.unlink()
                set_state("running")

    def set_state(state: str) -> None:
        if held_up == "paused":
            with desk.ledger.write() as c:
                runs.set_state(c, run.id, state)

    set_state("paused")
    monkeypatch.setattr(maintenance_slot, "Waiting", Waiting)
    monkeypatch.setattr(maintenance_slot, "time", SimpleNamespace(time=time.time, monotonic=lambda: now["at"]))
    monkeypatch.setattr(turns, "_ASK_AGAIN", 0.0)
    given = {"patch_slot_timeout": 3, "patch_blocker_checks": checks}
    none = desk.do(maintenance_slot, state="taken", run_id="night", host="web2", variables=dict(given, patch_slot_timeout=0))
    assert none["host_state"] == "not_started" and pauses == [], "no wait is wanted at all"
    taken = desk.do(maintenance_slot, state="taken", run_id="night", variables=given)
    assert taken["granted"] and taken["waited_s"] == 36.0
