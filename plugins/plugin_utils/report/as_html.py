# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page: opens from a file, asks the network for nothing, works without its script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from . import units
from .hosts import Data, Host, count, hosts_of, number, section, word
from .page import chart, data, parts, releases, rows
from .text import cleaned, script_json
from .units import duration, plural
from .words import GOING_ON

_PAGE = Path(__file__).parent / "page"


@cache
def _own(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    jinja = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    jinja.filters.update(iso=units.iso, stamp=units.stamp, duration=duration, age=units.age, plural=plural)
    return jinja.from_string(_own("page.html.j2"))


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _policy(style: str, script: str) -> str:
    """Nothing is fetched, and nothing runs but the page's own script: markup that slipped through would stay dead."""
    return (f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'; "
            "require-trusted-types-for 'script'")


def render_html(model: Data) -> str:
    """The whole page. Nothing in the model is trusted."""
    known = cleaned(model)
    hosts = hosts_of(known)
    style, script = _own("page.css"), _own("page.js")
    texts = {"css": style, "js": script, "data": script_json(data.page_data(known, hosts))}
    return _template().render(policy=_policy(style, script), **texts, **_view(known, hosts)) + "\n"


def _view(model: Data, hosts: Sequence[Host]) -> dict[str, Any]:
    run = bool(section(model, "run"))
    head, picture = parts.heading(model), chart.chart(model, hosts)
    return {
        "run": run,
        "going_on": word(section(model, "run"), "state") in GOING_ON,
        "head": head,
        "title": _title(head),
        "compliance": parts.compliance(model, hosts),
        "states": parts.states(hosts),
        "classes": parts.classifications(model, hosts),
        "numbers": _numbers(model, hosts, picture),
        "attention": parts.attention(model, hosts),
        "obstacles": [] if run else parts.obstacles(hosts),
        "releases": releases.panel(model),
        "chart": picture,
        "chips": rows.chips(hosts),
        "rows": [rows.row(host, index, run) for index, host in enumerate(hosts)],
        "with_state": any(host.state for host in hosts),
        "settings": parts.settings(model),
        "generated_at": number(model, "generated_at"),
    }


def _title(head: dict[str, Any]) -> str:
    known = [head["title"], head["sub"], head["state"]["label"] if head["state"] else ""]
    return ", ".join(text for text in known if text) + " - patch report"


def _numbers(model: Data, hosts: Sequence[Host], picture: dict[str, Any] | None) -> list[dict[str, Any]]:
    pending = rows.reboots_pending(model, hosts)
    found = [{"label": "Reboots pending", "value": f"{pending:,}", "tone": "warn" if pending else ""}]
    return found + _drifting(hosts) + (_run_numbers(hosts, picture) if section(model, "run") else _assessment_numbers(hosts))


def _drifting(hosts: Sequence[Host]) -> list[dict[str, Any]]:
    """Only where releases have to do with any host."""
    many = sum(host.drifts for host in hosts)
    return [{"label": "Hosts not as their release", "value": f"{many:,}", "tone": "bad" if many else ""}] if any(host.release for host in hosts) else []


def _run_numbers(hosts: Sequence[Host], picture: dict[str, Any] | None) -> list[dict[str, Any]]:
    failed = sum(len(host.packages("failed")) for host in hosts)
    changed = [len(host.packages("installed")) for host in hosts]
    top = picture["peak"].count if picture and picture["peak"] else 0
    return [
        {"label": "Reboots done", "value": f"{sum(host.rebooted for host in hosts):,}"},
        {"label": "Hosts changed", "value": f"{sum(map(bool, changed)):,}"},
        {"label": "Packages changed", "value": f"{sum(changed):,}"},
        {"label": "Packages failed", "value": f"{failed:,}", "tone": "bad" if failed else ""},
        {"label": "Peak out at once", "value": top, "note": f"limit {picture['limit']:,}" if picture and picture["limit"] else ""},
        {"label": "Still out of service", "value": f"{picture['still_out']:,}" if picture else 0,
         "tone": "bad" if picture and picture["still_out"] else ""},
    ]


def _assessment_numbers(hosts: Sequence[Host]) -> list[dict[str, Any]]:
    lacking = sum(count(host.counts, "security") > 0 for host in hosts)
    stuck, never = sum(bool(host.obstacles) for host in hosts), sum(not host.assessed for host in hosts)
    return [
        {"label": "Hosts that lack security updates", "value": f"{lacking:,}", "tone": "bad" if lacking else ""},
        {"label": "Hosts that can't be patched yet", "value": f"{stuck:,}", "tone": "warn" if stuck else ""},
        {"label": "Never assessed", "value": f"{never:,}", "tone": "warn" if never else ""},
    ]
