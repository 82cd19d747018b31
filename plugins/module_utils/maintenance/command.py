# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Driver ``command``: the user's own commands take the host out and bring it back.

Commands are lists of words and never see a shell. They find the host's name in ``PATCHTRAIN_HOST``. Return codes count, and
``verify`` decides: it is polled until it ends with 0.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..clock import Clock, Deadline
from ..errors import BadInput, CannotMove, CommandTimeout, MaintenanceFailed, PatchtrainError
from ..runner import Completed, Runner
from ..text import first_line, last_line
from .driver import ENTERED, IN_SERVICE, LEFT, NOTHING_BEGUN, UNDO_LIMIT, Context, Kind, Result, Undo, undoing
from ..options import Option, argv, seconds, whole_number

_STATE = re.compile(r"[A-Za-z0-9_.:=,/ -]{1,200}")

OPTIONS = {
    "enter": Option(argv, required=True),
    "verify": Option(argv, required=True),
    "leave": Option(argv, required=True),
    "verify_left": Option(argv),
    "prior": Option(argv),
    "blocked_rc": Option(whole_number),
    "poll": Option(seconds, default=2.0),
}
_COMMANDS = ("enter", "verify", "leave", "verify_left", "prior")


class Command:
    """``runner`` runs the commands at the place of control."""

    def __init__(self, host: str, options: Mapping[str, Any], runner: Runner, clock: Clock, check_mode: bool) -> None:
        self._host = host
        self._commands: Dict[str, Optional[List[str]]] = {name: options[name] for name in _COMMANDS}
        self._blocked_rc: Optional[int] = options["blocked_rc"]
        self._poll: float = options["poll"]
        self._runner = runner
        self._clock = clock
        self._check_mode = check_mode

    def prior(self) -> str:
        """What ``prior`` prints; without that command nothing is known, and the host counts as in service."""
        if not self._commands["prior"]:
            return IN_SERVICE
        lines = self._run("prior", UNDO_LIMIT).stdout.strip().splitlines() or [IN_SERVICE]
        if len(lines) > 1 or not _STATE.fullmatch(lines[0]):
            raise MaintenanceFailed("the prior command must print one line with the host's state, such as in_service; it printed: %s"
                                    % first_line("\n".join(lines)))
        return lines[0]

    def enter(self, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        prior = self.prior()
        begins = prior == IN_SERVICE
        if self._check_mode:
            return Result(begins, ENTERED, prior, {"would": self._would("enter", "verify", begins=begins)})
        undo = Undo(lambda: self._undo_enter(max(UNDO_LIMIT, limit)), "leave was run") if begins else NOTHING_BEGUN
        undoing(lambda: self._do("enter" if begins else None, "verify", deadline), undo, prior)
        return Result(begins, ENTERED, prior, {"seconds": round(deadline.elapsed, 1)})

    def verify(self, state: str) -> None:
        name = "verify" if state == ENTERED else "verify_left"
        if self._commands[name]:
            self._run(name, UNDO_LIMIT)

    def leave(self, prior: str, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        if prior != IN_SERVICE:
            return Result(False, LEFT, prior, {"note": "left as found: it was %s before" % prior})
        if self._check_mode:
            return Result(True, LEFT, prior, {"would": self._would("leave", "verify_left")})
        undo = Undo(None, "a leave command that failed can't be undone: look at the host at its place of control")
        undoing(lambda: self._do("leave", "verify_left", deadline), undo, prior)
        return Result(True, LEFT, prior, {"seconds": round(deadline.elapsed, 1)})

    def _do(self, command: Optional[str], verify: str, deadline: Deadline) -> None:
        if command:
            self._run(command, deadline.left)
        if self._commands[verify]:
            self._await(verify, deadline)

    def _undo_enter(self, limit: float) -> None:
        self._do("leave", "verify_left", Deadline(limit, self._clock))

    def _await(self, name: str, deadline: Deadline) -> None:
        failures: List[PatchtrainError] = []

        def verified() -> bool:
            try:
                self._run(name, max(deadline.left, self._poll))
            except (MaintenanceFailed, CommandTimeout) as error:
                failures.append(error)
                return False
            return True

        if not deadline.until(verified, self._poll):
            raise MaintenanceFailed("not verified within %g s: %s" % (deadline.seconds, failures[-1].message), command=name)

    def _run(self, name: str, limit: float) -> Completed:
        """Run one of the commands; the only place that does, and so the only one that check mode has to watch."""
        if self._check_mode and name != "prior":
            raise MaintenanceFailed("check mode refused to run the %s command; this is a mistake in the driver" % name)
        words: Sequence[str] = self._commands[name] or ()
        done = self._runner.run(words, limit=limit, env={"PATCHTRAIN_HOST": self._host})
        if done.rc:
            blocked = done.rc == self._blocked_rc and name in ("prior", "enter")
            raise (CannotMove if blocked else MaintenanceFailed)("the %s command %s ended with rc %d and said: %s" % (
                name, words[0], done.rc, last_line(done.stderr.strip() or done.stdout)), command=name, rc=done.rc,
                stdout=done.stdout[-2000:], stderr=done.stderr[-2000:])
        return done

    def _would(self, command: str, verify: str, begins: bool = True) -> List[List[str]]:
        names = ([command] if begins else []) + [verify]
        return [words for words in (self._commands[name] for name in names) if words]


def _build(host: str, options: Mapping[str, Any], context: Context) -> Command:
    if not host or "\0" in host:
        raise BadInput("the host's name %r can't be handed to a command" % host, host=host)
    return Command(host, options, context.runner, context.clock, context.check_mode)


KIND = Kind("the user's own commands", OPTIONS, _build)
