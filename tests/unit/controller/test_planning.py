# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run over a real ledger: printed, returned, and on record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import patch_run
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import planning
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts, planned, runs, schema, slots
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.model import run_model
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_text import note, render_plan
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling import budget
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings


@pytest.fixture(autouse=True)
def forks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning.context, "CLIARGS", {"forks": 5})


def changes(*names: str) -> list[Dict[str, Any]]:
    return [{"name": name, "arch": "amd64", "from": "1", "to": "2"} for name in names]


def plan(desk: Any, variables: Any = None, **hostvars: Any) -> Any:
    known = {host: dict({"patch_ledger": desk.target}, **hostvars) for host in ("web1", "web2", "web3")}
    return desk.do(patch_run, variables=dict(hostvars, hostvars=known, **(variables or {})), state="planned", run_id="night")["plan"]


def rows(told: Any) -> Dict[str, Any]:
    return {host["name"]: host for host in told["hosts"]}


def test_what_is_prepared_is_planned_one_after_the_other(desk: Any) -> None:
    desk.open(targets=("web1", "web2", "web3"))
    desk.prepare(host="web1", changes=changes("bash", "linux-image-amd64"))
    desk.prepare(host="web2", changes=changes("bash"))
    desk.book(host="web3").state("up_to_date")
    told = plan(desk, patch_estimate_default=100, patch_estimate_reboot=20)
    assert (told["run_id"], told["order"], told["serial"]) == ("night", ["web1", "web2"], ["100%"])
    found = rows(told)
    assert (found["web1"]["changes"], found["web1"]["reboot"], found["web2"]["reboot"], found["web1"]["drain"]) == (2, "yes", "maybe", False)
    assert found["web1"]["assumed"] and found["web2"]["waits_for"] == "patch_max_unavailable"
    assert found["web1"]["end"] - found["web1"]["start"] == pytest.approx(120)
    assert found["web2"]["start"] == pytest.approx(found["web1"]["end"])
    assert (told["forks"], told["forks_needed"], told["bottleneck"], told["assumed"], told["packages"]) == (5, 1, "patch_max_unavailable", 2, 3)
    assert found["web3"]["state"] == "up_to_date" and told["window"] is None
    page = Path(desk.target).parent / "state"
    assert list(page.rglob("plan.html"))


@pytest.mark.parametrize(("names", "reboot"), [
    (("linux-image-6.1.0-40-amd64",), "yes"), (("linux-image-amd64",), "yes"), (("kernel", "kernel-core"), "yes"), (("kernel-uek-core",), "yes"),
    (("kernel-default",), "yes"), (("kernel-rt-modules-core",), "yes"), (("kernel-headers", "kernel-tools-libs"), "maybe"), (("kernel-devel",), "maybe"),
    (("kernel-srpm-macros",), "maybe"), (("kernel-firmware-all",), "maybe"), (("kernelshark",), "maybe"), (("linux-headers-amd64",), "maybe")])
def test_a_reboot_is_certain_with_a_kernel_and_not_with_what_is_named_after_it(desk: Any, names: Any, reboot: str) -> None:
    desk.open(targets=("web1",))
    desk.prepare(host="web1", changes=changes(*names))
    assert rows(plan(desk))["web1"]["reboot"] == reboot


def test_what_was_predicted_stands_beside_what_became_of_it(desk: Any) -> None:
    desk.open(targets=("web1", "web2"))
    desk.prepare(host="web1", changes=changes("bash"))
    desk.book(host="web2").state("up_to_date")
    told = plan(desk, patch_reboot="never", patch_estimate_default=100)
    model = run_model(desk.ledger, "night", time.time(), 60.0)
    hosts = {host["name"]: host for host in model["hosts"]}
    assert hosts["web1"]["predicted"] == {"from": told["begins_at"], "to": told["ends_at"], "state": "patched", "assumed": True}
    assert "predicted" not in hosts["web2"]
    assert model["run"]["predicted"]["ends_at"] == told["ends_at"]


