# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What every maintenance driver does, and the parts that all of them share.

A driver takes one host out of service at one place (a load balancer, a cluster, a scheduler) and brings it back. It runs at
that place. It reads what is there, changes it, and reads again: success is what is seen, never what was sent. What it began
and could not finish within its limit it undoes, and the failure tells both.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Callable, Dict, Iterator, Mapping, NoReturn, Optional, Protocol, Tuple, TypeVar

from ..clock import Clock
from ..errors import CannotMove, MaintenanceFailed, PatchtrainError
from ..packages.records import Record
from ..runner import Runner
from ..options import Options

T = TypeVar("T")

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""By which a process is asked to end."""

ENTERED = "entered"
LEFT = "left"

IN_SERVICE = "in_service"
DRAINING = "draining"
MAINTENANCE = "maintenance"

UNDO_LIMIT = 30.0
"""Seconds that undoing may take at least, on top of the limit that has passed by then."""


@dataclass(frozen=True)
class Result(Record):
    """What a driver did. ``prior_state`` is how the host was found: ``in_service``, or the driver's word for anything else.
    It is opaque to everybody else, and given back to ``leave`` as it came. ``detail`` is the driver's own evidence."""

    changed: bool
    state: str
    prior_state: str
    detail: Dict[str, Any] = field(default_factory=dict)


class Driver(Protocol):
    """Limits are seconds. All methods raise ``PatchtrainError`` kinds only; ``CannotMove`` where the host's work can't go elsewhere, either
    asked before anything is touched, or found out later and undone: such a host is blocked."""

    def prior(self) -> str:
        """How the host stands right now; changes nothing."""

    def enter(self, limit: float) -> Result:
        """Take the host out of service and prove it. A host that is out of service already stays as it is."""

    def verify(self, state: str) -> None:
        """Raise ``MaintenanceFailed`` unless the host is seen in ``state`` (entered or left) now; changes nothing."""

    def leave(self, prior: str, limit: float) -> Result:
        """Bring back the host that was ``in_service`` before, and prove that it works; any other stays as it is."""


@dataclass(frozen=True)
class Context:
    """All that a driver may touch. In check mode nothing is changed: every driver hands its tools over to a reader that
    refuses to write, so a mistake is a failure, not a change."""

    runner: Runner
    clock: Clock = field(default_factory=Clock)
    check_mode: bool = False


@dataclass(frozen=True)
class Kind:
    """A driver as the registry knows it: its options, and how one is made for ``host`` from options that were checked. ``volatile``: what
    the place was told is gone when it restarts, so that a drain is looked at again where time has passed since."""

    summary: str
    options: Options
    build: Callable[[str, Mapping[str, Any], Context], Driver]
    volatile: bool = False


@dataclass(frozen=True)
class Undo:
    """How to get back to where it began. ``action`` None: there is no way back; ``words`` say where the host is afterwards.
    ``begun`` False: there is nothing to undo."""

    action: Optional[Callable[[], None]]
    words: str
    begun: bool = True


NOTHING_BEGUN = Undo(None, "nothing had been changed", begun=False)


def undoing(work: Callable[[], T], undo: Undo, prior_state: str) -> T:
    """Do the work; where it fails, undo it and raise one failure that tells both.

    Its data has ``prior_state``, ``undone`` (True, False: it failed or can't be; None: there was nothing) and ``undo_error``.
    """
    try:
        return work()
    except PatchtrainError as error:
        _undo_and_raise(error, undo, prior_state)
    except BaseException:
        # Not foreseen (told to end, or a mistake of ours): the host still must not be left halfway.
        if undo.action:
            with undisturbed():
                undo.action()
        raise


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that ask the process to end do nothing in this block."""
    # Only the main thread may decide on signals, and only there they would interrupt anything.
    numbers = ENDINGS if threading.current_thread() is threading.main_thread() else ()
    before = [(number, signal.getsignal(number)) for number in numbers]
    for number in numbers:
        signal.signal(number, unmoved)
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def unmoved(_number: int, _frame: Optional[FrameType]) -> None:
    """A handler, not SIG_IGN, which every daemon that a command starts would inherit."""


def _undo_and_raise(error: PatchtrainError, undo: Undo, prior_state: str) -> NoReturn:
    undone, words, problem = _try(undo)
    data = dict(error.data, cause=error.kind, prior_state=prior_state, undone=undone, undo_error=problem)
    blocked = data.pop("blocked", False) and undone is not False
    # Only a host that is as it was found is blocked; one that could not be undone has failed.
    raise (CannotMove if blocked else MaintenanceFailed)("%s; %s" % (error.message, words), **data) from error


def _try(undo: Undo) -> Tuple[Optional[bool], str, Optional[str]]:
    if undo.action is None:
        return False if undo.begun else None, undo.words, None
    try:
        with undisturbed():
            undo.action()
    except PatchtrainError as error:
        return False, "UNDOING IT FAILED TOO: %s" % error.message, error.message
    return True, "undone: %s" % undo.words, None
