# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""From a plan and what is seen on the host to what became of every package, and the documents of both. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from ..packages.records import Change, Outcome, Package, Plan, Replaced, Transaction, Wanted
from ..packages.replaced import heirs
from .files import Document
from .request import Request

Key = Tuple[str, str]
Seen = Mapping[Key, Set[str]]
_LISTED = 5
_ANY_ARCH = ("all", "noarch")


def seen(installed: Iterable[Package]) -> Seen:
    """Versions by name and arch; of a kernel there are several."""
    found: Dict[Key, Set[str]] = {}
    for package in installed:
        found.setdefault((package.name, package.arch), set()).add(package.version)
    return found


def owed(request: Request, plan: Plan, before: Sequence[Package]) -> List[Package]:
    """For what reason each package should be there after a transaction: as before, as that whose place it took, or because somebody named
    it. A recorded transaction names its dependencies, too, and so says nothing of that. Whatever is not in here is automatic."""
    named = request.selection.packages if request.expect_digest is None else None
    there = {(package.name, package.arch) for package in before}
    asked = [Package(c.name, c.arch, c.to, reason="manual") for c in plan.transaction.changes
             if c.to is not None and c.key not in there and _is_among(c, named or ())]
    return list(before) + heirs(before, plan.transaction) + asked


def _is_among(change: Change, named: Sequence[Wanted]) -> bool:
    return any(wanted.name == change.name and (wanted.arch in ("", change.arch) or change.arch in _ANY_ARCH) for wanted in named)


def judged(plan: Plan, installed: Seen, reasons: Mapping[str, str], otherwise: str, scripts: Mapping[str, str]) -> List[Outcome]:
    """What is seen decides, but for what can't be seen: ``scripts`` that failed, by package. ``reasons`` by name and
    ``otherwise`` only say why a package is not where it should be."""
    outcomes = [_judge(plan, change, installed, reasons, otherwise) for change in plan.transaction.changes]
    return [_with_script(found, scripts) for found in outcomes] + list(plan.left_out)


def _with_script(found: Outcome, scripts: Mapping[str, str]) -> Outcome:
    if found.result != "installed" or found.name not in scripts or found.to is None:
        return found
    return replace(found, result="failed", reason="%s is installed, but %s" % (found.to, scripts[found.name]))


def same_for_all(plan: Plan, result: str, reason: str) -> List[Outcome]:
    """Outcomes of a transaction that did not begin."""
    return [_outcome(plan, change, result, reason) for change in plan.transaction.changes] + list(plan.left_out)


def summary(outcomes: Sequence[Outcome]) -> Optional[str]:
    """One line on the packages that failed, None where none did."""
    failed = [o for o in outcomes if o.result == "failed"]
    if not failed:
        return None
    named = ["%s (%s)" % (o.name, o.reason) for o in failed[:_LISTED]]
    more = ["%d more" % (len(failed) - _LISTED)] if len(failed) > _LISTED else []
    total = sum(1 for o in outcomes if o.result in ("failed", "installed"))
    return "%d of %d packages failed: %s" % (len(failed), total, ", ".join(named + more))


def difference(before: Seen, after: Seen) -> bool:
    return dict(before) != dict(after)


def diff(outcomes: Iterable[Outcome], done: Sequence[str]) -> Dict[str, str]:
    """Ansible's diff: a line of name, arch and version for each package that a result of ``done`` changes."""
    changed = sorted((o for o in outcomes if o.result in done), key=lambda o: (o.name, o.arch))
    return {
        "before": "".join("%s %s %s\n" % (o.name, o.arch, o.from_) for o in changed if o.from_),
        "after": "".join("%s %s %s\n" % (o.name, o.arch, o.to) for o in changed if o.to),
    }


