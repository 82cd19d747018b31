# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apt manager on transcripts of real hosts: Debian 12 with apt 2.6 and Debian 13 with apt 3.0."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import (
    CommandFailed, LockTimeout, TransactionInterrupted,
)
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import DEFAULT_RULES
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.manager import Apt
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.manager import PackageManager, Rules
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package, Selection, Transaction, Update, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

from .recording.world import LAB
from .replay import Replay, Scripted

ALL = Selection()


class FakeClock(Clock):
    """Sleeping is what makes time pass."""

    def __init__(self) -> None:
        self.time = 0.0
        super().__init__(lambda: self.time, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture(scope="module")
def bookworm() -> Apt:
    apt: PackageManager = Apt(Replay("bookworm"))
    assert isinstance(apt, Apt)
    return apt


@pytest.fixture(scope="module")
def updates(bookworm: Apt) -> dict[tuple[str, str], Update]:
    return {update.key: update for update in bookworm.updates(DEFAULT_RULES, ALL)}


def wanted(specs: str) -> list[Wanted]:
    parts = [re.fullmatch(r"(.+?):([a-z0-9]+)=(.+)", spec) for spec in specs.split()]
    return [Wanted(*part.groups()) for part in parts if part]


def changes(found: Transaction) -> dict[str, tuple[str | None, str | None]]:
    return {f"{c.name}:{c.arch}": (c.from_, c.to) for c in found.changes}


# ---------------------------------------------------------------- facts

def test_installed_packages_know_their_source_and_why_they_are_there(bookworm: Apt) -> None:
    found = {package.name: package for package in bookworm.installed() if package.arch != "i386"}
    assert found["app-a"] == Package("app-a", "amd64", "1.0", "file:/srv/lab ./", "manual")
    assert found["lib-x"].reason == "automatic"
    assert found["tzdata"].arch == "all"
    assert found["bash"].source == "http://mirror.example/debian bookworm/main"


def test_where_packages_come_from_is_asked_only_of_who_wants_to_know() -> None:
    """While a host is out of service: that takes half a second for all packages."""
    whole, manager = Apt(Replay("bookworm")).installed(), Apt(runner := Replay("bookworm"))
    runner.runs = {argv: done for argv, done in runner.runs.items() if argv[0] != "apt-cache"}
    assert manager.versions() == [Package(package.name, package.arch, package.version) for package in whole]
    assert manager.installed(sources=False) == [replace(package, source="") for package in whole] != whole


def test_remnants_of_configuration_are_not_installed(bookworm: Apt) -> None:
    assert any(deb.name == "removed-t" for deb in LAB)
    assert "removed-t" not in {package.name for package in bookworm.installed()}


def test_both_architectures_of_a_package_are_told_apart(bookworm: Apt) -> None:
    assert [(p.arch, p.version) for p in bookworm.installed() if p.name == "libm-a"] == [("amd64", "1.0"), ("i386", "1.0")]


def test_holds_sources_and_the_rest(bookworm: Apt) -> None:
    sources = {source.id: source for source in bookworm.sources()}
    assert bookworm.holds() == ["held-b"]
    assert (sources["file:/srv/lab ./"].advisories, sources["http://mirror.example/debian-security bookworm-security/main"].advisories) == (False, True)
    assert (bookworm.interrupted(), bookworm.leftover_config(), bookworm.cache_paths()) == (None, [], ["/var/cache/apt/archives"])
    assert bookworm.reboot().required is False


def test_the_age_of_metadata_is_that_of_the_oldest_remote_source() -> None:
    lines = "1000.5 a_InRelease\n1900.0 b_InRelease\n3.0 _srv_lab_._Release\n"

    def answer(argv: Sequence[str]) -> Completed | None:
        return Completed(tuple(argv), 0, lines, "") if argv[0] == "find" else None
    assert Apt(Scripted(answer), now=lambda: 2000.5).metadata_age() == 1000.0
    assert Apt(Scripted()).metadata_age() is None


# ---------------------------------------------------------------- updates

def test_security_is_what_came_through_a_security_suite(updates: dict[tuple[str, str], Update]) -> None:
    openssl = updates["openssl", "amd64"]
    assert (openssl.classification, openssl.source) == ("security", "http://mirror.example/debian-security bookworm-security/main")
    assert openssl.size and openssl.size > 100000


def test_a_fix_between_installed_and_candidate_counts_wherever_the_candidate_comes_from(updates: dict[tuple[str, str], Update]) -> None:
    update = updates["usn-u", "amd64"]
    assert (update.installed, update.candidate, update.source, update.classification) == (
        "1.0", "1.2", "file:/srv/noble-updates ./", "security")


def test_a_known_source_says_other_and_an_unknown_one_says_nothing(updates: dict[tuple[str, str], Update]) -> None:
    assert updates["usn-v", "amd64"].classification == "other"
    assert updates["app-a", "amd64"].classification == "unknown"


def test_minimal_takes_the_last_version_that_came_as_security(bookworm: Apt) -> None:
    found = {u.name: u for u in bookworm.updates(DEFAULT_RULES, Selection(security_level="minimal"))}
    assert (found["usn-u"].candidate, found["usn-u"].classification) == ("1.1", "security")
    assert found["usn-v"].candidate == "1.1"


def test_the_patterns_can_be_ones_own(bookworm: Apt) -> None:
    found = {u.name: u.classification for u in bookworm.updates(Rules(("Lab:train",), ("Debian",)), ALL)}
    assert (found["app-a"], found["usn-v"], found["openssl"]) == ("security", "unknown", "other")


def test_held_and_phased_updates_are_reported_as_such(updates: dict[tuple[str, str], Update]) -> None:
    assert (updates["held-b", "amd64"].held, updates["app-a", "amd64"].held) == (True, False)
    assert (updates["phased-p", "amd64"].phased, updates["app-a", "amd64"].phased) == (True, False)


def test_an_update_has_the_architecture_of_its_candidate(updates: dict[tuple[str, str], Update]) -> None:
    assert {arch for name, arch in updates if name == "toall-j"} == {"all"}
    assert {arch for name, arch in updates if name == "toany-k"} == {"amd64"}
    assert {arch for name, arch in updates if name == "libm-a"} == {"amd64", "i386"}


def test_the_newest_of_odd_versions_is_the_candidate(updates: dict[tuple[str, str], Update]) -> None:
    assert updates["plus-h", "amd64"].candidate == "2.0+1-1~x+b1"
    assert updates["epoch-i", "amd64"].candidate == "2:0.5"


# ---------------------------------------------------------------- simulations

@pytest.mark.parametrize(("specs", "expected"), [
    ("app-a:amd64=2.0", {"app-a:amd64": ("1.0", "2.0"), "lib-x:amd64": ("1.0", "2.0"), "new-n:amd64": (None, "1.0")}),
    ("toall-j:all=2.0 toany-k:amd64=2.0", {"toall-j:all": ("1.0", "2.0"), "toany-k:amd64": ("1.0", "2.0")}),
    ("libm-a:i386=2.0", {"libm-a:amd64": ("1.0", "2.0"), "libm-a:i386": ("1.0", "2.0")}),
    ("held-b:amd64=2.0", {"held-b:amd64": ("1.0", "2.0")}),
    ("conf-c:amd64=2.0", {"conf-c:amd64": ("1.0", "2.0"), "old-d:amd64": ("1.0", None)}),
    ("pair-l:amd64=2.0", {"pair-l:amd64": ("1.0", "2.0"), "pair-r:amd64": ("1.0", None)}),
    ("pair-l:amd64=2.0 pair-r:amd64=2.0", {"pair-l:amd64": ("1.0", "2.0"), "pair-r:amd64": ("1.0", "2.0")}),
    ("plus-h:amd64=2.0+", {"plus-h:amd64": ("1.0", "2.0+")}), ("epoch-i:amd64=2:0.5", {"epoch-i:amd64": ("1:1.0", "2:0.5")}),
    ("rec-r:amd64=2.0", {"rec-r:amd64": ("1.0", "2.0"), "new-rec:amd64": (None, "1.0")}), ("app-a:amd64=1.0", {}),
])
def test_what_apt_would_do(bookworm: Apt, specs: str, expected: dict[str, tuple[str | None, str | None]]) -> None:
    found = bookworm.simulate(wanted(specs), ALL)
    assert (changes(found), found.problem) == (expected, None)


def test_sizes_are_those_of_the_archives_and_of_the_growth(bookworm: Apt) -> None:
    found = bookworm.simulate(wanted("app-a:amd64=2.0"), ALL)
    assert found.download_size > 1000
    assert found.installed_size == 20 * 1024


@pytest.mark.parametrize(("scene", "specs", "problem"), [
    ("bookworm", "needs-held:amd64=2.0", "needs-held : Depends: held-b (>= 2.0) but 1.0 is to be installed"),
    ("bookworm", "bad-e:amd64=2.0", "bad-e : Depends: no-such-package (>= 3) but it is not installable"),
    ("bookworm", "pair-r:amd64=2.0", "pair-r : Depends: pair-l (= 2.0) but 3.0 is to be installed"),
    ("bookworm", "unheard-of:amd64=1", "Unable to locate package unheard-of:amd64"),
    ("bookworm", "app-a:amd64=9", "Version '9' for 'app-a' was not found"),
    ("trixie", "needs-held:amd64=2.0", "needs-held : Depends: held-b (>= 2.0) but 1.0 is to be installed"),
    ("trixie", "bad-e:amd64=2.0", "bad-e : Depends: no-such-package (>= 3) but it is not installable"),
    ("trixie", "unheard-of:amd64=1", "Unable to locate package unheard-of:amd64"),
    ("trixie", "app-a:amd64=9", "Version '9' for 'app-a' was not found"),
])
def test_why_apt_cannot(scene: str, specs: str, problem: str) -> None:
    assert Apt(Replay(scene)).simulate(wanted(specs), ALL) == Transaction(problem=problem)


def test_a_name_that_apt_takes_for_a_pattern_is_not_what_was_asked_for(bookworm: Apt) -> None:
    found = bookworm.simulate(wanted("regex.:amd64=1.0"), ALL)
    assert (found.problem, list(changes(found))) == ("apt would not install regex. 1.0", ["regexxq:amd64"])


def test_a_downgrade_has_to_be_allowed() -> None:
    apt, lower = Apt(Replay("downgrade")), wanted("pair-l:amd64=2.0 pair-r:amd64=2.0")
    assert apt.simulate(lower, ALL).problem == "would downgrade pair-l from 3.0 to 2.0, pair-r from 3.0 to 2.0"
    assert changes(apt.simulate(lower, Selection(allow_downgrade=True))) == {"pair-l:amd64": ("3.0", "2.0"), "pair-r:amd64": ("3.0", "2.0")}


def test_what_only_an_unsigned_source_has_is_refused_though_apt_plans_with_it() -> None:
    replay = Replay("unsigned")
    apt = Apt(replay)
    specs = next(argv for argv in replay.runs if argv[:2] == ("apt-get", "-s"))
    found = apt.simulate(wanted(" ".join(spec for spec in specs if "=" in spec and ":amd64=" in spec)), ALL)
    assert found.problem == (
        "only in sources whose signatures apt does not accept: app-a 2.0 (file:/srv/lab ./), lib-x 2.0 (file:/srv/lab ./), "
        "new-n 1.0 (file:/srv/lab ./)")
    assert {source.id: source.usable for source in apt.sources()}["file:/srv/lab ./"] is False


def test_apt_three_says_the_same_of_a_real_host() -> None:
    apt = Apt(Replay("trixie"))
    found = {u.name: u.classification for u in apt.updates(DEFAULT_RULES, ALL)}
    assert (found["usn-u"], found["usn-v"], found["app-a"]) == ("security", "other", "unknown")
    assert changes(apt.simulate(wanted("app-a:amd64=2.0"), ALL))["new-n:amd64"] == (None, "1.0")


# ---------------------------------------------------------------- failures

def test_a_source_that_cannot_be_fetched_is_named_without_its_password() -> None:
    with pytest.raises(CommandFailed, match="could not fetch its sources: Failed to fetch http://127.0.0.1:9/deb/dists/nowhere") as caught:
        Apt(Replay("refresh-away")).refresh(60)
    assert "secret" not in str(caught.value.data)


def test_older_apt_that_only_warns_does_not_get_away_with_it() -> None:
    replay = Replay("refresh-away")
    older = replay.runs[("apt-get", "-q", "update")]
    assert older.rc == 0
    with pytest.raises(CommandFailed, match="nowhere"):
        Apt(Scripted(lambda argv: older if "update" in argv else None)).refresh(60)


def test_all_sources_that_failed_are_named() -> None:
    with pytest.raises(CommandFailed) as caught:
        Apt(Replay("refresh-refused")).refresh(60)
    assert [re.sub(r" .*", "", line) for line in caught.value.data["sources"]] == ["Repository", "The", "http://127.0.0.1:9/deb"]


def test_a_source_that_was_never_fetched_is_not_trusted_and_shows_no_password() -> None:
    sources = {source.id: source for source in Apt(Replay("refresh-away")).sources()}
    away = sources["http://127.0.0.1:9/deb nowhere/main"]
    assert (away.trusted, away.usable, away.uri) == (False, False, "http://127.0.0.1:9/deb/")
    assert all(source.usable for id_, source in sources.items() if id_ != away.id)


def test_an_empty_index_that_apt_does_not_fetch_is_as_usable_as_the_rest_of_its_suite() -> None:
    """contrib and non-free of Debian's updates: nothing is in there, and the release file says so."""
    sources = {source.id: source for source in Apt(Replay("empty-indexes")).sources()}
    suite = "http://mirror.example/debian bookworm-updates/"
    assert {id_: (s.trusted, s.usable, s.advisories) for id_, s in sources.items()} == {
        suite + "main": (True, True, True), suite + "contrib": (True, True, True), suite + "non-free": (True, True, True),
        "http://127.0.0.1:9/debian bookworm-backports/main": (False, False, False)}


def test_a_package_that_was_cut_is_named() -> None:
    assert Apt(Replay("cut")).interrupted() == "dpkg was interrupted: slow-s is half-installed"


def test_dependencies_that_are_not_met_are_named() -> None:
    apt = Apt(Replay("unmet"))
    assert apt.interrupted() == (
        "installed packages lack what they depend on: needs-held : Depends: held-b (>= 2.0) but 1.0 is installed")
    with pytest.raises(CommandFailed, match="Unmet dependencies"):
        apt.simulate(wanted("app-a:amd64=2.0"), ALL)


def test_dpkgs_journal_alone_is_an_interruption() -> None:
    runner = Scripted(lambda argv: Completed(tuple(argv), 0, "/var/lib/dpkg/updates/0001\n", "") if argv[0] == "find" else None)
    assert "journal" in (Apt(runner).interrupted() or "")


# ---------------------------------------------------------------- changes

NATIVE = "amd64\n"


def host(argv: Sequence[str]) -> Completed | None:
    """A host without packages whose apt does all it is told."""
    said = {"dpkg": NATIVE if "--print-architecture" in argv else "", "apt-config": "archives='/var/cache/apt/archives/'\nstates='/states'\n"}
    return Completed(tuple(argv), 0, said.get(argv[0], ""), "")


def test_an_installation_never_asks_never_ends_early_and_removes_nothing() -> None:
    runner = Scripted(host)
    Apt(runner).apply(wanted("bash:amd64=5.3"), ALL, 60, io.StringIO())
    install = [i for i, argv in enumerate(runner.ran) if "install" in argv and "--download-only" not in argv]
    argv, env = runner.ran[install[0]], runner.envs[install[0]]
    assert (len(install), runner.limits[install[0]], argv[-2:]) == (1, None, ("--", "bash:amd64=5.3"))
    assert {"-y", "--no-remove", "Dpkg::Options::=--force-confold", "Dpkg::Options::=--force-confdef"} <= set(argv)
    assert "--allow-downgrades" not in argv
    assert (env["DEBIAN_FRONTEND"], env["NEEDRESTART_MODE"], env["UCF_FORCE_CONFFOLD"]) == ("noninteractive", "l", "1")


def test_an_installation_is_what_was_asked_for_and_no_more() -> None:
    runner = Scripted(host)
    Apt(runner).apply(wanted("bash:amd64=5.3"), Selection(allow_downgrade=True, allow_removals=True), 60, io.StringIO(), keep_config=False)
    argv, env = runner.ran[-1], runner.envs[-1]
    assert "--allow-downgrades" in argv
    assert "--no-remove" not in argv
    assert "Dpkg::Options::=--force-confnew" in argv
    assert ("UCF_FORCE_CONFFNEW" in env, "UCF_FORCE_CONFFOLD" in env) == (True, False)


@pytest.mark.parametrize(("there", "fetched"), [
    ("5300 bash_1%3a5.3_amd64.deb\n", False),
    ("5299 bash_1%3a5.3_amd64.deb\n", True),
    ("5300 bash_1%3a5.2_amd64.deb\n", True),
    ("", True),
])
def test_only_what_is_whole_in_the_cache_is_not_fetched_again(there: str, fetched: bool) -> None:
    record = "Package: bash\nArchitecture: amd64\nVersion: 1:5.3\nSize: 5300\n"
    said = {"find": there, "apt-cache": record}
    apt = Apt(runner := Scripted(lambda argv: Completed(tuple(argv), 0, said[argv[0]], "") if argv[0] in said else host(argv)))
    apt.download(wanted("bash:amd64=1:5.3"), ALL, 60)
    assert any("--download-only" in argv for argv in runner.ran) == fetched
    del runner.ran[:]
    apt.apply(wanted("bash:amd64=1:5.3"), ALL, 60, io.StringIO())
    assert any("--download-only" in argv for argv in runner.ran) == fetched


def test_an_archive_whose_size_nobody_knows_is_fetched() -> None:
    runner = Scripted(lambda argv: Completed(tuple(argv), 0, "5300 bash_5.3_amd64.deb\n", "") if argv[0] == "find" else host(argv))
    Apt(runner).download(wanted("bash:amd64=5.3"), ALL, 60)
    assert any("--download-only" in argv for argv in runner.ran)


def test_a_failed_installation_is_a_failure() -> None:
    runner = Scripted(lambda argv: Completed(tuple(argv), 100, "", "") if "install" in argv and "--download-only" not in argv else host(argv))
    with pytest.raises(CommandFailed, match="rc 100"):
        Apt(runner).apply(wanted("bash:amd64=5.3"), ALL, 60, io.StringIO())


def test_a_lock_that_stays_names_its_holder() -> None:
    def answer(argv: Sequence[str]) -> Completed | None:
        return Completed(tuple(argv), 0, "1510248 /var/lib/dpkg/lock-frontend\n", "") if argv[0] == "stat" else None
    files = {"/proc/locks": "1: POSIX  ADVISORY  WRITE 10402 00:29:1510248 0 EOF\n", "/proc/10402/comm": "apt-get\n"}
    clock = FakeClock()
    with pytest.raises(LockTimeout, match=r"/var/lib/dpkg/lock-frontend is held by process 10402 \(apt-get\), for longer than 30 s"):
        Apt(Scripted(answer, files), clock).wait_for_lock(30)
    assert clock.time == 30


LISTS_BUSY = ("E: Could not get lock /var/lib/apt/lists/lock. It is held by process 3415 (apt-get)\n"
              "E: Unable to lock directory /var/lib/apt/lists/\n")
BUSY = (
    "E: Could not get lock /var/cache/apt/archives/lock. It is held by process 3415 (python3)\n"
    "E: Unable to lock directory /var/cache/apt/archives/\n",
    "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?\n",
    "E: Unable to lock the administration directory (/var/lib/dpkg/), is another process using it?\n")
NO_ROOT = (
    "E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\n"
    "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")


def meeting(said: str, times: int, what: str = "install") -> Scripted:
    """A host on which apt-get finds somebody at work so many times, whom we don't see."""
    left = [times]

    def answer(argv: Sequence[str]) -> Completed | None:
        if what not in argv:
            return host(argv)
        left[0] -= 1
        return Completed(tuple(argv), 100, "", said) if left[0] >= 0 else None
    return Scripted(answer)


@pytest.mark.parametrize("said", BUSY)
def test_a_download_waits_for_who_is_at_work(said: str) -> None:
    runner, clock = meeting(said, 3), FakeClock()
    Apt(runner, clock).download(wanted("app-a:amd64=2.0"), ALL, 30)
    assert len([argv for argv in runner.ran if "install" in argv]) == 4
    assert clock.time == 3
    with pytest.raises(LockTimeout, match="apt-get was not alone: .*ock"):
        Apt(meeting(said, 1000), clock).download(wanted("app-a:amd64=2.0"), ALL, 30)
    assert clock.time == 33


def test_a_refresh_that_came_second_is_begun_again() -> None:
    """Two runs that prepare one host at once both found the lock free."""
    runner, clock = meeting(LISTS_BUSY, 2, "update"), FakeClock()
    Apt(runner, clock).refresh(30)
    assert len([argv for argv in runner.ran if "update" in argv]) == 3 and clock.time == 2
    with pytest.raises(LockTimeout, match="apt-get was not alone: .*lists"):
        Apt(meeting(LISTS_BUSY, 1000, "update"), clock).refresh(30)
    assert clock.time == 32


def test_who_may_not_take_the_lock_does_not_wait_for_it() -> None:
    clock = FakeClock()
    with pytest.raises(CommandFailed, match="are you root"):
        Apt(meeting(NO_ROOT, 1), clock).download(wanted("app-a:amd64=2.0"), ALL, 30)
    assert clock.time == 0


def test_a_lock_that_is_given_back_is_waited_for() -> None:
    runner = Scripted(
        lambda argv: Completed(tuple(argv), 0, "5 /var/lib/dpkg/lock\n", ""), {"/proc/locks": "1: POSIX  ADVISORY  WRITE 1 00:29:5 0 EOF\n"})

    class Impatient(FakeClock):
        def _sleep(self, seconds: float) -> None:
            runner.files["/proc/locks"] = ""
    Apt(runner, Impatient()).wait_for_lock(30)


STATUS = "\n".join([
    "old-manual\tamd64\t1\tinstall\tok\tinstalled\t1", "old-auto\tall\t2\tinstall\tok\tinstalled\t1",
    "foreign\ti386\t1\tinstall\tok\tinstalled\t1", "new\tamd64\t1\tinstall\tok\tinstalled\t1", "asked\tamd64\t1\tinstall\tok\tinstalled\t1", ""])


def test_install_reasons_are_set_back() -> None:
    """An exact install marks all that it names as asked for."""
    runner = Scripted(lambda argv: Completed(tuple(argv), 0, STATUS, "") if argv[0] == "dpkg-query" else host(argv), {
        "/states": "Package: old-manual\nArchitecture: amd64\nAuto-Installed: 1\n"})
    before = [Package("old-manual", "amd64", "0", reason="manual"), Package("old-auto", "amd64", "1", reason="automatic"),
              Package("foreign", "i386", "0", reason="automatic"), Package("asked", "amd64", "1", reason="manual")]
    done = Apt(runner).restore_reasons(before)
    assert [argv for argv in runner.ran if argv[0] == "apt-mark"] == [
        ("apt-mark", "-q", "manual", "--", "old-manual"), ("apt-mark", "-q", "auto", "--", "foreign:i386", "new", "old-auto")]
    assert done == ["old-manual: manual", "foreign:i386: automatic", "new: automatic", "old-auto: automatic"]


def test_a_repair_that_does_not_mend_says_what_is_left() -> None:
    cut = "slow-s\tamd64\t1.0\tinstall\treinstreq\thalf-installed\t1\n"
    runner = Scripted(lambda argv: Completed(tuple(argv), 0, cut, "") if argv[0] == "dpkg-query" else host(argv))
    with pytest.raises(TransactionInterrupted, match="slow-s is half-installed"):
        Apt(runner).repair(60, io.StringIO())
    assert any("--reinstall" in argv and argv[-1] == "slow-s:amd64=1.0" for argv in runner.ran)
    assert all(limit is None for argv, limit in zip(runner.ran, runner.limits, strict=True) if "--configure" in argv or "install" in argv)


def test_a_repair_falls_back_to_what_is_in_the_cache() -> None:
    """The version that was installed has left its source, and the one that was being installed too."""
    state = ["slow-s\tamd64\t1.0\tinstall\treinstreq\thalf-installed\t1\n"]

    def answer(argv: Sequence[str]) -> Completed | None:
        if argv[0] == "dpkg-query":
            return Completed(tuple(argv), 0, state[0], "")
        if argv[0] == "find" and "slow-s_*_amd64.deb" in argv:
            return Completed(tuple(argv), 0, "1.0 /c/slow-s_1.0_amd64.deb\n9.0 /c/slow-s_2.0_amd64.deb\n", "")
        if "--install" in argv:
            state[0] = "slow-s\tamd64\t2.0\tinstall\tok\tinstalled\t1\n"
        return Completed(tuple(argv), 100, "", "E: no archive") if "--reinstall" in argv else host(argv)
    runner = Scripted(answer)
    Apt(runner).repair(60, io.StringIO())
    assert [argv[-1] for argv in runner.ran if "--install" in argv] == ["/c/slow-s_2.0_amd64.deb"]


def test_a_reboot_that_packages_ask_for_names_them() -> None:
    files = {"/run/reboot-required": "*** System restart required ***\n", "/run/reboot-required.pkgs": "linux-image-amd64\ndbus\ndbus\n"}
    assert Apt(Scripted(files=files)).reboot().reasons == ("package: dbus", "package: linux-image-amd64")
    assert Apt(Scripted(files={"/run/reboot-required": ""})).reboot().required is True


@pytest.mark.parametrize(("version", "reasons"), [
    ("6.1.129-1", ("kernel: 6.1.0-31-amd64 runs as version 6.1.128-1, and 6.1.129-1 is installed",)), ("6.1.128-1", ())])
def test_a_kernel_that_was_replaced_under_its_name_asks_for_a_reboot(version: str, reasons: tuple[str, ...]) -> None:
    said = {"uname": "6.1.0-31-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.128-1 (2025-02-07)\n",
            "dpkg-query": f"linux-image-6.1.0-31-amd64\tamd64\t{version}\tinstall\tok\tinstalled\t1\n"}
    apt = Apt(Scripted(lambda argv: Completed(tuple(argv), 0, said[argv[0]], "")))
    assert (apt.reboot().required, apt.reboot().reasons) == (bool(reasons), reasons)
