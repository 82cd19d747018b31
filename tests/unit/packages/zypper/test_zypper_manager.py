# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager of zypper, asked in the scenes that were recorded with real tools. What is expected stands here, not in the transcripts."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (
    BadInput,
    CommandFailed,
    LockTimeout,
    TransactionInterrupted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import (
    Package, Replaced, Selection, Transaction, Update, Wanted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.zypper.manager import Zypper

RULES = Rules((), ())
UP = Selection()
Scene = Callable[[str], Any]
LONG = "lighthouse-with-a-name-that-is-much-longer-than-eighty-columns-and-therefore-has-to-wrap"


def wanted(*texts: str) -> List[Wanted]:
    return [Wanted(*name.rpartition(".")[::2], version) for name, _equals, version in (text.partition("=") for text in texts)]


def moves(transaction: Transaction) -> Dict[str, Tuple[Optional[str], Optional[str]]]:
    return {change.name: (change.from_, change.to) for change in transaction.changes}


def by_name(updates: List[Update]) -> Dict[str, Update]:
    return {update.name: update for update in updates}


def test_what_is_installed_and_why(scene: Scene) -> None:
    installed = {package.name: package for package in Zypper(scene("look")).installed()}
    assert len(installed) == 22
    anchor, libs = installed["anchor"], installed["tide-libs"]
    assert (anchor.version, anchor.arch, anchor.source, anchor.reason) == ("1:3.0-1", "x86_64", "base", "manual")
    assert libs.reason == "automatic" and installed["buoy"].source == "extra"


def test_where_packages_come_from_is_asked_only_of_who_wants_to_know(scene: Scene) -> None:
    """While a host is out of service: that takes seconds."""
    whole, manager, ran = Zypper(scene("look")).installed(), Zypper(runner := scene("look")), []
    real = runner.run
    runner.run = lambda argv, *more, **others: ran.append(argv[0]) or real(argv, *more, **others)
    assert manager.versions() == [Package(package.name, package.arch, package.version) for package in whole]
    assert ran == ["rpm"]
    assert manager.installed(sources=False) == [replace(package, source="") for package in whole] != whole


def test_updates_are_classified_by_all_versions_on_the_way(scene: Scene) -> None:
    found = by_name(Zypper(scene("look")).updates(RULES, UP))
    tide = found["tide"]
    assert (tide.installed, tide.candidate, tide.classification, tide.severity) == ("1.0-1", "1.2-1", "security", "important")
    assert tide.advisories == ("HBBA-2026:0002", "HBSA-2026:0001") and tide.cves == ("CVE-2026-0001",) and tide.source == "base"
    assert (found["anchor"].candidate, found["anchor"].cves) == ("2:0.9-1", ("CVE-2026-0003", "CVE-2026-0004"))
    # The same as dnf says of the same sources, but for oar, whose newest version is another vendor's.
    assert found["oar"].candidate == "1.1-1"
    assert {name: update.classification for name, update in found.items()} == {
        "anchor": "security", "buoy": "unknown", "chart": "bugfix", "hull-kernel": "security", "keel": "unknown", LONG: "security",
        "linux-firmware": "other", "mast": "security", "oar": "other", "rudder": "other", "squall": "other", "storm": "bugfix", "swell": "other",
        "swell-wake": "other", "tide": "security", "tide-docs": "enhancement", "tide-libs": "security", "wreck": "other"}
    assert not any(update.held for update in found.values())


def test_minimal_goes_no_further_than_the_last_security_fix(scene: Scene) -> None:
    found = by_name(Zypper(scene("look")).updates(RULES, Selection(security_level="minimal")))
    assert found["tide"].candidate == "1.1-1" and found["tide"].advisories == ("HBSA-2026:0001",)
    assert (found["anchor"].candidate, found["hull-kernel"].candidate) == ("1:3.1-2.harbor9", "5.2-1")
    assert found["keel"].candidate == "1.2-1"


def test_sources_say_which_publish_advisories(scene: Scene) -> None:
    found = {source.id: source for source in Zypper(scene("look")).sources()}
    assert found["base"].advisories and not found["extra"].advisories
    assert found["base"].enabled and not found["base"].trusted and found["base"].uri.endswith("/base")


def test_the_age_of_the_metadata_is_that_of_its_oldest_source(scene: Scene) -> None:
    runner = scene("look")
    times = [float(line.split()[0]) for line in runner.output("find", "*/repodata/repomd.xml")["stdout"].splitlines()]
    assert len(times) == 2
    assert Zypper(runner, now=lambda: min(times) + 100.0).metadata_age() == pytest.approx(100.0)
    assert Zypper(scene("bare")).metadata_age() is None


def test_small_answers(scene: Scene) -> None:
    zypper = Zypper(scene("look"))
    assert zypper.arch() == "x86_64"
    assert zypper.interrupted() is None and zypper.holds() == [] and zypper.streams() == [] and zypper.leftover_config() == []
    assert zypper.reboot().required is False and "packagekit.service" in zypper.updater_units()


def test_a_host_without_any_source(scene: Scene) -> None:
    zypper = Zypper(scene("nothing"))
    assert zypper.sources() == [] and zypper.updates(RULES, UP) == [] and zypper.metadata_age() is None
    assert {package.source for package in zypper.installed()} == {""}


def test_a_source_that_zypper_would_leave_out_is_a_failure(scene: Scene) -> None:
    zypper = Zypper(scene("bare"))
    assert {source.id: (source.enabled, source.usable) for source in zypper.sources()} == {"base": (True, True), "extra": (True, False)}
    assert len(zypper.installed()) == 22
    for ask in (lambda: zypper.updates(RULES, UP), lambda: zypper.simulate(wanted("tide.x86_64=1.1-1"), UP)):
        with pytest.raises(CommandFailed, match=r"rc 106: .*/extra/repodata/repomd.xml.*\(refresh first\)"):
            ask()


# ---------------------------------------------------------------- simulate

TIDE = ("tide.x86_64=1.1-1", "tide-docs.noarch=2.0-1", "anchor.x86_64=2:0.9-1", "mast.x86_64=2.0-1")


def test_simulate_names_dependencies_and_sizes(scene: Scene) -> None:
    found = Zypper(scene("simulate")).simulate(wanted(*TIDE), UP)
    assert moves(found) == {
        "anchor": ("1:3.0-1", "2:0.9-1"), "mast": ("1.0-1", "2.0-1"), "mast-rigging": (None, "2.0-1"), "tide": ("1.0-1", "1.1-1"),
        "tide-docs": ("1.0-1", "2.0-1"), "tide-libs": ("1.0-1", "1.1-1")}
    assert [change.name for change in found.changes] == sorted(moves(found))
    assert 6 * 5000 < found.download_size < 6 * 8000 and found.installed_size == 4 and found.problem is None


@pytest.mark.parametrize("selection", [UP, Selection(allow_removals=True)])
def test_simulate_tells_what_would_be_removed(scene: Scene, selection: Selection) -> None:
    found = Zypper(scene("simulate")).simulate(wanted("rudder.x86_64=2.0-1"), selection)
    assert moves(found) == {"rudder": ("1.0-1", "2.0-1"), "sail": ("1.0-1", None)} and found.problem is None


def test_simulate_tells_what_is_obsoleted(scene: Scene) -> None:
    found = Zypper(scene("simulate")).simulate(wanted("tender.x86_64=2.0-1"), UP)
    assert moves(found) == {"dinghy": ("1.0-1", None), "tender": (None, "2.0-1")}


def test_a_package_that_another_obsoletes_has_a_successor(scene: Scene) -> None:
    found = Zypper(scene("simulate")).simulate(wanted("tender.x86_64=2.0-1"), UP)
    assert (found.replaced, found.erases) == ((Replaced("dinghy", "x86_64", "tender", "x86_64"),), False)
    others = [Package("tide", "x86_64", "1.0-1"), Package("unheard-of", "noarch", "1-1")]
    manager = Zypper(scene("renamed"))
    assert manager.successors([Package("dinghy", "x86_64", "1.0-1")] + others) == {("dinghy", "x86_64"): (Wanted("tender", "x86_64", "2.0-1"),)}
    assert manager.successors(others) == {}


def test_what_took_a_place_says_so(scene: Scene) -> None:
    assert Zypper(scene("renamed")).predecessors([Package("tender", "x86_64", "2.0-1")]) == {("tender", "x86_64"): ("dinghy",)}


def test_what_took_a_place_gives_it_back_only_on_the_way_down(scene: Scene) -> None:
    manager = Zypper(scene("renamed"))
    up, down = (manager.simulate(wanted("dinghy.x86_64=1.0-1"), Selection(allow_downgrade=allowed)) for allowed in (False, True))
    assert moves(up) == moves(down) == {"dinghy": (None, "1.0-1"), "tender": ("2.0-1", None)}
    assert (up.replaced, down.replaced, down.erases) == ((), (Replaced("tender", "x86_64", "dinghy", "x86_64"),), True)


@pytest.mark.parametrize(("asked", "problem"), [
    (("wreck.x86_64=2.0-1", "tide.x86_64=1.1-1"), "nothing provides something-that-nobody-provides needed by wreck 2.0-1"),
    (("tide.x86_64=9.9-9",), "No provider of 'tide.x86_64=9.9-9' found.")])
def test_simulate_gives_one_line_where_it_cannot(scene: Scene, asked: Tuple[str, ...], problem: str) -> None:
    assert Zypper(scene("simulate")).simulate(wanted(*asked), UP) == Transaction(problem=problem)


def test_simulate_of_nothing(scene: Scene) -> None:
    assert Zypper(scene("simulate")).simulate(wanted("tide.x86_64=1.0-1"), UP) == Transaction()
    assert Zypper(scene("simulate")).simulate([], UP) == Transaction()


def test_a_kernel_comes_beside_the_old_ones(scene: Scene) -> None:
    zypper = Zypper(scene("kernels"))
    assert moves(zypper.simulate(wanted("hull-kernel.x86_64=5.4-1"), UP)) == {"hull-kernel": (None, "5.4-1")}
    assert zypper.interrupted() is None
    assert by_name(zypper.updates(RULES, UP))["hull-kernel"].installed == "5.3-1"


def test_downgrades_only_where_they_are_allowed(scene: Scene) -> None:
    asked = wanted("tide.x86_64=1.0-1", "anchor.x86_64=2:0.9-1")
    zypper = Zypper(scene("back"))
    # zypper itself leaves out what it would have to downgrade, and ends with rc 0.
    assert zypper.simulate(asked, UP).problem == "tide would not become 1.0-1, it stays at 1.2-1"
    found = zypper.simulate(asked, Selection(allow_downgrade=True))
    assert found.problem is None
    assert moves(found) == {"anchor": ("1:3.1-2.harbor9", "2:0.9-1"), "tide": ("1.2-1", "1.0-1"), "tide-libs": ("1.2-1", "1.0-1")}


def test_locks_are_holds(scene: Scene) -> None:
    zypper = Zypper(scene("holds"))
    assert zypper.holds() == ["chart", "keel", "tide-docs"]
    found = by_name(zypper.updates(RULES, UP))
    # swell is locked in the one source that has it; of anchor only the newest version is, and mast is the name of a patch here.
    assert sorted(name for name, update in found.items() if update.held) == ["chart", "keel", "swell", "tide-docs"]
    assert (found["anchor"].candidate, found["tide-docs"].classification) == ("1:3.1-2.harbor9", "enhancement")
    assert zypper.simulate(wanted("keel.x86_64=1.2-1"), UP).problem == "locked on this host: keel 1.0-1, keel 1.2-1"


@pytest.mark.parametrize("bad", [
    Wanted("--force", "x86_64", "1-1"), Wanted("tide>=", "x86_64", "1.1-1"), Wanted("patch:x", "noarch", "1-1"),
    Wanted("tide", "x86_64", "1.1-1 "), Wanted("./evil", "x86_64", "1-1"), Wanted("tide", "", "1.1-1")])
def test_names_that_zypper_would_read_as_something_else_are_refused(scene: Scene, bad: Wanted) -> None:
    runner = scene("look")
    for do in (lambda: Zypper(runner).simulate([bad], UP), lambda: Zypper(runner).download([bad], UP, 10)):
        with pytest.raises(BadInput, match="correct the list of packages"):
            do()
    assert runner.asked == []


# ---------------------------------------------------------------- changes

WHOLE = wanted(*TIDE, "tide-libs.x86_64=1.1-1", "mast-rigging.x86_64=2.0-1", "chart.x86_64=1.1-1", "linux-firmware.noarch=1.1-1")


def test_the_whole_way_without_a_network_at_its_end(scene: Scene) -> None:
    runner = scene("apply")
    zypper = Zypper(runner)
    zypper.refresh(60)
    before = zypper.installed()
    assert zypper.simulate(WHOLE, UP).download_size > 0
    zypper.download(WHOLE, UP, 60)
    assert zypper.simulate(WHOLE, UP).download_size == 0
    log = io.StringIO()
    zypper.apply(WHOLE, UP, 60, log)
    assert "Installing: anchor-2:0.9-1.x86_64" in log.getvalue()
    # zypper forgets that what is asked for by name was a dependency once.
    assert zypper.restore_reasons(before) == ["mast-rigging: automatic", "tide-libs: automatic"]
    assert zypper.restore_reasons(before) == []
    after = {package.name: package for package in zypper.installed()}
    assert after["tide-libs"].version == "1.1-1" and after["tide-libs"].reason == "automatic"
    assert after["mast-rigging"].reason == "automatic" and after["tide"].reason == "manual"
    assert zypper.leftover_config() == ["/etc/chart.conf.rpmnew"]
    assert zypper.reboot().required is True and zypper.reboot().reasons


def test_only_refresh_refreshes(scene: Scene) -> None:
    runner = scene("apply")
    zypper = Zypper(runner)
    zypper.download(WHOLE, UP, 60)
    zypper.apply(WHOLE, UP, 60, io.StringIO())
    assert all("--no-refresh" in argv and "--non-interactive" in argv for argv in runner.asked if argv[0] == "zypper")


def test_a_source_that_does_not_answer_is_a_failure_that_names_it(scene: Scene) -> None:
    with pytest.raises(CommandFailed, match="rc 4: Problem retrieving files from 'Harbor 9 - extra'"):
        Zypper(scene("refresh")).refresh(60)


def test_scripts_that_fail_are_failures(scene: Scene) -> None:
    zypper = Zypper(scene("scripts"))
    after, before = wanted("storm.x86_64=1.1-1", "chart.x86_64=1.1-1"), wanted("squall.x86_64=1.1-1", "keel.x86_64=1.1-1")
    with pytest.raises(CommandFailed, match="rc 107: storm: its %post script failed") as failure:
        zypper.apply(after, UP, 60, io.StringIO())
    assert failure.value.data["scripts"] == {"storm": "its %post script failed"}
    with pytest.raises(CommandFailed, match="rc 8: squall: its %prein script failed"):
        zypper.apply(before, UP, 60, io.StringIO())
    # What failed before is not blamed for what fails now.
    log = io.StringIO()
    with pytest.raises(CommandFailed, match="rc 8: its log says why"):
        zypper.apply(wanted("mast.x86_64=2.0-1"), UP, 60, log)
    assert "Connection failed" in log.getvalue()
    versions = {package.name: package.version for package in zypper.installed()}
    assert (versions["storm"], versions["squall"], versions["mast"]) == ("1.1-1", "1.0-1", "1.0-1")
    assert zypper.interrupted() is None


def test_a_transaction_that_was_killed_is_found_and_finished(scene: Scene) -> None:
    zypper = Zypper(scene("interrupted"))
    assert zypper.interrupted() == "a transaction was cut: installed twice are swell-1.0-1.x86_64, swell-1.1-1.x86_64"
    assert [package.version for package in zypper.installed() if package.name == "swell"] == ["1.0-1", "1.1-1"]
    log = io.StringIO()
    zypper.repair(60, log)
    assert "Installing: swell-1.1-1.x86_64" in log.getvalue()
    assert zypper.interrupted() is None
    versions = {package.name: package.version for package in zypper.installed()}
    assert (versions["swell"], versions["swell-wake"]) == ("1.1-1", "1.1-1")


def test_what_cannot_be_repaired_is_a_failure(scene: Scene) -> None:
    with pytest.raises(TransactionInterrupted, match="could not be repaired: .* installed twice are swell-1.0-1.x86_64"):
        Zypper(scene("beyond_repair")).repair(60, io.StringIO())


def test_who_holds_the_lock_is_named(scene: Scene) -> None:
    zypper = Zypper(scene("locked"))
    with pytest.raises(LockTimeout, match=r"/run/zypp.pid is held by process \d+ \(zypper\), for longer than 0 s"):
        zypper.wait_for_lock(0)
    assert zypper.interrupted() is None
    # A question waits in the same way, until its turn comes.
    assert zypper.metadata_age() is not None
    zypper.wait_for_lock(5)
