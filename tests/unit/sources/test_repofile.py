# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources import repofile
from hypothesis import given
from hypothesis import strategies as st

REPO = """# head
[base]
name = Base
baseurl=http://user:secret@a.example/base
        http://b.example/base
gpgcheck=1

[metalink]
metalink=https://m.example/?x=1
enabled = 1
[off]
baseurl=http://off.example
enabled=False
"""

LINES = st.sampled_from([
    "[main]\n", "[extra]\n", "[other]\n", "reposdir=/a\n", "reposdir = /a,\n", "  /b\n", "\t/c\n", "gpgcheck=1\n", "# a comment\n", "\n", "; x\n",
    "REPOSDIR: /d\n", "name=x\n", "baseurl=http://a.example\n"])
TEXTS = st.lists(LINES, max_size=12).map("".join)


def test_sources_that_are_used() -> None:
    found = repofile.parse(REPO, "/x.repo")
    assert [(entry.id, entry.uri) for entry in found] == [("base", "http://a.example/base"), ("metalink", "https://m.example/?x=1")]
    assert found[0].whole == "".join(REPO.splitlines(True)[1:7])


def test_the_main_section_is_no_source() -> None:
    assert repofile.parse("[main]\nreposdir=/x\n[own]\nbaseurl=file:///x\n", "/dnf.conf")[0].id == "own"


def test_the_last_word_counts() -> None:
    assert repofile.option("[main]\nreposdir=/a\n[x]\nreposdir=/b\n[main]\nreposdir=/c\n", "reposdir") == "/c"
    assert repofile.option("[x]\nreposdir=/b\n", "reposdir") == ""
    assert repofile.words(repofile.option("[main]\nreposdir = /a,\n  /b /c\n", "reposdir")) == ["/a", "/b", "/c"]


@given(TEXTS)
def test_a_change_can_be_taken_back(text: str) -> None:
    assert repofile.restored(repofile.changed(text, {"reposdir": "/ours"})) == text
    assert repofile.is_changed(repofile.changed(text, {"reposdir": "/ours"}))


@given(TEXTS)
def test_a_change_counts_and_is_made_once(text: str) -> None:
    once = repofile.changed(text, {"reposdir": "/ours"})
    assert repofile.option(once, "reposdir") == "/ours"
    assert repofile.parse(once, "/dnf.conf") == []
    assert repofile.changed(once, {"reposdir": "/ours"}) == once


@given(TEXTS, st.lists(st.sampled_from(["# later\n", "keepcache=1\n", "[late]\n", "baseurl=x\n"]), max_size=3).map("".join))
def test_what_is_added_meanwhile_stays(text: str, more: str) -> None:
    assert repofile.restored(repofile.changed(text, {"reposdir": "/ours"}) + more) == text + more


def test_sections_to_keep_stay() -> None:
    text = "[main]\n[own]\nbaseurl=x\n[other]\nbaseurl=y\n"
    assert [entry.id for entry in repofile.parse(repofile.changed(text, {"reposdir": "/ours"}, ["own"]), "/dnf.conf")] == ["own"]
    assert repofile.kept(text, "/dnf.conf", ["o?n"]) == ["own"]
