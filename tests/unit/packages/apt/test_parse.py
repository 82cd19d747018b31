# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of dpkg's and apt's output, and names on apt's command line, against hostile and odd text."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt import parse
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.locks import locked
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.apt.names import specs
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Wanted
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("wanted", "spec"), [
    (Wanted("bash", "amd64", "5.2-1"), "bash:amd64=5.2-1"), (Wanted("tzdata", "all", "2026a-0+deb12u1"), "tzdata:amd64=2026a-0+deb12u1"),
    (Wanted("libc6", "i386", "2:1.0~rc1"), "libc6:i386=2:1.0~rc1"), (Wanted("g++", "amd64", "4:12.2.0-3"), "g++:amd64=4:12.2.0-3"),
])
def test_a_package_is_asked_for_by_its_exact_name(wanted: Wanted, spec: str) -> None:
    assert specs([wanted], "amd64") == [spec]


@pytest.mark.parametrize(("wanted", "what"), [
    (Wanted("--allow-remove-essential", "amd64", "1"), "package name"), (Wanted("?essential", "amd64", "1"), "package name"),
    (Wanted("bash/stable", "amd64", "1"), "package name"), (Wanted("a b", "amd64", "1"), "package name"),
    (Wanted("^lib.*", "amd64", "1"), "package name"), (Wanted("Bash", "amd64", "1"), "package name"), (Wanted("x\n", "amd64", "1"), "package name"),
    (Wanted("bash", "amd64", "1 -y"), "version"), (Wanted("bash", "amd64", "1/stable"), "version"), (Wanted("bash", "amd64", "*"), "version"),
    (Wanted("bash", "amd64", ""), "version"), (Wanted("bash", "-o", "1"), "architecture"), (Wanted("bash", "any;", "1"), "architecture"),
])
def test_what_is_no_debian_name_never_reaches_apt(wanted: Wanted, what: str) -> None:
    with pytest.raises(BadInput, match=what):
        specs([wanted], "amd64")


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_text_becomes_an_option_or_a_pattern(name: str, arch: str, version: str) -> None:
    try:
        spec = specs([Wanted(name, arch, version)], "amd64")[0]
    except BadInput:
        return
    assert spec[0].isalnum()
    assert not set(spec) & set("*?^$[]()|/ \n\t;&'\"\\")


def test_dpkg_lines_that_are_cut_are_not_guessed_at() -> None:
    with pytest.raises(ParseFailed, match="dpkg-query"):
        parse.status("bash\tamd64\t5.2\tinstall\n")


@pytest.mark.parametrize(("state", "present", "installed", "broken"), [
    ("install\tok\tinstalled", True, True, False), ("hold\tok\tinstalled", True, True, False),
    ("deinstall\tok\tconfig-files", False, False, False), ("install\tok\tunpacked", True, False, True),
    ("install\tok\thalf-configured", True, False, True), ("install\treinstreq\thalf-installed", True, False, True),
    ("install\tok\ttriggers-pending", True, True, True), ("unknown\tok\tnot-installed", False, False, False),
])
def test_what_counts_as_installed(state: str, present: bool, installed: bool, broken: bool) -> None:
    entry, = parse.status(f"x\tamd64\t1\t{state}\t20\n")
    assert (entry.present, entry.installed, entry.broken, entry.size) == (present, installed, broken, 20480)


def test_a_version_table_with_everything_in_it() -> None:
    text = """\
libx:i386:
  Installed: 1.0
  Candidate: 1:2.0
  Package pin: 1:2.0
  Version table:
     1:2.0 500 (phased 10%)
        500 https://user:secret@mirror.example/debian x/main i386 Packages
       1001 https://mirror.example/other y/main i386 Packages
     1.5 -1
         -1 https://mirror.example/bad z/main i386 Packages
 *** 1.0 100
        100 /var/lib/dpkg/status
none:
  Installed: (none)
  Candidate: (none)
  Version table:
"""
    found = parse.policies(text, "amd64")
    policy = found["libx", "i386"]
    assert (policy.candidate, [(v.version, v.priority, v.phased) for v in policy.versions]) == (
        "1:2.0", [("1:2.0", 500, True), ("1.5", -1, False), ("1.0", 100, False)])
    assert policy.versions[0].sources == (
        "https://mirror.example/debian x/main i386 Packages", "https://mirror.example/other y/main i386 Packages")
    assert found["none", "amd64"] == parse.Policy(None, ())


@pytest.mark.parametrize("text", ["bash 5.2\n", "bash:\n  Installed: 1\n!! what\n", "bash:\n    what is this\n"])
def test_a_version_table_that_is_not_understood_is_a_failure(text: str) -> None:
    with pytest.raises(ParseFailed, match="apt-cache policy"):
        parse.policies(text, "amd64")


def test_a_simulation_line_that_is_not_understood_is_a_failure() -> None:
    with pytest.raises(ParseFailed, match="apt-get -s"):
        parse.steps("Inst bash whatever\n")


def test_one_package_from_several_sources() -> None:
    step, = parse.steps("Inst libc6 [2.36-9] (2.36-9+deb12u10 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) [a:amd64 ]\n")
    assert step == parse.Step("libc6", "2.36-9", "2.36-9+deb12u10", "amd64")


def test_the_solver_of_newer_apt_and_its_words() -> None:
    stdout = "Unsatisfied dependencies:\n a : Depends: b (>= 2)\n     Depends: c\n"
    assert parse.problem(stdout, "E: Unable to satisfy dependencies. Reached two conflicting decisions:\n   1. b\n") == (
        "a : Depends: b (>= 2); Depends: c")


def test_a_failure_that_is_not_about_the_packages_is_no_problem_of_theirs() -> None:
    assert parse.problem("", "E: Malformed entry 1 in list file /etc/apt/sources.list.d/bad.list (Suite)\n") is None


PROC_LOCKS = """\
1: POSIX  ADVISORY  WRITE 10429 00:29:1510249 0 EOF
2: -> POSIX  ADVISORY  WRITE 10500 00:29:1510248 0 EOF
3: FLOCK  ADVISORY  WRITE 77 00:1a:55 0 EOF
4: POSIX  ADVISORY  READ  78 fe:00:66 128 128
5: POSIX  ADVISORY  WRITE 10402 fe:00:1510248 0 EOF
"""


def test_only_locks_that_are_held_count() -> None:
    assert [(lock.inode, lock.pid) for lock in locked(PROC_LOCKS)] == [(1510249, 10429), (1510248, 10402)]
