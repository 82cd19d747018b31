# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf's text, configuration and holds, beyond what the scenes show."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import HostUnsupported, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf import capability, holds, parse, transaction
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.capability import Capability
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.dnf.config import Config
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.classify import Candidate
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.names import Nevra
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.parse import Entry

Scene = Callable[[str], Any]


def test_what_dnf_can_do_is_asked_of_it(scene: Scene) -> None:
    assert capability.capabilities(scene("look").output("dnf", "--help")["stdout"]) == frozenset(Capability)
    assert capability.capabilities(scene("bare").output("dnf", "--help")["stdout"]) == frozenset([Capability.DOWNLOAD, Capability.MODULES])
    assert capability.version(scene("look").output("dnf", "--version")["stdout"]) == (4, 14, 0)


def test_reasons_in_the_words_of_the_records() -> None:
    text = "patchtrain|a|noarch|user\npatchtrain|b|noarch|weak-dependency\npatchtrain|c|noarch|group\npatchtrain|d|noarch|unknown\n"
    assert [parse.reasons(text)[(name, "noarch")] for name in "abcd"] == ["manual", "automatic", "manual", "unknown"]


def test_another_generation_is_refused_by_name() -> None:
    number = capability.version("dnf5 version 5.2.8.1\ndnf5 plugin API version 2.0\nlibdnf5 version 5.2.8.1\n")
    with pytest.raises(HostUnsupported, match="dnf 5.2.8.1 is not supported yet, only dnf 4 is"):
        capability.dialect(number)
    with pytest.raises(ParseFailed):
        capability.version("no such thing\n")


def test_lines_of_plugins_are_no_records(scene: Scene) -> None:
    text = scene("look").output("--available")["stdout"]
    noisy = "Updating Subscription Management repositories.\n" + text + "Last metadata expiration check: 0:00:01 ago.\n"
    assert parse.offers(noisy) == parse.offers(text) != []
    with pytest.raises(ParseFailed, match="dnf repoquery printed a line that is not understood"):
        parse.offers("patchtrain|too|short\n")


def test_a_transaction_whose_table_says_more_than_its_steps_is_not_believed(scene: Scene) -> None:
    text = scene("simulate").output("--assumeno", "rudder-0:2.0-1.x86_64", "--allowerasing")["stdout"]
    assert [step.does for step in parse.steps(text)] == ["upgraded", "an upgrade", "erased"]
    for hidden in ("will be erased", "will be an upgrade"):
        with pytest.raises(ParseFailed, match="dnf names .* but counts"):
            parse.steps(text.replace(hidden, "will be considered"))


def test_only_a_transaction_without_an_end_is_cut(scene: Scene) -> None:
    runner = scene("interrupted_new")
    argv = runner.output("history", "info")["run"]
    cut, whole = (parse.last(text.stdout) for text in (runner.run(argv), scene("look").run(argv)))
    assert whole is not None and not whole.cut and len(whole.brought) == 22
    assert cut is not None and cut.cut and cut.brought == (Nevra("foam", "1.0-1", "x86_64"),)
    assert parse.last("") is None


def test_of_scripts_only_those_of_the_coming_package_count() -> None:
    text = "Transaction ID : 9\nEnd time       : now (0 seconds)\nScriptlet output:\n" \
           "   1 warning: %postun(old-1.0-1.x86_64) scriptlet failed, exit status 1\n" \
           "   2 warning: %posttrans(new-2:1.0-1.x86_64) scriptlet failed, exit status 127\n"
    found = parse.last(text)
    assert found is not None and found.failed == {"new": "its %posttrans script failed"} and not found.cut


def test_errors_are_one_line() -> None:
    assert parse.error("Error: \n Problem 1: a\n  - b\n Problem 2: c\n(try to add '--skip-broken')\n") == "Problem 1: a; b; Problem 2: c"
    assert parse.error("no such word\n") is None and parse.error("Error: \n") is None
    assert parse.problem("", "Error: \n Problem 1: a\n  - b\n Problem 2: c\n") == "a; b; c"
    assert parse.problem("", "Error: Failed to download metadata for repo 'x'\n") is None


