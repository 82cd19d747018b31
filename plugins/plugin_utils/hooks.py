# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks: task files of the user's, run before and after drain and restore.

Two things that Ansible does would break a roll. A hook with a YAML error or an unknown module ends the whole playbook in the
middle of a drain; so every hook is found, loaded and parsed when the run opens. And a host that is lost inside a hook
leaves the play without ``rescue``; so what runs is an instrumented copy of the hook, in which an unreachable host is
noticed after each task, by a failure that ``rescue`` sees. The copy lies beside links to the original's neighbours, so that relative
paths mean what they meant.
"""

from __future__ import annotations

import datetime
import hashlib
import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.play import Play
from ansible.playbook.role_include import IncludeRole
from ansible.playbook.task import Task
from ansible.vars.manager import VariableManager

try:
    from ansible.template import is_trusted_as_template
except ImportError:  # ansible-core 2.18 marks what must not be templated, not what may be
    def is_trusted_as_template(value: Any) -> bool:
        return not getattr(value, "__UNSAFE__", False)

from ..module_utils.errors import BadInput

POINTS = ("before_drain", "after_drain", "before_restore", "after_restore")
"""Of each host."""

RUN_POINTS = ("before", "after", "on_stop", "on_first_failure")
"""Of the run as a whole, on the controller."""

OF_THE_RUN = "run_"
"""Begins the name by which a point of the run is known among those of hosts."""

PROOF = "fleetops.patchtrain.hook_proof"

_PREFIXES = ("", "ansible.builtin.", "ansible.legacy.")
_BLOCK_KEYS = ("block", "rescue", "always")
_INCLUDES = tuple(prefix + name for prefix in _PREFIXES for name in ("include_tasks", "import_tasks"))
_ROLES = tuple(prefix + name for prefix in _PREFIXES for name in ("include_role", "import_role"))
_META = tuple(prefix + "meta" for prefix in _PREFIXES)
_ENDINGS = ("end_host", "end_play", "end_batch", "end_role")


class BadHook(BadInput):
    """A hook that can't be used: which file, where in it, and why."""


def find(name: str, directory: Path) -> Path:
    """The hook file ``name``: absolute, or relative to ``directory``."""
    path = (directory / name).absolute()
    if not path.is_file():
        raise BadHook("hook %s does not exist: give an absolute path, or one relative to patch_hooks_dir (%s)" % (path, directory),
                      path=str(path))
    return path


@dataclass(frozen=True)
class Parsing:
    """What Ansible's parser needs. ``play``, ``role`` and ``variables`` are those of the task that will include the hook, because roles are
    searched beside them."""

    loader: DataLoader
    play: Any
    variables: Any
    role: Any = None

    @classmethod
    def of_task(cls, task: Any, loader: DataLoader) -> "Parsing":
        return cls(loader, task.get_play(), task.get_variable_manager() or VariableManager(loader=loader), task._role)

    @classmethod
    def alone(cls, loader: DataLoader) -> "Parsing":
        return cls(loader, Play.load({"name": "hook", "hosts": "all"}, loader=loader), VariableManager(loader=loader))

    def judge(self, tasks: List[Any]) -> None:
        """Load tasks as an include would, with the roles that they include by a plain name. Raises ``AnsibleError``."""
        given: Dict[str, Any] = {"play": self.play, "variable_manager": self.variables, "loader": self.loader}
        for task in _leaves(load_list_of_blocks(tasks, role=self.role, **given)):
            if isinstance(task, IncludeRole) and not task.statically_loaded and "{{" not in "%s%s" % (task._role_name, task._from_files):
                task.get_block_list(**given)


def prepare(source: Path, point: str, target: Path, parsing: Parsing, task_timeout: int) -> Path:
    """Check a hook and write its instrumented copy below ``target``; the copy's path. Raises ``BadHook``."""
    return _Instrument(point, target, parsing, task_timeout).file(source, top=True)


