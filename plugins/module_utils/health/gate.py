# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The health gate: a host passes when it has been no worse than before, and still, for a while.

One good look proves little: services come up, crash and are restarted. So the host is sampled until nothing changes and all
is well for ``settle`` seconds, or until ``limit``, and then the failure names what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..clock import Clock, Deadline
from ..errors import BadInput, PatchtrainError
from ..packages.records import Record
from .compare import MIN_FREE_PERCENT, Difference, Health, compare, crash_looping, difference, ignored, socket_name

CheckResult = Dict[str, Any]
_COMING = ("initializing", "starting", "stopping")


@dataclass(frozen=True)
class Terms:
    """What a host has to meet. ``ignore`` are globs over ``kind:name`` or ``name`` of differences."""

    settle: float = 10.0
    limit: float = 300.0
    interval: float = 1.0
    ignore: Tuple[str, ...] = ()
    min_free: float = MIN_FREE_PERCENT

    def __post_init__(self) -> None:
        if not 0 <= self.settle <= self.limit < float("inf"):
            raise BadInput("settle (%g s) can't be below zero or above limit (%g s): the host could never pass" % (self.settle, self.limit))
        if not self.interval > 0:
            raise BadInput("interval (%g s) must be above zero" % self.interval)
        if not 0 <= self.min_free <= 100:
            raise BadInput("min_free_percent (%g) is no percentage" % self.min_free)


@dataclass(frozen=True)
class Verdict(Record):
    """The *gate result* of docs/architecture.md. ``health`` is the last look, None where none succeeded."""

    healthy: bool
    differences: List[Difference]
    checks: List[CheckResult]
    samples: int
    seconds: float
    health: Optional[Dict[str, Any]]

    @property
    def message(self) -> str:
        """One line with the first things that are wrong."""
        wrong = [d["message"] for d in self.differences] + ["check %s: %s" % (c["name"], c["message"]) for c in self.checks if not c["ok"]]
        more = "; and %d more" % (len(wrong) - 5) if len(wrong) > 5 else ""
        return "the host is not healthy after %g s: %s%s" % (self.seconds, "; ".join(wrong[:5]), more)


@dataclass(frozen=True)
class _Look:
    """One sample: what it found, and whatever must not change while the host settles."""

    health: Optional[Dict[str, Any]]
    differences: List[Difference]
    checks: List[CheckResult]

    @property
    def good(self) -> bool:
        return not self.differences and all(check["ok"] for check in self.checks)


def gate(sample: Callable[[], Dict[str, Any]], checks: Callable[[float], List[CheckResult]], baseline: Optional[Health], terms: Terms,
         clock: Clock) -> Verdict:
    """Sample until the host has settled or the limit has passed. ``checks`` gets the seconds that it may take."""
    deadline = Deadline(terms.limit, clock)
    samples, still_since = 0, 0.0
    before: Optional[_Look] = None
    unrest: List[Difference] = []
    while True:
        look = _look(sample, checks, baseline, terms, deadline, before)
        samples += 1
        moved = _unrest(before, look, terms.ignore)
        unrest = moved or unrest
        if moved or before is None or not before.good:
            still_since = deadline.elapsed
        settled = look.good and deadline.elapsed - still_since >= terms.settle
        if settled or deadline.passed:
            return _verdict(look, settled, samples, deadline.elapsed, unrest)
        before = look
        deadline.pause(terms.interval)


def _look(sample: Callable[[], Dict[str, Any]], checks: Callable[[float], List[CheckResult]], baseline: Optional[Health], terms: Terms,
          deadline: Deadline, before: Optional[_Look]) -> _Look:
    try:
        health = sample()
    except PatchtrainError as error:
        # A host that has just booted may not answer everything yet; at the limit this is what was wrong.
        return _Look(None, [difference("probe", error.kind, None, None, "its health can't be read: %s" % error.message)], [])
    differences = compare(baseline or health, health, terms.ignore, terms.min_free)
    if before and before.health:
        looping = crash_looping(baseline or before.health, before.health, health)
        differences += [d for d in looping if not ignored(d["kind"], d["name"], terms.ignore)]
    return _Look(health, differences + _coming(baseline, health, terms.ignore), checks(max(deadline.left, 1.0)))


def _coming(baseline: Optional[Health], health: Health, ignore: Sequence[str]) -> List[Difference]:
    """What is still on its way up, and was not so before."""
    earlier: Health = baseline["system"] if baseline else {}
    found = [difference("starting", name, None, "starting", "unit %s has not started yet" % name)
             for name in health["system"]["starting"] if name not in earlier.get("starting", [])]
    state = health["system"]["state"]
    if state in _COMING and state != earlier.get("state"):
        found.append(difference("system", "state", earlier.get("state"), state, "systemd is %s" % state))
    return [d for d in found if not ignored(d["kind"], d["name"], ignore)]


def _steady_facts(health: Health) -> Dict[Tuple[str, str], Any]:
    """What must not change while the host settles, by kind and name. How much space is free may."""
    facts: Dict[Tuple[str, str], Any] = {("boot_id", "boot_id"): health["boot_id"], ("system", "state"): health["system"]["state"]}
    facts.update({("failed_unit", name): "failed" for name in health["failed_units"]})
    facts.update({("listening", socket_name(text)): "listening" for text in health["listening"]})
    facts.update({("mount", mount["path"]): "read-only" if mount["read_only"] else "mounted" for mount in health["mounts"]})
    return facts


def _unrest(before: Optional[_Look], look: _Look, ignore: Sequence[str]) -> List[Difference]:
    """Why the host does not count as still since the look before: what is wrong now, or what has moved."""
    failed = [difference("unsteady", "check:%(name)s" % check, None, None, "check %(name)s failed at times: %(message)s" % check)
              for check in look.checks if not check["ok"]]
    return look.differences + failed + (_changes(before, look, ignore) if before else [])


def _changes(before: _Look, look: _Look, ignore: Sequence[str]) -> List[Difference]:
    if not before.health or not look.health:
        return []
    was, now = _steady_facts(before.health), _steady_facts(look.health)
    changed = [(kind, name) for kind, name in sorted(set(was) | set(now)) if was.get((kind, name)) != now.get((kind, name))]
    return [difference("unsteady", "%s:%s" % key, was.get(key), now.get(key), "%s %s still changes" % key)
            for key in changed if not ignored(key[0], key[1], tuple(ignore)) and not ignored("unsteady", "%s:%s" % key, ignore)]


def _verdict(look: _Look, healthy: bool, samples: int, seconds: float, unrest: List[Difference]) -> Verdict:
    differences = look.differences
    if not healthy and look.good:
        # Well at last, but not for long enough: say what was wrong or moved last.
        late = difference("unsteady", "settle", None, None, "all was well at the limit, but not yet for long enough")
        differences = [late] + [d for d in unrest if d != late]
    return Verdict(healthy, differences, look.checks, samples, round(seconds, 1), look.health)
