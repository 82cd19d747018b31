# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of ``patch_maintenance`` are asked before any host is drained: once each, about all their hosts."""

from __future__ import annotations

import os
import resource
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

from ansible_collections.fleetops.patchtrain.plugins.action import maintenance_mode, maintenance_slot, patch_run
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import drain, foreseeing, planning
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import hosts
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_html import render_plan_page
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_text import render_plan
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.side_by_side import BrokenOff, side_by_side

WRONG = {"web2": "no backend wbe; it has: web", "web3": "0 other usable servers"}
HOSTS = ("web1", "web2", "web3")


class Places:
    """Remembers what each place was asked, also where another process asked."""

    def __init__(self, log: Path, lost: str = "") -> None:
        self.log, self.lost = log, lost

    def reach(self, name: str) -> Any:
        def module(module: str, args: Any, seconds: float, check: Any = None) -> Dict[str, Any]:
            assert module == foreseeing.MODULE and seconds > args["timeout"] and args["keep_program"]
            with self.log.open("a") as log:
                log.write("%s %s\n" % (name, " ".join(look["host"] for look in args["looks"])))
            if name == self.lost:
                raise Lost("%s can't be reached: no route" % name, host=name)
            return {"looks": [self.answer(look) for look in args["looks"]], "program": None if check else {"program": "/p/%s.zip" % name, "python": "py"}}

        return SimpleNamespace(name=name, module=module)

    @staticmethod
    def answer(look: Any) -> Dict[str, Any]:
        problem = WRONG.get(look["host"], "")
        return {"driver": look["driver"], "host": look["host"], "asked": True, "would_change": not problem, "prior_state": "" if problem else "in_service",
                "would": ["set server %s" % look["host"]], "moves": [], "problem": problem, "blocked": look["host"] == "web3", "error": None}

    @property
    def asked(self) -> List[str]:
        return sorted(self.log.read_text().splitlines()) if self.log.exists() else []


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(planning.context, "CLIARGS", {"forks": 5})
    return Places(tmp_path / "asked")


def settings(host: str, *names: str) -> Settings:
    return Settings.from_variables({"patch_maintenance": [{"driver": "haproxy", "place": name, "options": {"backend": "web"}} for name in names]}, host)


def plan(desk: Any, places: Places, check: bool, *canaries: str) -> Dict[str, Any]:
    run = desk.open(targets=HOSTS, check=check, patch_canaries=len(canaries))
    with desk.ledger.write() as c:
        hosts.go_first(c, run.id, canaries)
    for host in HOSTS:
        desk.prepare(host=host, changes=[{"name": "bash", "arch": "amd64", "from": "1", "to": "2"}])
        desk.places[host] = places.reach(host)
    desk.places["lb1"] = places.reach("lb1")
    given = {"patch_ledger": desk.target, "patch_maintenance": [{"driver": "haproxy", "place": "lb1"}]}
    known: Dict[str, Any] = desk.do(patch_run, check=check, state="planned", run_id="night", variables=dict(
        given, hostvars=dict.fromkeys(HOSTS, given)))["plan"]
    return known


def rows(plan: Dict[str, Any]) -> Dict[str, Any]:
    return {host["name"]: host for host in plan["hosts"]}


@pytest.mark.parametrize("forks", [1, 5])
def test_each_place_is_asked_once_about_all_its_hosts(places: Places, forks: int) -> None:
    known = {"web1": settings("web1", "lb1", "lb2"), "web4": settings("web4", "lb2", "lb1"), "web5": settings("web5")}
    found, programs = foreseeing.foresee(known, places.reach, forks, True)
    assert places.asked == ["lb1 web1 web4", "lb2 web1 web4"]
    assert [one["place"] for one in found["web4"].told] == ["lb2", "lb1"] and set(found) == {"web1", "web4"}
    assert found["web1"].stops == "" and programs == {}


@pytest.mark.parametrize("forks", [1, 5])
def test_a_place_that_can_not_be_reached_is_told_of_each_of_its_hosts_and_of_no_other(places: Places, forks: int) -> None:
    places.lost = "lb2"
    found, programs = foreseeing.foresee({"web1": settings("web1", "lb1", "lb2"), "web4": settings("web4", "lb2"), "web5": settings("web5", "lb1")},
                                         places.reach, forks, False)
    assert programs == {"lb1": {"program": "/p/lb1.zip", "python": "py"}}
    assert {host: one.stops.partition(": no route")[0] for host, one in found.items()} == {
        "web1": "haproxy at lb2: lb2 can't be reached", "web4": "haproxy at lb2: lb2 can't be reached", "web5": ""}


def test_in_check_mode_whatever_is_wrong_now_ends_as_blocked(desk: Any, places: Places) -> None:
    told = plan(desk, places, check=True)
    found = rows(told)
    assert places.asked == ["lb1 web1 web2 web3"] and told["order"] == ["web1"]
    assert {host: found[host]["state"] for host in HOSTS} == {"web1": "patched", "web2": "blocked", "web3": "blocked"}
    assert found["web2"]["reason"] == ("haproxy at lb1: no backend wbe; it has: web; nothing was touched: mend its patch_maintenance, or what is there, "
                                       "and start again")
    assert "asked again at its turn" in found["web3"]["reason"]
    assert (desk.state("web2").state, desk.state("web1").state) == ("blocked", "waiting")
    text = " ".join(render_plan(told, 100).split())
    assert "web1: haproxy at lb1: would run set server web1" in text and "web2 blocked: haproxy at lb1: no backend wbe" in text
    assert "would run set server web1" in render_plan_page(told)


