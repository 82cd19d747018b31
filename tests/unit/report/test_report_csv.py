# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV: no spreadsheet finds a formula, wherever it splits, and programs read what was written."""

from __future__ import annotations

import csv
import io
import re

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_csv import render_csv
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.text import csv_cell
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import (
    HOSTILE,
    assessment_model,
    hostile_model,
    run_model,
    texts,
)
from hypothesis import given, settings

_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"\d+(\.\d+)?")


def cells(text: str, delimiter: str = ",") -> list[str]:
    return [cell for line in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in line]


@given(texts)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not _FORMULA.match(csv_cell(text))


@given(texts)
@settings(max_examples=50, deadline=None)
def test_no_cell_of_a_report_is_a_formula_wherever_a_program_splits(text: str) -> None:
    for sheet in render_csv(hostile_model(text)).values():
        for delimiter in ",;|\t":
            assert not [cell for cell in cells(sheet, delimiter) if _FORMULA.match(cell) or _FORMULA.match(cell.lstrip('"'))]


def test_no_line_ends_with_what_a_host_sent() -> None:
    for sheet in render_csv(hostile_model(",;")).values():
        assert not [cell for cell in cells(sheet, ";") if _FORMULA.match(cell)]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sheet_can_be_written_as_utf8_and_has_no_control_characters(text: str) -> None:
    for sheet in render_csv(hostile_model(text)).values():
        sheet.encode()
        assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", sheet)


def test_numbers_words_and_nothing() -> None:
    assert [csv_cell(value) for value in (None, True, False, 0, 12, 1.5, "=1", " +1", "a,-b")] == [
        "", "yes", "no", "0", "12", "1.5", "'=1", "' +1", "a,'-b"]


def test_a_line_a_host_worst_first() -> None:
    model = run_model(6, troubles={"failed": 1})
    lines = list(csv.DictReader(io.StringIO(render_csv(model)["hosts.csv"])))
    assert len(lines) == 6
    assert [line["state"] for line in lines] == ["failed"] + ["succeeded"] * 5
    failed = next(host for host in model["hosts"] if host["state"] == "failed")
    assert lines[0]["host"] == failed["name"]
    assert lines[0]["reason"] == failed["reason"]
    assert lines[0]["out_of_service_since"].endswith("Z")
    assert _NUMBER.fullmatch(lines[1]["out_of_service_s"])


def test_a_line_a_package_with_what_is_still_pending() -> None:
    model = run_model(1)
    host = model["hosts"][0]
    extra = {"name": "zsh", "arch": "amd64", "installed": "5.8", "candidate": "5.9", "classification": "security", "severity": "low",
             "advisories": ["DSA-1", "DSA-2"], "cves": [], "source": "s", "held": True}
    host["assessment"]["updates"] = [extra, dict(extra, name=host["packages"][0]["name"], arch=host["packages"][0]["arch"])]
    lines = list(csv.DictReader(io.StringIO(render_csv(model)["packages.csv"])))
    assert len(lines) == len(host["packages"]) + 1
    assert (lines[-1]["package"], lines[-1]["from"], lines[-1]["to"], lines[-1]["result"]) == ("zsh", "5.8", "5.9", "held")
    assert lines[-1]["advisories"] == "DSA-1 DSA-2"


def test_a_host_that_was_never_assessed_has_no_figures() -> None:
    model = assessment_model(1)
    model["hosts"][0]["assessment"] = None
    line = next(csv.DictReader(io.StringIO(render_csv(model)["hosts.csv"])))
    assert (line["pending"], line["pending_security"], line["assessed_at"]) == ("", "", "")
