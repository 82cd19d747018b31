# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a terminal: a short table, failed ones first, and the exact next command for what needs a person."""

from __future__ import annotations

from collections.abc import Sequence

from .commands import Group, needs_person
from .hosts import Data, Host, count, hosts_of, number, section, word
from .page.parts import compliance
from .page.rows import reboot
from .text import cleaned, fit, pad, width
from .units import age, duration, plural
from .words import COMPLIANCE, RUN_STATES, STATES, label

_LEAST_WIDTH = 40
_MOST_NAMES = 6


def render_text(model: Data, columns: int = 100, most: int = 50) -> str:
    """For a terminal of so many columns; of more hosts than ``most`` the best are only counted. Printable characters only."""
    known = cleaned(model)
    hosts = hosts_of(known)
    wide = max(_LEAST_WIDTH, columns)
    lines = [*_heading(known, hosts), "", *_table(known, hosts[:most], wide), *_rest(hosts[most:]), *_next(known, hosts)]
    return "\n".join(fit(line, wide) if not line.startswith("    ansible-playbook ") else line for line in lines) + "\n"


def _heading(model: Data, hosts: Sequence[Host]) -> list[str]:
    run, share = section(model, "run"), compliance(model, hosts)
    figure = f"compliance {share['percent'].replace(' ', '')}: " + ", ".join(
        f"{row['count']} {row['label'].lower()}" for row in share["rows"] if row["count"])
    if not run:
        return [f"{plural(len(hosts), 'host')}, {figure}"]
    name = " / ".join(part for part in (word(run, "deployment"), word(run, "name")) if part)
    return [f"{name}: {label(RUN_STATES, word(run, 'state')).lower()}", f"{plural(len(hosts), 'host')}, {figure}"]


def _table(model: Data, hosts: Sequence[Host], wide: int) -> list[str]:
    """Columns as wide as they must be; the last one, the reason, takes what is left and is cut."""
    if not hosts:
        return []
    run = bool(section(model, "run"))
    heads = ["HOST", "STATE", "CHANGED", "OUT (S)", "REBOOT", "REASON"] if run else ["HOST", "COMPLIANCE", "PENDING", "SECURITY", "REBOOT", "ASSESSED", "REASON"]
    cells = [_run_cells(host) if run else _assessment_cells(host) for host in hosts]
    right = {"CHANGED", "OUT (S)", "PENDING", "SECURITY"}
    widths = [max(width(row[column]) for row in (heads, *cells)) for column in range(len(heads) - 1)]
    widths[0] = min(widths[0], max(12, wide // 3))
    return [_line(row, heads, widths, right) for row in (heads, *cells)]


def _line(row: Sequence[str], heads: Sequence[str], widths: Sequence[int], right: set[str]) -> str:
    cells = [pad(cell, columns, head in right) for cell, columns, head in zip(row, widths, heads)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _run_cells(host: Host) -> list[str]:
    seconds = f"{round(host.out_seconds)}{'+' if host.out_since is not None else ''}" if host.stretches else "-"
    state = label(STATES, host.state) if host.state else "-"
    return [host.name, state, str(len(host.packages("installed")) or "-"), seconds, _reboot(host), host.reason]


def _assessment_cells(host: Host) -> list[str]:
    pending, security = ("-", "-") if host.pending is None else (str(host.pending), str(count(host.counts, "security")))
    ways = "; ".join(word(one, "message") for one in host.obstacles)
    assessed = age(number(host.assessment, "age_s")) if host.assessed else "never"
    return [host.name, COMPLIANCE[host.status][0], pending, security, _reboot(host), assessed, ways or host.reason]


def _reboot(host: Host) -> str:
    return str(reboot(host)["text"]).replace("–", "-")


def _rest(hosts: Sequence[Host]) -> list[str]:
    """Those that are not listed, by state."""
    counted: dict[str, int] = {}
    for host in hosts:
        word_ = label(STATES, host.state) if host.state else COMPLIANCE[host.status][0]
        counted[word_] = counted.get(word_, 0) + 1
    return [f"... and {plural(len(hosts), 'host')}: " + ", ".join(f"{number_} {word_.lower()}" for word_, number_ in counted.items())] if hosts else []


def _next(model: Data, hosts: Sequence[Host]) -> list[str]:
    groups = needs_person(model, hosts)
    lines = ["", "What needs a person:"] if groups else []
    for group in groups[:10]:
        lines += _group(group)
    return lines + ([f"  ... and {plural(len(groups) - 10, 'more reason')}: see the page"] if len(groups) > 10 else [])


def _group(group: Group) -> list[str]:
    names = ", ".join(host.name for host in group.hosts[:_MOST_NAMES])
    more = f" and {len(group.hosts) - _MOST_NAMES} more" if len(group.hosts) > _MOST_NAMES else ""
    since = [host.out_seconds for host in group.hosts if host.out_since is not None]
    out = f" (out for {duration(max(since))})" if since else ""
    lines = [f"  {names}{more}: {label(STATES, group.state).lower()}{out}", f"    {group.advice.todo}"]
    return [*lines, f"    {group.advice.command}"] if group.advice.command else [*lines[:-1], f"    {group.advice.todo.rstrip(':')} (no single command for these)."]
