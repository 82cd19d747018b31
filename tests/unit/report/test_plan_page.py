# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a plan, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_html import render_html
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_html import render_plan_page
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.write import write_page
from ansible_collections.fleetops.patchtrain.tests.unit.report.browser import Browser, Page
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import run_model
from ansible_collections.fleetops.patchtrain.tests.unit.report.plan_models import hostile, plan

pytestmark = pytest.mark.browser
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    pages: list[Page] = []

    def show(made: dict[str, Any], width: int = 1280) -> Page:
        pages.append(browser.page(Path(write_page(render_plan_page(made), tmp_path, "plan.html")), width=width))
        return pages[-1]

    yield show
    for page in pages:
        page.close()


def test_every_host_has_a_bar_where_it_will_be_out(opened: Callable[..., Page]) -> None:
    page = opened(plan(12))
    assert page.run("document.querySelectorAll('.lane rect.goes').length") == 12
    assert page.run("document.querySelectorAll('.lane rect.goes.assumed').length") == 6
    assert page.run("document.querySelectorAll('.lane rect.waits').length") == 9
    first, last = (page.run("document.querySelectorAll('.lane rect.goes')[%d].getBoundingClientRect().x" % number) for number in (0, 11))
    assert first < last
    assert page.run("document.querySelectorAll('.lane line.closes').length") == 12
    assert page.run("document.querySelectorAll('tbody tr').length") == 12


@pytest.mark.parametrize("made", [plan(12), plan(160), hostile()], ids=["few", "many", "hostile"])
def test_no_width_scrolls_sideways(opened: Callable[..., Page], made: dict[str, Any]) -> None:
    page = opened(made, width=360)
    for width in (320, 360, 600, 961, 1280):
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        assert page.run(SIDEWAYS) == 0, width


def test_what_hosts_say_stays_text(opened: Callable[..., Page]) -> None:
    page = opened(hostile())
    assert page.run("document.images.length + document.scripts.length") == 0
    assert "<img" in page.run("document.body.innerText")
    assert [request["request"]["url"][:5] for request in page.seen("Network.requestWillBeSent")] == ["file:"]


def test_a_large_fleet_has_rows_of_slots_and_a_page_that_opens(opened: Callable[..., Page]) -> None:
    page = opened(plan(1200))
    assert page.run("document.querySelectorAll('.packed svg').length") == 3
    assert page.run("document.querySelectorAll('tbody tr').length") == 1000


def test_nobody_is_rolled() -> None:
    page = render_plan_page(plan(0))
    assert "Who will be out" not in page and "Not in the roll" in page


def test_what_was_predicted_stands_beside_what_became_of_it(browser: Browser, tmp_path: Path) -> None:
    model = run_model()
    out = next(host for host in model["hosts"] if host["out_of_service"])
    start = out["out_of_service"][0]["from"]
    out["predicted"] = {"from": start, "to": start + 120, "state": "patched", "assumed": True}
    model["run"]["predicted"] = {"ends_at": start + 600}
    page = browser.page(Path(write_page(render_html(model), tmp_path, "report.html")), fragment="#host=" + out["name"])
    page.wait_until(lambda: page.run("document.querySelector('.detail') !== null"))
    text = " ".join(page.run("document.body.innerText").split())
    page.close()
    assert "As planned" in text and "2 min, assumed" in text and "Planned end" in text