def test_of_a_host_that_is_out_already_the_first_plan_counts(desk: Any) -> None:
    run = desk.open(targets=("web1", "web2"))
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    first = rows(plan(desk))
    desk.drained(host="web1")
    second = plan(desk)
    assert second["order"][0] == "web1" and rows(second)["web1"]["goes_on"] == "drained"
    with desk.ledger.read() as c:
        _told, kept = planned.of_run(c, run.id)
    assert kept["web1"].start == first["web1"]["start"] and kept["web2"].start == rows(second)["web2"]["start"]


def test_hosts_that_wait_longer_for_a_slot_than_they_are_let_are_told(desk: Any) -> None:
    desk.open(targets=("web1", "web2", "web3"))
    for host in ("web1", "web2", "web3"):
        desk.prepare(host=host, changes=changes("bash"))
    told = plan(desk, patch_reboot="never", patch_estimate_default=100, variables={"patch_slot_timeout": 150})
    assert (told["given_up"], told["counts"]) == (1, {"not_started": 1, "patched": 2})
    text = render_plan(told, 160)
    assert "Waiting: 1 host waits longer for a slot than patch_slot_timeout allows and is not started: raise it, or the budget" in text
    assert "not started: waits longer than patch_slot_timeout" in text
    assert "Waiting:" not in render_plan(plan(desk, patch_reboot="never", patch_estimate_default=100), 160)


def test_a_window_that_is_too_short_defers(desk: Any) -> None:
    now = time.time()
    piece = {"starts_at": now - 60, "ends_at": now + 130, "opens_at": now - 60, "closes_at": now + 130, "local": "20261121T013000", "zone": "UTC"}
    desk.open(targets=("web1", "web2"), occurrence={"": piece})
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    told = plan(desk, patch_reboot="never", patch_estimate_default=100)
    assert (told["window"]["holds"], told["window"]["deferred"], told["counts"]) == (False, 1, {"deferred": 1, "patched": 1})
    assert rows(told)["web2"]["state"] == "deferred"


def test_how_long_hosts_took_is_how_long_they_will(desk: Any) -> None:
    old = desk.open("before", targets=("web1",))
    desk.prepare("before", "web1", changes("bash"))
    with desk.ledger.write() as c:
        slots.take_in(c, slots.Ask(old.id, "web1", ["web1"], None, budget.max_failed(0, 1)), at=1000.0)
    for state in ("draining", "drained", "restoring"):
        desk.book("before", "web1").state(state)
    with desk.ledger.write() as c:
        slots.give_back(c, old.id, "web1", "succeeded", at=1042.0)
        runs.finish(c, old.id)
    desk.open(targets=("web1",))
    desk.prepare(host="web1", changes=changes("bash"))
    told = plan(desk, patch_reboot="never")
    assert not rows(told)["web1"]["assumed"] and told["ends_at"] - told["begins_at"] == pytest.approx(42)


def with_canaries(desk: Any, wanted: Any, canaries: Any, targets: Any = ("web1", "web2", "web3")) -> Any:
    run = desk.open(targets=targets, patch_canaries=wanted)
    with desk.ledger.write() as c:
        hosts.go_first(c, run.id, canaries)
    for host in targets:
        desk.prepare(host=host, changes=changes("bash"))
    return run


@pytest.mark.parametrize("state", ["up_to_date", "blocked", "deferred"])
def test_canaries_by_number_are_among_those_that_have_a_turn(desk: Any, state: str) -> None:
    with_canaries(desk, 1, ["web1"])
    desk.book(host="web1").state(state, "why")
    told = plan(desk, patch_reboot="never")
    assert (told["order"], told["serial"], told["counts"]) == (["web2", "web3"], [1, "100%"], {"patched": 2})
    assert [host["name"] for host in told["hosts"] if host.get("canary")] == ["web2"]
    assert [(host.host, host.canary) for host in all_hosts(desk)] == [("web2", True), ("web1", False), ("web3", False)]
    assert desk.book(host="web3").canaries()[0].host == "web2"


def all_hosts(desk: Any) -> Any:
    with desk.ledger.read() as c:
        return hosts.all_of(c, runs.get(c, "night").id)


