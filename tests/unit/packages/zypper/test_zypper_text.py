# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zypper's text and locks, beyond what the scenes show."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import CommandFailed, LockTimeout, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.classify import Candidate
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.names import Nevra
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.parse import Entry
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.zypper import apply, holds, parse, tool, transaction
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed

Scene = Callable[[str], Any]
STREAM = "<?xml version='1.0'?><stream>%s</stream>"


def test_what_is_no_xml_is_a_failure() -> None:
    with pytest.raises(ParseFailed, match="zypper's XML is not understood: .* in: Segmentation fault"):
        parse.newest("Segmentation fault\n")


def test_a_description_is_no_list_of_packages() -> None:
    text = STREAM % """<message type="info">Name        : ADV-1
Summary     : innocent
Description :
    Name        : ADV-2
    Conflicts   : evil.x86_64 &lt; 9
Provides    : patch:ADV-1 = 1
Conflicts   : [2]
    app.x86_64 &lt; 1.1-1
    srcpackage:app &lt; 1.1-1
</message><message type="info">Name        : ADV-2
Conflicts   : python3.11 &lt; 3.11.9-1
</message>"""
    found = parse.conflicts(text)
    assert found == [parse.Conflict("ADV-1", "app.x86_64", "1.1-1"), parse.Conflict("ADV-1", "srcpackage:app", "1.1-1"),
                     parse.Conflict("ADV-2", "python3.11", "3.11.9-1")]
    patches = [parse.Patch("ADV-1", "security", "low", ("CVE-1",)), parse.Patch("ADV-2", "recommended", "none", ())]
    fixes = parse.fixes(patches, found, [("app", "x86_64"), ("app", "i686"), ("python3.11", "noarch")])
    assert [(fix.name, fix.arch, fix.advisory) for fix in fixes] == [("app", "x86_64", "ADV-1"), ("python3.11", "noarch", "ADV-2")]


def test_errors_say_once_what_is_wrong() -> None:
    text = STREAM % ('<message type="error">Problem retrieving files.\nCode: 7\n\nPlease see the above error message for a hint.\n</message>'
                     '<message type="error">Skipping repository \'x\' because of the above error.</message>'
                     '<message type="error">Some of the repositories have not been refreshed because of an error.</message>')
    assert parse.errors(text) == "Problem retrieving files. Code: 7"
    assert parse.errors(STREAM % '<message type="error">Skipping repository</message>') == "Skipping repository"


def test_several_problems_are_one_line() -> None:
    text = STREAM % ('<message type="info">2 Problems:</message><message type="info">Problem: a-1-1.noarch needs b</message>'
                     '<message type="info">Problem: c</message>'
                     '<prompt id="1"><description>Problem: a-1-1.noarch needs b\n  but has none\n Solution 1: do not</description></prompt>')
    assert parse.problem(text) == "c; a 1-1 needs b but has none"
    assert parse.problem(STREAM % '<prompt id="0"><text>Continue?</text></prompt>') is None


def test_only_the_last_transaction_is_blamed() -> None:
    history = ("2026-11-01 10:00:00|command|root@host|'zypper' 'up'|\n# warning: %post(old-1-1.noarch) scriptlet failed, exit status 1\n"
               "2026-11-02 10:00:00|command|root@host|'zypper' 'in'|\n# warning: %postun(gone-1-1.noarch) scriptlet failed, exit status 1\n"
               "# error: %prein(new-2:1-1.noarch) scriptlet failed, exit status 1\n")
    assert parse.failed_scripts(history) == {"new": "its %prein script failed"}
    assert parse.failed_scripts("") == {}


def test_the_list_of_automatic_packages_comes_back_as_it_was() -> None:
    assert parse.automatic(parse.automatic_text(["b", "a"])) == ["a", "b"]
    assert parse.automatic("# AutoInstalled generated Sat Nov 21 01:39:03 2026\n#\ntide-libs\n#\n") == ["tide-libs"]


