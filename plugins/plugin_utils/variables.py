# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``patch_*`` variables of a host, templated, as plain data."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional

from .settings import NAMES


def patch_variables(variables: Mapping[str, Any], templar: Any = None, names: Optional[Iterable[str]] = None) -> Dict[str, Any]:
    """Those of ``names`` (default: all settings) that are set."""
    found = {name: variables[name] for name in (NAMES if names is None else names) if name in variables}
    return {name: plain(templar.template(value) if templar else value) for name, value in found.items()}


def plain(value: Any) -> Any:
    """The value without Ansible's tags, which databases and JSON writers may not know."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else value
