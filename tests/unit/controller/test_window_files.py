# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freeze calendars as files of the controller."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.windows import occurrence
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.window_files import load_window

DAILY = {"start": "01:00", "recurrence": "FREQ=DAILY", "duration": "4h", "timezone": "UTC", "freeze": "year.ics"}
JANUARY = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20260201\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize("text", [JANUARY.encode(), b"\xef\xbb\xbf" + JANUARY.encode(), JANUARY.replace("\r\n", "\n").encode()])
def test_a_calendar_lies_beside_the_play(tmp_path, text):
    (tmp_path / "year.ics").write_bytes(text)
    window = load_window(DAILY, str(tmp_path))
    assert window
    found = occurrence(window, 1768000000.0)
    assert found and found.opens_at == 1769907600.0 and found.frozen[0].source == "year.ics"


@pytest.mark.parametrize(("make", "says"), [
    (lambda file: None, "can't be read (No such file or directory"), (lambda file: file.mkdir(), "can't be read (Is a directory"),
    (lambda file: file.write_bytes(b"\xff\xfe"), "is not UTF-8 text"), (lambda file: file.write_bytes(b"x" * (4 * 1024 * 1024 + 1)), "larger than 4 MiB"),
    (lambda file: file.write_bytes(b""), "year.ics can't be read as a calendar")])
def test_a_calendar_that_can_t_be_read_is_refused(tmp_path, make, says):
    make(tmp_path / "year.ics")
    with pytest.raises(BadInput) as caught:
        load_window(DAILY, str(tmp_path))
    assert says in caught.value.message and caught.value.message.startswith("patch_window.freeze") and "\n" not in caught.value.message


@pytest.mark.parametrize("path", ["a\0b.ics", "~nobody-of-this-name/x.ics"])
def test_a_path_that_is_none(tmp_path, path):
    with pytest.raises(BadInput, match="can't be read"):
        load_window({**DAILY, "freeze": path}, str(tmp_path))


def test_no_window(tmp_path):
    assert load_window({}, str(tmp_path)) is None
