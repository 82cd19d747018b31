# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``patch_*`` variables of a host, templated, as plain data."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional

from ..module_utils.errors import BadInput
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


def refuse_stray_words(variables: Mapping[str, Any]) -> None:
    """``-e name="two words"`` reaches Ansible without the shell's quotes: it takes the first word and keeps the others here, unseen."""
    stray = plain(variables.get("_raw_params"))
    if stray and isinstance(stray, str):
        raise BadInput("-e: %r belongs to no variable; a value of several words needs quotes of its own, as in -e 'name=\"two words\"'" % stray)