def test_canaries_of_a_run_that_has_begun_stay_who_they_are(desk: Any) -> None:
    with_canaries(desk, 1, ["web1"])
    book = desk.drained(host="web1")
    for step in book.entered():
        book.undone(step["id"])
    book.failed("blocked", "guests can't move", keeps_slot=False)
    told = plan(desk, patch_reboot="never")
    assert told["counts"] == {"not_started": 2} and rows(told)["web2"]["waits_for"] == "patch_canaries"


@pytest.mark.parametrize("state", ["blocked", "failed", "unreachable"])
def test_a_plan_tells_that_nobody_goes_where_no_canary_is_patched(desk: Any, state: str) -> None:
    with_canaries(desk, ["web1"] if state == "blocked" else 1, ["web1"])
    desk.book(host="web1").state(state, "why")
    told = plan(desk, patch_reboot="never")
    assert told["order"] == ["web2", "web3"] and told["counts"] == {"not_started": 2}
    assert "not started: no canary is patched, or one failed" in render_plan(told, 160)


def test_a_canary_that_does_not_fit_into_its_window_keeps_the_others_back(desk: Any) -> None:
    now = time.time()
    piece = {"starts_at": now - 60, "opens_at": now - 60, "local": "20261121T013000", "zone": "UTC"}
    short, long = (dict(piece, ends_at=now + left, closes_at=now + left) for left in (50, 9000))
    run = desk.open(targets=("web1", "web2"), patch_canaries=["web1"], occurrence={"web1": short, "web2": long})
    with desk.ledger.write() as c:
        hosts.go_first(c, run.id, ["web1"])
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    told = rows(plan(desk, patch_reboot="never", patch_estimate_default=100))
    assert (told["web1"]["state"], told["web2"]["state"], told["web2"]["waits_for"]) == ("deferred", "not_started", "patch_canaries")


def test_a_canary_that_goes_lets_the_others_go_and_one_that_failed_keeps_back_canaries_too(desk: Any) -> None:
    with_canaries(desk, ["web1", "web2"], ["web1", "web2"])
    desk.book(host="web1").state("blocked", "why")
    assert plan(desk, patch_reboot="never")["counts"] == {"patched": 2}
    with desk.ledger.write() as c:
        c.exec_driver_sql("UPDATE run_hosts SET state = 'failed' WHERE host = 'web1'")
    assert plan(desk, patch_reboot="never")["counts"] == {"not_started": 2}


def test_canaries_are_a_batch_of_their_own(desk: Any) -> None:
    run = desk.open(targets=("web1", "web2"))
    with desk.ledger.write() as c:
        c.exec_driver_sql("UPDATE run_hosts SET canary = 1 WHERE host = 'web1'")
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    told = plan(desk, patch_max_unavailable=2, patch_canary_soak=30, patch_soak=5)
    assert told["serial"] == [1, "100%"] and run.name == told["run_id"]
    assert rows(told)["web2"]["start"] == pytest.approx(rows(told)["web1"]["end"] + 35)
    desk.drained(host="web1")
    assert plan(desk, patch_max_unavailable=2)["serial"] == [1, "100%"], "also where the run is gone on with while a canary is out"


def test_who_waits_for_a_host_that_a_run_without_a_controller_has_never_goes(desk: Any) -> None:
    desk.open("before", targets=("web3",), owner=desk.gone)
    with desk.ledger.write() as c:
        c.execute(slots._t.insert().values(run_id=runs.get(c, "before").id, host="web3", taken_at=1.0, reason=""))
    desk.open(targets=("web1", "web2"))
    with desk.ledger.write() as c:
        run = runs.get(c, "night")
        c.execute(schema.runs.update().where(schema.runs.c.id == run.id).values(settings=dict(run.settings, set=["web1", "web2", "web3"])))
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    told = plan(desk)
    assert {name: (row["state"], row["stuck"]) for name, row in rows(told).items()} == {
        "web1": ("not_started", ["web3"]), "web2": ("not_started", ["web3"])}
    assert note(rows(told)["web1"]) == "never: patch_max_unavailable is used up, only a person can bring back web3"
    said = desk.book(host="web1").take_slot(Settings.from_variables({}, "-"), ())
    assert said.kind == "refused" and "only a person can bring back web3" in said.reason, "as the roll does"


