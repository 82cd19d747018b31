# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of an image changes with all that goes into it, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from patchlab import recipes
from patchlab.recipes import RECIPES, image_key, lineage, plain
from patchlab.topology import TOPOLOGIES, supplied


def _keys(packages: str = "p", codename: str = "bookworm", arch: str = "amd64") -> dict[str, str]:
    return {name: image_key(name, codename, arch, packages) for name in RECIPES}


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_key_is_stable_and_names_the_image() -> None:
    assert _keys() == _keys()
    assert all(key.startswith(f"{name}-") for name, key in _keys().items())
    assert len(set(_keys().values())) == len(RECIPES)


def test_other_release_or_machine_is_another_image() -> None:
    assert _changed(_keys(), _keys(codename="trixie")) == set(RECIPES)
    assert _changed(_keys(), _keys(arch="arm64")) == set(RECIPES)


def test_new_packages_of_the_lab_leave_images_without_them_alone() -> None:
    assert _changed(_keys(), _keys(packages="q")) == set(RECIPES) - {"base", "lb", "lb-keepalived", "repo"}


def test_newer_updates_of_upstream_are_another_image() -> None:
    keys = [image_key("web-next", "bookworm", "amd64", "p", upstream) for upstream in ("u", "v")]
    assert len({*keys, image_key("web-next", "bookworm", "amd64", "p")}) == 3


def test_an_image_at_a_level_is_made_from_the_plain_one() -> None:
    assert {name: plain(name) for name in RECIPES if plain(name) != name} == {
        f"{name}-{level}": name for name in ("web", "dnf", "zypper") for level in ("advanced", "next")}
    assert {RECIPES[name].manager for name in ("dnf-next", "dnf-advanced")} == {"dnf"}


def test_a_changed_recipe_changes_what_stands_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _keys()
    monkeypatch.setitem(recipes.RECIPES, "web", replace(RECIPES["web"], debian=("tree",)))
    assert _changed(before, _keys()) == {name for name in RECIPES if RECIPES["web"] in lineage(name)} >= {"web-needrestart", "web-next", "slurm"}


def test_every_image_of_every_topology_has_a_recipe_that_ends_in_the_base() -> None:
    for hosts in TOPOLOGIES.values():
        for spec in hosts:
            assert lineage(spec.image)[-1].name == "base"


def test_labs_with_releases_share_one_upstream() -> None:
    """Else each would have images of its own at each level."""
    offered = {name: supplied(hosts) for name, hosts in TOPOLOGIES.items()}
    assert offered["train"] == offered["release1"] == offered["release2"] == ["dnf", "lb", "repo", "web", "zypper"]
    assert offered["mini"] == ["lb", "web"]
