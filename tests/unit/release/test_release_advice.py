# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release knows of the updates that lead to it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Change, Plan, Transaction, Update
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.advice import NOTHING, Advice, Said

from .world import DEB, packages, section


def came(version: str, classification: str, severity: str = "unknown", advisory: str = "", cve: str = "") -> dict[str, Any]:
    return {"version": version, "classification": classification, "severity": severity, "advisories": [advisory] * bool(advisory), "cves": [cve] * bool(cve)}


def advice(*updates: dict[str, Any], version: str = "4") -> Advice:
    return Advice(section(packages("p=" + version), p=list(updates)), "amd64", DEB.compare)


KNOWN = advice(came("2", "security", "important", "DSA-2", "CVE-2"), came("3", "security", "critical", "DSA-3"), came("4", "bugfix", advisory="DLA-4"))


@pytest.mark.parametrize(("installed", "classification", "severity", "advisories"), [
    ("1", "security", "critical", ("DLA-4", "DSA-2", "DSA-3")), ("2", "security", "critical", ("DLA-4", "DSA-3")), ("3", "bugfix", "unknown", ("DLA-4",)),
    ("3~rc1", "security", "critical", ("DLA-4", "DSA-3"))])
def test_all_that_lies_between_counts(installed: str, classification: str, severity: str, advisories: tuple[str, ...]) -> None:
    found = KNOWN.update(Update("p", "amd64", installed, "4"))
    assert (found.classification, found.severity, found.advisories) == (classification, severity, advisories)


def test_what_the_host_was_past_does_not() -> None:
    assert KNOWN.update(Update("p", "amd64", "2", "4")).cves == ()


def test_a_version_without_an_entry_is_unknown_unless_it_brings_a_security_fix() -> None:
    told = advice(came("2", "security"), came("3", "other"))
    assert told.update(Update("p", "amd64", "1", "4")).classification == "security"
    assert told.update(Update("p", "amd64", "2", "4")).classification == "unknown"


def test_the_source_s_word_and_the_release_s_the_graver_counts() -> None:
    told = advice(came("4", "bugfix", advisory="B"))
    assert told.update(Update("p", "amd64", "1", "4", "security", "low", ("A",), ("CVE-1",))) == Update(
        "p", "amd64", "1", "4", "security", "low", ("A", "B"), ("CVE-1",))
    assert told.update(Update("p", "amd64", "1", "4", "unknown")).classification == "bugfix"

def test_silence_about_the_release_s_own_version_is_no_word() -> None:
    assert advice().update(Update("p", "amd64", "1", "4", "other")).classification == "unknown"
    assert advice(came("4", "other")).update(Update("p", "amd64", "1", "4", "other")).classification == "other"
    assert advice().update(Update("p", "amd64", "1", "5", "other")).classification == "other", "of another source, which has its own"


def test_what_the_release_does_not_know_stays_as_it_was() -> None:
    update = Update("q", "amd64", "1", "2", "enhancement", advisories=("X",))
    assert KNOWN.update(update) == NOTHING.update(update) == update


def test_an_epoch_goes_before_everything() -> None:
    told = advice(came("1:1", "security"), came("1:2", "other"), version="1:2")
    assert told.update(Update("p", "amd64", "9", "1:2")).classification == "security"


def test_architectures_have_one_history_where_they_are_one_package() -> None:
    told = Advice(section(packages("docs:all=2"), docs=[came("2", "security")]), "amd64", DEB.compare)
    assert told.update(Update("docs", "amd64", "1", "2")).classification == "security"


def test_a_plan_says_it_of_every_change() -> None:
    changes = (Change("gone", "amd64", "1", None), Change("p", "amd64", "1", "4"), Change("theirs", "amd64", None, "1"))
    plan = KNOWN.plan(Plan(Transaction(changes)), [])
    assert plan.classifications == {"p": "security"}
    assert (plan.advisories, plan.cves) == ({"p": ("DLA-4", "DSA-2", "DSA-3")}, {"p": ("CVE-2",)})


def test_a_new_package_is_what_its_own_version_came_as_and_one_that_goes_down_is_no_fix() -> None:
    assert KNOWN.said("p", "amd64", None, "4") == Said("bugfix", "unknown", ("DLA-4",))
    plan = KNOWN.plan(Plan(Transaction((Change("p", "amd64", "5", "4"),))), [])
    assert (plan.classifications, plan.advisories) == ({"p": "other"}, {})


def test_what_is_pending_is_not_judged_twice() -> None:
    pending = Update("p", "amd64", "1", "4", "security", "low", ("RHSA-1",), ("CVE-9",))
    plan = NOTHING.plan(Plan(Transaction((Change("p", "amd64", "1", "4"),))), [pending])
    assert (plan.classifications, plan.advisories, plan.cves) == ({"p": "security"}, {"p": ("RHSA-1",)}, {"p": ("CVE-9",)})
