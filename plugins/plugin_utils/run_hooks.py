# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hooks of a run's hosts: which files, checked all at once, ready to be included."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterable, Mapping, Set, Tuple

from .book import state_directory
from .hooks import OF_THE_RUN, POINTS, RUN_POINTS, Parsing, find, prepare
from .variables import patch_variables

_NAMES = {"patch_hook_" + point: point for point in POINTS}
_OF_RUN = {"patch_run_hook_" + point: OF_THE_RUN + point for point in RUN_POINTS}


def prepare_hooks(action: Any, run: str, hosts: Iterable[str]) -> Dict[str, Dict[str, str]]:
    """By point and by the name that one of ``hosts`` (or the task's own variables) gives: the path of the instrumented copy."""
    return _prepare(action, hosts, state_directory() / "runs" / run / "hooks")


def check_hooks(action: Any, hosts: Iterable[str]) -> None:
    """Raise ``BadHook`` for one that can't be used. Nothing is left behind, because there is no run yet."""
    with tempfile.TemporaryDirectory(prefix="patchtrain-hooks-") as folder:
        _prepare(action, hosts, Path(folder))


def _prepare(action: Any, hosts: Iterable[str], target: Path) -> Dict[str, Dict[str, str]]:
    settings = action.settings()
    directory = hooks_directory(settings.patch_hooks_dir, action.variables)
    ready: Dict[str, Dict[str, str]] = {point: {} for point in [*_NAMES.values(), *_OF_RUN.values()]}
    for point, name in sorted(_named(action, hosts)):
        parsing = Parsing.of_task(action._task, action._loader)
        copy = prepare(find(name, directory), point, target, parsing, int(settings.patch_hook_task_timeout))
        ready[point][name] = str(copy)
    return ready


def hooks_directory(setting: str, variables: Mapping[str, Any]) -> Path:
    """``patch_hooks_dir``, or the caller's directory: that of the playbook, or the current one for a playbook of this collection."""
    playbook = Path(str(variables["playbook_dir"]))
    mine = playbook.parts[-4:-1] == ("ansible_collections", "fleetops", "patchtrain")
    caller = Path(os.environ.get("PWD") or os.getcwd()) if mine else playbook
    return caller / setting if setting else caller


def prepare_run_hook(action: Any, run: str, recorded: Mapping[str, Any], point: str) -> str:
    """The checked copy of a run's own hook, by the settings that were recorded when it opened; empty where it has none."""
    name = str(recorded.get("patch_run_hook_" + point) or "")
    if not name:
        return ""
    source = find(name, hooks_directory(str(recorded.get("patch_hooks_dir") or ""), action.variables))
    parsing, limit = Parsing.of_task(action._task, action._loader), int(recorded.get("patch_hook_task_timeout") or 0)
    return str(prepare(source, OF_THE_RUN + point, state_directory() / "runs" / run / "hooks", parsing, limit or 600))


def _named(action: Any, hosts: Iterable[str]) -> Set[Tuple[str, str]]:
    known = {**_NAMES, **_OF_RUN}
    own = patch_variables(action.variables, action._templar, tuple(known))
    found = [own]
    hostvars = action.variables["hostvars"]
    found.extend(patch_variables(hostvars[host], None, tuple(_NAMES)) for host in hosts if host in hostvars)
    return {(known[name], str(value)) for values in found for name, value in values.items() if value}
