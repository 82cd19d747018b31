# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and zypper share: names, classification, locks, and what a repository says of itself."""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Optional

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput, LockTimeout, ParseFailed
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Selection, Update, Wanted
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm import classify, locks, names, parse, repomd
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.classify import Candidate, Fix
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.names import Nevra
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.parse import Entry
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.rpm.transaction import refused
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.versions import compare_rpm
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import Completed
from hypothesis import given
from hypothesis import strategies as st

# ---------------------------------------------------------------- names

NAME = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,12}", fullmatch=True)
PART = st.from_regex(r"[A-Za-z0-9_.+~^]{1,8}", fullmatch=True)
EPOCH = st.one_of(st.just(""), st.integers(0, 99).map(str))
ARCH = st.sampled_from(["x86_64", "noarch", "aarch64", "i686"])


@given(NAME, EPOCH, PART, PART, ARCH)
def test_names_come_back_as_they_were_written(name: str, epoch: str, version: str, release: str, arch: str) -> None:
    nevra = Nevra(name, names.evr(epoch, version, release), arch)
    assert names.split(str(nevra)) == nevra
    assert names.split(names.with_epoch(nevra)) == nevra
    assert names.checked(Wanted(*nevra[:1], arch, nevra.version)) == nevra


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_what_is_accepted_is_never_an_option_a_glob_or_two_words(name: str, arch: str, version: str) -> None:
    try:
        spec = names.with_epoch(names.checked(Wanted(name, arch, version)))
    except BadInput:
        return
    assert not spec.startswith("-") and not re.search(r"[\s*?\[\]@/<>=(){}!;|&$`'\"\\,]", spec)


def test_a_sentence_keeps_its_words() -> None:
    said = "package rudder-2.0-1.x86_64 conflicts with sail provided by sail-1:1.0-1.x86_64, so far (e.g. x.y)"
    assert names.spaced(said) == "package rudder 2.0-1 conflicts with sail provided by sail 1:1.0-1, so far (e.g. x.y)"


# ---------------------------------------------------------------- rpm's database


def test_the_database_leaves_keys_out() -> None:
    text = "gpg-pubkey|0|abc|def|(none)|0|1|1\nanchor|1|3.0|1|x86_64|4|1700000000|7\nold|0|1|1|noarch|(none)|1|(none)\n"
    found = parse.database(text)
    assert [(entry.nevra, entry.size, entry.order) for entry in found] == [
        (Nevra("anchor", "1:3.0-1", "x86_64"), 4, (1700000000, 7)), (Nevra("old", "1-1", "noarch"), 0, (1, 0))]


def test_a_line_that_is_not_understood_is_a_failure() -> None:
    with pytest.raises(ParseFailed, match="rpm -qa printed a line that is not understood: error: db5"):
        parse.database("error: db5\n")


def test_of_several_versions_the_one_that_came_last_is_the_last() -> None:
    text = "app|0|1.2|1|noarch|4|200|9\napp|0|1.1|1|noarch|4|200|8\napp|0|1.3|1|noarch|4|100|10\n"
    (entries,) = parse.by_key(parse.database(text)).values()
    assert [entry.nevra.version for entry in entries] == ["1.3-1", "1.1-1", "1.2-1"]


def test_packages_that_may_be_there_several_times() -> None:
    text = "kernel-core|kernel-core\nkernel-core|installonlypkg(kernel)\nkernel-default|multiversion(kernel)\nbash|/bin/sh\n"
    assert parse.several(text) == ["kernel-core", "kernel-default"]


# ---------------------------------------------------------------- classification

KINDS = {"security": "security", "bugfix": "bugfix", "newpackage": "enhancement", "optional": "enhancement", "weird": "other"}


def there(*versions: str, arch: str = "x86_64") -> List[Entry]:
    return [Entry(Nevra("app", version, arch), 1, (at, at)) for at, version in enumerate(versions)]


def offer(version: str, source: str = "telling", arch: str = "x86_64") -> Candidate:
    return Candidate("app", arch, version, source, 10)


def fix(version: str, kind: str, advisory: str = "A", severity: str = "Low", *cves: str) -> Fix:
    return Fix("app", "x86_64", version, advisory, kind, severity, cves)


