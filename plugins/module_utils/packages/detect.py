# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Which package manager a host has."""

from __future__ import annotations

import shlex
from typing import Callable, Dict, Mapping, Sequence, Tuple

from ..errors import BadInput, HostUnsupported
from ..runner import Runner
from .apt.manager import Apt
from .dnf.manager import Dnf
from .manager import PackageManager
from .records import Platform
from .zypper.manager import Zypper

_KINDS: Sequence[Tuple[str, str, Sequence[str], Callable[[Runner], PackageManager]]] = (
    ("apt", "apt-get", ("debian", "ubuntu"), Apt),
    ("dnf", "dnf", ("fedora", "rhel", "centos"), Dnf),
    ("zypper", "zypper", ("suse", "opensuse", "sles"), Zypper),
)

_IMAGE_BASED = (
    ("/run/ostree-booted", "rpm-ostree or bootc", "update its image instead"),
    ("/usr/sbin/transactional-update", "transactional-update", "its root is read-only: use transactional-update"),
)


def detect(runner: Runner, wanted: str = "auto") -> PackageManager:
    """The host's package manager, or the one ``wanted``. ``HostUnsupported`` names what can't be patched this way."""
    for path, kind, advice in _IMAGE_BASED:
        if runner.read(path) is not None:
            raise HostUnsupported("this host is image based (%s) and is not patched by packages: %s" % (kind, advice), image=kind)
    for name, tool, _families, build in _KINDS if wanted != "auto" else _by_family(runner):
        if wanted in ("auto", name) and runner.which(tool):
            return build(runner)
    known = [name for name, _tool, _families, _build in _KINDS]
    if wanted != "auto":
        if wanted not in known:
            raise BadInput("manager is %r: use auto, %s" % (wanted, ", ".join(known)))
        raise HostUnsupported("package manager %s is not on this host" % wanted, wanted=wanted)
    raise HostUnsupported("no known package manager on this host (%s): supported are %s" % (
        release(runner).get("ID", "unknown system"), ", ".join(known)))


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
            found[key.strip()] = "".join(shlex.split(value)[:1])
    return found


def platform(runner: Runner, manager: PackageManager) -> Platform:
    """What the host is, by its own words."""
    said = release(runner)
    return Platform(said.get("ID", "unknown"), said.get("VERSION_ID", ""), manager.arch())
