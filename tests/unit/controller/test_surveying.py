# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where it is asked what upstream has since."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence

import pytest

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.ledger import releases, upstream
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing.order import Order, checked
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releasing.surveying import surveyed
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.remote import Lost
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import Settings

APT, DNF = "debian-12-amd64-apt", "almalinux-9-x86_64-dnf"
PACKAGE = {"name": "a", "arch": "amd64", "version": "1", "reason": "manual", "updates": []}
UPDATE = {"name": "a", "arch": "amd64", "installed": "1", "candidate": "2", "classification": "security", "severity": "unknown", "advisories": [], "cves": []}


class Host:
    """Answers as modules do on it; ``says`` is what is wrong with it."""

    def __init__(self, says: Optional[Exception] = None) -> None:
        self.says = says
        self.asked: List[str] = []
        self.checks: List[Any] = []

    def module(self, name: str, args: Dict[str, Any], seconds: float, check: Any = None) -> Dict[str, Any]:
        self.asked.append(args.get("state") or name.rpartition(".")[2])
        self.checks.append(check)
        if self.says:
            raise self.says
        platform = {"id": "debian", "version": "12", "arch": "amd64"}
        return {"sources": {"files": {}}, "packages": [dict(PACKAGE)], "updates": [UPDATE], "platform": platform, "manager": "apt", "kept_at": 86400.0,
                "assessment": {"updates": [UPDATE]}}


def survey(desk: Any, there: Dict[str, Host], platforms: Sequence[str] = (APT,), checking: bool = False, **more: Any) -> Dict[str, Any]:
    section = {"packages": [PACKAGE], "kernel": None, "streams": []}
    manifest = {"format": 1, "parent": None, "exclude": [], "platforms": dict.fromkeys(platforms, section)}
    with desk.ledger.write() as c:
        digest = releases.add(c, "gl-1", manifest, {"golden": {key: ["g-" + key.rpartition("-")[2]] for key in platforms}}, "alice")[0].digest
    args = checked(dict({"state": "surveyed", "name": "gl-1", "repository": {"host": "repo1"}}, **more))
    order = Order(desk.ledger, there.__getitem__, lambda host: Settings.from_variables({}, host), "alice", checking, [], args)  # type: ignore[arg-type]
    result = surveyed(order)
    with desk.ledger.read() as c:
        assert checking or upstream.latest(c, [digest])[digest].document == result["upstream"]
    return result


def test_the_repository_host_asks_by_a_golden_host_s_sources(desk: Any) -> None:
    hosts = {"repo1": Host(), "g-apt": Host()}
    result = survey(desk, hosts)
    assert result["upstream"]["counts"] == {"security": 1} and APT + " asked on repo1" in result["msg"]
    assert (hosts["g-apt"].asked, hosts["repo1"].asked) == (["told"], ["kept", "asked"])


def test_a_golden_host_that_is_gone_is_not_needed_any_more(desk: Any) -> None:
    hosts = {"repo1": Host(), "g-apt": Host(Lost("gone"))}
    result = survey(desk, hosts)
    assert result["upstream"]["counts"] == {"security": 1}
    assert hosts["repo1"].asked == ["asked"]
    assert re.search(r"asked on repo1, by the sources that it was told at 1970-01-02 00:00 UTC \(\d+ days ago\), because g-apt: gone$", result["msg"])


def test_a_survey_in_check_mode_looks_and_keeps_nothing(desk: Any) -> None:
    hosts = {"repo1": Host(), "g-apt": Host()}
    said = survey(desk, hosts, checking=True)["msg"]
    assert (hosts["repo1"].asked, hosts["repo1"].checks) == (["kept", "asked"], [True, False]) and hosts["g-apt"].checks == [False]
    assert said.endswith("because check mode keeps no others")


def test_what_can_not_be_asked_there_is_asked_on_golden_hosts_and_it_is_said_why(desk: Any) -> None:
    hosts = {"repo1": Host(BadInput("this host has no apt for arm64")), "g-apt": Host(), "g-dnf": Host()}
    said = survey(desk, hosts, (APT, DNF))["msg"]
    assert "%s asked on g-apt, because on repo1: this host has no apt for arm64" % APT in said
    assert "%s asked on g-dnf, because on repo1: only apt's sources can be asked elsewhere" % DNF in said
    assert hosts["g-dnf"].asked == ["package_snapshot_info", "host_assess"]


@pytest.mark.parametrize("more", [{"repository": None}, {"hosts": ["g-apt"]}])
def test_hosts_are_asked_where_they_are_named_or_there_is_no_repository(desk: Any, more: Dict[str, Any]) -> None:
    hosts = {"g-apt": Host()}
    assert "asked on g-apt" in survey(desk, hosts, **more)["msg"]
