# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and their releases: judged, counted, and told in every form of the report."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import assessments, runs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.engine import Ledger
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger.owner import owner_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report import compliance, releases
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_csv import render_csv
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_html import render_html
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_json import render_json
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.as_text import render_text
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.hosts import hosts_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.model import assessment_model, run_model
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.page.data import page_data
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.upstream import sentence
from ansible_collections.fleetops.patchtrain.tests.unit.report import models
from ansible_collections.fleetops.patchtrain.tests.unit.report.models import GOLD, NAMES, NOW, OLDER, released, upstream
from hypothesis import given
from hypothesis import strategies as st

DAY = 86400.0
KINDS = ("security", "bugfix", "enhancement", "other", "unknown", "held", "total")


def row(name: str, kind: str, has: str | None = "1", should: str | None = None, source: str = "") -> dict[str, Any]:
    return {"name": name, "arch": "amd64", "kind": kind, "is": has, "should": should, "source": source}


SSL = row("openssl", "version", "3.0.14", "3.0.15")
FED = row("docker", "unknown", "5.0", source="Docker:bookworm")
ORPHAN = row("importer", "unknown", "0.9")


def document(drift: Sequence[dict[str, Any]] = (), release: str | None = GOLD, **counts: int) -> dict[str, Any]:
    return {"counts": dict.fromkeys(KINDS, 0) | counts, "updates": [], "obstacles": [], "reboot": {"required": False, "reasons": []},
            "metadata_age_s": 1.0, "interrupted": None, "release": release, "drift": list(drift)}


def verdict(found: dict[str, Any], intended: str | None = None, counted: Sequence[str] = compliance.COUNTED) -> tuple[str, list[str]]:
    told = compliance.judge(found, NOW - 60, NOW, 7 * DAY, counted, False, intended, NAMES)
    return told["status"], told["reasons"]


def test_no_drift_is_at_the_release() -> None:
    assert verdict(document(), GOLD) == ("compliant", ["at release gl-2026.11"])
    assert verdict(document(release="c" * 64)) == ("compliant", ["at release cccccccccccc"])


@pytest.mark.parametrize(("drift", "told"), [
    (SSL, "openssl 3.0.14 instead of 3.0.15"),
    (row("linux-image", "version", None, "6.1"), "linux-image 6.1 is missing"),
    (row("running kernel", "kernel", "6.0", "6.1"), "running kernel 6.0 instead of 6.1"),
    (row("esm.sources", "source"), "source esm.sources is visible"),
    (row("nodejs", "stream", "nodejs:18", "nodejs:20"), "module stream nodejs:18 instead of nodejs:20"),
    (row("nodejs", "stream", None, "nodejs:20"), "module stream nodejs:20 is not enabled"),
    (row("new", "of a kind that comes later"), "new 1")])
def test_what_differs_is_not_compliant_and_named(drift: dict[str, Any], told: str) -> None:
    assert verdict(document([drift])) == ("non_compliant", [f"1 difference from release gl-2026.11: {told}"])


def test_of_many_differences_the_first_few_are_named() -> None:
    drift = [row(f"p{index}", "version", "1", "2") for index in range(5)]
    assert verdict(document(drift)) == ("non_compliant", [
        "5 differences from release gl-2026.11: p0 1 instead of 2, p1 1 instead of 2, p2 1 instead of 2, and 2 more"])


def test_another_release_than_the_run_brings_it_to() -> None:
    assert verdict(document(release=OLDER), GOLD) == (
        "non_compliant", ["attached to release gl-2026.10, and this run brings it to release gl-2026.11"])
    assert verdict(document(release=None), GOLD) == (
        "non_compliant", ["attached to no release, and this run brings it to release gl-2026.11"])


def test_unknown_packages_are_told_and_without_a_source_nobody_can_judge_them() -> None:
    assert verdict(document([FED])) == ("compliant", ["1 package that release gl-2026.11 does not know: docker 5.0 (from Docker:bookworm)"])
    orphan = "1 package that release gl-2026.11 does not know and no source feeds: importer 0.9"
    assert verdict(document([ORPHAN])) == ("unknown", [orphan])
    assert verdict(document([ORPHAN, SSL, FED]))[0] == "non_compliant"
    assert orphan in verdict(document([ORPHAN, SSL, FED]))[1]


def test_what_the_release_does_not_carry_does_not_count_but_security_does() -> None:
    assert verdict(document(bugfix=2, unknown=1)) == ("compliant", ["at release gl-2026.11", "pending, but not counted: 2 bugfix, 1 unknown"])
    assert verdict(document(security=1)) == ("non_compliant", ["1 security update pending"])
    assert verdict(document(bugfix=2), counted=["bugfix"])[0] == "compliant"
    assert verdict(document(release=None, bugfix=2), counted=["bugfix"])[0] == "non_compliant"


