# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts from hosts: nothing unseen, nothing that moves a neighbour, no password, no endless line."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report import text as t
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import HOSTILE, texts
from hypothesis import given

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def unseen(text: str) -> list[str]:
    return [char for char in text if unicodedata.category(char) in _UNSEEN]


def test_every_unseen_character_of_unicode_is_shown_as_its_escape() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in _UNSEEN:
            assert not unseen(t.clean_line(f"a{char}b")), hex(code)


@given(texts)
def test_a_line_is_one_printable_line(text: str) -> None:
    clean = t.clean_line(text)
    assert not unseen(clean)
    assert clean.encode() is not None


@given(texts)
def test_a_block_keeps_only_its_lines_and_tabs(text: str) -> None:
    assert not [char for char in unseen(t.clean_block(text)) if char not in "\n\t"]


@given(texts)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = t.clean_line(text, limit=10**6)
    assert t.clean_line(once, limit=10**6) == once


@pytest.mark.parametrize("text", ["nginx 1.22.1-9+deb12u2", "naïve café", "שלום 漢字", "it's <b> & \"so\""])
def test_ordinary_text_stays(text: str) -> None:
    assert t.clean_line(text) == text


def test_what_is_hidden_becomes_visible() -> None:
    assert t.clean_line("user\u202etxt.exe") == "user\\u202etxt.exe"
    assert t.clean_line("\x1b[31m") == "\\x1b[31m"
    assert t.clean_line("bad \udcff byte") == "bad \\xff byte"
    assert t.clean_line("two\r\nlines\tand a tab") == "two lines and a tab"


def test_long_text_is_cut_and_says_so() -> None:
    assert t.clean_line("x" * 2500).endswith("(500 more characters)")
    assert t.clean_block("a" * 100 + "the end", limit=10).endswith("\naaathe end")
    assert t.clean_block("a" * 100 + "the end", limit=10).startswith("(97 characters before this)")


@pytest.mark.parametrize("url", ["https://user:s3cret@repo.example/x", "https://s3cret@repo.example", "ftp://u:s3cret@pass@h/"])
def test_no_password_of_a_url_is_shown(url: str) -> None:
    assert "s3cret" not in t.clean_line(f"source {url} failed")
    assert "s3cret" not in json.dumps(t.cleaned({"log": url, "list": [url], url: 1}))


def test_a_subclass_of_str_can_not_pretend_to_be_markup() -> None:
    class Trusted(str):
        def __html__(self) -> str:
            return self

    clean = t.cleaned({"reason": Trusted("<b>")})["reason"]
    assert type(clean) is str


def test_numbers_are_finite_and_strangers_become_text() -> None:
    assert t.cleaned({"a": float("nan"), "b": float("inf"), "c": (1, {2}), "d": True}) == {"a": None, "b": None, "c": [1, [2]], "d": True}
    assert t.cleaned([ValueError("\x1b")]) == ["\\x1b"]


@given(texts)
def test_json_stays_inside_its_script_element(text: str) -> None:
    written = t.script_json({text: [text]})
    assert not set("<>&\u2028\u2029") & set(written)
    assert written.isascii()
    assert json.loads(written) == {text: [text]}


@given(texts)
def test_text_is_fitted_to_columns(text: str) -> None:
    clean = t.clean_line(text)
    for columns in (1, 5, 20):
        assert t.width(t.fit(clean, columns)) <= columns
        assert t.width(t.pad(clean, columns)) == columns


def test_wide_characters_take_two_columns() -> None:
    assert t.width("漢字") == 4
    assert t.fit("漢字漢字", 5) == "漢字~"
    assert t.width("e\u0301") == 1


def test_the_examples_are_hostile() -> None:
    assert any(unseen(text) for text in HOSTILE)
