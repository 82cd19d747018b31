# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a real browser: what a person sees, at which width, with and without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_html import render_html
from ansible_collections.fleetops.patchtrain.tests.unit.report.browser import Browser, Page
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import (
    HOSTILE,
    assessment_model,
    hostile_model,
    released,
    run_model,
)

pytestmark = pytest.mark.browser

TROUBLES = {"failed": 2, "unreachable": 1, "blocked": 1, "deferred": 1, "reboot_pending": 1, "not_started": 1}
ATTACK = "<img src=x onerror=\"window.pwned=1\"></script><script>window.pwned=1</script><b onclick=alert(1)>"
MODELS: dict[str, Callable[[], dict[str, Any]]] = {
    "run": lambda: run_model(18, troubles=TROUBLES),
    "assessment": lambda: assessment_model(30),
    "releases": lambda: released(run_model(6, troubles={"failed": 1, "reboot_pending": 1})),
    "large": lambda: run_model(400, slots=25, troubles={"failed": 5, "blocked": 40}),
    "hostile": lambda: hostile_model(ATTACK),
    "endless": lambda: hostile_model("x" * 1500),
    "escapes": lambda: hostile_model("".join(HOSTILE)),
    "empty": lambda: assessment_model(0),
}
OPEN_ALL = "document.querySelectorAll('.open-host').forEach((b, i) => i < 8 && b.click())"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = "[...document.querySelectorAll('tr.row')].filter(r => !r.hidden).map(r => r.querySelector('.name').textContent)"


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    pages: list[Page] = []

    def open_page(model: dict[str, Any], **how: Any) -> Page:
        path = tmp_path / f"report{len(pages)}.html"
        path.write_text(render_html(model), encoding="utf-8")
        pages.append(browser.page(path, **how))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", MODELS)
def test_no_width_scrolls_sideways(opened: Callable[..., Page], name: str) -> None:
    page = opened(MODELS[name](), width=360)
    page.run(OPEN_ALL)
    for width in (320, 360, 600, 960, 961, 1152, 1153, 1280):
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        assert page.run(SIDEWAYS) <= 0, width


@pytest.mark.parametrize("name", MODELS)
def test_nothing_but_the_file_is_asked_for_and_nothing_is_complained_about(opened: Callable[..., Page], name: str) -> None:
    page = opened(MODELS[name]())
    page.run(OPEN_ALL)
    asked = [event["request"]["url"] for event in page.seen("Network.requestWillBeSent")]
    assert len(asked) == 1
    assert asked[0].startswith("file://")
    assert not page.seen("Runtime.exceptionThrown")
    assert not page.seen("Log.entryAdded")


def test_hostile_text_is_text(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["hostile"]())
    page.run(OPEN_ALL)
    assert page.run("window.pwned === undefined && document.querySelectorAll('img').length") == 0
    assert page.run("document.querySelector('h1').textContent").startswith("<img src=x")
    assert page.run("document.querySelector('.detail .data th[scope=row]').textContent").startswith("<img src=x")


def test_the_policy_stops_what_slips_through(opened: Callable[..., Page]) -> None:
    page = opened(run_model(1))
    page.run("""(() => { const s = document.createElement('div');
        try { s.innerHTML = '<b onclick=1>'; window.markup = 1; } catch (error) { window.markup = 0; } })()""")
    assert page.run("window.markup") == 0
    page.run("""(() => { const s = document.createElement('button'); document.body.append(s);
        try { s.setAttribute('onclick', 'window.pwned = 1'); s.click(); } catch (error) { window.markup = 0; } })()""")
    page.run("""(() => { const s = document.createElement('script'); try { s.append('window.pwned = 1'); document.body.append(s); }
        catch (error) { window.markup = 0; } })()""")
    assert page.run("window.pwned === undefined") is True


