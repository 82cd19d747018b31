# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executions on a host, each with a limit on the controller's side.

A host that is lost (connection refused, closed) or silent (packets dropped) ends in ``Lost``, an ordinary exception, so that
an action plugin can record it and fail, and ``rescue`` runs. Ansible by itself would mark the host unreachable and skip
``rescue``, ``always`` and every later play.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import signal
import time
from types import FrameType
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.errors import PatchtrainError

SSH_LIVENESS = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"
"""A peer that answers nothing for 15 s is given up by ssh itself; the limit on this side is the second net."""

DISK_FULL = "No space left on device"

_CLEARING = 15.0
"""Seconds for the removal of what Ansible has sent; it may be asked of a host that is lost."""


class RemoteError(PatchtrainError):
    """Base of what can go wrong between controller and host."""


class Lost(RemoteError):
    """The host can't be reached, or did not answer within the limit."""


class CannotRun(RemoteError):
    """The host answers, but nothing can be run there as needed: no sudo, no Python, no space for temporary files."""


class _LimitPassed(BaseException):
    """Raised by the alarm; not an ``Exception``, so that no handler in a connection plugin takes it for its own."""


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise ``_LimitPassed`` in the body after ``seconds``; an alarm that is set already (a task's ``timeout``) stays in force."""

    def on_alarm(signum: int, frame: Optional[FrameType]) -> None:
        raise _LimitPassed()

    outer, _interval = signal.getitimer(signal.ITIMER_REAL)
    if outer and outer <= seconds:
        yield
        return
    begun = time.monotonic()
    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, outer - (time.monotonic() - begun)))


