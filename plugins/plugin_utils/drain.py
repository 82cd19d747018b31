# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance mode over all places of one host: entered in order, left in reverse, each step in the ledger before it is done.

What was found out of service already is not ours: its prior state is asked first and recorded, and leaving changes nothing there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Type

from ..module_utils.errors import BadInput, CannotMove, FoundOtherwise, MaintenanceFailed, PatchtrainError
from ..module_utils.maintenance.registry import DRIVERS, kind_of
from ..module_utils.text import first_line
from . import calling
from .book import HostBook, StepNote
from .remote import Remote

MODULE = "fleetops.patchtrain.maintenance_mode"
IN_SERVICE = "in_service"
_MARGIN = 60.0
"""Seconds that an execution at a place may take beyond the driver's own limit."""

_TOLD = 10
"""How many of those that moved a step's message names; its detail has all."""

Reach = Callable[[str], Remote]


Priors = Dict[str, str]
"""How the host was found at each place, by ``key_of``. Nothing is begun where it is found otherwise then."""


def look(places: Sequence[Mapping[str, Any]], host: str, book: HostBook, reach: Reach, limit: float, known: Priors) -> Priors:
    """Of each place that answers, and of which it is not ``known``, before there is a slot, so that nobody waits for it. What a place refuses now it may
    allow then."""
    found = dict(known)
    for place in places:
        with contextlib.suppress(PatchtrainError):
            wanted = checked_place(place, host, limit)
            if key_of(wanted) in known:
                continue
            found[key_of(wanted)] = str(_execute(wanted, book, reach, state="entered", check=True)["prior_state"])
    return found


def enter(places: Sequence[Mapping[str, Any]], host: str, book: HostBook, reach: Reach, limit: float, priors: Optional[Priors] = None) -> List[Dict[str, Any]]:
    """Enter maintenance mode at every place, in order; those of which the ``priors`` are known are not asked for them. A failure undoes what was entered,
    in reverse, and is raised with what became of that."""
    done: List[Dict[str, Any]] = []
    before = book.entered()
    for place in places:
        try:
            wanted = checked_place(place, host, limit)
            known = next((step for step in before if _same(step["undo"], wanted)), None)
            done.append(_enter_again(known, book, reach) if known else _enter_one(wanted, book, reach, (priors or {}).get(key_of(wanted))))
        except PatchtrainError as error:
            undone = _undo(book, reach)
            # Blocked is a host that is as it was found: what was begun at the other places is undone too.
            kind = CannotMove if isinstance(error, CannotMove) and not book.entered() else MaintenanceFailed
            raise kind("%s; %s" % (error.message, undone), cause=error.as_result(), undone=undone) from error
    return done


def leave(book: HostBook, reach: Reach) -> List[Dict[str, Any]]:
    """Leave maintenance mode wherever this run entered it, last place first; stops at the first failure."""
    return [_leave_one(step, book, reach) for step in book.entered()]


def still_entered(book: HostBook, reach: Reach) -> None:
    """Right before the installation: a place that forgets what it was told when it restarts is asked again, unless it was seen a moment ago,
    and a drain that is lost is done again. A failure comes before the host is touched."""
    for step in reversed(book.entered()):
        driver = step["undo"]["driver"]
        if book.drain_is_fresh(step["id"]) or driver not in DRIVERS or not kind_of(driver).volatile:
            continue
        place = dict(step["undo"])
        with book.step("drain again", place["place"]) as note:
            result = _execute(place, book, reach, state="entered")
            note.message = "the drain was lost, and is done again" if result.get("changed") else "still drained"


def _undo(book: HostBook, reach: Reach) -> str:
    try:
        left = leave(book, reach)
    except PatchtrainError as error:
        return "undoing the places before it failed too: %s" % error.message
    return "the places before it were brought back" if left else "nothing else had been entered"


def checked_place(place: Mapping[str, Any], host: str, limit: float) -> Dict[str, Any]:
    """One entry of ``patch_maintenance``, whole; ``BadInput`` where it is not."""
    if not isinstance(place, Mapping) or not place.get("driver"):
        raise BadInput("patch_maintenance of %s: each entry needs a driver, for example {driver: haproxy, place: lb1}" % host)
    known = ("driver", "place", "host", "timeout", "options")
    unknown = sorted(set(place) - set(known))
    if unknown:
        raise BadInput("patch_maintenance of %s: unknown key %s; known are %s (a driver's own settings go under options)" % (
            host, ", ".join(unknown), ", ".join(known)))
    return {"driver": place["driver"], "place": place.get("place", "localhost"), "host": place.get("host", host),
            "timeout": float(place.get("timeout", limit)), "options": dict(place.get("options", {}))}


