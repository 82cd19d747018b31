# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""A host's module streams held against its release's. What is in another stream is not seen by dnf, whatever the release's repository has."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

from ..errors import TransactionImpossible
from ..packages.manager import PackageManager
from ..packages.rpm.database import modules
from ..runner import Runner
from .pairing import Section


class Differing(NamedTuple):
    """``has`` is None where no stream of the module is enabled; streams are ``name:stream``."""

    module: str
    has: Optional[str]
    should: str


def differing(runner: Runner, manager: PackageManager, section: Section) -> List[Differing]:
    """Only of modules that the release knows, and that the host makes use of."""
    streams = section.get("streams") or []
    return compared(manager.streams(), modules(runner), streams) if streams else []


def compared(enabled: Iterable[str], used: Iterable[str], release: Iterable[str]) -> List[Differing]:
    """``used`` are the modules of which packages are installed. Pure."""
    has, there = {_module(stream): stream for stream in enabled}, set(used)
    found = [Differing(_module(should), has.get(_module(should)), should) for should in sorted(release)]
    return [one for one in found if one.has != one.should and (one.has or one.module in there)]


def entries(found: Iterable[Differing]) -> List[Dict[str, Any]]:
    """Rows of drift."""
    return [{"name": one.module, "arch": "", "kind": "stream", "is": one.has, "should": one.should, "source": ""} for one in found]


def refuse(found: Sequence[Differing]) -> None:
    """To switch a stream is to say that other packages are wanted: a person does it, and the release's versions come then. That works where
    something describes the stream: the release's own source does, and that of before, which the host is given back, may not."""
    if found:
        told = ", ".join("%s (release: %s)" % (one.has or "%s without an enabled stream" % one.module, one.should) for one in found)
        raise TransactionImpossible("module streams of the host are not the release's: %s; attach the host (playbook attach), and switch them there: %s" % (
            told, " && ".join(_command(one) for one in found)), streams=[one.should for one in found])


def _command(one: Differing) -> str:
    reset = "dnf -y module reset %s && " % one.module if one.has else ""
    return "%sdnf -y module enable %s" % (reset, one.should)


def _module(stream: str) -> str:
    return stream.split(":", 1)[0]
