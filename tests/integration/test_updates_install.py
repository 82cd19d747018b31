# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing with each package manager: check, run, check, run."""

from __future__ import annotations

from typing import Any

import pytest
from lab_fleet import Fleet
from lab_modules import module

pytestmark = [pytest.mark.lab]

HOSTS = ["web1", "dnf1", "zypper1"]
ONE = {"include": ["patchlab-web"]}


def results(result: dict[str, Any]) -> dict[str, str]:
    """What became of each package; those that were not asked for are ``pending`` and not told here."""
    return {package["name"]: package["result"] for package in result["packages"] if package["result"] != "pending"}


@pytest.mark.parametrize("host", HOSTS)
def test_check_run_check_run(fleet: Fleet, host: str) -> None:
    module(fleet, host, "host_assess")
    foreseen = module(fleet, host, "updates_install", check=True, **ONE)
    assert foreseen["changed"] and foreseen["plan"]["changes"], foreseen
    done = module(fleet, host, "updates_install", **ONE)
    assert done["changed"] and results(done) == {"patchlab-web": "installed"}, done
    assert {(c["name"], c["to"]) for c in foreseen["plan"]["changes"]} == {
        (p["name"], p["to"]) for p in done["packages"] if p["result"] == "installed"}
    again = module(fleet, host, "updates_install", check=True, **ONE)
    assert not again["changed"] and not again["plan"]["changes"]
    last = module(fleet, host, "updates_install", **ONE)
    assert not last["changed"] and results(last) == {}


@pytest.mark.parametrize("host", HOSTS)
def test_install_reasons_stay_as_they_were(fleet: Fleet, host: str) -> None:
    def reasons() -> dict[str, str]:
        found = module(fleet, host, "package_snapshot_info")["packages"]
        return {package["name"]: package["reason"] for package in found}

    before = reasons()
    module(fleet, host, "host_assess")
    assert module(fleet, host, "updates_install")["changed"]
    after = reasons()
    assert {name: after[name] for name in before if name in after} == {name: before[name] for name in before if name in after}


def test_the_same_run_never_starts_twice(fleet: Fleet) -> None:
    module(fleet, "web1", "host_assess")
    first = module(fleet, "web1", "updates_install", run_id="r1", **ONE)
    second = module(fleet, "web1", "updates_install", run_id="r1", **ONE)
    assert first["job"]["id"] == second["job"]["id"] and results(second) == {"patchlab-web": "installed"}
    other = module(fleet, "web1", "updates_install", run_id="r1", include=["patchlab-lib"])
    assert other["failed"], "another order under the same name is refused"


def test_what_would_remove_something_is_left_out_and_says_so(fleet: Fleet) -> None:
    fleet.lab("install", "web1", "patchlab-victim", "patchlab-conflict")
    module(fleet, "web1", "host_assess")
    done = module(fleet, "web1", "updates_install", include=["patchlab-*"])
    left = {p["name"]: p for p in done["packages"] if p["result"] == "excluded"}
    assert "patchlab-victim" in left["patchlab-conflict"]["reason"], done
    assert fleet.version("web1", "patchlab-victim") == "1.0"


def test_an_excluded_package_takes_its_dependants_along(fleet: Fleet) -> None:
    fleet.lab("install", "web1", "patchlab-lib", "patchlab-app")
    module(fleet, "web1", "host_assess")
    done = module(fleet, "web1", "updates_install", include=["patchlab-*"], exclude=["patchlab-lib"])
    assert results(done)["patchlab-app"] == "excluded", done
    assert fleet.version("web1", "patchlab-app") == "1.0"


def test_nothing_but_what_was_asked_for_by_class(fleet: Fleet) -> None:
    module(fleet, "dnf1", "host_assess")
    done = module(fleet, "dnf1", "updates_install", classifications=["security"])
    assert done["packages"] and {p["classification"] for p in done["packages"] if p["result"] == "installed"} == {"security"}, done
