# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands above the host list: who and when, compliance, counts, what needs a person, settings. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..commands import Group, needs_person
from ..hosts import Data, Host, count, number, records, section, word
from ..units import duration, percent
from ..words import CLASSIFICATIONS, COMPLIANCE, IN_SECONDS, RUN_STATES, SETTINGS, STATES, label, rank, tone

View = dict[str, Any]
_MOST_GROUPS = 12
_MOST_NAMES = 6
_LEAST_SHARE = 0.012


def heading(model: Data) -> View:
    """Title, state, who, when; ``facts`` are pairs of a word and a text or a time."""
    run = section(model, "run")
    if not run:
        return {"over": "Fleet assessment", "title": "Patch status", "sub": "", "state": None, "facts": _assessment_facts(model)}
    state = word(run, "state")
    name, deployment = word(run, "name"), word(run, "deployment")
    return {
        "over": "Patch run",
        "title": deployment or name or "Patch run",
        "sub": name if deployment and name != deployment else "",
        "state": {"label": label(RUN_STATES, state), "tone": tone(RUN_STATES, state)} if state else None,
        "facts": _run_facts(run),
    }


def _assessment_facts(model: Data) -> list[View]:
    times = [time for host in records(model, "hosts") if (time := number(section(host, "assessment"), "at")) is not None]
    if not times:
        return []
    return [{"label": "Oldest assessment", "time": min(times)}, {"label": "Newest assessment", "time": max(times)}]


def _run_facts(run: Data) -> list[View]:
    started, finished = number(run, "started_at"), number(run, "finished_at")
    facts: list[View] = [
        {"label": "By", "text": word(run, "actor")},
        {"label": "Job", "text": word(run, "job_id")},
        {"label": "Change", "text": word(run, "change_id")},
        {"label": "Started", "time": started},
        {"label": "Finished", "time": finished, "text": "" if finished else "not yet"},
    ]
    if (planned := number(section(run, "predicted"), "ends_at")) is not None:
        facts.append({"label": "Planned end", "time": planned})
    if started is not None and finished is not None:
        facts.append({"label": "Took", "text": duration(finished - started)})
    return [fact for fact in facts if fact.get("text") or fact.get("time") is not None]


def _shares(table: Mapping[str, tuple[str, str]], counts: Mapping[str, int]) -> list[View]:
    """Counted words with the length that a bar gives them, in the table's order; three failed of two thousand are seen too."""
    known = dict(table)
    present = sorted((key for key in counts if counts[key] > 0), key=lambda key: (rank(known, key), key))
    lengths = [max(_LEAST_SHARE, counts[key] / sum(counts.values())) for key in present]
    parts, start = [], 0.0
    for key, length in zip(present, lengths):
        share = 100 * length / sum(lengths)
        parts.append({"key": key, "label": label(known, key), "tone": tone(known, key), "count": counts[key],
                      "share": round(share, 3), "start": round(start, 3)})
        start += share
    return parts


def compliance(model: Data, hosts: Sequence[Host]) -> View:
    """The figure and its parts; hosts that nobody knows about are in the whole, so that silence never looks good."""
    summary = section(model, "summary")
    seen = Counter(host.status for host in hosts)
    counts = {key: count(summary, key) if key in summary else seen[key] for key in COMPLIANCE}
    share = number(summary, "compliance_percent")
    if share is None and hosts:
        share = 100 * counts["compliant"] / max(1, sum(counts.values()))
    return {"percent": percent(share), "hosts": sum(counts.values()), "parts": _shares(dict(reversed(COMPLIANCE.items())), counts),
            "compliant": counts["compliant"], "rows": [{"key": key, "label": COMPLIANCE[key][0], "tone": COMPLIANCE[key][1],
                                                        "count": counts[key]} for key in reversed(COMPLIANCE)]}


def states(hosts: Sequence[Host]) -> list[View]:
    return _shares(STATES, Counter(host.state for host in hosts if host.state))


def classifications(model: Data, hosts: Sequence[Host]) -> View:
    """Pending updates on all hosts, and on how many hosts each kind is pending."""
    given = section(section(model, "summary"), "counts")
    sums = {key: count(given, key) if key in given else sum(count(host.counts, key) for host in hosts) for key in CLASSIFICATIONS}
    most = max(sums.values(), default=0) or 1
    rows = [{"key": key, "label": key.capitalize(), "count": sums[key], "share": round(100 * sums[key] / most, 3),
             "hosts": sum(1 for host in hosts if count(host.counts, key))} for key in CLASSIFICATIONS]
    held = count(given, "held") if "held" in given else sum(count(host.counts, "held") for host in hosts)
    return {"rows": rows, "held": held, "total": sum(sums.values())}


def attention(model: Data, hosts: Sequence[Host]) -> View:
    """What needs a person, grouped by reason."""
    groups = needs_person(model, hosts)
    return {"groups": [_group(group) for group in groups[:_MOST_GROUPS]],
            "hosts": sum(len(group.hosts) for group in groups),
            "more": sum(len(group.hosts) for group in groups[_MOST_GROUPS:])}


def _group(group: Group) -> View:
    shown = [host.name for host in group.hosts[:_MOST_NAMES]]
    since = [host.out_since for host in group.hosts if host.out_since is not None]
    return {"label": label(STATES, group.state), "tone": tone(STATES, group.state), "reason": group.reason, "names": shown,
            "more": len(group.hosts) - len(shown), "todo": group.advice.todo, "command": group.advice.command,
            "since": min(since, default=None), "count": len(group.hosts)}


def obstacles(hosts: Sequence[Host]) -> list[View]:
    """What stands in the way of patching, the most frequent first."""
    found: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        for obstacle in host.obstacles:
            found.setdefault((word(obstacle, "kind"), word(obstacle, "message")), []).append(host.name)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [{"kind": kind.replace("_", " "), "message": message, "names": names[:_MOST_NAMES], "count": len(names),
             "more": max(0, len(names) - _MOST_NAMES)} for (kind, message), names in ordered[:_MOST_GROUPS]]


def settings(model: Data) -> list[View]:
    allowed = allowed_settings(section(model, "run"))
    texts = ((key, _setting(key, value)) for key, value in allowed.items())
    return [{"label": key.replace("_", " "), "text": text} for key, text in texts if text]


def allowed_settings(run: Data) -> dict[str, Any]:
    """Of a run's settings those that may be shown, without their prefix: single values and lists of them, nothing nested."""
    given = {str(key).removeprefix("patch_"): value for key, value in section(run, "settings").items()}
    return {key: _flat(given[key]) for key in SETTINGS if isinstance(given.get(key), (str, int, float, list, tuple))}


def _flat(value: Any) -> Any:
    return [item for item in value if isinstance(item, (str, int, float))] if isinstance(value, (list, tuple)) else value


def _setting(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return duration(value) if key in IN_SECONDS else f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
