# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Keep the host's own updaters (apt-daily, dnf-automatic, ...) from working while a run has plans for the host.

A drop-in makes their services skip themselves until a given time. It outlives a restart of the host, and it ends by itself, so that a
host whose run was forgotten does not stay without updates. No timer is touched: what it would have started is skipped and
comes again at its next time. An updater that works at this moment is not stopped; the job waits for its lock.

Several runs may hold the same host. Each has a line of its own in the drop-in, and the services go on when the last has let go.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import Dict, Iterable, List, Mapping, Optional, Sequence

from ..errors import CommandFailed
from ..runner import Runner
from .files import replace_file

UNITS = "/etc/systemd/system"
DROP_IN = "50-patchtrain-hold.conf"
# A service whose ExecCondition= fails is skipped. systemd before 243 does not know it; there a failing ExecStartPre= does the
# same, but leaves the unit failed until the hold is released.
_WAYS = ("ExecCondition", "ExecStartPre")
_HOLDER = re.compile(r"^# (run [0-9a-f]{16}) until (\d+)$", re.MULTILINE)


def hold(runner: Runner, units: Sequence[str], run_id: str, expires: float, folder: str = UNITS) -> List[str]:
    """Hold these services off until ``expires`` (epoch seconds), those that the host has. Returns their names."""
    present = _loaded(runner, units)
    for way in _WAYS:
        texts = {unit: _text(way, dict(_holders(folder, unit), **{_tag(run_id): int(expires)})) for unit in present}
        changed = [unit for unit in present if _write(_path(folder, unit), texts[unit])]
        if changed:
            _reload(runner)
        if not present or _is_held(runner, present, way):
            return present
    raise CommandFailed("systemd does not take the hold on %s" % ", ".join(present), ["systemctl", "daemon-reload"])


def release(runner: Runner, run_id: str, folder: str = UNITS) -> List[str]:
    """Let go what this run held. Returns the services' names; none when it holds none. What another run holds too stays held for that one."""
    mine = [unit for unit in _dropped(folder) if _tag(run_id) in _read(_path(folder, unit))]
    failing = [unit for unit in mine if "ExecStartPre" in _read(_path(folder, unit))]
    for unit in mine:
        _let_go(folder, unit, run_id)
    if mine:
        _reload(runner)
    for unit in failing:
        runner.run(["systemctl", "reset-failed", unit])
    return mine


def _let_go(folder: str, unit: str, run_id: str) -> None:
    others = {tag: expires for tag, expires in _holders(folder, unit).items() if tag != _tag(run_id)}
    path = _path(folder, unit)
    if others:
        _write(path, _text("ExecStartPre" if "ExecStartPre" in _read(path) else "ExecCondition", others))
        return
    os.unlink(path)
    if not os.listdir(os.path.dirname(path)):
        os.rmdir(os.path.dirname(path))


def _holders(folder: str, unit: str) -> Dict[str, int]:
    """Until when which runs hold it; one that never let go does so no longer than it said."""
    known = {tag: int(expires) for tag, expires in _HOLDER.findall(_read(_path(folder, unit)))}
    return {tag: expires for tag, expires in known.items() if expires > time.time()}


def _loaded(runner: Runner, units: Sequence[str]) -> List[str]:
    if not units:
        return []
    shown = _properties(runner, units, "LoadState")
    return sorted(unit for unit in units if "LoadState=loaded" in shown.get(unit, ""))


def _is_held(runner: Runner, units: Sequence[str], way: str) -> bool:
    shown = _properties(runner, units, way)
    return all(_EXPIRES_SHOWN in shown.get(unit, "") for unit in units)


_EXPIRES_SHOWN = "date +"


def _properties(runner: Runner, units: Sequence[str], name: str) -> Dict[str, str]:
    """What ``systemctl show`` says of each unit. It prints them in the order asked, an empty line between two."""
    said = runner.run(["systemctl", "show", "--property=Id", "--property=" + name, "--", *units]).check()
    return dict(zip(units, said.stdout.strip("\n").split("\n\n")))


def _reload(runner: Runner) -> None:
    runner.run(["systemctl", "daemon-reload"]).check()


def _text(way: str, holders: Mapping[str, int]) -> str:
    lines = "".join("# %s until %d\n" % holder for holder in sorted(holders.items()))
    # In a unit "%%" stands for "%" and "$$" for "$".
    return ("# fleetops.patchtrain holds this off while a run works on the host. It ends by itself and may be removed.\n"
            "%s[Service]\n%s=/bin/sh -c 'test \"$$(date +%%%%s)\" -ge %d'\n" % (lines, way, max(holders.values())))


def _tag(run_id: str) -> str:
    """The run as it stands in the file: a name may hold anything, line ends too."""
    return "run " + hashlib.sha256(run_id.encode()).hexdigest()[:16]


def _path(folder: str, unit: str) -> str:
    return os.path.join(folder, unit + ".d", DROP_IN)


def _dropped(folder: str) -> Iterable[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [name[:-len(".d")] for name in names if os.path.exists(os.path.join(folder, name, DROP_IN))]


def _read(path: str) -> str:
    return _text_of(path) or ""


def _text_of(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def _write(path: str, text: str) -> bool:
    if _text_of(path) == text:
        return False
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    replace_file(path, text.encode())
    os.chmod(path, 0o644)
    return True
