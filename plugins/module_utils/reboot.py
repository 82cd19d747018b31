# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Whether a host waits for a reboot, and why."""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import Any, Dict, List, Tuple

from .errors import CommandFailed, CommandTimeout
from .packages.manager import PackageManager
from .packages.records import Reboot
from .runner import Runner

_WORDS = re.compile(r"\d+|[A-Za-z]+")
# Beside the kernels: what rescues, what was replaced, what dpkg puts down or keeps for a moment.
_NO_KERNEL = re.compile(r"rescue|\.old$|\.dpkg-[a-z]+$")


def pending_reboot(runner: Runner, manager: PackageManager) -> Reboot:
    """All reasons together. Not required unless one asks for it; not known where somebody could not tell and nobody else asks."""
    own, found = manager.reboot(), kernel(runner)
    try:
        listed, doubts = _needrestart(runner), []
    except (CommandFailed, CommandTimeout) as error:
        listed, doubts = "", ["libraries: not known, %s" % error.message]
    reasons = list(dict.fromkeys(list(own.reasons) + _kernel_reasons(found, listed) + _libraries(listed)))
    if reasons or own.required:
        return Reboot(True, tuple(reasons))
    return Reboot(None if doubts else own.required, tuple(doubts))


# ---------------------------------------------------------------- the kernel

def kernel(runner: Runner) -> Dict[str, Any]:
    """``running, default, installed[], applicable``. A container has no kernel of its own, and a virtual machine may be started
    with one that is not on its disks: what its boot folder would start does not matter then."""
    running = runner.run(["uname", "-r"]).check().stdout.strip()
    installed = [] if in_container(runner) else _installed_kernels(runner)
    if running not in installed:
        return {"running": running, "default": None, "installed": installed, "applicable": False}
    return {"running": running, "default": _default_kernel(runner, installed, running), "installed": installed, "applicable": True}


def in_container(runner: Runner) -> bool:
    if runner.which("systemd-detect-virt"):
        return runner.run(["systemd-detect-virt", "--container", "--quiet"]).rc == 0
    return any(runner.read(path) is not None for path in ("/run/systemd/container", "/.dockerenv", "/run/.containerenv"))


def _installed_kernels(runner: Runner) -> List[str]:
    # rc 1 where there is no such folder.
    found = runner.run(["find", "/boot", "-maxdepth", "1", "-name", "vmlinuz-*", "-printf", "%f\\n"]).check((0, 1))
    names = [line[len("vmlinuz-"):] for line in found.stdout.splitlines() if not _NO_KERNEL.search(line)]
    return sorted(names, key=_order)


def _order(version: str) -> List[Tuple[int, str]]:
    """A number is newer than a word, as to rpm: ``427.13.1.el9_4`` comes after ``427.el9``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _WORDS.findall(version)]


def _flavour(release: str) -> str:
    """What kind of kernel it is: the words after the version's, else the letters in it (``el9uek.x86_64``, ``el9_4.x86_64+rt``)."""
    words = list(dropwhile(lambda word: word[:1].isdigit(), release.split("-")))
    return "-".join(words) or re.sub(r"[^a-z+]", "", release.rpartition("-")[2])


def _default_kernel(runner: Runner, installed: List[str], running: str) -> str:
    """What the boot loader will start: asked where it can be asked, else the newest of the kind that runs."""
    if runner.which("grubby"):
        # It fails for who is not root, and where the loader is not one that it knows.
        said = runner.run(["grubby", "--default-kernel"])
        if said.rc == 0 and "vmlinuz-" in said.stdout:
            return said.stdout.strip().rpartition("vmlinuz-")[2]
    return [release for release in installed if _flavour(release) == _flavour(running)][-1]


def _kernel_reasons(found: Dict[str, Any], needrestart: str) -> List[str]:
    if not found["applicable"]:
        return []
    if found["default"] != found["running"]:
        return ["kernel: %s runs, %s would be started" % (found["running"], found["default"])]
    state = _fields(needrestart, "NEEDRESTART-KSTA")[-1:]
    # 2: replaced by a compatible one, 3: by another version. 0 and 1: not known, and up to date.
    expected = (_fields(needrestart, "NEEDRESTART-KEXP") + ["another"])[0]
    return ["kernel: %s runs, needrestart expects %s" % (found["running"], expected)] if state and state[0] in ("2", "3") else []


# ---------------------------------------------------------------- libraries

def _needrestart(runner: Runner) -> str:
    """needrestart in its batch form, which lists and restarts nothing; empty where it is not installed."""
    if not runner.which("needrestart"):
        return ""
    return runner.run(["needrestart", "-b", "-r", "l"], limit=60.0, env={"NEEDRESTART_MODE": "l"}).check().stdout


def _libraries(needrestart: str) -> List[str]:
    """Services that still run on libraries that were replaced."""
    return ["libraries replaced under %s" % name for name in _fields(needrestart, "NEEDRESTART-SVC") if not name.startswith("patchtrain-")]


def _fields(text: str, name: str) -> List[str]:
    return [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(name + ":")]