def one(installed: List[Entry], offers: List[Candidate], fixes: List[Fix], minimal: bool = False,
        allowed: Callable[[Candidate], bool] = lambda _candidate: True) -> Optional[Update]:
    found = classify.updates(installed, offers, fixes, {"telling"}, allowed, minimal)
    return found[0] if found else None


VERSIONS = [("1.%d-1" % number) for number in range(6)]


@given(st.integers(0, 4), st.lists(st.tuples(st.sampled_from(VERSIONS), st.sampled_from(["telling", "silent"])), max_size=6),
       st.lists(st.tuples(st.sampled_from(VERSIONS), st.sampled_from(sorted(KINDS))), max_size=6), st.booleans())
def test_any_security_fix_on_the_way_makes_it_security(base: int, offers: list, fixes: list, minimal: bool) -> None:  # type: ignore[type-arg]
    installed = VERSIONS[base]
    update = one(there(installed), [offer(*o) for o in offers], [fix(*f) for f in fixes], minimal)
    newer = [version for version, _source in offers if compare_rpm(version, installed) > 0]
    assert (update is None) == (not newer)
    if update is None:
        return
    said = {kind for version, kind in fixes if compare_rpm(installed, version) < 0 <= compare_rpm(update.candidate, version)}
    assert (update.classification == "security") == ("security" in said)
    assert update.candidate in newer
    if update.classification not in ("security", "unknown"):
        # Every version on the way is accounted for: by an advisory, or by a source that would have said so.
        silent = {v for v, source in offers if source == "silent" and compare_rpm(installed, v) < 0 <= compare_rpm(update.candidate, v)}
        told = {v for v, _kind in fixes} | {v for v, source in offers if source == "telling"}
        assert silent <= told


@given(st.lists(st.sampled_from(VERSIONS[1:]), min_size=1, max_size=5, unique=True), st.sets(st.sampled_from(VERSIONS[1:])))
def test_minimal_leaves_no_security_fix_behind(offers: List[str], security: set) -> None:  # type: ignore[type-arg]
    fixes = [fix(version, "security") for version in security]
    latest, minimal = (one(there(VERSIONS[0]), [offer(v) for v in offers], fixes, minimal=minimal) for minimal in (False, True))
    assert latest is not None and minimal is not None
    assert compare_rpm(minimal.candidate, latest.candidate) <= 0
    reachable = [v for v in security if compare_rpm(v, latest.candidate) <= 0]
    behind = [v for v in reachable if compare_rpm(v, minimal.candidate) > 0]
    assert behind == []
    if len(reachable) == len(security) and security:
        lower = [v for v in offers if compare_rpm(v, minimal.candidate) < 0]
        assert all(any(compare_rpm(s, v) > 0 for s in security) for v in lower)


def test_an_advisory_counts_though_its_package_has_left_the_source() -> None:
    fixes = [fix("1.1-1", "security", "S", "Critical", "CVE-1"), fix("1.2-1", "bugfix", "B", "None")]
    update = one(there("1.0-1"), [offer("1.2-1")], fixes)
    assert update is not None and (update.classification, update.severity) == ("security", "critical")
    assert (update.advisories, update.cves) == (("B", "S"), ("CVE-1",))


def test_not_knowing_is_told_even_beside_a_bug_fix() -> None:
    update = one(there("1.0-1"), [offer("1.1-1", "silent"), offer("1.2-1")], [fix("1.2-1", "bugfix")])
    assert update is not None and update.classification == "unknown"
    # The same version in two sources is known as soon as one of them is.
    update = one(there("1.0-1"), [offer("1.1-1", "silent"), offer("1.1-1")], [])
    assert update is not None and update.classification == "other"


def test_held_is_what_has_no_allowed_version() -> None:
    offers = [offer("1.1-1"), offer("1.2-1")]
    part = one(there("1.0-1"), offers, [], allowed=lambda c: c.version == "1.1-1")
    none = one(there("1.0-1"), offers, [], allowed=lambda c: False)
    assert part is not None and (part.candidate, part.held) == ("1.1-1", False)
    assert none is not None and (none.candidate, none.held) == ("1.2-1", True)


def test_what_lies_beyond_the_candidate_does_not_count() -> None:
    offers = [offer("1.1-1"), offer("1.2-1", "silent")]
    update = one(there("1.0-1"), offers, [fix("1.2-1", "security")], allowed=lambda c: c.version == "1.1-1")
    assert update is not None and (update.classification, update.advisories) == ("other", ())