class Remote:
    """A host as an action plugin reaches it. ``action`` carries the connection, ``variables`` the host's variables; ``is_place`` says that
    nobody clears there when the task is over."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any], name: str, is_place: bool = False) -> None:
        self.name = name
        self._action = action
        self._variables = variables
        self._is_place = is_place
        harden(action._connection)

    def module(self, name: str, args: Mapping[str, Any], seconds: float, check: Optional[bool] = None) -> Dict[str, Any]:
        """Execute a module; its result, with ``failed`` where it failed. ``check`` None means as the task is run. Raises ``Lost``
        and ``CannotRun``."""
        result = self._executed(name, args, seconds, check)
        if result.get("unreachable"):
            raise Lost("%s: %s" % (self.name, _first_line(result.get("msg"))), host=self.name)
        reason = why_nothing_ran(result)
        if reason:
            raise CannotRun("%s: %s" % (self.name, reason[1]), host=self.name, obstacle=reason[0])
        result.pop("invocation", None)
        if result.get("failed") and not result.get("msg"):
            result["msg"] = "%s broke off: %s" % (name, _of_crash(result.get("exception")))
        return result

    def _executed(self, name: str, args: Mapping[str, Any], seconds: float, check: Optional[bool]) -> Dict[str, Any]:
        try:
            with self._check_mode(check):
                result: Dict[str, Any] = self._bounded(
                    seconds, lambda: self._action._execute_module(module_name=name, module_args=dict(args), task_vars=self._variables))
        finally:
            if self._is_place:
                self.clear()
        return result

    def clear(self) -> None:
        """Remove modules that were sent as files (where there is no pipelining), with the options in them. A host that can't be reached keeps
        them, and that is no failure: raised when the task is over, Ansible would make it an unreachable host and skip ``rescue``."""
        shell = self._action._connection._shell
        if not shell.tmpdir:
            return
        try:
            if not C.DEFAULT_KEEP_REMOTE_FILES:
                # Several actions share a connection, and only the one that made the folder knows that there is one to remove.
                self._bounded(_CLEARING, lambda: self._action._remove_tmp_path(shell.tmpdir, force=True))
        except RemoteError as error:
            self._action._display.vvv("%s stays there: %s" % (shell.tmpdir, error.message), host=self.name)
        finally:
            shell.tmpdir = None

    def command(self, argv: Sequence[str], seconds: float, stdin: Optional[str] = None) -> Dict[str, Any]:
        """Execute a program, with the task's privileges: ``rc, stdout, stderr``. No module is sent, so it costs little."""
        line = " ".join(shlex.quote(str(word)) for word in argv)
        data = None if stdin is None else stdin.encode()
        result: Dict[str, Any] = self._bounded(
            seconds, lambda: self._action._low_level_execute_command(line, in_data=data))
        return result

    def must(self, argv: Sequence[str], seconds: float) -> str:
        """Execute a program that has to succeed; what it printed. Raises ``CannotRun`` with its last line, or the one about a full disk."""
        done = self.command(argv, seconds)
        if done["rc"]:
            said = _said(done)
            raise CannotRun("%s: %s ended with rc %d: %s" % (self.name, argv[0], done["rc"], said), host=self.name, argv=list(argv), rc=done["rc"])
        return str(done["stdout"])

    @contextlib.contextmanager
    def temporary_folder(self, seconds: float) -> Iterator[str]:
        """A folder there that belongs to the user who logs in, so that files can be sent to it and fetched from it."""
        shell = self._action._connection._shell
        before = shell.tmpdir
        path: str = self._bounded(seconds, self._action._make_tmp_path)
        # Ansible takes the last folder that was made for its own, and ours is gone when a module comes next.
        shell.tmpdir = before
        try:
            yield path
        finally:
            self._bounded(seconds, lambda: self._action._remove_tmp_path(path, force=True))

    def fetch(self, path: str, local: str, seconds: float) -> None:
        """Copy a file that the user who logs in may read to this side."""
        self._bounded(seconds, lambda: self._action._connection.fetch_file(path, local))

    def send(self, local: str, path: str, seconds: float) -> None:
        """Copy a file to where the user who logs in may write."""
        self._bounded(seconds, lambda: self._action._connection.put_file(local, path))

    @property
    def checking(self) -> bool:
        """Whether the task is run in check mode."""
        return bool(self._action._task.check_mode)

    @property
    def takes_input(self) -> bool:
        """Whether a program there can be given input, which is so where modules are sent without files (pipelining)."""
        return bool(self._action._is_pipelining_enabled("new"))

    @property
    def environment(self) -> Dict[str, str]:
        """What the task's ``environment`` says, for what is no module and so does not get it by itself."""
        found: Dict[str, Any] = {}
        self._action._compute_environment_string(found)
        return {name: str(value) for name, value in found.items()}

    def forget_connection(self) -> None:
        """Drop what is kept open, for example after a reboot; a host that is gone already is no failure."""
        reset = getattr(self._action._connection, "reset", None)
        if reset is None:
            return
        with contextlib.suppress(AnsibleConnectionFailure, _LimitPassed), limit(10):
            reset()

    @contextlib.contextmanager
    def _check_mode(self, wanted: Optional[bool]) -> Iterator[None]:
        task = self._action._task
        was = task.check_mode
        task.check_mode = was if wanted is None else wanted
        try:
            yield
        finally:
            task.check_mode = was

    def _bounded(self, seconds: float, call: Any) -> Any:
        before = _children()
        try:
            with limit(seconds):
                return call()
        except _LimitPassed:
            _end(_children() - before)
            raise Lost("%s did not answer within %g s" % (self.name, seconds), host=self.name, limit=seconds) from None
        except AnsibleConnectionFailure as error:
            raise Lost("%s can't be reached: %s" % (self.name, _telling_line(error)), host=self.name) from error
        except AnsibleError as error:
            obstacle, meaning = _meaning(str(error)) or ("connection", " ".join(str(error).split()))
            raise CannotRun("%s: %s" % (self.name, meaning), host=self.name, obstacle=obstacle) from error


