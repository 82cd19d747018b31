# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager of dnf, asked in the scenes that were recorded with real tools. What is expected stands here, not in the transcripts."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (
    BadInput,
    CommandFailed,
    LockTimeout,
    TransactionInterrupted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.manager import Dnf
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import (
    Package, Replaced, Selection, Transaction, Update, Wanted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

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
    installed = {package.name: package for package in Dnf(scene("look")).installed()}
    assert len(installed) == 22
    anchor, docs, libs = installed["anchor"], installed["tide-docs"], installed["tide-libs"]
    assert (anchor.version, anchor.arch, anchor.source, anchor.reason) == ("1:3.0-1", "x86_64", "base", "manual")
    assert (docs.version, docs.arch) == ("1.0-1", "noarch")
    assert libs.reason == "automatic"
    assert installed["buoy"].source == "extra"


def test_where_packages_come_from_is_asked_only_of_who_wants_to_know(scene: Scene) -> None:
    """While a host is out of service: that takes seconds."""
    whole, manager, ran = Dnf(scene("look")).installed(), Dnf(runner := scene("look")), []
    real = runner.run
    runner.run = lambda argv, *more, **others: ran.append(argv[0]) or real(argv, *more, **others)
    assert manager.versions() == [Package(package.name, package.arch, package.version) for package in whole]
    assert ran == ["rpm"]
    assert manager.installed(sources=False) == [replace(package, source="") for package in whole] != whole


def test_updates_are_classified_by_all_versions_on_the_way(scene: Scene) -> None:
    found = by_name(Dnf(scene("look")).updates(RULES, UP))
    tide = found["tide"]
    # The newest version is a bug fix, the one before it was security.
    assert (tide.installed, tide.candidate, tide.classification, tide.severity) == ("1.0-1", "1.2-1", "security", "important")
    assert tide.advisories == ("HBBA-2026:0002", "HBSA-2026:0001") and tide.cves == ("CVE-2026-0001",)
    assert tide.source == "base" and tide.size is not None and tide.size > 1000
    anchor = found["anchor"]
    # Its version falls while its epoch rises.
    assert (anchor.candidate, anchor.severity, anchor.cves) == ("2:0.9-1", "critical", ("CVE-2026-0003", "CVE-2026-0004"))
    assert {name: update.classification for name, update in found.items()} == {
        "anchor": "security", "buoy": "unknown", "chart": "bugfix", "hull-kernel": "security", "keel": "unknown", LONG: "security",
        "linux-firmware": "other", "mast": "security", "oar": "unknown", "rudder": "other", "squall": "other", "storm": "bugfix", "swell": "other",
        "swell-wake": "other", "tide": "security", "tide-docs": "enhancement", "tide-libs": "security", "wreck": "other"}
    assert not any(update.held for update in found.values())


def test_minimal_goes_no_further_than_the_last_security_fix(scene: Scene) -> None:
    found = by_name(Dnf(scene("look")).updates(RULES, Selection(security_level="minimal")))
    assert found["tide"].candidate == "1.1-1" and found["tide"].advisories == ("HBSA-2026:0001",)
    assert found["anchor"].candidate == "1:3.1-2.harbor9"
    assert found["hull-kernel"].candidate == "5.2-1"
    # Without a security fix nothing is held back.
    assert found["keel"].candidate == "1.2-1"


def test_sources_say_which_publish_advisories(scene: Scene) -> None:
    found = {source.id: source for source in Dnf(scene("look")).sources()}
    assert found["base"].advisories and not found["extra"].advisories
    assert found["base"].usable and found["base"].enabled and not found["base"].trusted and found["base"].uri.endswith("/base")


def test_the_age_of_the_metadata_is_that_of_its_oldest_source(scene: Scene) -> None:
    runner = scene("look")
    lines = runner.output("find", "*/repodata/*")["stdout"].splitlines()
    latest = {name: max(float(line.split()[0]) for line in lines if "/%s-" % name in line) for name in ("base", "extra")}
    age = Dnf(runner, now=lambda: latest["extra"] + 100.0).metadata_age()
    assert age == pytest.approx(100.0 + latest["extra"] - min(latest.values()))
    assert Dnf(scene("bare")).metadata_age() is None


def test_small_answers(scene: Scene) -> None:
    dnf = Dnf(scene("look"))
    assert dnf.arch() == "x86_64"
    assert dnf.interrupted() is None and dnf.holds() == [] and dnf.streams() == [] and dnf.leftover_config() == []
    assert dnf.reboot().required is False
    assert dnf.cache_paths() == ["/var/cache/dnf"]
    assert "dnf-automatic.service" in dnf.updater_units()
    assert Dnf(scene("streams")).streams() == ["nodejs:18"]


def test_a_host_without_metadata_plugins_and_history(scene: Scene) -> None:
    dnf = Dnf(scene("bare"))
    assert {package.reason for package in dnf.installed()} == {"unknown"}
    assert {package.source for package in dnf.installed()} == {""}
    # dnf itself calls both disabled.
    assert [(source.id, source.enabled, source.usable) for source in dnf.sources()] == [("base", True, False), ("extra", True, False)]
    assert dnf.reboot().required is None and dnf.interrupted() is None and dnf.holds() == []
    for ask in (lambda: dnf.updates(RULES, UP), lambda: dnf.simulate(wanted("tide.x86_64=1.1-1"), UP)):
        with pytest.raises(CommandFailed, match=r"no cache for 'base' \(refresh first\)"):
            ask()


# ---------------------------------------------------------------- simulate

TIDE = ("tide.x86_64=1.1-1", "tide-docs.noarch=2.0-1", "anchor.x86_64=2:0.9-1", "mast.x86_64=2.0-1")


def test_simulate_names_dependencies_and_sizes(scene: Scene) -> None:
    found = Dnf(scene("simulate")).simulate(wanted(*TIDE), UP)
    assert moves(found) == {
        "anchor": ("1:3.0-1", "2:0.9-1"), "mast": ("1.0-1", "2.0-1"), "mast-rigging": (None, "2.0-1"), "tide": ("1.0-1", "1.1-1"),
        "tide-docs": ("1.0-1", "2.0-1"), "tide-libs": ("1.0-1", "1.1-1")}
    assert [change.name for change in found.changes] == sorted(moves(found))
    # Six packages of about 6 KiB; one more file of four bytes on disk.
    assert 6 * 5000 < found.download_size < 6 * 8000 and found.installed_size == 4
    assert found.problem is None and found.removals == ()


@pytest.mark.parametrize("selection", [UP, Selection(allow_removals=True)])
def test_simulate_tells_what_would_be_removed(scene: Scene, selection: Selection) -> None:
    found = Dnf(scene("simulate")).simulate(wanted("rudder.x86_64=2.0-1"), selection)
    assert moves(found) == {"rudder": ("1.0-1", "2.0-1"), "sail": ("1.0-1", None)} and found.problem is None


def test_simulate_tells_what_is_obsoleted(scene: Scene) -> None:
    found = Dnf(scene("simulate")).simulate(wanted("tender.x86_64=2.0-1"), UP)
    assert moves(found) == {"dinghy": ("1.0-1", None), "tender": (None, "2.0-1")}


def test_a_package_that_another_obsoletes_has_a_successor(scene: Scene) -> None:
    found = Dnf(scene("simulate")).simulate(wanted("tender.x86_64=2.0-1"), UP)
    assert (found.replaced, found.erases) == ((Replaced("dinghy", "x86_64", "tender", "x86_64"),), False)
    others = [Package("tide", "x86_64", "1.0-1"), Package("unheard-of", "noarch", "1-1")]
    manager = Dnf(scene("renamed"))
    assert manager.successors([Package("dinghy", "x86_64", "1.0-1")] + others) == {("dinghy", "x86_64"): (Wanted("tender", "x86_64", "2.0-1"),)}
    assert manager.successors(others) == {}


def test_what_took_a_place_says_so(scene: Scene) -> None:
    assert Dnf(scene("renamed")).predecessors([Package("tender", "x86_64", "2.0-1")]) == {("tender", "x86_64"): ("dinghy",)}


def test_what_took_a_place_gives_it_back_only_on_the_way_down(scene: Scene) -> None:
    manager = Dnf(scene("renamed"))
    up, down = (manager.simulate(wanted("dinghy.x86_64=1.0-1"), Selection(allow_downgrade=allowed)) for allowed in (False, True))
    assert moves(up) == moves(down) == {"dinghy": (None, "1.0-1"), "tender": ("2.0-1", None)}
    assert (up.replaced, down.replaced, down.erases) == ((), (Replaced("tender", "x86_64", "dinghy", "x86_64"),), True)


@pytest.mark.parametrize(("asked", "problem"), [
    (("wreck.x86_64=2.0-1", "tide.x86_64=1.1-1"), "nothing provides something-that-nobody-provides needed by wreck 2.0-1"),
    (("tide.x86_64=9.9-9",), "Unable to find a match: tide 9.9-9")])
def test_simulate_gives_one_line_where_it_cannot(scene: Scene, asked: Tuple[str, ...], problem: str) -> None:
    assert Dnf(scene("simulate")).simulate(wanted(*asked), UP) == Transaction(problem=problem)


def test_simulate_of_nothing(scene: Scene) -> None:
    assert Dnf(scene("simulate")).simulate(wanted("tide.x86_64=1.0-1"), UP) == Transaction()
    assert Dnf(scene("simulate")).simulate([], UP) == Transaction()


def test_a_kernel_comes_beside_the_old_one(scene: Scene) -> None:
    assert moves(Dnf(scene("simulate")).simulate(wanted("hull-kernel.x86_64=5.2-1"), UP)) == {"hull-kernel": (None, "5.2-1")}


def test_a_kernel_that_pushes_out_the_oldest_is_no_removal(scene: Scene) -> None:
    dnf = Dnf(scene("kernels"))
    found = dnf.simulate(wanted("hull-kernel.x86_64=5.4-1"), UP)
    assert moves(found) == {"hull-kernel": ("5.1-1", "5.4-1")} and found.removals == ()
    # Three of them are installed on purpose, and the newest is what counts.
    assert dnf.interrupted() is None
    assert by_name(dnf.updates(RULES, UP))["hull-kernel"].installed == "5.3-1"


def test_downgrades_only_where_they_are_allowed(scene: Scene) -> None:
    asked = wanted("tide.x86_64=1.0-1", "tide-libs.x86_64=1.0-1", "anchor.x86_64=2:0.9-1")
    dnf = Dnf(scene("back"))
    assert dnf.simulate(asked, UP).problem == "tide would go back from 1.2-1 to 1.0-1, and downgrades are not allowed"
    found = dnf.simulate(asked, Selection(allow_downgrade=True))
    assert found.problem is None
    assert moves(found) == {"anchor": ("1:3.1-2.harbor9", "2:0.9-1"), "tide": ("1.2-1", "1.0-1"), "tide-libs": ("1.2-1", "1.0-1")}


def test_holds_of_configuration_and_versionlock(scene: Scene) -> None:
    dnf = Dnf(scene("holds"))
    assert dnf.holds() == ["keel", "mast", "tide", "tide-docs"]
    found = by_name(dnf.updates(RULES, UP))
    assert sorted(name for name, update in found.items() if update.held) == ["keel", "mast", "tide", "tide-docs", "wreck"]
    # What is held is classified like anything else, and a lock that leaves room lets the best of it in.
    assert found["tide"].classification == "security" and found["mast"].cves == ("CVE-2026-0006",)
    assert (found["anchor"].candidate, found["anchor"].held) == ("1:3.1-2.harbor9", False)
    assert dnf.simulate(wanted("keel.x86_64=1.2-1"), UP).problem == "keel 1.2-1: excluded on this host"


@pytest.mark.parametrize("bad", [
    Wanted("--exclude=*", "x86_64", "1-1"), Wanted("tide", "x86_64", "1.1-1; reboot"), Wanted("tide*", "x86_64", "1.1-1"),
    Wanted("@core", "x86_64", "1-1"), Wanted("tide", "x86_64", "1.1"), Wanted("tide", "*", "1.1-1"),
    Wanted("/etc/passwd", "noarch", "1-1")])
def test_names_that_dnf_would_read_as_something_else_are_refused(scene: Scene, bad: Wanted) -> None:
    runner = scene("look")
    for do in (lambda: Dnf(runner).simulate([bad], UP), lambda: Dnf(runner).download([bad], UP, 10)):
        with pytest.raises(BadInput, match="correct the list of packages"):
            do()
    assert runner.asked == []


# ---------------------------------------------------------------- changes

WHOLE = wanted(*TIDE, "tide-libs.x86_64=1.1-1", "mast-rigging.x86_64=2.0-1", "chart.x86_64=1.1-1", "linux-firmware.noarch=1.1-1")


def test_the_whole_way_without_a_network_at_its_end(scene: Scene) -> None:
    runner = scene("apply")
    dnf = Dnf(runner)
    dnf.refresh(60)
    before = dnf.installed()
    assert dnf.simulate(WHOLE, UP).download_size > 0
    dnf.download(WHOLE, UP, 60)
    assert dnf.simulate(WHOLE, UP).download_size == 0
    log = io.StringIO()
    dnf.apply(WHOLE, UP, 60, log)
    assert "Upgrading        : anchor-2:0.9-1.x86_64" in log.getvalue()
    assert dnf.restore_reasons(before) == ["mast-rigging: automatic"]
    after = {package.name: package for package in dnf.installed()}
    assert after["tide-libs"].version == "1.1-1" and after["tide-libs"].reason == "automatic"
    assert after["mast-rigging"].reason == "automatic" and after["tide"].reason == "manual"
    assert dnf.leftover_config() == ["/etc/chart.conf.rpmnew"]
    assert dnf.reboot().to_dict() == {"required": True, "reasons": ["package: linux-firmware"]}
    # What was fetched is dropped, as this host is configured.
    assert runner.result["cached"] == "" and any("clean" in argv for argv in runner.asked)


def test_nothing_is_fetched_or_refreshed_behind_the_plan(scene: Scene) -> None:
    runner = scene("apply")
    dnf = Dnf(runner)
    dnf.download(WHOLE, UP, 60)
    dnf.apply(WHOLE, UP, 60, io.StringIO())
    fetching = [argv for argv in runner.asked if argv[0] == "dnf" and "-C" not in argv and argv[1:] not in (["--version"], ["--help"])]
    assert len(fetching) == 1 and "--downloadonly" in fetching[0] and "--setopt=*.metadata_expire=never" in fetching[0]


def test_a_source_that_does_not_answer_is_a_failure_that_names_it(scene: Scene) -> None:
    with pytest.raises(CommandFailed, match="Failed to download metadata for repo 'extra'"):
        Dnf(scene("refresh")).refresh(60)


def test_scripts_that_fail_are_failures(scene: Scene) -> None:
    dnf = Dnf(scene("scripts"))
    after, before = wanted("storm.x86_64=1.1-1", "chart.x86_64=1.1-1"), wanted("squall.x86_64=1.1-1", "keel.x86_64=1.1-1")
    # dnf itself is content with this one: rc 0.
    with pytest.raises(CommandFailed, match="storm: its %post script failed") as failure:
        dnf.apply(after, UP, 60, io.StringIO())
    assert failure.value.data["scripts"] == {"storm": "its %post script failed"}
    with pytest.raises(CommandFailed, match="rc 1: squall: its %prein script failed"):
        dnf.apply(before, UP, 60, io.StringIO())
    # What failed before is not blamed for what was never downloaded.
    log = io.StringIO()
    with pytest.raises(CommandFailed, match="rc 1: its log says why"):
        dnf.apply(wanted("mast.x86_64=2.0-1"), UP, 60, log)
    assert "invalid cache" in log.getvalue()
    versions = {package.name: package.version for package in dnf.installed()}
    assert (versions["storm"], versions["squall"], versions["keel"]) == ("1.1-1", "1.0-1", "1.1-1")
    # Failed is not cut.
    assert dnf.interrupted() is None


def test_a_transaction_that_was_killed_is_found_and_finished(scene: Scene) -> None:
    dnf = Dnf(scene("interrupted"))
    assert dnf.interrupted() == "a transaction was cut: installed twice are swell-1.0-1.x86_64, swell-1.1-1.x86_64"
    assert [package.version for package in dnf.installed() if package.name == "swell"] == ["1.0-1", "1.1-1"]
    log = io.StringIO()
    dnf.repair(60, log)
    assert "Reinstalling     : swell-1.1-1.x86_64" in log.getvalue()
    assert dnf.interrupted() is None
    versions = {package.name: package.version for package in dnf.installed()}
    # Its dependant went along; what had not begun is as it was, and the next run's business.
    assert (versions["swell"], versions["swell-wake"], versions["chart"]) == ("1.1-1", "1.1-1", "1.0-1")


def test_a_new_package_whose_script_was_killed_is_installed_again(scene: Scene) -> None:
    dnf = Dnf(scene("interrupted_new"))
    assert dnf.interrupted() == "a transaction was cut while it installed foam-1.0-1.x86_64"
    log = io.StringIO()
    dnf.repair(60, log)
    assert "Reinstalling     : foam-1.0-1.x86_64" in log.getvalue()
    assert dnf.interrupted() is None


def test_what_cannot_be_repaired_is_a_failure(scene: Scene) -> None:
    with pytest.raises(TransactionInterrupted, match="could not be repaired: .* installed twice are swell-1.0-1.x86_64"):
        Dnf(scene("beyond_repair")).repair(60, io.StringIO())


def test_a_damaged_database_is_not_believed_and_made_whole(scene: Scene) -> None:
    dnf = Dnf(scene("damaged"))
    # rpm itself lists all packages here and ends with rc 0.
    with pytest.raises(CommandFailed, match="rpm's database can't be read: error: .* malformed"):
        dnf.installed()
    assert str(dnf.interrupted()).startswith("rpm's database can't be read")
    dnf.repair(60, io.StringIO())
    assert dnf.interrupted() is None and len(dnf.installed()) == 22


def test_a_host_without_packages_is_not_up_to_date(scene: Scene) -> None:
    dnf = Dnf(scene("empty"))
    with pytest.raises(CommandFailed, match="rpm's database has no package in it"):
        dnf.installed()
    assert str(dnf.interrupted()).startswith("rpm's database has no package in it")


def test_who_holds_the_lock_is_named(scene: Scene) -> None:
    dnf = Dnf(scene("locked"))
    with pytest.raises(LockTimeout, match=r"rpmdb_lock.pid is held by process \d+ \(dnf\), for longer than 0 s"):
        dnf.wait_for_lock(0)
    # What somebody is working at is not cut.
    assert dnf.interrupted() is None
    with pytest.raises(LockTimeout):
        dnf.apply(wanted("keel.x86_64=1.1-1"), UP, 0, io.StringIO())
    dnf.wait_for_lock(5)


def test_a_download_waits_for_who_is_at_work(scene: Scene) -> None:
    """dnf ends with 200 at once where it is told not to wait for ever."""
    class Busy:
        def __init__(self, times: int) -> None:
            self.times, self.recorded = times, scene("locked")

        def run(self, argv: Sequence[str], limit: Optional[float] = 120.0, **more: Any) -> Completed:
            if "--downloadonly" not in argv:
                done: Completed = self.recorded.run(argv, limit, **more)
                return done
            self.times -= 1
            return Completed(tuple(argv), 200 if self.times >= 0 else 0, "", "")

        def read(self, path: str) -> Optional[str]:
            return None

    passed: List[float] = []
    clock = Clock(now=lambda: sum(passed), sleep=passed.append)
    busy = Busy(3)
    Dnf(busy, clock=clock).download(wanted("keel.x86_64=1.1-1"), UP, 5)
    assert (busy.times, len(passed)) == (-1, 3)
    with pytest.raises(LockTimeout, match="taken again and again for 5 s"):
        Dnf(Busy(1000), clock=clock).download(wanted("keel.x86_64=1.1-1"), UP, 5)


def test_rpm_alone_holds_a_lock_too(scene: Scene) -> None:
    with pytest.raises(LockTimeout, match=r"\.rpm\.lock is held by process \d+ \(rpm\)"):
        Dnf(scene("rpm_alone")).wait_for_lock(0)


def test_a_lock_is_waited_for(scene: Scene) -> None:
    passed: List[float] = []
    runner = scene("locked")
    # Two more answers of "held" than the wait of no seconds needs, then the free one.
    dnf = Dnf(runner, clock=Clock(now=lambda: float(len(passed)), sleep=passed.append))
    dnf.wait_for_lock(10)
    assert passed and set(passed) == {1.0}
