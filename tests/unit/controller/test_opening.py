# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run a host of a play belongs to."""

from __future__ import annotations

import shlex
import time
from types import SimpleNamespace
from typing import Any, List, cast

import pytest
from ansible_collections.fleetops.patchtrain.plugins.action import patch_run
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import opening
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import runs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.errors import RunFinished
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.commands import needs_person
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.hosts import hosts_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.model import run_model
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling import names
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.windowing import WindowClosed


def found(desk: Any, host: str = "web1", token: str = "play", **variables: Any) -> Any:
    seat = opening._Seat(desk.living, token, host, Settings.from_variables(variables, host))
    with desk.ledger.read() as c:
        run = seat.found(c)
    return run and run.name


def test_the_longest_deployment_has_a_default_run() -> None:
    longest = names.check_deployment_name("x" * 78)
    assert names.check_run_name(opening.default_name(longest))


def test_a_host_joins_the_run_of_its_play_and_process(desk: Any) -> None:
    desk.open(play="play", patch_deployment="patch")
    assert found(desk) == "night"
    assert found(desk, token="another") is None
    assert found(desk, patch_deployment="other") is None
    assert found(desk, patch_run_name="other") is None


def test_a_host_that_came_to_its_end_opens_another_run(desk: Any) -> None:
    desk.open(play="play", patch_deployment="patch")
    desk.book().state("up_to_date")
    assert found(desk) is None and found(desk, "web2") == "night"
    desk.open("again", play="play", patch_deployment="patch")
    assert found(desk) == "again" and found(desk, "web2") == "night"


def test_a_host_whose_run_ended_before_its_turn_stays_with_it(desk: Any) -> None:
    desk.open(play="play", patch_deployment="patch")
    desk.book().state("not_started", "the run ended before its turn")
    assert found(desk) == "night"


def test_those_that_were_blocked_are_tried_again_in_another_run_of_the_same_occurrence() -> None:
    def name(checking: bool = False, **variables: Any) -> str:
        return opening._name(Settings.from_variables(dict({"patch_deployment": "web"}, **variables), "-"), "web-20260110T000000Z", checking)

    assert name() == "web-20260110T000000Z"
    again = name(patch_from_blocked="web-20260110T000000Z")
    assert again.startswith("web-20260110T000000Z-") and names.check_run_name(again)
    assert again != name(patch_from_blocked="web-20260110T000000Z"), "and again, where some are blocked still"
    assert name(patch_from_blocked="web-20260110T000000Z", patch_run_name="mine") == name(patch_run_name="mine") == "mine"
    assert not name(checking=True, patch_run_name="mine").startswith(("mine", "web-20260110T"))


def start(desk: Any, monkeypatch: pytest.MonkeyPatch, play: str, **variables: Any) -> Any:
    """The name of the run that a play opens for web1 and web2."""
    monkeypatch.setattr(opening, "set_in_inventory", lambda action, variables: ["web1", "web2"])
    monkeypatch.setattr(opening, "play_token", lambda action: play)
    given = dict({"patch_deployment": "web", "patch_ledger": desk.target}, **variables)
    hostvars = {host: dict(given, inventory_hostname=host) for host in ("web1", "web2")}
    known = {"groups": {"all": list(hostvars)}, "ansible_play_batch": [], "hostvars": hostvars}
    return desk.do(patch_run, variables=dict(given, **known), state="opened")["run_id"]


