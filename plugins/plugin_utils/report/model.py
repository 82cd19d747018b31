# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the ledger to the report's model, whose shape ``docs/architecture.md`` gives."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...module_utils.packages.records import CLASSIFICATIONS
from ..ledger import assessments, hosts, logs, packages, planned, runs, slots, steps
from ..ledger._sqlalchemy import sa
from ..ledger.engine import Ledger
from ..ledger.rows import Assessment, Held, Log, PackageChange, Run, RunHost, Step
from . import compliance, releases

Model = dict[str, Any]
_COUNTS = (*CLASSIFICATIONS, "held", "total")


@dataclass(frozen=True)
class _Terms:
    """How hosts are judged: as of ``now``, and by what. ``names`` are those of releases."""

    now: float
    max_age: float
    counted: Sequence[str]
    names: releases.Names


def run_model(ledger: Ledger, name: str, now: float, max_age: float, upstream: Mapping[str, Mapping[str, Any]] = releases.NONE,
              release_names: releases.Names = releases.NONE) -> Model:
    """The model of one run, with what was known of its hosts at its end (of one that goes on: now).

    Compliance is judged at ``now``, so the page of an old run says unknown; pass the run's end to have it judged as of then. Both mappings
    are by the digest of a release: what upstream has published since, and the names that it has.
    """
    with ledger.read() as c:
        run = runs.get(c, name)
        targets = hosts.all_of(c, run.id)
        end = now if run.finished_at is None else min(now, run.finished_at)
        known = assessments.latest(c, {t.host for t in targets}, end)
        told = _told(c, run)
        others = _held(c, run.id, {t.host for t in targets}, end)
        plan, predicted = planned.of_run(c, run.id)
    terms = _Terms(now, max_age, run.settings.get("patch_compliance_classifications") or compliance.COUNTED, release_names)
    intended = run.settings.get("host_releases") or {}
    rows = [dict(_host(t.host, known.get(t.host), terms, t, told.get(t.host), intended.get(t.host)), **_predicted(predicted.get(t.host)))
            for t in targets]
    for row in rows:
        if row["name"] in others:
            _out_by_another(row, others[row["name"]], run.started_at)
    return _model("run", now, dict(_run(run), **({"predicted": plan} if plan else {})), rows, upstream)


def assessment_model(ledger: Ledger, now: float, max_age: float, names: Collection[str] | None = None,
                     counted: Sequence[str] = compliance.COUNTED, upstream: Mapping[str, Mapping[str, Any]] = releases.NONE,
                     release_names: releases.Names = releases.NONE) -> Model:
    """The model of the latest assessments at ``now``, which may be a past day: of the hosts named, those never assessed
    among them, or of all that have one."""
    with ledger.read() as c:
        known = assessments.latest(c, None if names is None else set(names), now)
    terms = _Terms(now, max_age, counted, release_names)
    rows = [_host(host, known.get(host), terms) for host in (sorted(known) if names is None else names)]
    return _model("assessment", now, None, rows, upstream)


@dataclass
class _Told:
    """What the ledger has of one host in one run."""

    packages: list[PackageChange] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    slots: list[tuple[float, float | None]] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)


def _told(c: sa.Connection, run: Run) -> dict[str, _Told]:
    """By host; one query a table, because a run may have thousands of hosts."""
    found: dict[str, _Told] = {}
    for change in packages.of_run(c, run.id):
        found.setdefault(change.host, _Told()).packages.append(change)
    for step in steps.all_of(c, run.id):
        found.setdefault(step.host, _Told()).steps.append(step)
    for slot in slots.of_run(c, run.id):
        found.setdefault(slot.host, _Told()).slots.append((slot.taken_at, slot.returned_at))
    for host, printed in logs.of_run(c, run.id).items():
        found.setdefault(host, _Told()).logs.extend(printed)
    return found


def _held(c: sa.Connection, run_id: int, names: Collection[str], end: float) -> dict[str, Model]:
    """By host: which other run had it out of service when this one ended, and has not brought it back since."""
    return {slot.host: _holder(slot, runs.get(c, slot.run).settings) for slot in slots.holders(c, names) if slot.run_id != run_id and slot.taken_at <= end}


def _holder(slot: Held, known: Mapping[str, Any]) -> Model:
    """``working``: its controller brings the host back. ``resume``: it was left in the middle, and is to be gone on with. Neither: it has come
    to its end and only left the host out."""
    return {"name": slot.run, "since": slot.taken_at, "working": not slot.is_over and not slot.left, "resume": not slot.is_over and slot.left,
            **{key: known[key] for key in ("inventory", "deployment_file") if known.get(key)}}


def _out_by_another(row: Model, holder: Model, begun: float) -> None:
    """Of what the host was out for, only what fell into this run; nothing where it is out by this run itself."""
    own = row["out_of_service"]
    if any(one["to"] is None for one in own):
        return
    row["held_by"] = holder
    row["out_of_service"] = [*own, {"from": max([begun, holder["since"], *(one["to"] for one in own)]), "to": None, "run": holder["name"]}]


