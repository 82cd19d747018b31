# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scenes of both tools do that is not recorded: set the stage, and cut a transaction."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Iterable, List, Sequence

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import PatchtrainError
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Record, Wanted

from fleet import BASE_OLD, EXTRA, SLOW, Rpm

SEEDED = [rpm for rpm in BASE_OLD if rpm.name != "tide-libs"] + [EXTRA[0]]
"""What is asked for by name; tide-libs comes along as a dependency."""


def wanted(*texts: str) -> List[Wanted]:
    """From ``name.arch=version``."""
    return [Wanted(*name.rpartition(".")[::2], version) for name, _equals, version in (text.partition("=") for text in texts)]


def evr(rpm: Rpm) -> str:
    return "%s%s-%s" % ("%d:" % rpm.epoch if rpm.epoch else "", rpm.version, rpm.release)


def answer(do: Callable[..., Any], *args: Any) -> Any:
    """What a method returns, or how it fails."""
    try:
        return plain(do(*args))
    except PatchtrainError as error:
        return error.as_result()


def shell(*argv: str) -> str:
    """Run a tool off the record; a failure ends the scene."""
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=dict(os.environ, LC_ALL="C.UTF-8")).stdout


def plain(found: Any) -> Any:
    if isinstance(found, Record):
        return found.to_dict()
    return [plain(item) for item in found] if isinstance(found, (list, tuple)) else found


def cut(argv: Sequence[str]) -> None:
    """Begin a transaction, and kill it and all that it started in the install script of a package that waits."""
    Path(SLOW).touch()
    with open("/cut.log", "w") as log:
        tool = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        _await(tool)
        os.killpg(tool.pid, signal.SIGKILL)
        tool.wait()
    Path(SLOW).unlink()
    for pid in _scripts():
        os.kill(pid, signal.SIGKILL)


def _await(tool: "subprocess.Popen[bytes]") -> None:
    limit = time.monotonic() + 30
    while not list(_scripts()):
        assert tool.poll() is None and time.monotonic() < limit, Path("/cut.log").read_text()
        time.sleep(0.05)


def _scripts() -> Iterable[int]:
    """Processes that run an rpm script."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if b"/var/tmp/rpm-tmp" in text:
            yield int(path.parent.name)


def holding(argv: Sequence[str]) -> "subprocess.Popen[bytes]":
    """A transaction that stays in a script until ``let_go``."""
    Path(SLOW).touch()
    with open("/held.log", "w") as log:
        tool = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    _await(tool)
    return tool


def let_go(tool: "subprocess.Popen[bytes]") -> None:
    Path(SLOW).unlink()
    tool.wait()
