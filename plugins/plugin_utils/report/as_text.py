# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a terminal: a short table, failed ones first, and the exact next command for what needs a person."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from .commands import Group, needs_person, only_checked
from .hosts import Data, Host, count, hosts_of, number, section, word
from .page.parts import compliance
from .page.releases import panel
from .page.rows import reboot
from .text import cleaned, fit, pad, width
from .units import age, duration, plural
from .words import COMPLIANCE, RUN_STATES, STATES, label

_LEAST_WIDTH = 40
_RUN_HEADS = ("HOST", "STATE", "CHANGED", "OUT (S)", "REBOOT", "REASON")
_ASSESSMENT_HEADS = ("HOST", "COMPLIANCE", "PENDING", "SECURITY", "REBOOT", "ASSESSED", "REASON")
_NUMBERS = ("CHANGED", "OUT (S)", "PENDING", "SECURITY")
_WIDEST_RELEASE = 24
_MOST_NAMES = 6
_MOST_GROUPS = 10
_MOST_REASON = 4


def render_text(model: Data, columns: int = 100, most: int = 50) -> str:
    """For a terminal of so many columns; of more hosts than ``most`` the best are only counted. Printable characters only."""
    known = cleaned(model)
    hosts = hosts_of(known)
    wide = max(_LEAST_WIDTH, columns)
    table = [*_heading(known, hosts), *_releases(known, wide), "", *_table(known, hosts[:most], wide), *_rest(hosts[most:])]
    return "\n".join([*(fit(line, wide) for line in table), *_next(known, hosts, wide)]) + "\n"


def _heading(model: Data, hosts: Sequence[Host]) -> list[str]:
    run, share = section(model, "run"), compliance(model, hosts)
    figure = f"compliance {share['percent'].replace(' ', '')}: " + ", ".join(
        f"{row['count']} {row['label'].lower()}" for row in share["rows"] if row["count"])
    if not run:
        return [f"{plural(len(hosts), 'host')}, {figure}"]
    name = " / ".join(part for part in (word(run, "deployment"), word(run, "name")) if part)
    checked = " (check mode: nothing was changed)" if only_checked(model) else ""
    return [f"{name}: {label(RUN_STATES, word(run, 'state')).lower()}{checked}", f"{plural(len(hosts), 'host')}, {figure}"]


def _table(model: Data, hosts: Sequence[Host], wide: int) -> list[str]:
    """Columns as wide as they must be; the last one, the reason, takes what is left and is cut."""
    if not hosts:
        return []
    run = bool(section(model, "run"))
    heads: Sequence[str] = _RUN_HEADS if run else _ASSESSMENT_HEADS
    cells = [_run_cells(host) if run else _assessment_cells(host) for host in hosts]
    if any(host.release for host in hosts):
        heads, cells = _with_release(heads, "RELEASE"), [_with_release(row, _release(host)) for row, host in zip(cells, hosts)]
    widths = [max(width(row[column]) for row in (heads, *cells)) for column in range(len(heads) - 1)]
    widths[0] = min(widths[0], max(12, wide // 3))
    return [_line(row, heads, widths) for row in (heads, *cells)]


def _with_release(row: Sequence[str], cell: str) -> list[str]:
    return [row[0], fit(cell, _WIDEST_RELEASE), *row[1:]]


def _release(host: Host) -> str:
    """Its name, and how many differences there are."""
    many = count(host.release, "drift_count")
    return (host.release_label or "-") + (f" +{many}" if many else "")


def _releases(model: Data, wide: int) -> list[str]:
    """A line each: how many hosts stand how to it, and what upstream has published since."""
    told = []
    for row in panel(model):
        standing = ", ".join(f"{one['count']:,} {one['label']}" for one in row["standing"])
        lines = [f"release {row['name']}: {row['hosts']}; {standing}", *([f"  {row['since']}"] if row["since"] else [])]
        told += [part for line in lines for part in textwrap.wrap(line, wide, subsequent_indent="  ")]
    return told


def _line(row: Sequence[str], heads: Sequence[str], widths: Sequence[int]) -> str:
    cells = [pad(cell, columns, head in _NUMBERS) for cell, columns, head in zip(row, widths, heads)]
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
    if not hosts:
        return []
    counted = Counter(label(STATES, host.state) if host.state else COMPLIANCE[host.status][0] for host in hosts)
    return [f"... and {plural(len(hosts), 'host')}: " + ", ".join(f"{many:,} {what.lower()}" for what, many in counted.items())]


def _next(model: Data, hosts: Sequence[Host], wide: int) -> list[str]:
    groups = needs_person(model, hosts)
    lines = ["", "What needs a person:"] if groups else []
    shown = groups[:_MOST_GROUPS]
    for at, group in enumerate(shown):
        # What is to be done about the next group too is told once, after the last of them.
        same = [after.advice for after in shown[at + 1:at + 2]] == [group.advice]
        lines += _why(group, wide) + ([] if same else _what(group, wide))
    left = len(groups) - _MOST_GROUPS
    return [*lines, f"  ... and {plural(left, 'more reason')}: see the page"] if left > 0 else lines


def _why(group: Group, wide: int) -> list[str]:
    names = ", ".join(host.name for host in group.hosts[:_MOST_NAMES])
    more = f" and {len(group.hosts) - _MOST_NAMES} more" if len(group.hosts) > _MOST_NAMES else ""
    since = [host.out_seconds for host in group.hosts if host.out_since is not None]
    out = f", out for {duration(max(since))}" if since else ""
    return [fit(f"  {label(STATES, group.state)}{out}: {names}{more}", wide), *_indented(group.reason, wide, _MOST_REASON)]


def _what(group: Group, wide: int) -> list[str]:
    """What to do, and the command, which is never cut."""
    if group.advice.command is None:
        return _indented(group.advice.todo.rstrip(":") + ".", wide)
    return [*_indented(group.advice.todo, wide), f"    {group.advice.command}"]


def _indented(text: str, wide: int, most: int | None = None) -> list[str]:
    """Wrapped; what is more than ``most`` lines is said to be on the page."""
    lines = textwrap.wrap(text, wide - 4, max_lines=most, placeholder=" ... (whole on the page)")
    return [fit(f"    {line}", wide) for line in lines]