def test_who_ends_an_abandoned_run_is_told_of_its_hooks(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(owner=desk.gone, patch_run_hook_after="a.yml")
    desk.open("plain", owner=desk.gone)
    start(desk, monkeypatch, "play")
    assert [desk.run(name).state for name in ("night", "plain")] == ["failed", "failed"]
    assert desk.warnings == ["run night, whose controller is gone, has ended with this start, and its hooks (after) are not done"]


def test_the_command_that_a_failed_run_prints_opens_a_run_within_the_same_occurrence(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    window = {"patch_window": {"start": "2026-01-01T00:00", "duration": "24h", "recurrence": "FREQ=DAILY", "timezone": "UTC"}}
    name = start(desk, monkeypatch, "first", **window)
    desk.book(name, "web1").state("failed", "disk full")
    with desk.ledger.write() as c:
        runs.finish(c, desk.run(name).id)
    with pytest.raises(RunFinished):
        start(desk, monkeypatch, "second", **window)
    model = run_model(desk.ledger, name, time.time(), 60.0)
    commands = [shlex.split(str(group.advice.command)) for group in needs_person(model, hosts_of(model))]
    assert [command[-1] for command in commands] == ["web1", "web2"], "one failed, the other was not started"
    for command in commands:
        given = dict(part.split("=", 1) for part in command if part.startswith("patch_"))
        assert start(desk, monkeypatch, "of " + command[-1], **window, **given) == given["patch_run_name"] != name


def in_scope(desk: Any, **variables: Any) -> Any:
    action = SimpleNamespace(variables={"hostvars": {"web1": {}, "web2": {}}}, _display=SimpleNamespace(display=lambda text: None))
    settings = Settings.from_variables(dict({"patch_scope": "!(ledger.last_state)"}, **variables), "web1")
    begun = opening._begun(cast(Any, action), desk.ledger, settings)
    return opening._in_scope(cast(Any, action), desk.ledger, settings, ["web1", "web2"], begun)


def test_a_run_that_is_gone_on_with_keeps_its_scope(desk: Any) -> None:
    record = {"expression": "!(ledger.last_state)", "selected": 1, "left_out": {"web2": "false"}}
    desk.open(targets=["web1"], owner=desk.gone, scope=record)
    assert in_scope(desk, patch_run_name="night") == (["web1"], {})
    targets, scope = in_scope(desk)
    assert targets == ["web2"] and scope["scope"]["left_out"] == {"web1": "false"}, "another run asks anew"
    assert in_scope(desk, patch_scope="") == (["web1", "web2"], {})


NOW = time.gmtime(time.time() - 3600)
OPEN = {"start": time.strftime("%Y-%m-%dT%H:%M", NOW), "duration": "3h", "timezone": "UTC"}
BY_WINDOW = time.strftime("night-%Y%m%dT%H%M00Z", NOW)


def begun(desk: Any, **variables: Any) -> Any:
    action = SimpleNamespace(variables={"hostvars": {"web1": {}, "web2": {"patch_timezone": "Asia/Tokyo"}}, "playbook_dir": "/"})
    settings = Settings.from_variables(dict({"patch_deployment": "night", "patch_window": OPEN}, **variables), "web1")
    run = opening._begun(cast(Any, action), desk.ledger, settings)
    return run and run.name


def test_the_name_that_the_window_gives_is_known_as_that_of_an_unfinished_run(desk: Any) -> None:
    desk.open(BY_WINDOW, owner=desk.gone, patch_deployment="night")
    assert begun(desk) == begun(desk, patch_run_name=BY_WINDOW) == BY_WINDOW
    assert begun(desk, patch_deployment="other") is begun(desk, patch_run_name="other") is begun(desk, patch_window={}) is None
    assert begun(desk, patch_window=dict(OPEN, start="2026-01-01T01:00", recurrence="FREQ=YEARLY")) is None, "another occurrence"


def test_after_the_window_the_unfinished_run_is_named(desk: Any) -> None:
    action = SimpleNamespace(variables={"hostvars": {}, "playbook_dir": "/"}, checking=False)
    closed = Settings.from_variables({"patch_deployment": "night", "patch_window": dict(OPEN, start="2026-01-01T01:00", recurrence="FREQ=YEARLY")}, "web1")

    def refused() -> str:
        with pytest.raises(WindowClosed) as error:
            opening._window_now(cast(Any, action), desk.ledger, closed, {}, [])
        return str(error.value.message)

    desk.open("other", owner=desk.gone, patch_deployment="db")
    assert "unfinished" not in refused()
    desk.open("last", owner=desk.gone, patch_deployment="night")
    assert "the window is closed" in refused() and "unfinished is run last, which the same start with -e patch_run_name=last goes on with" in refused()


@pytest.mark.parametrize(("checking", "state"), [(True, "running"), (False, "failed")])
def test_a_plan_leaves_an_unfinished_run_to_be_gone_on_with(desk: Any, monkeypatch: Any, checking: bool, state: str) -> None:
    desk.open(BY_WINDOW, owner=desk.gone)
    new = runs.NewRun("another", "web", desk.living, [runs.Target("web1")], settings={"check": checking})
    monkeypatch.setattr(opening, "_new_run", lambda action, ledger, seat: new)
    action = SimpleNamespace(_task=SimpleNamespace(get_play=lambda: SimpleNamespace(strategy="free")), variables={}, checking=checking)
    seat = opening._Seat(desk.living, "play", "web1", Settings.from_variables({"patch_deployment": "web"}, "web1"))
    assert opening._opened(cast(Any, action), desk.ledger, seat)[1]
    assert desk.run(BY_WINDOW).state == state


def test_a_run_is_not_gone_on_with_without_a_host_that_it_was_left_in_the_middle_of(desk: Any) -> None:
    desk.open(owner=desk.gone)
    seat = opening._Seat(desk.living, "play", "web2", Settings.from_variables({}, "web2"))
    warned: List[str] = []

    def resumed(*targets: str) -> Any:
        new = runs.NewRun("night", "web", desk.living, [runs.Target(host) for host in targets])
        with desk.ledger.write() as c:
            return opening._resumed(cast(Any, SimpleNamespace(warn=warned.append)), c, new, seat)

    desk.drained()
    with pytest.raises(BadInput, match=r"run night was left in the middle of web1 \(drained\), which this start leaves out: start it for all of its hosts"):
        resumed("web2")
    assert desk.run().left
    assert resumed("web1").name == "night" and "web2" in warned[0], "one that waits for its turn may be left out"


def test_a_run_that_somebody_works_on_is_not_gone_on_with(desk: Any) -> None:
    desk.open(BY_WINDOW, owner=desk.other, patch_deployment="night")
    assert begun(desk) is begun(desk, patch_run_name=BY_WINDOW) is None


def test_each_zone_gives_the_name_for_the_hosts_that_the_run_was_for(desk: Any) -> None:
    there = time.gmtime(time.time() + 9 * 3600 - 1800)
    window = dict(OPEN, start=time.strftime("%Y-%m-%dT%H:%M", there), timezone="host", duration="1h")
    desk.open(time.strftime("night-%Y%m%dT%H%M00", there), ["web2"], owner=desk.gone, patch_deployment="night")
    assert begun(desk, patch_window=window) is not None


def test_how_long_a_host_was_out_of_service_before_is_known_when_its_next_run_opens(desk: Any) -> None:
    desk.open(patch_deployment="web")
    book = desk.drained()
    for step in book.entered():
        book.undone(step["id"])
    book.state("installing")
    with book.step("install"):
        pass
    book.state("checking")
    assert opening._took(desk.ledger, "web", ["web1", "web2"]) == {}
    assert book.returned("", "never")[0] == "succeeded"
    took = opening._took(desk.ledger, "web", ["web1", "web2"])
    assert list(took) == ["web1"] and 0 < took["web1"] < 600
    assert opening._took(desk.ledger, "other", ["web1"]) == {}


def test_the_release_of_the_host_that_opens_the_run_is_not_that_of_others(desk: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(opening, "resolve", lambda ledger, name: SimpleNamespace(name=name, digest=name * 9))
    monkeypatch.setattr(opening, "published", lambda ledger, digest: None)
    known = {host: Settings.from_variables({"patch_release": name}, host) for host, name in {"web1": "gl-1", "web2": "", "web3": "gl-2"}.items()}

    def asked(release: str) -> Any:
        seat = opening._Seat(desk.living, "play", "web1", Settings.from_variables({"patch_release": release}, "web1"))
        return opening._releases(desk.ledger, seat, known, ["web1", "web2", "web3"])["host_releases"]

    assert asked("gl-1") == {"web1": "gl-1" * 9, "web3": "gl-2" * 9}
    assert asked("gl-7") == dict.fromkeys(known, "gl-7" * 9), "what the play says is for all of them"