def _model(kind: str, now: float, run: Model | None, rows: list[Model], upstream: Mapping[str, Mapping[str, Any]]) -> Model:
    """``upstream`` only of the releases that are spoken of, and only where it was asked."""
    summary = _summary(rows)
    since = {row["digest"]: dict(upstream[row["digest"]]) for row in summary.get("releases", ()) if row["digest"] in upstream}
    return {"generated_at": now, "kind": kind, "run": run, "summary": summary, **({"upstream": since} if since else {}), "hosts": rows}


def _run(run: Run) -> Model:
    told = {key: getattr(run, key) for key in (
        "name", "deployment", "state", "started_at", "finished_at", "actor", "job_id", "change_id", "settings")}
    return dict(told, **{key: run.settings[key] for key in ("inventory", "deployment_file") if run.settings.get(key)})


def _predicted(plan: planned.Predicted | None) -> Model:
    """Nothing where the run was never planned, or not for this host."""
    return {"predicted": {"from": plan.start, "to": plan.end, "state": plan.state, "assumed": plan.assumed}} if plan else {}


def _host(name: str, found: Assessment | None, terms: _Terms, target: RunHost | None = None, told: _Told | None = None,
          intended: str | None = None) -> Model:
    state = target.state if target else ""
    told = told or _Told()
    document, at = (found.document, found.at) if found else (None, None)
    release = releases.of_host(document, intended, terms.names, compliance.current(document, at, terms.now, terms.max_age))
    return {
        "name": name, "state": state, "reason": target.reason if target else "",
        "compliance": compliance.judge(document, at, terms.now, terms.max_age, terms.counted, state == "reboot_pending", intended, terms.names),
        **({"release": release} if release else {}),
        "assessment": dict(found.document, at=found.at, age_s=max(0.0, terms.now - found.at)) if found else None,
        "packages": [_package(change) for change in told.packages],
        # One that ends so was never drained, also where it had its slot already when nothing was found to be left.
        "out_of_service": [] if state == "up_to_date" else stretches(told.slots, told.steps), "reboot": _reboot(told.steps),
        "steps": [_step(step) for step in told.steps], "log": "\n".join(log.text for log in told.logs) or None}


def stretches(taken: Iterable[tuple[float, float | None]], walked: Sequence[Step]) -> list[Model]:
    """When the host was out of service, one for each slot: from the first place entered to the last one left. Where no place was
    entered, the host was out for as long as it held the slot."""
    found = []
    for start, returned in taken:
        entered = [s for s in walked if s.step == "enter" and start <= s.started_at and (returned is None or s.started_at <= returned)]
        if entered:
            found.append({"from": min(s.started_at for s in entered), "to": _back(entered, returned)})
        else:
            found.append({"from": start, "to": returned})
    return found


def _back(entered: Sequence[Step], returned: float | None) -> float | None:
    """When the last place was left; where one never was, a person gave back the slot, or the host is still out."""
    left = [step.undone_at for step in entered]
    known = [at for at in left if at is not None]
    return max(known) if len(known) == len(left) else returned


def _reboot(walked: Sequence[Step]) -> Model | None:
    for step in reversed(walked):
        if step.step == "reboot":
            took = (step.detail or {}).get("elapsed")
            if took is None and step.finished_at is not None:
                took = step.finished_at - step.started_at
            return {"done": step.outcome == "ok", "seconds": took}
    return None


def _step(step: Step) -> Model:
    told: Model = {key: getattr(step, key) for key in ("step", "place", "started_at", "finished_at", "outcome", "message")}
    moved = (step.detail or {}).get("moved")
    return dict(told, moved=moved) if moved else told


def _package(change: PackageChange) -> Model:
    return {"name": change.name, "arch": change.arch, "from": change.from_version, "to": change.to_version,
            "classification": change.classification, "result": change.result, "reason": change.reason}


def _summary(rows: Sequence[Mapping[str, Any]]) -> Model:
    verdicts = Counter(row["compliance"]["status"] for row in rows)
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update((row["assessment"] or {}).get("counts") or {})
    return {
        "hosts": len(rows), "compliant": verdicts[compliance.COMPLIANT], "non_compliant": verdicts[compliance.NON_COMPLIANT],
        "unknown": verdicts[compliance.UNKNOWN], "compliance_percent": _percent(verdicts[compliance.COMPLIANT], len(rows)),
        "counts": {name: counts[name] for name in _COUNTS}, "reboot_pending": sum(map(_reboot_due, rows)),
        "states": dict(sorted(Counter(row["state"] for row in rows if row["state"]).items())), **_releases(rows)}


def _releases(rows: Sequence[Mapping[str, Any]]) -> Model:
    """Nothing where no host has to do with a release."""
    found = releases.totals(row["release"] for row in rows if "release" in row)
    return {"releases": found} if found else {}


def _percent(part: int, whole: int) -> float | None:
    """One decimal, rounded down: a fleet with one host missing is not at 100 percent."""
    return math.floor(1000 * part / whole) / 10 if whole else None


def _reboot_due(row: Mapping[str, Any]) -> bool:
    return row["state"] == "reboot_pending" or bool(((row["assessment"] or {}).get("reboot") or {}).get("required"))