@given(st.lists(st.sampled_from([SSL, FED, ORPHAN, row("k", "kernel"), row("s", "source")]), max_size=6), st.sampled_from([None, GOLD, OLDER]))
def test_compliant_is_only_who_lacks_nothing_of_the_release(drift: list[dict[str, Any]], intended: str | None) -> None:
    status = verdict(document(drift), intended)[0]
    if intended == OLDER or releases.differences(drift):
        assert status == "non_compliant"
    else:
        assert status == ("unknown" if ORPHAN in drift else "compliant")


# --- the model ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(empty_ledger: Path) -> Ledger:
    found = Ledger.open(str(empty_ledger))
    with found.write() as c:
        for host, what in (("web1", document()), ("web2", document([FED])), ("web3", document([SSL, FED])), ("web4", document(release=OLDER)),
                           ("web5", {"obstacles": [{"kind": "unreachable", "message": "no answer"}]}), ("web6", document(release=None))):
            assessments.record(c, host, what, at=NOW - 60)
        assessments.record(c, "web7", document(), at=NOW - 9 * DAY)
    return found


def night(ledger: Ledger, **more: Any) -> dict[str, Any]:
    names = [f"web{number}" for number in range(1, 8)]
    with ledger.write() as c:
        runs.open_run(c, runs.NewRun("night", "web", owner_of(), [runs.Target(name) for name in names],
                                     settings={"host_releases": dict.fromkeys(names[:-2], GOLD)}), NOW - 100)
    return run_model(ledger, "night", NOW, 7 * DAY, **more)


def test_a_run_says_where_each_host_is_and_should_be(ledger: Ledger) -> None:
    found = {host["name"]: host.get("release") for host in night(ledger, release_names=NAMES)["hosts"]}
    assert found["web3"] == {"digest": GOLD, "name": "gl-2026.11", "intended": GOLD, "intended_name": "gl-2026.11", "known": True,
                             "drift_count": 2, "difference_count": 1, "orphan_count": 0}
    assert (found["web4"]["digest"], found["web4"]["intended"]) == (OLDER, GOLD)
    assert (found["web5"]["digest"], found["web5"]["intended"], found["web5"]["known"]) == (None, GOLD, False)
    assert found["web6"] is None
    assert (found["web7"]["digest"], found["web7"]["intended"], found["web7"]["known"]) == (GOLD, None, False)


def test_the_summary_counts_hosts_by_release_and_an_old_assessment_proves_nothing(ledger: Ledger) -> None:
    assert night(ledger, release_names=NAMES)["summary"]["releases"] == [
        {"digest": GOLD, "name": "gl-2026.11", "hosts": 4, "exact": 1, "with_unknown": 1, "drifting": 1, "not_known": 2, "absent": 1},
        {"digest": OLDER, "name": "gl-2026.10", "hosts": 1, "exact": 1, "with_unknown": 0, "drifting": 0, "not_known": 0, "absent": 0}]


def test_upstream_is_told_only_of_the_releases_that_are_there(ledger: Ledger) -> None:
    model = night(ledger, upstream={GOLD: upstream(), "c" * 64: upstream()})
    assert list(model["upstream"]) == [GOLD]
    assert json.loads(render_json(model))["upstream"][GOLD]["counts"] == {"security": 3, "bugfix": 2}


def test_assessments_have_no_release_that_is_intended(ledger: Ledger) -> None:
    found = {host["name"]: host.get("release") for host in assessment_model(ledger, NOW, 7 * DAY, release_names=NAMES)["hosts"]}
    assert (found["web4"]["name"], found["web4"]["intended"], found["web5"], found["web6"]) == ("gl-2026.10", None, None, None)


def test_without_releases_nothing_is_said_of_them(ledger: Ledger) -> None:
    model = assessment_model(ledger, NOW, 7 * DAY, ["web6", "web9"])
    assert "upstream" not in model and "releases" not in model["summary"] and not [host for host in model["hosts"] if "release" in host]
    page = re.sub(r"<(style|script)>.*?</\1>", "", render_html(model), flags=re.DOTALL)
    assert "elease" not in page
    assert "elease" not in render_text(model).lower()


