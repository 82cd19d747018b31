# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the ledger to the report's model, whose shape ``docs/architecture.md`` gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from ..ledger import assessments, hosts, logs, packages, runs, slots, steps
from ..ledger.engine import Ledger
from ..ledger.rows import Assessment, Run, RunHost, Step
from . import compliance

Model = dict[str, Any]


def run_model(ledger: Ledger, name: str, now: float, max_age: float) -> Model:
    """The model of one run."""
    with ledger.read() as c:
        run = runs.get(c, name)
        targets = hosts.all_of(c, run.id)
        latest = assessments.latest(c, {t.host for t in targets})
        done: defaultdict[str, list[Model]] = defaultdict(list)
        for change in reversed(packages.search(c, run=name, limit=1_000_000)):
            done[change.host].append(_package(change))
        walked: defaultdict[str, list[Step]] = defaultdict(list)
        for step in steps.all_of(c, run.id):
            walked[step.host].append(step)
        out: defaultdict[str, list[Model]] = defaultdict(list)
        for slot in slots.of_run(c, run.id):
            out[slot.host].append({"from": slot.taken_at, "to": slot.returned_at})
        printed = {t.host: "\n".join(log.text for log in logs.of_host(c, run.id, t.host)) for t in targets}
    counted = run.settings.get("patch_compliance_classifications", compliance.COUNTED)
    rows = [dict(_assessed(t.host, latest.get(t.host), now, max_age, counted), **_run_part(
        t, done[t.host], walked[t.host], out[t.host], printed[t.host])) for t in targets]
    return _model("run", now, _run(run), rows)


def assessment_model(ledger: Ledger, now: float, max_age: float, names: Sequence[str] | None = None,
                     counted: Sequence[str] = compliance.COUNTED) -> Model:
    """The model of the latest assessments: of the hosts named, also those that have none, or of all that have one."""
    with ledger.read() as c:
        latest = assessments.latest(c, None if names is None else set(names))
    rows = [dict(_assessed(host, latest.get(host), now, max_age, counted), state="", reason="", packages=[], out_of_service=[],
                 reboot=None, steps=[], log=None) for host in (sorted(latest) if names is None else names)]
    return _model("assessment", now, None, rows)


def _model(kind: str, now: float, run: Model | None, rows: list[Model]) -> Model:
    return {"generated_at": now, "kind": kind, "run": run, "summary": _summary(rows), "hosts": rows}


def _run(run: Run) -> Model:
    return {key: getattr(run, key) for key in (
        "name", "deployment", "state", "started_at", "finished_at", "actor", "job_id", "change_id", "settings")}


def _assessed(host: str, found: Assessment | None, now: float, max_age: float, counted: Sequence[str]) -> Model:
    document = found.document if found else None
    verdict = compliance.judge(document, found.at if found else None, now, max_age, counted)
    assessment = dict(document or {}, at=found.at, age_s=max(0.0, now - found.at)) if found else None
    return {"name": host, "compliance": verdict, "assessment": assessment}


def _run_part(target: RunHost, done: list[Model], walked: Sequence[Step], out: list[Model], printed: str) -> Model:
    return {"state": target.state, "reason": target.reason, "packages": done, "out_of_service": _stretches(walked, out),
            "reboot": _reboot(walked), "steps": [_step(step) for step in walked], "log": printed or None}


def _stretches(walked: Sequence[Step], out: list[Model]) -> list[Model]:
    """From the first place entered to the last one left; the slot, which is longer, where there was no place."""
    begun = [s.started_at for s in walked if s.step == "enter"]
    if not begun:
        return out
    left = [s.finished_at for s in walked if s.step == "leave" and s.outcome == "ok" and s.finished_at]
    still_out = any(s.step == "enter" and s.undo is not None and s.undone_at is None and s.outcome == "ok" for s in walked)
    ended = None if still_out else max(left, default=max((s.finished_at or s.started_at) for s in walked if s.step == "enter"))
    return [{"from": begun[0], "to": ended}]


def _reboot(walked: Sequence[Step]) -> Model | None:
    for step in walked:
        if step.step == "reboot":
            return {"done": step.outcome == "ok", "seconds": (step.detail or {}).get("elapsed")}
    return None


def _step(step: Step) -> Model:
    return {key: getattr(step, key) for key in ("step", "place", "started_at", "finished_at", "outcome", "message")}


def _package(change: Any) -> Model:
    return {"name": change.name, "arch": change.arch, "from": change.from_version, "to": change.to_version,
            "classification": change.classification, "result": change.result, "reason": change.reason}


def _summary(rows: Sequence[Mapping[str, Any]]) -> Model:
    verdicts = Counter(row["compliance"]["status"] for row in rows)
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update((row["assessment"] or {}).get("counts") or {})
    return {
        "hosts": len(rows), "compliant": verdicts[compliance.COMPLIANT], "non_compliant": verdicts[compliance.NON_COMPLIANT],
        "unknown": verdicts[compliance.UNKNOWN],
        "compliance_percent": round(100.0 * verdicts[compliance.COMPLIANT] / len(rows), 1) if rows else None,
        "counts": dict(counts), "reboot_pending": sum(1 for row in rows if ((row["assessment"] or {}).get("reboot") or {}).get("required")),
        "states": dict(sorted(Counter(row["state"] for row in rows if row["state"]).items()))}
