# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Pacemaker's own tools, which are there whether pcs or crm is or neither: they read and write the very attribute that both use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from ..errors import MaintenanceFailed, ToolMissing
from ..runner import Completed, Runner
from ..text import last_line
from ._pacemaker_status import Cluster, Database, parse_database, parse_simulation, problems, with_standby
from ._pacemaker_votes import Votes, parse_votes

ANSWER_LIMIT = 30.0
_QUERY = ("cibadmin", "--query")
_VOTES = ("corosync-quorumtool", "-s", "-i")
_QUORATE_OR_NOT = (0, 2)
_SIMULATE = ("crm_simulate", "--simulate", "--xml-pipe", "--output-as=xml")


@dataclass(frozen=True)
class Seen:
    """What was seen at one moment."""

    database: Database
    cluster: Cluster


def standby_command(node: str, on: bool) -> List[str]:
    """For good, not until the next reboot, which is just what comes."""
    return ["crm_attribute", "--type=nodes", "--node=" + node, "--name=standby", "--update=on" if on else "--delete"]


class Tools:
    """All that is asked of the cluster, at any of its nodes."""

    def __init__(self, runner: Runner, check_mode: bool = False, limit: float = ANSWER_LIMIT) -> None:
        self._runner = runner
        self._limit = limit
        self._check_mode = check_mode
        self._counted: Optional[bool] = None

    def look(self) -> Seen:
        database = parse_database(self._run(_QUERY))
        return Seen(database, self._simulate(database.text)[0])

    def foresee(self, seen: Seen, node: str) -> Cluster:
        """The cluster as it would be with that node in standby, by its own rules; nothing is changed."""
        return self._simulate(with_standby(seen.database.text, node))[1]

    def votes(self) -> Optional[Votes]:
        """None where this place is no member of corosync, such as a remote node: the first answer decides, a later one has to come."""
        if self._counted is False:
            return None
        try:
            done = self._runner.run(_VOTES, limit=self._limit)
            if done.rc not in _QUORATE_OR_NOT:
                raise _disobeyed(_VOTES, done)
        except (ToolMissing, MaintenanceFailed):
            if self._counted:
                raise
            self._counted = False
            return None
        self._counted = True
        return parse_votes(done.stdout)

    def set_standby(self, node: str, on: bool) -> None:
        """The only thing that is ever changed."""
        if self._check_mode:
            raise MaintenanceFailed("check mode refused to change the standby of %s; this is a mistake in the driver" % node)
        self._run(standby_command(node, on))

    def _simulate(self, database: str) -> Tuple[Cluster, Cluster]:
        return parse_simulation(self._run(_SIMULATE, database))

    def _run(self, argv: Sequence[str], stdin: str = "") -> str:
        try:
            done = self._runner.run(argv, limit=self._limit, stdin=stdin)
        except ToolMissing as error:
            raise ToolMissing("%s; the place of control has to be a node of the cluster with Pacemaker's command line tools" % error.message,
                              **error.data) from error
        if done.rc:
            raise _disobeyed(argv, done)
        return done.stdout


def _disobeyed(argv: Sequence[str], done: Completed) -> MaintenanceFailed:
    return MaintenanceFailed("the cluster did not obey at this place: %s ended with rc %d and said: %s" % (
        argv[0], done.rc, last_line(done.stderr.strip() or done.stdout)), rc=done.rc, argv=list(argv))


def cluster_problems(runner: Runner, limit: float, ignore: Sequence[str] = ()) -> List[str]:
    """Whether the cluster is whole, as seen from this node: one line for each thing that is not. Each tool has ``limit`` seconds to answer."""
    seen = Tools(runner, check_mode=True, limit=limit).look()
    return problems(seen.cluster, seen.database, ignore)