def test_without_a_script_the_essentials_stand_there(opened: Callable[..., Page]) -> None:
    # Expressions of the browser's own tools run where the page's script may not
    page = opened(MODELS["run"](), script=False)
    assert page.run("document.documentElement.classList.contains('js')") is False
    assert len(page.run(SHOWN)) == 18
    assert page.run("document.querySelector('.donut text').textContent") == "61 %"
    assert page.run("getComputedStyle(document.getElementById('tools')).display") == "none"
    assert page.run("document.body.innerText.includes('health gate: nginx.service is failed, was running')") is True
    assert page.run("document.querySelectorAll('.lane').length") > 10
    assert "UTC" in page.run("document.querySelector('.facts time').textContent")


def test_times_are_the_readers(opened: Callable[..., Page]) -> None:
    model = run_model(3)
    page = opened(model)
    assert page.run("document.querySelector('.facts time').dateTime") == "2026-11-03T01:02:00Z"
    assert "06:32" in page.run("document.querySelector('.facts time').textContent")
    assert "Asia/Calcutta" in page.run("document.getElementById('zone').textContent").replace("Kolkata", "Calcutta")


def test_a_host_opens_by_key_and_tells_all(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["run"]())
    page.run("document.querySelector('.open-host').focus()")
    page.press("Enter", 13, "\r")
    assert page.run("document.querySelector('.open-host').getAttribute('aria-expanded')") == "true"
    text = page.run("document.querySelector('.detail').innerText")
    for told in ("fleetops.patchtrain.restore", "Pending updates", "CVE-2026-", "Packages (", "gate", "nginx.service is failed",
                 "not back yet", "Job for nginx.service failed."):
        assert told in text
    page.press("Enter", 13, "\r")
    assert page.run("document.querySelectorAll('.detail').length") == 0


def test_a_link_leads_to_its_host(opened: Callable[..., Page]) -> None:
    model = MODELS["run"]()
    name = model["hosts"][7]["name"]
    page = opened(model, fragment=f"#host={name}")
    assert page.run("document.querySelector('tr.is-open .name').textContent") == name
    assert page.run("document.activeElement.textContent") == name


def type_filter(page: Page, text: str) -> list[str]:
    page.run(f"(() => {{ const q = document.getElementById('q'); q.value = {text!r}; q.dispatchEvent(new Event('input')); }})()")
    return list(page.run(f"new Promise(done => setTimeout(() => done({SHOWN}), 120))"))


def test_the_filter_finds_hosts_packages_and_cves(opened: Callable[..., Page]) -> None:
    model = MODELS["assessment"]()
    page = opened(model)
    lacking = {host["name"] for host in model["hosts"] if host["assessment"] and any(
        "CVE-2026-7347" in update["cves"] for update in host["assessment"]["updates"])}
    assert lacking
    assert set(type_filter(page, "cve-2026-7347")) == lacking
    assert page.run("document.querySelector('.hit').textContent").startswith("pending: nginx 1.22.1-9")
    name = model["hosts"][3]["name"]
    assert type_filter(page, name.upper()) == [name]
    assert page.run("document.querySelectorAll('.hit').length") == 0
    assert type_filter(page, "no such thing") == []
    assert page.run("document.getElementById('empty').hidden") is False
    page.run("document.getElementById('clear').click()")
    assert len(page.run(SHOWN)) == 30


def test_chips_narrow_any_within_and_all_between_groups(opened: Callable[..., Page]) -> None:
    model = MODELS["run"]()
    page = opened(model)

    def press(key: str) -> int:
        page.run(f"document.querySelector('.chip[data-key={key}]').click()")
        return len(page.run(SHOWN))

    assert (press("failed"), press("unreachable")) == (2, 3)
    assert press("unknown") == 1
    assert page.run("document.getElementById('shown').textContent") == "1 of 18"
    assert page.run("document.querySelector('.chip[data-key=failed]').getAttribute('aria-pressed')") == "true"


