# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory: groups, ordinary users with become, and nothing of the user's own ssh files."""

from __future__ import annotations

import shlex
from pathlib import Path

import yaml
from patchlab.inventory import render_inventory
from patchlab.paths import LabPaths
from patchlab.topology import topology

HOME = Path("/some where/dev")


def _inventory(name: str = "web") -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(render_inventory(LabPaths(HOME), "10.64.7.0/24", topology(name)))["all"]
    return found


def test_groups_hold_the_hosts_of_the_issue() -> None:
    groups = {name: list(group["hosts"]) for name, group in _inventory()["children"].items()}  # type: ignore[index]
    assert groups == {
        "lb": ["lb1"], "web": ["web1", "web2", "web3", "web4"], "apt": ["lb1", "web1", "web2", "web3", "web4"], "dnf": ["dnf1"],
        "zypper": ["zypper1"], "fleet": ["web1", "web2", "web3", "web4", "dnf1", "zypper1"]}


def test_empty_groups_are_left_out() -> None:
    assert set(_inventory("apt1")["children"]) == {"web", "apt", "fleet"}


def test_groups_of_the_lab_of_releases() -> None:
    """The host that joins later is known, but in no group that is patched without it."""
    groups = {name: list(group["hosts"]) for name, group in _inventory("train")["children"].items()}  # type: ignore[index]
    assert groups == {
        "lb": ["lb1"], "web": ["web1", "web2", "web3"], "apt": ["lb1", "web1", "web2", "web3", "gold-apt", "repo1", "new1"],
        "dnf": ["dnf1", "gold-dnf"], "zypper": ["zypper1", "gold-zypper"], "fleet": ["web1", "web2", "web3", "dnf1", "zypper1"],
        "golden": ["gold-apt", "gold-dnf", "gold-zypper"], "repository": ["repo1"], "new": ["new1"]}


def test_two_hosts_are_reached_as_an_ordinary_user() -> None:
    hosts = _inventory()["hosts"]
    ordinary = {name for name, facts in hosts.items() if facts["ansible_user"] == "ops"}  # type: ignore[index]
    assert ordinary == {"web2", "web3"}
    assert {name for name, facts in hosts.items() if facts.get("ansible_become")} == ordinary  # type: ignore[attr-defined]


def test_ssh_arguments_survive_a_folder_with_a_space() -> None:
    words = shlex.split(str(_inventory()["vars"]["ansible_ssh_common_args"]))
    assert f'UserKnownHostsFile="{HOME}/known_hosts"' in words
    assert "StrictHostKeyChecking=yes" in words