def deviations(plan: Plan, recorded: Sequence[Wanted], installed: Seen) -> List[str]:
    """How a plan differs from the transaction that was recorded. A package that has its recorded version already is no
    deviation: a transaction that was cut and finished later finds some of its work done."""
    targets = {change.key: change.to for change in plan.transaction.changes}
    reached = {change.key + (change.to,) for change in plan.transaction.changes}
    expected: Dict[Key, List[str]] = {}
    for wanted in recorded:
        expected.setdefault(wanted.key, []).append(wanted.version)
    gone = {(item.name, item.arch) for item in plan.transaction.replaced if (item.by, item.by_arch) in expected}
    lines = [_extra(change, expected) for change in plan.transaction.changes
             if change.to not in expected.get(change.key, ()) and not (change.to is None and change.key in gone)]
    left = {o.name: o.reason for o in plan.left_out}
    for wanted in recorded:
        if wanted.key in targets and len(expected[wanted.key]) == 1 or wanted.key + (wanted.version,) in reached:
            continue
        if wanted.version not in installed.get(wanted.key, set()):
            lines.append("%s %s would not be installed%s" % (wanted.name, wanted.version, _because(left.get(wanted.name))))
    return lines


def plan_document(plan: Plan) -> Document:
    changes = [_change_document(plan, change) for change in plan.transaction.changes]
    return {
        "changes": changes, "left_out": [o.to_dict() for o in plan.left_out], "digest": plan.digest,
        "download_size": plan.transaction.download_size, "installed_size": plan.transaction.installed_size,
    }


def _change_document(plan: Plan, change: Change) -> Document:
    return dict(change.to_dict(), classification=classification(plan, change), advisories=list(plan.advisories.get(change.name, ())),
                cves=list(plan.cves.get(change.name, ())), replaced_by=_successor(plan, change))


def _successor(plan: Plan, change: Change) -> Optional[str]:
    return next((item.by for item in plan.transaction.replaced if change.to is None and (item.name, item.arch) == change.key), None)


def plan_from(document: Document) -> Plan:
    changes = tuple(Change(c["name"], c["arch"], c["from"], c["to"]) for c in document["changes"])
    return Plan(
        Transaction(changes, document["download_size"], document["installed_size"], replaced=tuple(_replaced_from(document["changes"]))),
        tuple(_outcome_from(o) for o in document["left_out"]), document["digest"],
        {c["name"]: c["classification"] for c in document["changes"]},
        {c["name"]: tuple(c["advisories"]) for c in document["changes"] if c.get("advisories")},
        {c["name"]: tuple(c["cves"]) for c in document["changes"] if c.get("cves")})


def _replaced_from(changes: Sequence[Mapping[str, Any]]) -> Iterable[Replaced]:
    archs = {c["name"]: c["arch"] for c in changes if c["to"] is not None}
    return (Replaced(c["name"], c["arch"], c["replaced_by"], archs[c["replaced_by"]]) for c in changes if c.get("replaced_by") in archs)


def classification(plan: Plan, change: Change) -> str:
    return plan.classifications.get(change.name, "unknown")


def _judge(plan: Plan, change: Change, installed: Seen, reasons: Mapping[str, str], otherwise: str) -> Outcome:
    there = installed.get(change.key, set())
    if change.to is None:
        gone, by = change.from_ not in there, _successor(plan, change)
        how = "replaced by %s" % by if by else "removed"
        return _outcome(plan, change, "installed" if gone else "failed", how if gone else reasons.get(change.name, otherwise))
    if change.to in there:
        return _outcome(plan, change, "installed", "")
    found = "has version %s" % ", ".join(sorted(there)) if there else "is not installed"
    return _outcome(plan, change, "failed", reasons.get(change.name) or "%s; %s" % (found, otherwise))


def _outcome(plan: Plan, change: Change, result: str, reason: str) -> Outcome:
    return Outcome(change.name, change.arch, change.from_, change.to, classification(plan, change), result, reason)


def _outcome_from(data: Mapping[str, Any]) -> Outcome:
    return Outcome(data["name"], data["arch"], data["from"], data["to"], data["classification"], data["result"], data["reason"])


def _extra(change: Change, expected: Mapping[Key, Sequence[str]]) -> str:
    if change.to is None:
        return "%s %s would be removed" % (change.name, change.from_)
    if change.key in expected:
        return "%s would become %s, not %s" % (change.name, change.to, ", ".join(expected[change.key]))
    return "%s %s would come in addition" % (change.name, change.to)


def _because(reason: Optional[str]) -> str:
    return " (%s)" % reason if reason else ""