@pytest.mark.parametrize("check, order", [(True, ["web1"]), (False, ["web2", "web1", "web3"])])
@pytest.mark.parametrize("canary", ["web2", "web3"])
def test_who_could_not_be_drained_now_is_no_canary_of_a_number(desk: Any, places: Places, check: bool, order: Any, canary: str) -> None:
    told = plan(desk, places, check, canary)
    assert [name for name, row in rows(told).items() if row.get("canary")] == ["web1"]
    assert (told["order"], told["serial"]) == (order, [len(order) - (not check), "100%"])


def test_in_earnest_a_wrong_place_ends_its_host_at_its_turn_and_a_lack_of_peers_is_asked_again(desk: Any, places: Places) -> None:
    told = plan(desk, places, check=False)
    assert (told["order"], told["serial"]) == (["web2", "web1", "web3"], ["100%"])
    assert "now: 0 other usable servers" in render_plan(told, 200) and "would run" not in render_plan(told, 200)
    assert desk.book().laid_at("lb1") == {"program": "/p/lb1.zip", "python": "py"}
    assert desk.state("web2").state == "waiting", "what was prepared on it is taken back at its turn"
    refused = desk.do(maintenance_slot, host="web2", state="taken", run_id="night")
    assert (refused["host_state"], desk.slots()) == ("blocked", []) and "no backend wbe" in desk.state("web2").reason
    assert desk.do(maintenance_slot, host="web3", state="taken", run_id="night")["granted"]


def test_a_run_that_is_gone_on_with_asks_again(desk: Any, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(desk, places, check=False)
    monkeypatch.setitem(WRONG, "web2", "")
    assert "web2" in plan(desk, places, check=False)["order"]
    assert [step.outcome for step in desk.steps(host="web2")] == ["failed", "ok"]
    assert desk.do(maintenance_slot, host="web2", state="taken", run_id="night")["granted"]


def test_how_a_place_found_a_host_is_on_record_and_is_not_asked_again(desk: Any, places: Places) -> None:
    """The driver begins nothing where it finds the host otherwise; one that could not say is asked before its slot."""
    plan(desk, places, check=False)
    wanted = {"driver": "haproxy", "place": "lb1"}
    assert [foreseeing.priors(desk.book(host=host)) for host in HOSTS] == [
        {drain.key_of(drain.checked_place(wanted, "web1", 5.0)): "in_service"}, {}, {}]
    places.log.unlink()
    desk.places["lb1"] = asked = desk.place("lb1")
    for host in ("web1", "web3"):
        assert desk.book(host=host).take_slot(settings(host), ()).granted
        desk.do(maintenance_mode, host=host, state="entered", run_id="night", places=[wanted])
        desk.do(maintenance_mode, host=host, state="left", run_id="night")
        desk.book(host=host).returned("", "never")
    assert asked.asked == [("entered", None), ("left", None), ("entered", True), ("entered", None), ("left", None)]


def test_what_a_place_said_is_believed_no_longer_than_what_a_host_says(desk: Any, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have drained the host since: where the drain's answer is lost, it is undone to what was seen."""
    plan(desk, places, check=False)
    assert foreseeing.priors(desk.book())
    now = foreseeing.time.time()
    for since in (foreseeing.FRESH + 1, -60.0):
        monkeypatch.setattr(foreseeing.time, "time", lambda at=now + since: at)
        assert foreseeing.priors(desk.book()) == {}


def test_in_check_mode_nothing_is_kept_of_what_is_only_of_the_moment(desk: Any, places: Places) -> None:
    plan(desk, places, check=True)
    assert foreseeing.priors(desk.book()) == {}


def children() -> str:
    return Path("/proc/self/task/%d/children" % os.getpid()).read_text()


def test_executions_side_by_side_keep_their_order_and_what_breaks_is_told() -> None:
    here, before = os.getpid(), children()
    assert side_by_side(lambda n: [n, os.getpid() != here], list(range(7)), 3) == [[n, True] for n in range(7)]
    with pytest.raises(BrokenOff, match="ZeroDivisionError"):
        side_by_side(lambda n: 1 // n, [1, 0, 2], 3)
    assert children() == before, "nobody is left behind"


def cut(size: int) -> str:
    """As on a full disk: no more than so many bytes of the answer are written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return "x" * 100


@pytest.mark.parametrize("size", [0, 20])
def test_an_answer_that_can_not_be_kept_says_where_and_why(size: int) -> None:
    with pytest.raises(BrokenOff, match="its answer can't be kept in %s: File too large" % tempfile.gettempdir()):
        side_by_side(cut, [size, size], 2)


def test_an_execution_that_was_killed_names_the_signal() -> None:
    with pytest.raises(BrokenOff, match="it was ended by signal 9"):
        side_by_side(lambda n: os.kill(os.getpid(), signal.SIGKILL), [1, 2], 2)
