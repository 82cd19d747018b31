# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources import deb822
from ansible_collections.fleetops.patchtrain.plugins.module_utils.sources.entries import matches, texts
from hypothesis import given
from hypothesis import strategies as st

SOURCES = """# site
Types: deb deb-src
URIs: http://a.example/debian/ https://user:secret@b.example/debian
Suites: bookworm
 bookworm-updates
Components: main
# why
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
Architectures: amd64

Types: deb
URIs: http://off.example
Suites: x
Components: main
Enabled: no

Types: deb
uris: http://flat.example/all
Suites: ./
"""

LIST = """# deb http://comment.example x main
deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main contrib # own
deb-src http://a.example/debian bookworm main
deb cdrom:[Debian GNU/Linux 12]/ bookworm main
  deb http://flat.example/ ./
nonsense
"""


def test_ids_are_those_of_apt() -> None:
    found = [entry.id for entry in deb822.parse(SOURCES, "/x.sources")]
    assert found == [
        "http://a.example/debian bookworm/main", "http://a.example/debian bookworm-updates/main",
        "https://b.example/debian bookworm/main", "https://b.example/debian bookworm-updates/main", "http://flat.example/all ./".rstrip("/")]
    assert [entry.id for entry in deb822.parse(LIST, "/etc/apt/sources.list")] == [
        "http://a.example/debian bookworm/main", "http://a.example/debian bookworm/contrib", "http://a.example/debian bookworm/main",
        "cdrom:[Debian GNU/Linux 12] bookworm/main", "http://flat.example .".rstrip("/")]


def test_no_password_leaves_the_file() -> None:
    assert not any("secret" in entry.id + entry.uri for entry in deb822.parse(SOURCES, "/x.sources"))


def test_a_paragraph_stays_as_it_is_written_when_all_of_it_is_picked() -> None:
    every = deb822.parse(SOURCES, "/x.sources")
    assert texts(every, every[:4]) == [SOURCES.split("\n\n")[0] + "\n"]


def test_a_part_of_a_paragraph_keeps_all_else_of_it() -> None:
    every = deb822.parse(SOURCES, "/x.sources")
    [text] = texts(every, every[1:2])
    assert "URIs: http://a.example/debian/\nSuites: bookworm-updates\nComponents: main\n# why\nSigned-By:\n -----BEGIN" in text
    assert "Architectures: amd64" in text
    assert [entry.id for entry in deb822.parse(text, "/y.sources")] == [every[1].id]


def test_a_part_of_a_line_keeps_its_options() -> None:
    every = deb822.parse(LIST, "/etc/apt/sources.list")
    assert texts(every, every[1:2]) == ["deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm contrib\n"]
    assert texts(every, every[:2]) == [LIST.splitlines()[1] + "\n"]


@given(st.sets(st.integers(0, 4)))
def test_what_is_written_is_what_was_picked(picked: set[int]) -> None:
    every = deb822.parse(SOURCES, "/x.sources")
    chosen = [every[at] for at in sorted(picked)]
    assert [entry.id for entry in deb822.parse("\n".join(texts(every, chosen)), "/y.sources")] == [entry.id for entry in chosen]


def test_globs_are_over_ids_addresses_and_files() -> None:
    entry = deb822.parse(LIST, "/etc/apt/sources.list.d/mine.list")[0]
    for glob in ("http://a.example/*", "*bookworm/main", "mine.list", "/etc/apt/sources.list.d/*", "http://a.example/debian"):
        assert matches(entry, ["nothing", glob])
    assert not matches(entry, ["a.example", "main"])


def test_files_that_apt_does_not_read() -> None:
    assert deb822.is_read("a.list") and deb822.is_read("a-b_c.sources")
    assert not any(map(deb822.is_read, ("a.list.dpkg-old", "a~.list", "a.conf", "a b.list")))


def test_keys_are_named_by_all_lines_of_a_field_and_by_no_comment() -> None:
    text = "Types: deb\nURIs: http://a\nSuites: x\n# Signed-By: /gone.gpg\nSigned-By: /a.gpg,\n /b.asc\n# between\n /c.gpg 0123456789ABCDEF\nTrusted: no\n"
    assert deb822.signed_by(text, "0.sources") == ["/a.gpg", "/b.asc", "/c.gpg"]
    assert deb822.signed_by(SOURCES.replace(" abc", " ab/c\n /def"), "0.sources") == [], "what stands there is a key, not its path"
    lines = LIST + "deb [signed-by=/a.gpg,/b.asc] http://x y z # [signed-by=/gone.gpg]\n# deb [signed-by=/gone.gpg] http://x y z\n"
    assert deb822.signed_by(lines, "0.list") == ["/k.gpg", "/a.gpg", "/b.asc"]
