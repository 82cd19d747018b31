# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The only door to programs and files of a host.

All logic takes a ``Runner``, so that it can be tested without a host: tests pass one that answers from transcripts.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import Dict, IO, Mapping, Optional, Protocol, Sequence, Tuple

from .errors import CommandFailed, CommandTimeout, NotReadable, ToolMissing

DEFAULT_LIMIT = 120.0
_TAIL = 2000
_DEAD_WITHIN = 1.0
"""Who was killed and is not dead by then waits for a disk, and can't be helped."""


@dataclass(frozen=True)
class Completed:
    """How a program ended: its return code and what it printed (decoded as UTF-8, undecodable bytes replaced)."""

    argv: Tuple[str, ...]
    rc: int
    stdout: str
    stderr: str

    def check(self, ok: Sequence[int] = (0,)) -> Completed:
        """Return self, or raise ``CommandFailed`` when the return code is not one of ``ok``."""
        if self.rc not in ok:
            said = (self.stderr.strip() or self.stdout.strip()).splitlines()
            raise CommandFailed(
                "%s ended with rc %d: %s" % (self.argv[0], self.rc, said[-1] if said else "it printed nothing"),
                self.argv, rc=self.rc, stdout=self.stdout[-_TAIL:], stderr=self.stderr[-_TAIL:])
        return self


class Runner(Protocol):
    """What host-side code needs of a host."""

    def run(self, argv: Sequence[str], limit: Optional[float] = DEFAULT_LIMIT, stdin: str = "",
            env: Optional[Mapping[str, str]] = None, log: Optional[IO[str]] = None) -> Completed:
        """Run a program without a shell, at most ``limit`` seconds; None only for what must never be cut (dpkg, rpm). Whatever ends the
        wait for a program with a limit ends the program too.

        ``env`` is added to the environment, in which ``LC_ALL`` is always ``C.UTF-8`` or ``C``. With ``log`` the
        program's output goes there as it comes, stdout and stderr together, and is not returned.

        Raises ``ToolMissing`` and ``CommandTimeout``; a return code is the caller's to judge (``Completed.check``).
        """

    def which(self, tool: str) -> Optional[str]:
        """The path of a program, or None."""

    def read(self, path: str) -> Optional[str]:
        """A text file's content, or None where there is no such file. Raises ``NotReadable``."""


class SystemRunner:
    """A ``Runner`` for the machine it runs on."""

    def run(self, argv: Sequence[str], limit: Optional[float] = DEFAULT_LIMIT, stdin: str = "",
            env: Optional[Mapping[str, str]] = None, log: Optional[IO[str]] = None) -> Completed:
        try:
            process = subprocess.Popen(
                list(argv), stdin=subprocess.PIPE, stdout=log or subprocess.PIPE,
                stderr=subprocess.STDOUT if log else subprocess.PIPE,
                env=self._environment(env), start_new_session=True)
        except OSError as error:
            hint = "; does its first line name its interpreter (#!/bin/sh)?" if error.errno == errno.ENOEXEC else ""
            raise ToolMissing("%s can't be run: %s%s" % (argv[0], error.strerror, hint), tool=argv[0]) from error
        try:
            said: Tuple[Optional[bytes], Optional[bytes]] = process.communicate(stdin.encode(), timeout=limit)
        except subprocess.TimeoutExpired as late:
            # Something that it started may live on and keep the pipes open: whether the program itself ended is what counts.
            if process.poll() is None:
                _kill(process)
                raise CommandTimeout("%s did not end within %g s" % (argv[0], limit or 0), argv, limit=limit) from None
            _close(process)
            said = (late.output, late.stderr)
        except BaseException:
            # Told to end. Nothing goes on behind our back, but for what must never be cut.
            if limit is not None:
                _kill(process)
            raise
        return Completed(tuple(argv), process.returncode, _text(said[0]), _text(said[1]))

    def which(self, tool: str) -> Optional[str]:
        return shutil.which(tool, path=self._environment(None)["PATH"])

    def read(self, path: str) -> Optional[str]:
        try:
            with open(path, encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
            # The last: below /proc, of a process that ended while it was looked at.
            return None
        except PermissionError as error:
            raise NotReadable("%s can't be read by uid %d (become: true)" % (path, os.geteuid()), path=path) from error

    @staticmethod
    def _environment(extra: Optional[Mapping[str, str]]) -> Dict[str, str]:
        env = dict(os.environ, LC_ALL="C.UTF-8", LANG="C.UTF-8", LANGUAGE="C", COLUMNS="500")
        path = env.get("PATH", "").split(":")
        env["PATH"] = ":".join(path + [p for p in ("/usr/sbin", "/usr/bin", "/sbin", "/bin") if p not in path]).strip(":")
        env.update(extra or {})
        return env


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With what it started. What left its group may keep the pipes open, so that their end is not waited for."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_DEAD_WITHIN)
    _close(process)


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _text(data: Optional[bytes]) -> str:
    return (data or b"").decode("utf-8", "replace")
