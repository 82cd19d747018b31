# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The programs that a release's platforms need, named before anything is written."""

from __future__ import annotations

from typing import Dict, Iterable

from ..errors import ToolMissing
from ..runner import Runner
from .files import APT, RPM, Platform

_NEEDS = {
    APT: {"dpkg-deb": "dpkg", "apt-ftparchive": "apt-utils"},
    RPM: {"rpm": "rpm", "createrepo_c": "createrepo-c (Debian, Ubuntu) or createrepo_c", "modifyrepo_c": "createrepo-c (Debian, Ubuntu) or createrepo_c"},
}
_GPG = {"gpg": "gnupg (Debian, Ubuntu), gnupg2 or gpg2"}


def check(runner: Runner, platforms: Iterable[Platform]) -> None:
    wanted: Dict[str, str] = dict(_GPG)
    for where in platforms:
        wanted.update(_NEEDS[where.kind])
    check_all(runner, wanted)


def check_signing(runner: Runner) -> None:
    check_all(runner, _GPG)


def check_all(runner: Runner, wanted: Dict[str, str]) -> None:
    missing = {tool: package for tool, package in wanted.items() if runner.which(tool) is None}
    if missing:
        lines = ["%s (package %s)" % (tool, package) for tool, package in sorted(missing.items())]
        raise ToolMissing("the repository host lacks %s: install it there" % ", ".join(lines), tools=sorted(missing))
