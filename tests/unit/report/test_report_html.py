# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text: nothing in a model becomes markup, nothing is fetched, what matters stands there without a script."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report import as_html
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_html import render_html
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.words import STATES
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import (
    HOSTILE,
    assessment_model,
    hostile_model,
    run_model,
    texts,
)
from hypothesis import given, settings

TROUBLES = {"failed": 2, "unreachable": 1, "blocked": 1, "deferred": 1, "reboot_pending": 1, "not_started": 1}
_OWN = Path(as_html.__file__).parent / "page"
_ATTRIBUTES = frozenset(
    "aria-hidden aria-label aria-labelledby aria-live aria-pressed autocomplete charset class content cx cy d data-as data-from data-i "
    "data-key data-kind data-label data-t data-to datetime height hidden href http-equiv id lang name patterntransform patternunits "
    "pathlength placeholder preserveaspectratio r role rx scope spellcheck stroke-dasharray stroke-dashoffset tabindex text-anchor title "
    "type value viewbox width x x1 x2 y y1 y2".split())


class Reader(HTMLParser):
    """Elements, attributes and texts as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: dict[str, list[str]] = {}
        self.comments: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._inside = tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._inside, []).append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found.group(1)))


def assert_sound(page: str) -> Reader:
    found = Reader(page)
    assert found.tags.count("script") == 2
    assert found.tags.count("style") == 1
    assert not {"img", "link", "iframe", "object", "embed", "base"} & set(found.tags)
    assert not found.comments
    assert {name for _tag, name, _value in found.attributes} <= _ATTRIBUTES
    assert all(value.startswith("#") for _tag, name, value in found.attributes if name == "href")
    return found


@functools.lru_cache(maxsize=None)
def plain_tags() -> frozenset[str]:
    return frozenset(Reader(render_html(hostile_model("plain"))).tags)


@given(texts)
@settings(max_examples=40, deadline=None)
def test_no_text_of_a_model_becomes_markup(text: str) -> None:
    page = render_html(hostile_model(text))
    found = assert_sound(page)
    assert set(found.tags) <= plain_tags()
    page.encode()


@given(texts)
@settings(max_examples=40, deadline=None)
def test_nothing_unseen_is_on_the_page(text: str) -> None:
    page = render_html(hostile_model(text))
    assert not [char for char in page if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char != "\n"]
    told = json.dumps(embedded(page), ensure_ascii=False)
    assert not [char for char in told if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_key_is_as_harmless_as_a_value(text: str) -> None:
    model = hostile_model("x")
    model["hosts"][0].update({"state": text, "compliance": {"status": text, "reasons": [text]}})
    model["hosts"][0]["assessment"]["counts"] = {text: text, "security": text}
    model["hosts"][0]["steps"] = [{"step": text, "outcome": text, "started_at": text, "finished_at": 1}]
    model["run"].update({"state": text, "started_at": text})
    model["summary"].update({text: text, "compliance_percent": text, "counts": {"security": text}})
    model["generated_at"] = text
    assert_sound(render_html(model))


def test_the_policy_names_the_own_style_and_script_and_nothing_else() -> None:
    page = render_html(run_model(2))
    policy = next(value for tag, name, value in Reader(page).attributes if name == "content" and "default-src" in value)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    for kind, element in (("style-src", r"<style>(.*?)</style>"), ("script-src", r"<script>(.*?)</script>")):
        text = re.search(element, page, re.DOTALL)
        assert text
        assert rules[kind] == "'sha256-" + base64.b64encode(hashlib.sha256(text.group(1).encode()).digest()).decode() + "'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_outside_is_named() -> None:
    for name in ("page.css", "page.js", "page.html.j2"):
        text = re.sub(r"https://www\.gnu\.org/\S+", "", (_OWN / name).read_text())
        assert not re.search(r"https?://|@import|url\((?!#)|//[a-z]+\.", text), name


def test_the_script_makes_text_only_as_text() -> None:
    script = (_OWN / "page.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|\.srcdoc|setAttribute\(\"on", script)


def test_only_settings_of_the_list_are_shown() -> None:
    page = render_html(run_model(2))
    assert "max unavailable" in page
    assert "hunter2" not in page
    assert "vault" not in page


def test_the_list_stands_there_without_a_script_worst_first() -> None:
    model = run_model(20, troubles=TROUBLES)
    page = render_html(model)
    body = page.split('<tbody role="rowgroup" id="rows">')[1].split("</tbody>")[0]
    listed = re.findall(r'<span class="name">([^<]+)</span>', body)
    states = {host["name"]: host["state"] for host in model["hosts"]}
    assert len(listed) == 20
    assert [states[name] for name in listed[:3]] == ["failed", "failed", "unreachable"]
    assert [states[name] for name in listed[-13:]] == ["succeeded"] * 13
    assert "health gate: nginx.service is failed, was running" in body


def test_failed_hosts_then_not_compliant_then_unknown_then_compliant() -> None:
    model = assessment_model(60)
    model["hosts"][5]["state"] = "unreachable"
    page = render_html(model)
    order = [(host.get("state", ""), host["status"]) for host in embedded(page)["hosts"]]
    assert order[0][0] == "unreachable"
    rest = [status for _state, status in order[1:]]
    assert rest == sorted(rest, key=["non_compliant", "unknown", "compliant"].index)


def test_a_host_that_nobody_judged_is_unknown() -> None:
    model = assessment_model(1)
    model["hosts"][0]["compliance"] = None
    assert embedded(render_html(model))["hosts"][0]["status"] == "unknown"


def test_shared_updates_are_written_once() -> None:
    data = embedded(render_html(run_model(300, slots=9)))
    assert len(data["changes"]) < 40
    assert sum(len(host.get("changes", [])) for host in data["hosts"]) > 1000


def test_two_thousand_hosts_stay_a_small_page() -> None:
    page = render_html(run_model(2000, slots=25, troubles={"failed": 5, "blocked": 40}))
    assert len(page) < 4_000_000
    assert page.count('class="row"') == 2000


def test_logs_do_not_swell_the_page() -> None:
    model = run_model(150, slots=9, troubles={"failed": 3})
    for host in model["hosts"]:
        host["log"] = "line\n" * 20_000
    page = render_html(model)
    hosts = embedded(page)["hosts"]
    assert len(page) < 6_000_000
    assert hosts[0]["log"].startswith("(the end of ")
    assert hosts[-1]["log_elsewhere"] is True


@pytest.mark.parametrize("state", [*STATES, "a_new_state"])
def test_every_state_has_words(state: str) -> None:
    model = run_model(1)
    model["hosts"][0]["state"] = state
    label = STATES.get(state, ("A new state",))[0]
    assert f">{label}</span>" in render_html(model)


@pytest.mark.parametrize("model", [{}, {"kind": "run", "run": {}, "hosts": None}, {"hosts": [{}, None, {"assessment": {"at": None}}]},
                                   assessment_model(0), run_model(1)])
def test_a_meagre_model_is_no_failure(model: dict[str, Any]) -> None:
    assert_sound(render_html(model))


def test_times_are_marked_up_in_utc() -> None:
    page = render_html(assessment_model(3))
    assert re.search(r'<time datetime="2026-1[01]-\d\dT\d\d:\d\d:\d\dZ" data-as="age" title="[^"]+ UTC">\d+ (min|h|d) ago</time>', page)


def test_what_is_out_now_and_being_worked_on_is_no_alarm() -> None:
    model = run_model(6, troubles={"failed": 1})
    busy = next(host for host in model["hosts"] if host["state"] == "succeeded")
    busy.update(state="installing", out_of_service=[{"from": model["run"]["started_at"], "to": None}])
    model["run"].update(state="running", finished_at=None)
    page = render_html(model)
    assert '<b class="busy-text">out now</b>' in page
    assert '<b class="bad-text">still out</b>' in page
    assert "1 host at work now" in page
    assert "1 host still out" in page


def test_few_failures_of_many_are_seen_in_the_bar() -> None:
    page = render_html(run_model(400, slots=25, troubles={"failed": 1}))
    first = re.search(r'<svg class="stack".*?<rect class="bad" x="0.0%" width="([\d.]+)%"', page, re.DOTALL)
    assert first
    assert float(first.group(1)) > 1