def test_architectures() -> None:
    # From one to none and back is the same package, from one to another is not; of several versions the newest counts.
    assert one(there("1.0-1", arch="noarch"), [offer("1.1-1")], []) is not None
    assert one(there("1.0-1"), [offer("1.1-1", arch="noarch")], []) is not None
    assert one(there("1.0-1", arch="i686"), [offer("1.1-1")], []) is None
    assert one(there("1.3-1", "1.0-1"), [offer("1.2-1")], []) is None


# ---------------------------------------------------------------- what is asked and what would be done


def test_a_transaction_that_leaves_something_out_is_refused() -> None:
    entries: Dict = {("app", "x86_64"): there("1.2-1")}  # type: ignore[type-arg]
    ask, none = [Wanted("app", "x86_64", "1.1-1")], Selection()
    assert refused([], ask, none, entries) == "app would not become 1.1-1, it stays at 1.2-1"
    assert refused([], [Wanted("new", "noarch", "1-1")], none, entries) == "new would not become 1-1, it is not installed"
    assert refused([], [Wanted("app", "x86_64", "1.2-1")], none, entries) is None
    down = [Change("app", "x86_64", "1.2-1", "1.1-1")]
    assert refused(down, ask, none, entries) == "app would go back from 1.2-1 to 1.1-1, and downgrades are not allowed"
    assert refused(down, ask, Selection(allow_downgrade=True), entries) is None


# ---------------------------------------------------------------- locks

# From a machine on which process 4112 ran `rpm -i` and 4200 waited for it.
PROC_LOCKS = """\
1: POSIX  ADVISORY  READ 4112 00:27:2252837 128 128
2: POSIX  ADVISORY  WRITE 4112 00:27:2253317 0 EOF
2: -> POSIX  ADVISORY  WRITE 4200 00:27:2253317 0 EOF
3: FLOCK  ADVISORY  WRITE 99 00:27:2253317 0 EOF
"""


def test_only_holders_of_exclusive_record_locks_count() -> None:
    assert locks.written(PROC_LOCKS) == [(2253317, 4112)]


def test_the_holder_of_another_file_is_not_rpm() -> None:
    class Host:
        inode = "2253317"

        def read(self, path: str) -> Optional[str]:
            return {"/proc/locks": "4: POSIX  ADVISORY  WRITE 9 00:27:17 0 EOF\n" + PROC_LOCKS, "/proc/4112/comm": "rpm\n"}.get(path)

        def run(self, argv: List[str]) -> Completed:
            return Completed(tuple(argv), 0, self.inode + "\n", "")

    host = Host()
    assert locks.holder(host, [], "/var/lib/rpm") == locks.Holder("/var/lib/rpm/.rpm.lock", 4112, "rpm")  # type: ignore[arg-type]
    host.inode = "18"
    assert locks.holder(host, [], "/var/lib/rpm") is None  # type: ignore[arg-type]


def test_waiting_ends_when_the_lock_is_free_and_fails_when_it_is_not() -> None:
    time: List[float] = []
    clock = Clock(now=lambda: sum(time), sleep=time.append)
    holder = locks.Holder("/run/zypp.pid", 7, "zypper")
    answers: List[Optional[locks.Holder]] = [holder, holder, None]
    locks.wait(lambda: answers.pop(0), 10, clock)
    assert answers == [] and time == [1.0, 1.0]
    with pytest.raises(LockTimeout, match=r"/run/zypp.pid is held by process 7 \(zypper\), for longer than 3 s") as failure:
        locks.wait(lambda: holder, 3, clock)
    assert failure.value.data["limit"] == 3


# ---------------------------------------------------------------- repomd.xml

DATA = '<repomd><data type="primary"><size>9</size></data>%s</repomd>'


@pytest.mark.parametrize(("data", "tells"), [
    ("", False),
    ('<data type="updateinfo"><size>700</size><open-size>4200</open-size></data>', True),
    ('<data type="updateinfo">\n  <checksum type="sha256">ab</checksum>\n</data>', True),
    # An empty <updates/>, compressed.
    ('<data type="updateinfo"><size>76</size><open-size>64</open-size></data>', False)])
def test_a_repository_tells_of_advisories_when_it_has_some(data: str, tells: bool) -> None:
    assert repomd.tells_advisories(DATA % data) is tells