def test_what_is_installed_again_is_no_change() -> None:
    steps = [parse.Step(Nevra("swell", "1.1-1", "x86_64"), "to-upgrade", "1.0-1"), parse.Step(Nevra("swell", "1.1-1", "x86_64"), "to-remove", ""),
             parse.Step(Nevra("same", "1-1", "noarch"), "to-reinstall", "1-1")]
    assert [(c.name, c.from_, c.to) for c in transaction.changes(steps, {})] == [("swell", "1.0-1", "1.1-1")]


@pytest.mark.parametrize(("rc", "kind"), [(0, None), (102, None), (103, None), (7, LockTimeout), (8, CommandFailed), (104, CommandFailed)])
def test_return_codes_of_a_transaction(rc: int, kind: Any) -> None:
    class Quiet:
        def run(self, argv: List[str]) -> Completed:
            return Completed(tuple(argv), 0, "nothing new", "")

    done = Completed(("zypper",), rc, "", "")
    if kind is None:
        apply.judge(Quiet(), done, "nothing new")  # type: ignore[arg-type]
        return
    with pytest.raises(kind):
        apply.judge(Quiet(), done, "nothing new")  # type: ignore[arg-type]


def test_a_question_that_finds_the_lock_taken_is_asked_again() -> None:
    class Busy:
        """Locked twice, though nobody is seen to hold the lock by the time that one looks."""

        def __init__(self, times: int) -> None:
            self.times = times

        def run(self, argv: List[str], limit: float = 0) -> Completed:
            if argv[0] == "rpm":
                return Completed(tuple(argv), 0, "/var/lib/rpm\n", "")
            self.times -= 1
            return Completed(tuple(argv), 7 if self.times >= 0 else 0, "", "")

        def read(self, path: str) -> None:
            return None

    passed: List[float] = []
    clock = Clock(now=lambda: sum(passed), sleep=passed.append)
    assert tool.Tool(Busy(2), clock).run(["locks"]).rc == 0  # type: ignore[arg-type]
    assert len(passed) == 2
    with pytest.raises(LockTimeout, match="again and again for 3 s"):
        tool.Tool(Busy(1000), clock).run(["locks"], limit=3)  # type: ignore[arg-type]


# ---------------------------------------------------------------- locks

INSTALLED = [Entry(Nevra("tide", "1.0-1", "x86_64"), 1, (1, 1))]


@pytest.mark.parametrize(("lock", "version", "source", "allowed"), [
    ("<name>tide</name><type>package</type>", "1.1-1", "base", False), ("<name>ti*</name>", "1.1-1", "base", False),
    ("<name>tide</name><type>patch</type>", "1.1-1", "base", True), ("<name>Tide</name><type>package</type>", "1.1-1", "base", True),
    ("<name>tide</name><repo>base</repo>", "1.1-1", "base", False), ("<name>tide</name><repo>base</repo>", "1.1-1", "extra", True),
    ("<name>tide</name><range flag='&gt;=' epoch='0' version='1.2' release=''/>", "1.2-7", "base", False),
    ("<name>tide</name><range flag='&gt;=' epoch='0' version='1.2' release=''/>", "1.1-7", "base", True),
    ("<name>tide</name><range flag='==' epoch='0' version='1.2' release=''/>", "1.2-7", "base", False),
    ("<name>tide</name><range flag='&gt;' epoch='0' version='1.2' release=''/>", "1.2-7", "base", True),
    ("<name>tide</name><range flag='==' epoch='1' version='1.2' release='3'/>", "1:1.2-3", "base", False),
    ("<name>tide</name><range flag='==' epoch='0' version='1.2' release=''/>", "1.2-7", "base", False),
    ("<name>tide</name><range flag='&gt;' epoch='0' version='1.2' release=''/>", "1.2-7", "base", True),
    ("<name>tide</name><range flag='==' epoch='1' version='1.2' release='3'/>", "1.2-3", "base", True),
    # The installed version itself is bound: nothing may take its place.
    ("<name>tide</name><range flag='&lt;' epoch='0' version='1.1' release=''/>", "9-1", "base", False)])
def test_locks(lock: str, version: str, source: str, allowed: bool) -> None:
    rules = holds.locks(STREAM % ('<locks size="1"><lock number="1">%s</lock></locks>' % lock))
    assert holds.allows(rules, INSTALLED)(Candidate("tide", "x86_64", version, source)) is allowed