def harden(connection: Any) -> None:
    """Let ssh notice a silent peer. Its own control socket, because an older master without these settings defeats them."""
    if getattr(connection, "transport", "") != "ssh":
        return
    extra = connection.get_option("ssh_extra_args") or ""
    if SSH_LIVENESS not in extra:
        connection.set_option("ssh_extra_args", (extra + " " + SSH_LIVENESS).strip())
        directory = str(connection.get_option("control_path_dir") or "~/.ansible/cp")
        connection.set_option("control_path_dir", directory)
        connection.set_option("control_path", "%(directory)s/pt-" + _connection_digest(connection))


def _connection_digest(connection: Any) -> str:
    """Distinct for each host, port, user and way there; short, because a socket's path is limited to 107 bytes."""
    keys = ("host", "port", "remote_user", "ssh_common_args", "private_key_file")
    text = "\0".join(str(connection.get_option(key)) for key in keys)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_SIGNS = (
    ("sudo", "a password is required", "sudo wants a password: allow it without one, or give ansible_become_password"),
    ("sudo", "Missing sudo password", "sudo wants a password: allow it without one, or give ansible_become_password"),
    ("sudo", "Incorrect sudo password", "the become password is wrong"),
    ("sudo", "is not in the sudoers file", "the user may not use sudo"),
    ("sudo", "sudo: not found", "sudo is not installed"),
    ("sudo", "sudo: command not found", "sudo is not installed"),
    ("space", DISK_FULL, "no space left for temporary files"),
    ("python", "python3: not found", "no Python there: install python3 (3.8 or newer), or set ansible_python_interpreter"),
    ("python", "No such file or directory", "the Python interpreter is not there: set ansible_python_interpreter"),
    ("python", "SyntaxError", "its Python is too old: 3.8 or newer is needed, see ansible_python_interpreter"),
)


def why_nothing_ran(result: Mapping[str, Any]) -> Optional[tuple[str, str]]:
    """Obstacle and a line for a person where a module could not even start, None where it ran."""
    if not result.get("failed") or "error" in result:
        return None
    said = " ".join(str(result.get(key, "")) for key in ("msg", "module_stderr", "module_stdout"))
    if "module_stdout" not in result and "module_stderr" not in result and "interpreter" not in said:
        return None
    return _meaning(said) or (
        "execution", "nothing could be run there: %s" % (_last_line(result.get("module_stderr")) or _first_line(result.get("msg"))))


def _meaning(said: str) -> Optional[tuple[str, str]]:
    return next(((obstacle, meaning) for obstacle, sign, meaning in _SIGNS if sign in said), None)


def _telling_line(error: object) -> str:
    """ssh prints its banner and debug lines first; what it stumbled over stands last, behind its own name."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "ssh: " in line or "Permission denied" in line]
    return (told or lines or ["no reason given"])[-1]


def _children(pid: Optional[int] = None) -> set[int]:
    """All descendants of this process: the connection plugin's ssh clients, and what a local connection started."""
    pid = os.getpid() if pid is None else pid
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as handle:
            direct = {int(word) for word in handle.read().split()}
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return direct.union(*(_children(child) for child in direct))


def _end(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _said(done: Mapping[str, Any]) -> str:
    """Why a program failed, in its own words; with a terminal all of them are in ``stdout``, and ssh adds a line to ``stderr``."""
    lines = [line.strip() for key in ("stdout", "stderr") for line in str(done.get(key) or "").splitlines()]
    told = [line for line in lines if line and not line.startswith("Shared connection to ")]
    full = [line for line in told if DISK_FULL in line]
    return (full or told or ["it said nothing"])[-1]


def _of_crash(exception: object) -> str:
    """What a module said last that ended by no failure of its own; ansible-core 2.19 and later put it into an object alone."""
    return _last_line(getattr(getattr(exception, "event", None), "msg", None) or exception) or "no reason given"


def _first_line(text: object) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[0] if lines else "no reason given"


def _last_line(text: object) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""
