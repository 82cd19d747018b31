# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of every host of a run, checked when it opens: what is misspelt for the last host is said before the first is touched."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping

from ansible.errors import AnsibleError

from ..module_utils.errors import BadInput
from ..module_utils.health.checks import parse_checks
from ..module_utils.maintenance.registry import DRIVERS, kind_of
from ..module_utils.options import checked
from .settings import Settings
from .variables import patch_variables


def check_all(hostvars: Mapping[str, Any], targets: Iterable[str]) -> Dict[str, Settings]:
    """The settings of each target. ``BadInput`` names the host. A host whose variables need what is known only later (facts, results of
    hooks) is left out, and is checked where they are used."""
    found: Dict[str, Settings] = {}
    for host in targets:
        if host not in hostvars:
            continue
        try:
            variables = patch_variables(hostvars[host])
        except AnsibleError:
            continue
        found[host] = check_host(Settings.from_variables(variables, host), host, hostvars)
    return found


def zones_of(hostvars: Mapping[str, Any], targets: Iterable[str], known: Mapping[str, Settings]) -> Dict[str, str]:
    """The ``patch_timezone`` of each target, also of those whose other variables need what is known only later; empty where it is not known itself."""
    return {host: known[host].patch_timezone if host in known else _zone(hostvars[host], host) for host in targets if host in hostvars}


def _zone(variables: Mapping[str, Any], host: str) -> str:
    try:
        found = patch_variables(variables, None, ("patch_timezone",))
    except AnsibleError:
        return ""
    return Settings.from_variables(found, host).patch_timezone


def check_host(settings: Settings, host: str, inventory: Mapping[str, Any]) -> Settings:
    """The settings, if those of drivers and checks are right too."""
    try:
        parse_checks(settings.patch_health_checks)
        for place in settings.patch_maintenance:
            _check_place(place, inventory)
    except BadInput as error:
        raise BadInput("%s (host %s)" % (error.message, host), **dict(error.data, host=host)) from error
    return settings


def _check_place(place: Mapping[str, Any], inventory: Mapping[str, Any]) -> None:
    driver, name = str(place["driver"]), str(place.get("place", "localhost"))
    if driver not in DRIVERS:
        raise BadInput("patch_maintenance: there is no driver %r; there are: %s" % (driver, ", ".join(sorted(DRIVERS))), driver=driver)
    checked("patch_maintenance: driver " + driver, kind_of(driver).options, place.get("options", {}))
    if name != "localhost" and name not in inventory:
        raise BadInput("patch_maintenance: place %r of driver %s is not in the inventory: name a host of it, or localhost" % (name, driver), place=name)
