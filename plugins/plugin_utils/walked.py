# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's steps in a run tell: what was begun, how it ended, and what is left to be done. Nothing is written here."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from .ledger.rows import Step
from .ledger.steps import ANOTHER_TURN

_FRESH = 5.0
"""Seconds for which a drain that was proved is taken to stand without another look."""


_JUST = 120.0
"""Seconds for which what a host said of itself is taken to hold."""

UNTOUCHED = "untouched"
"""In the detail of an installation: it failed before it had changed anything, for what may pass by itself."""


class Walked:
    """Of one host in one run."""

    def walked(self) -> List[Step]:
        """The steps, in the order in which they were begun."""
        raise NotImplementedError

    def turn(self) -> List[Step]:
        """Of these the ones since the host has its slot. In a turn before, it came back into service, by whomever."""
        walked = self.walked()
        return walked[max((at + 1 for at, step in enumerate(walked) if step.step == ANOTHER_TURN), default=0):]

    def last_step(self, name: str) -> Optional[Step]:
        """The last step of this name, if one was begun; without an outcome nobody saw its end."""
        return next((step for step in reversed(self.walked()) if step.step == name), None)

    def touched(self) -> bool:
        """Whether anything on the host itself may have been changed: an installation or a reboot was begun."""
        return bool(self._begun()) or any(step.step in ("reboot", "reboot before") and step.outcome != "skipped" for step in self.walked())

    def installation(self) -> Optional[Step]:
        """The last installation of this run on the host, if one was begun; without an outcome nobody saw its end. One that was put off is none."""
        return next(reversed(self._begun()), None)

    def _begun(self) -> List[Step]:
        """An attempt that failed counts, also where it changed nothing, but not where the one that came of it was put off."""
        installs = [step for step in self.walked() if step.step == "install"]
        late = bool(installs) and installs[-1].outcome == "skipped"
        return [step for step in installs if step.outcome != "skipped" and not (late and (step.detail or {}).get(UNTOUCHED))]

    def put_off(self) -> str:
        """Why nothing was installed, where the host's time was over before its installation could begin."""
        last = next((step for step in reversed(self.turn()) if step.step == "install"), None)
        return last.message if last is not None and last.outcome == "skipped" and self.installation() is None else ""

    def installations(self) -> int:
        """How many installations of this run were seen to end well."""
        return sum(1 for step in self.walked() if step.step == "install" and step.outcome == "ok")

    def owes_a_look(self) -> bool:
        """Whether what the host lacks after its last installation is still to be looked at."""
        done = self.installation()
        return done is not None and done.outcome == "ok" and (done.detail or {}).get("assessed") is False

    def job_step(self) -> str:
        """The name by which the host knows the job of the next installation. One whose end nobody saw keeps its name."""
        ended = sum(1 for step in self.walked() if step.step == "install" and step.outcome in ("ok", "failed", "skipped"))
        return "install" if not ended else "install-%d" % (ended + 1)

    def last_job(self) -> str:
        """The name of the job that was begun last."""
        installed = self.installation()
        return str(((installed.detail or {}) if installed else {}).get("job") or self.job_step())

    def boot_id_just_seen(self) -> str:
        """The boot id that the host told at the end of its installation, if that was a moment ago; since then nobody has rebooted it. What was cut may
        have ended long before its end was seen."""
        installed = self.installation()
        cut = any(step.step == "install" and not step.outcome for step in self.walked())
        if installed is None or installed.finished_at is None or cut or abs(time.time() - installed.finished_at) > _JUST:
            return ""
        return str((installed.detail or {}).get("boot_id") or "")

    def drain_hooks(self) -> List[str]:
        """The hooks of the drain that were begun. They may have taken the host out of service, and what undoes that is not known here."""
        return list(dict.fromkeys(step.step for step in self.turn() if step.step in ("hook before_drain", "hook after_drain")))

    def hooks_done(self) -> List[str]:
        """The hooks that the host is through with in this turn: a run that is gone on with does not do them again."""
        return sorted({step.step.partition(" ")[2] for step in self.turn() if step.step.startswith("hook ") and step.outcome == "ok"})

    def drain_is_fresh(self, step_id: int) -> bool:
        """Whether a place was seen drained a moment ago, and nothing came between."""
        walked = self.walked()
        entered = next(step for step in walked if step.id == step_id)
        between = [step for step in walked if step.id > step_id and step.step != "enter"]
        return not between and entered.finished_at is not None and time.time() - entered.finished_at < _FRESH

    def laid(self) -> Optional[Dict[str, Any]]:
        """The ``program`` that lies on the host since it was prepared, the ``python`` to run it, and its updaters that are held off until it lets go."""
        details = [step.detail or {} for step in self.walked() if step.step == "prepare"]
        return next((detail for detail in reversed(details) if detail.get("program")), None)

    def brought_back(self) -> str:
        """Which earlier runs had left the host out of service until this one; empty where none had."""
        said = [step.message for step in self.walked() if step.step == "leave for an earlier run" and step.outcome == "ok"]
        return "brought back: " + " and ".join(said) if said else ""
