# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several executions of one task at a time, each in a process of its own, as Ansible itself works on several hosts.

Threads would not do: a limit on an execution is an alarm of the process.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import tempfile
import traceback
from typing import IO, Any, Callable, Dict, List, Mapping, Sequence, TypeVar

from ..module_utils.errors import PatchtrainError

T = TypeVar("T")


class BrokenOff(PatchtrainError):
    """A process ended without an answer; the message says what it said last."""


def side_by_side(work: Callable[[T], Any], items: Sequence[T], most: int) -> List[Any]:
    """``work`` of each item, in their order, no more than ``most`` at a time. What it returns has to fit into JSON; what it raises is ``BrokenOff``."""
    if len(items) <= 1 or most <= 1:
        return [work(item) for item in items]
    answers: List[Any] = [None] * len(items)
    running: Dict[int, tuple[int, IO[str]]] = {}
    try:
        for index, item in enumerate(items):
            if len(running) >= most:
                _collect(running, answers)
            said = tempfile.TemporaryFile("w+", encoding="utf-8")
            running[_begin(work, item, said)] = (index, said)
        while running:
            _collect(running, answers)
    finally:
        _end(running)
    return answers


def _begin(work: Callable[[T], Any], item: T, said: IO[str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    # Nothing of the parent's must be done here at the end: its clean-up, and what stands in its buffers, are its own.
    ended = errno.EIO
    try:
        said.write(_answer(work, item))
        said.flush()
        ended = 0
    except OSError as error:
        # What was written is cut, so the reason can't be told there.
        ended = error.errno or ended
    finally:
        os._exit(ended)


def _answer(work: Callable[[T], Any], item: T) -> str:
    try:
        return json.dumps({"answer": work(item)})
    except BaseException:  # noqa: BLE001 - whatever ends this process is told to the one that waits for it
        return json.dumps({"broken": traceback.format_exc().strip().splitlines()[-1]})


def _collect(running: Dict[int, tuple[int, IO[str]]], answers: List[Any]) -> None:
    """Wait for the one that was begun first."""
    pid = next(iter(running))
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    index, said = running.pop(pid)
    with said:
        said.seek(0)
        text = said.read()
    found = {"broken": _without_answer(ended)} if ended else json.loads(text)
    if "broken" in found:
        raise BrokenOff("an execution was broken off: %s" % found["broken"])
    answers[index] = found["answer"]


def _without_answer(ended: int) -> str:
    if ended < 0:
        return "it was ended by signal %d" % -ended
    return "its answer can't be kept in %s: %s" % (tempfile.gettempdir(), os.strerror(ended))


def _end(running: Mapping[int, tuple[int, IO[str]]]) -> None:
    """Those that nobody waits for any more."""
    for pid, (_index, said) in running.items():
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        said.close()
