# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which package manager a host has."""

from __future__ import annotations

import json
import shlex
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple

from ..errors import BadInput, HostUnsupported, ParseFailed
from ..runner import Runner
from .manager import PackageManager
from .records import Platform


def _apt(runner: Runner) -> PackageManager:
    from .apt.manager import Apt
    return Apt(runner)


def _dnf(runner: Runner) -> PackageManager:
    from .dnf.manager import Dnf
    return Dnf(runner)


def _zypper(runner: Runner) -> PackageManager:
    from .zypper.manager import Zypper
    return Zypper(runner)


# Only the host's own is imported: this is done at each start of a program, some of them while the host is out of service.
_KINDS: Sequence[Tuple[str, str, Sequence[str], Callable[[Runner], PackageManager]]] = (
    ("apt", "apt-get", ("debian", "ubuntu"), _apt),
    ("dnf", "dnf", ("fedora", "rhel", "centos"), _dnf),
    ("zypper", "zypper", ("suse", "opensuse", "sles"), _zypper),
)


def detect(runner: Runner, wanted: str = "auto") -> PackageManager:
    """The host's package manager, or the one ``wanted``. ``HostUnsupported`` names what can't be patched this way."""
    known = [name for name, _tool, _families, _build in _KINDS]
    if wanted not in ["auto"] + known:
        raise BadInput("manager is %r: use auto, %s" % (wanted, ", ".join(known)), option="manager")
    refuse_images(runner)
    for name, tool, _families, build in _by_family(runner):
        if wanted in ("auto", name) and runner.which(tool):
            return build(runner)
    if wanted != "auto":
        raise HostUnsupported("package manager %s is not on this host" % wanted, wanted=wanted)
    raise HostUnsupported("no known package manager on this host (%s): supported are %s" % (
        release(runner).get("ID", "unknown system"), ", ".join(known)))


def refuse_images(runner: Runner) -> None:
    """A host whose system is an image is updated as a whole; packages that are installed on top of it are lost or refused."""
    kind = _image(runner)
    if kind:
        raise HostUnsupported("this host is image based (%s) and is not patched by packages: update its image instead" % kind, image=kind)


def _image(runner: Runner) -> Optional[str]:
    if runner.read("/run/ostree-booted") is not None:
        return "bootc" if runner.which("bootc") else "rpm-ostree"
    if runner.which("bootc") and _booted_from_image(runner):
        return "bootc"
    if runner.which("transactional-update") and _root_is_read_only(runner.read("/proc/mounts") or ""):
        return "transactional-update"
    return None


def _booted_from_image(runner: Runner) -> bool:
    """The tool alone says nothing: it is installed on ordinary hosts too, to become one."""
    done = runner.run(["bootc", "status", "--format=json"])
    try:
        return done.rc == 0 and bool(json.loads(done.stdout)["status"]["booted"])
    except (ValueError, KeyError, TypeError) as error:
        raise ParseFailed("bootc status printed what is not understood: %r" % done.stdout[:200]) from error


def _root_is_read_only(mounts: str) -> bool:
    roots = [line.split()[3].split(",") for line in mounts.splitlines() if line.split()[1:2] == ["/"] and len(line.split()) > 3]
    return bool(roots) and "ro" in roots[-1]


def _by_family(runner: Runner) -> Sequence[Tuple[str, str, Sequence[str], Callable[[Runner], PackageManager]]]:
    """The system's own family first: some hosts have other families' tools too."""
    said = release(runner)
    words = {said.get("ID", ""), *said.get("ID_LIKE", "").split()}
    return sorted(_KINDS, key=lambda kind: not words.intersection(kind[2]))


def release(runner: Runner) -> Mapping[str, str]:
    """os-release as a mapping."""
    found: Dict[str, str] = {}
    for line in (runner.read("/etc/os-release") or runner.read("/usr/lib/os-release") or "").splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            found[key.strip()] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value)[:1])
    except ValueError:
        # An unbalanced quote in one line is no reason to know nothing of the host.
        return value.strip().strip("\"'")


def platform(runner: Runner, manager: PackageManager) -> Platform:
    """What the host is, by its own words."""
    said = release(runner)
    return Platform(said.get("ID", "unknown"), said.get("VERSION_ID", ""), manager.arch())
