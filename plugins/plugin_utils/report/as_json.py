# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for programs: faithful, except that only settings that may be shown are in it, and no URL's password."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from .hosts import Data, horizon, natural, records, section, word
from .page.parts import allowed_settings
from .text import hide_credentials

SCHEMA_VERSION = 1


def _faithful(value: Any) -> Any:
    """JSON-serialisable and in a stable order. Texts keep every character; JSON writes them as ASCII escapes."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return hide_credentials(str.__str__(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _faithful(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_faithful(item) for item in value]
    return str(value)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(", ", ": "))


def _run(model: Data) -> dict[str, Any] | None:
    run = section(model, "run")
    return dict(_faithful(run), settings=_faithful(allowed_settings(run))) if run else None


def render_json(model: Data) -> str:
    """One host a line, sorted by name, so that two reports can be compared with ``diff``."""
    hosts = sorted(records(model, "hosts"), key=lambda host: (natural(word(host, "name")), word(host, "name")))
    head = {"schema_version": SCHEMA_VERSION, "kind": word(model, "kind"), "generated_at": _faithful(model.get("generated_at")),
            "ends_at": horizon(model), "run": _run(model), "summary": _faithful(section(model, "summary"))}
    if section(model, "upstream"):
        head["upstream"] = _faithful(section(model, "upstream"))
    lines = [f"{_line(key)}: {_line(value)}" for key, value in head.items()]
    listed = ",\n".join(f"  {_line(_faithful(host))}" for host in hosts)
    return "{" + ",\n".join([*lines, f'"hosts": [\n{listed}\n]' if listed else '"hosts": []']) + "}\n"