# --- what upstream has published since -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "told"), [
    (None, ""),
    ({"asked_at": NOW, "counts": {}}, "upstream has published nothing since"),
    ({"counts": {"bugfix": 2, "security": 1200, "total": 1202}}, "upstream has published since: 1,200 security, 2 bugfix"),
    ({"counts": {"security": 3, "bugfix": 2}, "oldest_age_s": {"security": 5.5 * DAY}},
     "upstream has published since: 3 security (oldest 5 days), 2 bugfix"),
    ({"counts": {"bugfix": 1}, "oldest_age_s": 7200.0}, "upstream has published since: 1 bugfix; the oldest 2 hours ago"),
    ({"counts": {"security": 1}, "oldest_age_s": {"security": 0.0}}, "upstream has published since: 1 security"),
    ({"counts": {"security": 1}, "oldest_age_s": {"security": 3 * DAY}, "packages": [{"classification": "security", "first_seen": 1.0}]},
     "upstream has published since: 1 security (known for 3 days)"),
    (upstream(), "upstream has published since: 3 security (oldest 5 days), 2 bugfix (oldest 9 days)")])
def test_upstream_in_one_sentence(asked: dict[str, Any] | None, told: str) -> None:
    assert sentence(asked) == told


# --- as it is rendered -----------------------------------------------------------------------------------------------------------


def made_up() -> dict[str, Any]:
    return released(models.run_model(6))


def test_sheets_say_the_release_and_how_much_differs() -> None:
    model = made_up()
    sheets = {name: list(csv.DictReader(io.StringIO(text))) for name, text in render_csv(model).items()}
    by_host = {line["host"]: line for line in sheets["hosts.csv"]}
    told = [by_host[f"web0{number}.example.net"] for number in range(1, 7)]
    assert [(line["release"], line["drift"]) for line in told] == [
        ("gl-2026.11", "0"), ("gl-2026.11", "1"), ("gl-2026.11", "2"), ("gl-2026.11", "4"), ("gl-2026.10", "140"), ("", "")]
    assert (told[4]["release_digest"], told[4]["release_intended"]) == (OLDER, GOLD)
    drifted = [line for line in sheets["packages.csv"] if line["result"] == "drift" and line["host"] == "web04.example.net"]
    assert [(line["package"], line["drift"], line["from"], line["to"]) for line in drifted][-1] == (
        "openssl", "version", "3.0.14-1~deb12u1", "3.0.15-1~deb12u1")
    assert len(drifted) == 4


def test_a_terminal_says_how_many_hosts_are_where() -> None:
    lines = render_text(made_up(), 200).splitlines()
    assert "release gl-2026.11: 4 hosts; 1 exactly at it, 2 with packages that it does not know, 1 drifting, 2 not attached to it yet" in lines
    assert "  upstream has published since: 3 security (oldest 5 days), 2 bugfix (oldest 9 days)" in lines
    assert next(line for line in lines if line.startswith("web05")).split()[1:3] == ["gl-2026.10", "+140"]


def test_the_page_writes_each_difference_once() -> None:
    model = made_up()
    data = page_data(model, hosts_of(model))
    assert len(data["drifts"]) == 146, "one package is unknown on two hosts"
    by_name = {host["name"]: host for host in data["hosts"]}
    assert [data["drifts"][index][0] for index in by_name["web03.example.net"]["drift"]] == ["shop-legacy-importer", "docker-ce"]
    assert (by_name["web06.example.net"]["release"], by_name["web06.example.net"]["intended"]) == ("no release", "gl-2026.11")


def test_what_is_not_known_is_not_claimed() -> None:
    model = made_up()
    host = model["hosts"][3]
    host["release"] = releases.of_host(host["assessment"], GOLD, NAMES, False)
    model["hosts"][5]["release"] = releases.of_host(None, GOLD, NAMES, False)
    told = {host.name: (host.release_label, host.release_note, host.drifts) for host in hosts_of(model)}
    assert told["web04.example.net"] == ("gl-2026.11", "when last seen, 4 differ", False)
    assert told["web06.example.net"] == ("not known", "should be gl-2026.11", False)


def test_more_upstream_packages_than_a_page_takes_are_in_the_json() -> None:
    model = made_up()
    packages = model["upstream"][GOLD]["packages"]
    packages += [dict(packages[-1], name=f"extra{index}") for index in range(300)]
    assert "And 105 more packages: see the JSON file." in render_html(model)


def test_packages_that_upstream_does_not_date_are_known_since_they_were_seen() -> None:
    model = made_up()
    for package in model["upstream"][GOLD]["packages"]:
        package["first_seen"] = package.pop("published_at") or NOW
    page = render_html(model)
    assert page.count("seen since <time") == 5
    assert "3 security (known for 5 days)" in page
