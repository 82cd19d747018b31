# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs: argument lists only, always with a limit, never a swallowed return code."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Mapping, Sequence

from .errors import CommandFailed, LabError

LIMIT = 60.0


def run(
    argv: Sequence[str | Path],
    *,
    limit: float = LIMIT,
    stdin: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; anything but a return code in ``ok`` is a ``LabError`` with its last words."""
    words = [str(word) for word in argv]
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=cwd, env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}, text=True, errors="replace", start_new_session=True)
    try:
        out, err = process.communicate(stdin, timeout=limit)
    except subprocess.TimeoutExpired:
        _end(process)
        raise LabError(f"{words[0]} did not end within {limit:.0f} s: {' '.join(words)[:300]}") from None
    except BaseException:
        _end(process)
        raise
    if process.returncode not in ok:
        said = last_words(err or out)
        raise CommandFailed(f"{words[0]} ended with rc {process.returncode}: {said} (it was: {' '.join(words)[:200]})", said)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def _end(process: subprocess.Popen[str]) -> None:
    """The whole process group goes: a package installation has children."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=5)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def last_words(text: str, lines: int = 4) -> str:
    """The last lines that say something, as one."""
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(said[-lines:]) or "it printed nothing"