def test_the_list_can_be_ordered_and_keeps_what_is_open(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["run"]())
    page.run("document.querySelector('.open-host').click()")
    page.run("(() => { const s = document.getElementById('sort'); s.value = 'name'; s.dispatchEvent(new Event('change')); })()")
    assert page.run(SHOWN) == [f"web{index:02d}.example.net" for index in range(1, 19)]
    assert page.run("document.querySelector('.detail').previousElementSibling.classList.contains('is-open')") is True


def test_large_fleets_are_not_laid_out_before_they_are_seen(opened: Callable[..., Page]) -> None:
    page = opened(run_model(2000, slots=25))
    assert page.run("document.querySelectorAll('tr.row').length") == 2000
    # A row that is far away has no boxes inside: the browser has not laid it out
    seen = "document.querySelectorAll('tr.row')[%d].querySelector('.badge').checkVisibility({contentVisibilityAuto: true})"
    assert page.run(seen % 1900) is False
    page.run("document.querySelectorAll('tr.row')[1900].scrollIntoView()")
    assert page.run(f"new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done({seen % 1900}))))") is True
    assert page.run("document.getElementsByTagName('*').length") < 60_000


def roles(page: Page) -> list[str]:
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    return [node["role"]["value"] for node in nodes if not node.get("ignored")]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_list_is_a_table_to_those_who_hear_it(opened: Callable[..., Page], width: int) -> None:
    page = opened(run_model(2), width=width, height=4000)
    page.run("document.querySelectorAll('tr.row').forEach(row => { row.style.contentVisibility = 'visible'; })")
    page.wait_until(lambda: roles(page).count("rowheader") == 2)
    assert roles(page).count("columnheader") == 8
    assert roles(page).count("row") == 3


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_it_follows_the_readers_scheme(opened: Callable[..., Page], scheme: str, dark: bool) -> None:
    page = opened(run_model(1), media={"prefers-color-scheme": scheme})
    ground = page.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(ground) < 150) is dark


def test_on_paper_it_is_light_and_has_no_tools(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["run"](), media={"media": "print", "prefers-color-scheme": "dark"})
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.run("getComputedStyle(document.getElementById('tools')).display") == "none"


def test_an_old_page_says_so(opened: Callable[..., Page]) -> None:
    model = run_model(1)
    model["generated_at"] -= 400 * 86400
    page = opened(model)
    assert page.run("document.getElementById('old').hidden") is False
    assert "ago" in page.run("document.getElementById('old').textContent")


def test_a_host_tells_how_it_differs_from_its_release(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["releases"](), fragment="#host=web04.example.net")
    text = page.run("document.querySelector('.detail').innerText")
    for told in ("Differences from its release (4)", "gl-2026.11", "running kernel", "6.1.0-22-amd64", "missing", "3 security (oldest 5 days)"):
        assert told in text
    page.run("location.hash = '#host=web03.example.net'")
    page.wait_until(lambda: page.run("document.querySelectorAll('.detail').length") == 2)
    assert "none feeds it" in page.run("document.body.innerText")


def test_many_differences_are_paged(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["releases"](), fragment="#host=web05.example.net")
    shown = "[...document.querySelectorAll('.detail .box')].find(b => b.innerText.startsWith('Differences')).querySelectorAll('.data > tbody > tr').length"
    assert page.run(shown) == 100
    page.run("document.querySelector('.detail .more').click()")
    assert page.run(shown) == 140


def test_hosts_are_found_by_release_and_by_what_differs(opened: Callable[..., Page]) -> None:
    page = opened(MODELS["releases"]())
    assert type_filter(page, "lib139") == ["web05.example.net"]
    assert page.run("document.querySelector('.hit').textContent") == "drift: lib139-with-a-long-name 1:2.36-9+deb12u7, release: 1:2.36-9+deb12u8"
    type_filter(page, "")
    page.run("document.querySelector('.chip[data-key^=\"9b07\"]').click()")
    assert page.run(SHOWN) == ["web05.example.net"]