class _Instrument:
    def __init__(self, point: str, target: Path, parsing: Parsing, task_timeout: int) -> None:
        self.point = point
        self.target = target
        self.parsing = parsing
        self.task_timeout = task_timeout
        self._count = 0
        self._open: List[Path] = []
        self._delegated: List[str] = []

    def file(self, source: Path, top: bool = False) -> Path:
        if source in self._open:
            raise BadHook("hook %s includes itself" % source, path=str(source))
        self._open.append(source)
        tasks = self._tasks(_plain(_load(source, self.parsing.loader)), source)
        self._open.pop()
        if top and not self.point.startswith(OF_THE_RUN):
            tasks = [self._proof("begun", source), *tasks, self._proof("ended", source)]
        return self._write(source, tasks)

    def _tasks(self, tasks: Sequence[Any], source: Path) -> List[Dict[str, Any]]:
        done: List[Dict[str, Any]] = []
        for task in tasks:
            done.extend(self._one(task, source))
        return done

    def _one(self, task: Any, source: Path) -> List[Dict[str, Any]]:
        if not isinstance(task, dict):
            raise BadHook("hook %s: each task is a mapping, found %r" % (source, task), path=str(source))
        if "block" in task:
            return [self._block(task, source)]
        _check(task, source, self.parsing.loader)
        action = next((key for key in task if key in _INCLUDES + _ROLES + _META), None)
        if action in _META:
            _refuse_endings(task[action], source)
        if action in _INCLUDES:
            return [self._included(task, action, source)]
        if action is not None or task.get("ignore_unreachable"):
            return [task]
        return self._leaf(task, source)

    def _block(self, task: Dict[str, Any], source: Path) -> Dict[str, Any]:
        self._delegated.append(str(task.get("delegate_to") or ""))
        done = {key: self._tasks(value or [], source) if key in _BLOCK_KEYS else value for key, value in task.items()}
        self._delegated.pop()
        return done

    def _included(self, task: Dict[str, Any], action: Any, source: Path) -> Dict[str, Any]:
        """A nested file whose name is plain is instrumented too; one that is templated is left as it is."""
        args = task[action]
        name = args.get("file", "") if isinstance(args, dict) else str(args)
        if "{{" in name or not name:
            return task
        nested = str(self.file(find(name, source.parent)))
        return dict(task, **{action: dict(args, file=nested) if isinstance(args, dict) else nested})

    def _leaf(self, task: Dict[str, Any], source: Path) -> List[Dict[str, Any]]:
        self._count += 1
        changed = dict(task, ignore_unreachable=True)
        changed.setdefault("register", "patch_hook_%s_%d" % (self.point, self._count))
        changed.setdefault("timeout", self.task_timeout)
        lost = "%s is defined and (%s.unreachable | default(false))" % ((changed["register"],) * 2)
        proof = self._proof("lost", source, str(task.get("name", "task %d" % self._count)))
        place = self._place(task)
        if place:
            proof[PROOF]["place"] = place
        return [changed, dict(proof, when=lost)]

    def _place(self, task: Dict[str, Any]) -> str:
        """Where the task runs, if not on the host: which of a loop's places did not answer is not known."""
        place = str(task.get("delegate_to") or next((p for p in reversed(self._delegated) if p), ""))
        looped = any(key == "loop" or key.startswith("with_") for key in task)
        return "one of several places" if looped and "{{" in place else place

    def _proof(self, state: str, source: Path, task: Optional[str] = None) -> Dict[str, Any]:
        args = {"state": state, "point": self.point, "source": str(source), "run_id": "{{ patch_run_id }}"}
        if task is not None:
            args["task"] = task
        return {"name": "Hook %s, proof: %s" % (self.point, state), PROOF: args}

    def _write(self, source: Path, tasks: List[Dict[str, Any]]) -> Path:
        folder = self.target / hashlib.sha256(str(source).encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for neighbour in source.parent.iterdir():
            _link(folder / neighbour.name, neighbour)
        path = folder / ("%s.%s" % (self.point, source.name))
        text = "---\n# Instrumented copy of %s\n%s" % (source, yaml.dump(tasks, Dumper=_Dumper, sort_keys=False, width=1000))
        temporary = path.with_suffix(".%d.part" % os.getpid())
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o600)
        try:
            self._judge(temporary, source)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def _judge(self, copy: Path, source: Path) -> None:
        """Ansible's own parser judges the whole of what will be included: blocks, includes, imported files and roles."""
        try:
            self.parsing.judge(_load(copy, self.parsing.loader))
        except AnsibleError as error:
            raise BadHook("hook %s: %s" % (source, _one_line(error)), path=str(source)) from error


class _Tagged(str):
    """A string that has to stand with a YAML tag in the copy as it did in the hook."""

    tag = ""


class _Unsafe(_Tagged):
    tag = "!unsafe"


class _Vaulted(_Tagged):
    tag = "!vault"


class _Dumper(yaml.SafeDumper):
    pass


for _kind in (_Unsafe, _Vaulted):
    _Dumper.add_representer(_kind, lambda dumper, text: dumper.represent_scalar(text.tag, str(text), style="|"))


def _plain(value: Any) -> Any:
    """Ansible's tagged values as plain data; what was ``!unsafe`` or ``!vault`` stays so, and is not decrypted."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "_ciphertext"):
        secret = value._ciphertext
        return _Vaulted(secret.decode() if isinstance(secret, bytes) else secret)
    if isinstance(value, str):
        return _Unsafe(value) if "{" in value and not is_trusted_as_template(value) else str(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if isinstance(value, float) else int(value)
    return value


def _leaves(tasks: Sequence[Any]) -> Iterator[Any]:
    for task in tasks:
        if isinstance(task, Block):
            yield from _leaves([*task.block, *task.rescue, *task.always])
        else:
            yield task


def _load(source: Path, loader: DataLoader) -> List[Any]:
    try:
        trust = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
        tasks = loader.load_from_file(str(source), **({"trusted_as_template": True} if trust else {}))
    except AnsibleError as error:
        raise BadHook("hook %s can't be read: %s" % (source, _one_line(error)), path=str(source)) from error
    if not isinstance(tasks, list) or not tasks:
        raise BadHook("hook %s must be a list of tasks, and not an empty one" % source, path=str(source))
    return tasks


def _check(task: Dict[str, Any], source: Path, loader: DataLoader) -> None:
    """Ansible's own parser judges the task: unknown modules, misspelt keywords, wrong types."""
    if any(key in task for key in _INCLUDES + _ROLES):
        return
    play = Play.load({"name": "hook", "hosts": "all"}, loader=loader)
    try:
        Task.load(dict(task), block=Block(play=play), loader=loader)
    except AnsibleError as error:
        raise BadHook("hook %s, task %r: %s" % (source, str(task.get("name", "?")), _one_line(error)), path=str(source)) from error


def _refuse_endings(args: Any, source: Path) -> None:
    if any(str(args).startswith(ending) for ending in _ENDINGS):
        raise BadHook("hook %s: meta %s would leave the host drained without a word: fail instead, or use a when" % (source, args),
                      path=str(source))


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink() and not link.exists():
        try:
            link.symlink_to(target)
        except FileExistsError:
            return  # another host's worker was faster, with the same link


def _one_line(error: BaseException) -> str:
    return " ".join(str(getattr(error, "message", None) or error).split())
