# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""The cluster that a host is a member of, as a check: whether it is whole, and its other members well, before the next one's turn.

The host need not be in service: a node in standby is a member, a drained worker answers, a hypervisor's guests are at its peers.
"""

from __future__ import annotations

import socket
from typing import IO, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..clock import Clock, Deadline
from ..errors import CommandTimeout
from ..maintenance import _libvirt_health, _pacemaker_tools, _slurm_health, libvirt, slurm
from ..maintenance._slurm_api import checked_name
from ..options import Option, Options, boolean, one_of, words
from ..runner import DEFAULT_LIMIT, Completed, Runner

Problems = Callable[[Runner, float, Mapping[str, Any]], List[str]]


class _Hasty:
    """A runner whose programs share one limit."""

    def __init__(self, runner: Runner, limit: float) -> None:
        self._runner = runner
        self._deadline = Deadline(limit, Clock())

    def run(self, argv: Sequence[str], limit: Optional[float] = DEFAULT_LIMIT, stdin: str = "",
            env: Optional[Mapping[str, str]] = None, log: Optional[IO[str]] = None) -> Completed:
        left = self._deadline.left
        if left <= 0:
            raise CommandTimeout("there was no time left to run %s" % argv[0], argv, limit=self._deadline.seconds)
        return self._runner.run(argv, limit=left if limit is None else min(limit, left), stdin=stdin, env=env, log=log)

    def which(self, tool: str) -> Optional[str]:
        return self._runner.which(tool)

    def read(self, path: str) -> Optional[str]:
        return self._runner.read(path)


def _pacemaker(runner: Runner, limit: float, options: Mapping[str, Any]) -> List[str]:
    return _pacemaker_tools.cluster_problems(runner, limit, options["ignore"])


def _slurm(runner: Runner, limit: float, options: Mapping[str, Any]) -> List[str]:
    name = options["node"] or socket.gethostname().split(".")[0]
    return _slurm_health.cluster_problems(_Hasty(runner, limit), name, options["reason"], options["min_peers"], options["try_job"])


def _libvirt(runner: Runner, limit: float, options: Mapping[str, Any]) -> List[str]:
    return _libvirt_health.guest_problems(_Hasty(runner, limit), options["uri"], options["peers"], options["ignore"])


_KINDS: Dict[str, Tuple[Options, Problems]] = {
    "pacemaker": ({"ignore": Option(words, default=())}, _pacemaker),
    "slurm": ({"node": Option(checked_name), "reason": slurm.OPTIONS["reason"], "min_peers": slurm.OPTIONS["min_peers"],
               "try_job": Option(boolean, default=False)}, _slurm),
    "libvirt": ({"uri": libvirt.OPTIONS["uri"], "peers": libvirt.OPTIONS["peers"], "ignore": Option(libvirt.globs, default=())}, _libvirt),
}

checked_kind = one_of(*_KINDS)


def options_of(kind: Any) -> Options:
    """What may stand beside it; nothing where there is no such cluster, which is said elsewhere."""
    return _KINDS[kind][0] if isinstance(kind, str) and kind in _KINDS else {}


def build(options: Mapping[str, Any]) -> Callable[[Runner, float], Optional[str]]:
    problems = _KINDS[options["cluster"]][1]
    return lambda runner, limit: "; ".join(problems(runner, limit, options)) or None
