# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emergency train: a parent plus what was planned on golden hosts that are at the parent's level. Nothing else moves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils.errors import BadInput
from ...module_utils.packages.versions import Compare, comparator
from ...module_utils.release.manifest import FORMAT, package_place, sort
from .capture import Manifest, excluded
from .history import Entry, merged

Planned = Mapping[str, Mapping[str, Any]]
"""Per platform what ``host_assess`` found on a golden host: ``plan`` and ``assessment``."""


class NotTheParent(BadInput):
    """What would change is not what the parent has."""


def derive(digest: str, parent: Manifest, planned: Planned) -> Manifest:
    """The parent with the changes of the plans. Raises ``NotTheParent`` where a golden host is at another level, and ``BadInput`` where
    nothing would change."""
    platforms = dict(parent["platforms"])
    for key, found in planned.items():
        if key not in platforms:
            raise NotTheParent("the parent has nothing for %s" % key)
        changes = [change for change in found["plan"]["changes"] if not excluded(change["name"], parent["exclude"])]
        platforms[key] = _with(platforms[key], changes, found["assessment"], comparator(found["assessment"]["manager"]), key)
    if platforms == parent["platforms"]:
        raise BadInput("nothing of what is named would change on the golden hosts: name other packages, advisories or CVEs")
    return {"format": FORMAT, "parent": digest, "exclude": parent["exclude"], "platforms": platforms}


def _with(section: Mapping[str, Any], changes: Sequence[Entry], assessment: Mapping[str, Any], compare: Compare, key: str) -> Entry:
    packages = {package_place(package): package for package in section["packages"]}
    told = {(u["name"], u["arch"]): u for u in assessment["updates"]}
    for change in changes:
        was = None
        if change["from"] is not None:
            was = packages.pop((change["name"], change["arch"], change["from"]), None) or _moved(packages, change)
            if was is None:
                raise NotTheParent("the golden host of %s has %s %s, and the parent does not: bring it to the parent's level first"
                                   % (key, change["name"], change["from"]))
        if change["to"] is not None:
            new = _entry(change, was, told.get((change["name"], change["arch"])), compare)
            packages[package_place(new)] = new
    return dict(section, packages=sort(list(packages.values())))


def _moved(packages: dict[tuple[str, str, str], Entry], change: Entry) -> Entry | None:
    """The package in another architecture: between its own and a neutral one."""
    for place in list(packages):
        if place[0] == change["name"] and place[2] == change["from"]:
            return packages.pop(place)
    return None


def _entry(change: Entry, was: Entry | None, update: Entry | None, compare: Compare) -> Entry:
    own = [{"version": change["to"], **{key: update[key] for key in ("classification", "severity", "advisories", "cves")}}] if update else []
    return {"name": change["name"], "arch": change["arch"], "version": change["to"], "reason": was["reason"] if was else "automatic",
            "updates": merged([*(was["updates"] if was else ()), *own], change["to"], compare)}
