# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON: versioned, repeatable, faithful, and without what may be a secret."""

from __future__ import annotations

import json
import random
from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_json import SCHEMA_VERSION, render_json
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import assessment_model, hostile_model, run_model, texts
from hypothesis import given, settings


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        dice.shuffle(keys)
        return {key: shuffled(value[key], dice) for key in keys}
    return [shuffled(item, dice) for item in value] if isinstance(value, list) else value


def test_it_says_its_version_first() -> None:
    assert render_json(run_model(1)).startswith('{"schema_version": %d,' % SCHEMA_VERSION)


def test_equal_models_give_equal_bytes() -> None:
    model = run_model(5, troubles={"failed": 1})
    again = shuffled(model, random.Random(3))
    random.Random(4).shuffle(again["hosts"])
    assert render_json(again) == render_json(model)


def test_hosts_stand_a_line_each_by_name() -> None:
    text = render_json(assessment_model(12))
    names = [json.loads(line.strip().rstrip(","))["name"] for line in text.splitlines() if line.startswith("  {")]
    assert names == [host["name"] for host in json.loads(text)["hosts"]]
    assert names.index("web3.example.net") < names.index("web11.example.net") if "web11.example.net" in names else len(names) == 12


@given(texts)
@settings(max_examples=50, deadline=None)
def test_any_text_survives_and_is_written_in_ascii(text: str) -> None:
    model = hostile_model(text)
    written = render_json(model)
    assert written.isascii()
    assert "\x1b" not in written
    if "://" not in text:
        assert {host["reason"] for host in json.loads(written)["hosts"]} >= {text}


def test_secrets_stay_away() -> None:
    model = run_model(2)
    model["run"]["settings"].update({"patch_ledger": "postgresql://u:hunter2@db/x", "patch_maintenance": [{"password": "hunter2"}],
                                     "patch_canaries": {"password": "hunter2"},
                                     "patch_include": [{"nested": "hunter2"}, "openssl"]})
    model["hosts"][0]["log"] = "Get:1 https://u:hunter2@repo.example/ stable"
    written = render_json(model)
    assert "hunter2" not in written
    assert json.loads(written)["run"]["settings"]["include"] == ["openssl"]
    assert json.loads(written)["run"]["settings"]["max_unavailable"] == 4


def test_no_run_and_no_hosts() -> None:
    data = json.loads(render_json(assessment_model(0)))
    assert (data["run"], data["hosts"], data["kind"]) == (None, [], "assessment")


def test_what_json_can_not_say_is_null() -> None:
    model = run_model(1)
    model["hosts"][0]["assessment"]["age_s"] = float("nan")
    assert json.loads(render_json(model))["hosts"][0]["assessment"]["age_s"] is None