def key_of(place: Mapping[str, Any]) -> str:
    """The same for the same host at the same place, asked in the same way."""
    text = json.dumps([place[key] for key in ("driver", "place", "host", "options")], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _enter_one(place: Dict[str, Any], book: HostBook, reach: Reach, prior: Optional[str]) -> Dict[str, Any]:
    if prior is None:
        book.alive.renew()
        # Only a look, whatever the task's own mode is.
        prior = str(_execute(place, book, reach, state="entered", check=True)["prior_state"])
    result = _enter_from(place, book, reach, prior)
    if result.get("failed"):
        result = _enter_from(place, book, reach, result["prior_state"], last=True)
    return result


def _enter_from(place: Dict[str, Any], book: HostBook, reach: Reach, prior: str, last: bool = False) -> Dict[str, Any]:
    """Its undoing is on record before it is begun: the driver touches nothing where it finds the host otherwise, which then is the result, but for the
    ``last`` time. Where no answer arrives, too, the host is put back to how it was seen; if somebody has drained it in the minutes since, it serves again."""
    undo = dict(place, prior_state=prior)
    with book.step("enter", place["place"], undo=undo) as step:
        step.detail = {"driver": place["driver"], "prior_state": prior}
        try:
            result = _execute(place, book, reach, state="entered", expect=prior)
            _correct(step, undo, result)
        except PatchtrainError as error:
            found = error.data.get("result") or {}
            if isinstance(error, FoundOtherwise) and not last:
                step.skipped, step.message = True, error.message
                return dict(found, failed=True)
            _correct(step, undo, found)
            step.detail.update(_evidence(found.get("error")))
            if isinstance(error, (CannotMove, FoundOtherwise)):
                # The driver has looked that the host is as it was found; leaving it once more would touch what is not to be touched.
                book.undone(step.id)
            raise
        _keep(step, result)
    return result


def _correct(step: StepNote, undo: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Somebody else may have changed it since it was looked at: what the driver found counts, also where it failed."""
    prior = found.get("prior_state")
    if prior and prior != undo["prior_state"]:
        step.detail["prior_state"] = prior
        step.undo = dict(undo, prior_state=prior)


def _keep(step: StepNote, result: Mapping[str, Any]) -> None:
    """What became of the host's work is on record, and who moved is told."""
    step.detail.update(_evidence(result.get("detail")), changed=result.get("changed", False))
    step.message = step.message or _told(step.detail.get("moved") or [])


def _evidence(detail: Any) -> Dict[str, Any]:
    """What the driver saw, as it told it; ``moved`` is the same for all of them and stands by itself."""
    seen = dict(detail) if isinstance(detail, Mapping) else {}
    moved = [dict(one) for one in seen.pop("moved", None) or [] if isinstance(one, Mapping)]
    return dict({"moved": moved} if moved else {}, **({"evidence": seen} if seen else {}))


def _told(moved: Sequence[Mapping[str, Any]]) -> str:
    if not moved:
        return ""
    words = [first_line("%s from %s to %s" % tuple(one.get(key, "?") for key in ("what", "from", "to"))) for one in moved[:_TOLD]]
    return "moved: %s%s" % ("; ".join(words), "; and %d more" % (len(moved) - _TOLD) if len(moved) > _TOLD else "")


def _same(known: Mapping[str, Any], place: Mapping[str, Any]) -> bool:
    return all(known.get(key) == place[key] for key in ("driver", "place", "host", "options"))


def _enter_again(step: Mapping[str, Any], book: HostBook, reach: Reach) -> Dict[str, Any]:
    """Of a run that is gone on with: the host is out of service here by this run, or halfway there. The prior state is on record."""
    place = dict(step["undo"])
    book.alive.renew()
    result = _execute(place, book, reach, state="entered")
    book.settle(step["id"], "ok", "gone on with")
    return result


def _leave_one(step: Mapping[str, Any], book: HostBook, reach: Reach) -> Dict[str, Any]:
    place = dict(step["undo"])
    with book.step("leave", place["place"]) as note:
        note.detail = {"driver": place["driver"]}
        result = _execute(place, book, reach, state="left")
        if not result.get("changed") and str(place["prior_state"]).startswith(IN_SERVICE):
            # Somebody, or a restart of what keeps the state, has brought it back while it was patched; or its driver had undone it.
            note.message = "nothing to do: it was in service already"
        _keep(note, result)
        note.undoes = step["id"]
    return result


def _execute(place: Mapping[str, Any], book: HostBook, reach: Reach, state: str, check: Optional[bool] = None, expect: Optional[str] = None) -> Dict[str, Any]:
    args = {key: place[key] for key in ("driver", "host", "timeout", "options")}
    args["state"] = state
    args.update({"prior_state": place["prior_state"]} if state == "left" else {"expect_prior": expect} if expect else {})
    remote = reach(place["place"])
    result = calling.ask(remote, book.laid_at(place["place"]), MODULE, args, float(place["timeout"]) * 2 + _MARGIN, check=check)
    if result.get("failed"):
        kind = _kind(result.get("error") or {})
        raise kind("%s at %s: %s" % (place["driver"], remote.name, result.get("msg", "no reason given")),
                   result={key: result.get(key) for key in ("msg", "error", "prior_state", "undone")})
    return result


def _kind(error: Mapping[str, Any]) -> Type[MaintenanceFailed]:
    if error.get("blocked") is True:
        return CannotMove
    return FoundOtherwise if error.get("kind") == FoundOtherwise.__name__ else MaintenanceFailed
