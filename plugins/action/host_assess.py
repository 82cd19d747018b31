# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Assess a host, and in a run record its exact transaction. Documented in the module of the same name."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from ..module_utils.errors import PatchtrainError
from ..plugin_utils import assessing, earlier, prepared
from ..plugin_utils.aim import NothingToDo, aim
from ..plugin_utils.action import PatchtrainAction
from ..plugin_utils.asfound import put_back, still_has
from ..plugin_utils.book import HOLD, HostBook, open_ledger, record_assessment
from ..plugin_utils.ledger.engine import Ledger
from ..plugin_utils.remote import Lost
from ..plugin_utils.retrying import retrying
from ..plugin_utils.updaters import let_go


class ActionModule(PatchtrainAction):
    def act(self) -> Dict[str, Any]:
        if self.argument("run_id"):
            return self._prepare(self.book())
        result = self._seen()
        record_assessment(open_ledger(self.settings().patch_ledger), self.host, result["assessment"])
        return dict(_short(result), msg=_in_a_line(result["assessment"]))

    def _seen(self) -> Dict[str, Any]:
        return assessing.seen(self.remote(), self.settings(), **self._given())

    def _given(self) -> Dict[str, Any]:
        return {key: value for key, value in self._task.args.items() if key not in ("stage", "run_id")}

    def _prepare(self, book: HostBook) -> Dict[str, Any]:
        """Nothing raised here ends the play for the host: it ends in a recorded state, and the roll leaves it out."""
        ended = book.final_state()
        if ended or book.is_on_its_way():
            # Of a run that is gone on with: what was prepared stays as it is.
            state, reason = (ended.state, ended.reason) if ended else ("", "taken up where it was left")
            return {"host_state": state, "reason": reason, "msg": reason or state, "changes": (book.plan() or {}).get("changes", [])}
        result: Dict[str, Any] = {}
        try:
            goal = aim(book, self._ledger(), self.remote(), self.settings())
            retrying(book, self.settings(), "prepare", lambda: self._tried(book, goal, result))
        except NothingToDo as nothing:
            state, reason = self._settled(book, *earlier.stands(book, nothing.state, nothing.message, rolls=False))
            if nothing.moved:
                book.assessed(self._seen()["assessment"])
            return {"host_state": state, "reason": reason, "msg": reason, "changes": []}
        except Lost as error:
            return self._left_out(book, "unreachable", error, None)
        except PatchtrainError as error:
            return self._left_out(book, "blocked", error, result.get("assessment"))
        # In check mode a host of which no plan can be made says why among its obstacles.
        result["plan"] = result["plan"] or {"changes": [], "left_out": [], "digest": ""}
        book.prepared(result)
        found = prepared.what_it_means(result["assessment"], len(result["plan"]["changes"]), self.settings().patch_reboot)
        state, reason = earlier.stands(book, *found)
        state, reason = self._settled(book, state, self._as_found(book, reason) if state == "blocked" else reason)
        return dict(_short(result), host_state=state, reason=reason, changed=bool(result.get("changed")))

    def _tried(self, book: HostBook, goal: Dict[str, Any], result: Dict[str, Any]) -> None:
        """Fills ``result``, also where it is a failed one."""
        result.clear()
        with book.step("prepare") as step:
            more = dict({"run_id": book.run, "health": True, "hold_for": 0 if self.checking else HOLD}, **goal, **self._given())
            result.update(assessing.probe(self.remote(), self.settings(), "assess" if self.checking else "download", **more))
            step.detail = {key: result.get(key) for key in ("program", "python", "held_units", "repaired")}
            prepared.raise_if_failed(result)

    def _left_out(self, book: HostBook, state: str, error: PatchtrainError, assessment: Optional[Dict[str, Any]]) -> Dict[str, Any]:
        book.assessed(assessment or assessing.not_assessed(error))
        reason = _and(error.message, still_has(book)) if isinstance(error, Lost) else self._as_found(book, error.message)
        state, reason = self._settled(book, state, reason)
        return {"host_state": state, "reason": reason, "msg": "%s: %s" % (state, reason)}

    def _settled(self, book: HostBook, state: str, reason: str) -> Tuple[str, str]:
        """Write where the host stands. One that has no turn in this run has its own updaters back at once; one that is lost, when their hold ends."""
        if state not in ("waiting", "unreachable") and not self.checking:
            reason = "; ".join(filter(None, [reason, let_go(book, self.remote())]))
        book.state(state, reason)
        return state, reason

    def _as_found(self, book: HostBook, reason: str) -> str:
        """The host has the sources that it was found with, or the reason says why not."""
        return reason if self.checking else _and(reason, put_back(book, self._ledger(), self.remote(), self.settings()))

    def _ledger(self) -> Ledger:
        return open_ledger(self.settings().patch_ledger)


def _and(reason: str, note: str) -> str:
    """What somebody has to do something about comes first: a terminal cuts what is long."""
    return "%s; %s" % (note, reason) if note else reason


def _short(result: Dict[str, Any]) -> Dict[str, Any]:
    """What plays need; the whole documents are in the ledger."""
    assessment, plan = result["assessment"], result.get("plan") or {}
    return {"counts": assessment.get("counts", {}), "reboot": assessment.get("reboot", {}), "obstacles": assessment.get("obstacles", []),
            "changes": plan.get("changes", []), "left_out": plan.get("left_out", [])}


def _in_a_line(assessment: Dict[str, Any]) -> str:
    if assessment.get("obstacles"):
        return "; ".join(found["message"] for found in assessment["obstacles"])
    counts = assessment.get("counts", {})
    return "%d updates pending, %d of them security" % (counts.get("total", 0), counts.get("security", 0))