def test_one_that_was_left_and_is_in_the_roll_is_out_for_good_until_its_turn(desk: Any) -> None:
    desk.open("before", targets=("web2",), owner=desk.gone)
    with desk.ledger.write() as c:
        c.execute(slots._t.insert().values(run_id=runs.get(c, "before").id, host="web2", taken_at=1.0, reason=""))
    desk.open(targets=("web1", "web2", "web3"))
    for host in ("web1", "web2", "web3"):
        desk.prepare(host=host, changes=changes("bash"))
    found = rows(plan(desk))
    assert [found[name]["state"] for name in ("web1", "web2", "web3")] == ["not_started", "patched", "patched"]
    answers = [desk.book(host=name).take_slot(Settings.from_variables({}, "-"), ()).kind for name in ("web1", "web2", "web3")]
    assert answers == ["refused", "granted", "wait"], "as the roll does"


def test_a_plan_in_check_mode_says_that_the_run_will_have_another_name(desk: Any) -> None:
    desk.open(targets=("web1",), check=True)
    desk.prepare(host="web1", changes=changes("bash"))
    assert "what a new run fb would do" in render_plan(plan(desk, {"patch_run_name": "fb"}))
    assert "name of its own" not in render_plan(plan(desk))


@pytest.mark.parametrize("said, forks, strategy", [
    ({}, 2, "linear"), ({}, 1, "host_pinned"), ({"patch_hook_after_restore": "back.yml"}, 2, "host_pinned"),
    ({"patch_run_hook_on_first_failure": "call.yml"}, 2, "host_pinned")])
def test_hosts_move_in_step_only_where_nobody_has_to_wait_for_another(desk: Any, monkeypatch: pytest.MonkeyPatch, said: Any, forks: int, strategy: str) -> None:
    monkeypatch.setattr(planning.context, "CLIARGS", {"forks": forks})
    desk.open(targets=("web1", "web2"))
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    assert plan(desk, **said)["strategy"] == strategy


def test_a_host_whose_settings_are_not_known_yet_may_have_hooks(desk: Any) -> None:
    desk.open(targets=("web1", "web2"))
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    known = {"web1": {"patch_ledger": desk.target}}
    assert desk.do(patch_run, variables={"hostvars": known}, state="planned", run_id="night")["plan"]["strategy"] == "host_pinned"


@pytest.mark.parametrize("living", [True, False])
def test_a_plan_waits_for_the_run_that_has_taken_up_a_host_meanwhile(desk: Any, living: bool) -> None:
    desk.open(targets=("web1", "web2"), owner=desk.gone)
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
        desk.drained(host=host)
    desk.open("day", targets=("web1",), owner=desk.other if living else desk.gone)
    desk.drained("day", host="web1")
    with desk.ledger.write() as c:
        runs.take_over(c, "night", desk.living)
    found = rows(plan(desk, patch_reboot="never", patch_estimate_default=100))
    assert found["web2"]["start"] < time.time() + 1 and found["web2"]["waits_for"] == ""
    assert found["web1"]["waits_for"] == ("another run" if living else "")
    assert found["web1"]["start"] == pytest.approx(found["web2"]["start"] + (100 if living else 0))
    assert ("waits for another run" in note(found["web1"])) == living


def test_a_plan_waits_for_the_run_that_works_on_a_host_now(desk: Any) -> None:
    desk.open("day", targets=("web1",), owner=desk.other)
    desk.drained("day", host="web1")
    desk.open(targets=("web1", "web2"))
    for host in ("web1", "web2"):
        desk.prepare(host=host, changes=changes("bash"))
    found = rows(plan(desk, patch_reboot="never", patch_estimate_default=100, patch_max_unavailable=2))
    assert found["web1"]["start"] == pytest.approx(found["web2"]["start"] + 100) and found["web1"]["waits_for"] == "another run"