def test_a_mirror_list_is_the_address_of_a_source() -> None:
    text = "Repo-id            : os\nRepo-status        : disabled\nRepo-metalink      : https://m.example/list?a=b\n" \
           "Repo-baseurl       : http://mirror.example/os (35 more)\nRepo-filename      : /etc/yum.repos.d/os.repo\n" \
           "Repo-exclude       :\n\nTotal packages: 5\n"
    assert parse.repositories(text) == [parse.Repository("os", "https://m.example/list?a=b", False, "/etc/yum.repos.d/os.repo")]


def test_a_package_that_changes_its_architecture_is_one_change() -> None:
    steps = [parse.Step(Nevra("docs", "1-1", "noarch"), "upgraded"), parse.Step(Nevra("docs", "2-1", "x86_64"), "an upgrade")]
    found = transaction.changes(steps, {("docs", "noarch"): [Entry(Nevra("docs", "1-1", "noarch"), 4, (1, 1))]})
    assert [(c.arch, c.from_, c.to) for c in found] == [("x86_64", "1-1", "2-1")]


# ---------------------------------------------------------------- configuration


def test_configuration() -> None:
    config = Config("[main]\ngpgcheck=1\nexcludepkgs=kernel*, foo\n  bar\nexclude = baz\n[os]\ngpgcheck = No\nname=50% off\n", "x")
    assert config.words("main", "exclude", "excludepkgs") == ["baz", "kernel*", "foo", "bar"]
    assert config.flag("main", "gpgcheck", False) and not config.flag("os", "gpgcheck", True) and config.flag("none", "gpgcheck", True)
    with pytest.raises(ParseFailed, match="/etc/dnf/dnf.conf is not understood"):
        Config("gpgcheck=1\n", "/etc/dnf/dnf.conf")


# ---------------------------------------------------------------- holds

KNOWN = [Nevra("tide", "1.0-1", "x86_64"), Nevra("tide-docs", "1:1.0-1", "noarch"), Nevra("kernel-core", "5.1-1.el9", "x86_64")]
ENTRIES = [Entry(nevra, 1, (1, 1)) for nevra in KNOWN]


@pytest.mark.parametrize(("lock", "name", "version", "allowed"), [
    ("tide-0:1.0-1.*", "tide", "1.1-1", False), ("tide-0:1.0-1.*", "tide", "1.0-1", True), ("tide-0:1.0-1.*", "tide-docs", "9-1", True),
    ("tide-1.*", "tide", "1.5-1", True), ("tide-1.*", "tide", "2.0-1", False), ("tide", "tide", "7-1", True),
    ("!tide-0:1.1-1.*", "tide", "1.1-1", False), ("!tide-0:1.1-1.*", "tide", "1.2-1", True), ("!tide", "tide", "1.2-1", False),
    ("tide-docs-1:1.0-1.*", "tide-docs", "1:1.0-1", True), ("tide-docs-0:1.0-1.*", "tide-docs", "1:1.0-1", False),
    ("kernel-core-5.1-*", "kernel-core", "5.1-9.el9", True), ("kernel-core-5.1-*", "kernel-core", "5.2-1.el9", False),
    # A name that looks like a version: versionlock binds "tide" as well, because it tried to read it so.
    ("tide-docs", "tide-docs", "2.0-1", True)])
def test_versionlock(lock: str, name: str, version: str, allowed: bool) -> None:
    candidate = Candidate(name, "noarch" if name == "tide-docs" else "x86_64", version, "base")
    known = KNOWN + [Nevra(name, version, candidate.arch)]
    assert holds.allows(holds.locks("# a comment\n\n%s\n" % lock), known)(candidate) is allowed


@pytest.mark.parametrize(("excludes", "lock", "held"), [
    (["tide"], "", ["tide"]), (["tide*"], "", ["tide", "tide-docs"]), (["tide.x86_64"], "", ["tide"]), (["tide.i686"], "", []),
    ([], "tide-0:1.0-1.*", ["tide"]), ([], "tide-1.*", []), ([], "!tide-0:1.0-1.*", []), (["*"], "", ["kernel-core", "tide", "tide-docs"]),
    (["tide-1.0*"], "", []), ([], "kernel-core-0:5.1-1.el9.*", ["kernel-core"]), (["nothing-of-ours"], "", [])])
def test_held_is_what_has_to_stay_as_it_is(excludes: List[str], lock: str, held: List[str]) -> None:
    assert holds.held(excludes, holds.locks(lock), ENTRIES) == held
