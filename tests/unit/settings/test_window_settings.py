# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The window among the settings, as YAML brings it."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings, agree

WINDOW = """
start: 2026-01-10T01:00:00
recurrence: FREQ=MONTHLY;BYDAY=2SA
duration: 4h
timezone: Europe/Berlin
freeze: [{from: 2026-12-20, to: 2027-01-06, reason: holidays}, freezes/not-read-yet.ics]
"""


def read(**variables):
    return Settings.from_variables(variables, "web1")


def wrong(**variables):
    with pytest.raises(BadInput) as caught:
        read(**variables)
    return caught.value.message


def test_times_that_yaml_has_read_are_text_again():
    found = read(patch_window=yaml.safe_load(WINDOW))
    assert found.patch_window["start"] == "2026-01-10T01:00:00" and found.patch_window["freeze"][0]["to"] == "2027-01-06"
    assert json.loads(json.dumps(found.for_record()))["patch_window"] == found.patch_window


def test_a_time_that_yaml_takes_for_a_number_is_to_be_quoted():
    message = wrong(patch_window=yaml.safe_load(WINDOW.replace("2026-01-10T01:00:00", "12:00")))
    assert 'patch_window.start is 720: use a time, for example "01:00"' in message and "in quotes" in message


def test_what_is_wrong_is_told_with_its_path():
    assert wrong(patch_window={"start": "1am"}).startswith("patch_window is ") and "patch_window.timezone is not set" in wrong(patch_window={"start": "1am"})
    assert "(host web1): patch_window.recurrence is 'FREQ=FOO'" in wrong(
        patch_window={"start": "01:00", "duration": "4h", "timezone": "UTC", "recurrence": "FREQ=FOO"})
    assert "use a mapping of start, recurrence, duration and timezone" in wrong(patch_window="01:00")
    assert wrong(patch_timezone="Mars/Base") == (
        'patch_timezone is "Mars/Base" (host web1): use a name from the time zone database, for example Europe/Berlin or UTC')


def test_one_window_for_all_and_a_zone_for_each():
    window = yaml.safe_load(WINDOW)
    assert agree({"web1": {"patch_window": window, "patch_timezone": "Asia/Tokyo"}, "web2": {"patch_window": window, "patch_timezone": "UTC"}})
    with pytest.raises(BadInput, match="patch_window is .* so set it alike for all its hosts"):
        agree({"web1": {"patch_window": window}, "web2": {}})


def test_defaults_are_not_shared():
    read().patch_window["start"] = "01:00"
    assert read().patch_window == {}
