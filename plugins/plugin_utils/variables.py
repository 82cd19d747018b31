# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``patch_*`` variables of a host, templated, as plain data."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional

from ansible.errors import AnsibleUndefinedVariable
from ansible.release import __version__

from ..module_utils.errors import BadInput
from .settings import NAMES

_LEAVES_TEMPLATES = tuple(int(part) for part in __version__.split(".")[:2]) < (2, 19)


def patch_variables(variables: Mapping[str, Any], templar: Any = None, names: Optional[Iterable[str]] = None) -> Dict[str, Any]:
    """Those of ``names`` (default: all settings) that are set."""
    found = {name: variables[name] for name in (NAMES if names is None else names) if name in variables}
    return {name: plain(templar.template(value) if templar else templated(value)) for name, value in found.items()}


def templated(value: Any) -> Any:
    """The value of another host's variable, if it is one. ansible-core before 2.19 gives a template whose variables are not known as it was written,
    later ones raise; so does this."""
    if _LEAVES_TEMPLATES and _is_template(value):
        raise AnsibleUndefinedVariable("what it is made of is not defined: %s" % plain(value))
    return value


def _is_template(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_template(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(_is_template(item) for item in value)
    # Marked as unsafe, braces are somebody's data.
    return isinstance(value, str) and ("{{" in value or "{%" in value) and not getattr(value, "__UNSAFE__", False)


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
