# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""Driver ``pacemaker``: a node goes into standby, its resources move to other nodes and are seen to work there.

Before anything is touched the cluster is asked for its quorum, its members and its resources, and Pacemaker's own simulation says
where everything would go: a resource that would go nowhere blocks the node. After the change the real cluster is watched until it
has nothing more to do; a resource that then works nowhere else is brought back.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

from ..clock import Clock, Deadline
from ..errors import BadInput, CannotMove, MaintenanceFailed
from ..options import Option, seconds, whole_number, words
from ._pacemaker_status import Cluster, Failure, Instance, Node, bans, problems, resource_problems
from ._pacemaker_tools import Seen, Tools, standby_command
from ._pacemaker_votes import quorum_without
from .driver import ENTERED, IN_SERVICE, LEFT, NOTHING_BEGUN, UNDO_LIMIT, Context, Kind, Result, Undo, undoing

STANDBY = "standby"
UNTIL_REBOOT = "standby_until_reboot"
_WORDS = (IN_SERVICE, STANDBY, UNTIL_REBOOT)

OPTIONS = {
    "node": Option(lambda value: words(value)[0]),
    "min_peers": Option(whole_number),
    "ignore": Option(words, default=()),
    "poll": Option(seconds, default=1.0),
}


class Pacemaker:
    """``name`` is the node's name in the cluster."""

    def __init__(self, name: str, options: Mapping[str, Any], tools: Tools, clock: Clock, check_mode: bool) -> None:
        self._name = name
        self._min_peers: Optional[int] = options["min_peers"]
        self._ignore: Tuple[str, ...] = options["ignore"]
        self._poll: float = options["poll"]
        self._tools = tools
        self._clock = clock
        self._check_mode = check_mode

    def prior(self) -> str:
        return self._word(self._look())

    def enter(self, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        found = self._look()
        prior = self._word(found)
        self._refuse_unhealthy(found)
        begins = prior != STANDBY
        moves = self._foreseen_moves(found) if begins else []
        if self._check_mode:
            would = [standby_command(self._name, True)] if begins else []
            return Result(begins, ENTERED, prior, dict(self._detail(found), would=would, moves=moves))
        undo = Undo(lambda: self._put_back(found, max(UNDO_LIMIT, limit)), "node %s is out of standby again and its resources work" % self._name)
        seen = undoing(lambda: self._take_out(found, begins, deadline), undo if begins else NOTHING_BEGUN, prior)
        return Result(begins, ENTERED, prior, dict(self._detail(seen), moved=self._moves(found.cluster, seen.cluster)))

    def verify(self, state: str) -> None:
        seen = self._look()
        wrong = self._not_empty(seen) if state == ENTERED else self._not_whole(seen)
        if wrong:
            raise MaintenanceFailed("node %s is not seen as %s: %s" % (self._name, state, "; ".join(wrong)), detail=self._detail(seen))

    def leave(self, prior: str, limit: float) -> Result:
        deadline = Deadline(limit, self._clock)
        if prior not in _WORDS:
            raise BadInput("prior_state %r is not what entering reported; it is one of %s" % (prior, ", ".join(_WORDS)), prior_state=prior)
        if self._check_mode:
            return self._would_leave(prior)
        found = undoing(lambda: self._await_member(deadline), NOTHING_BEGUN, prior)
        if prior == STANDBY:
            return Result(False, LEFT, prior, dict(self._detail(found), note="left as found: it was in standby before"))
        ours = self._name in found.database.standby
        undo = Undo(lambda: self._take_back(max(UNDO_LIMIT, limit)), "node %s is in standby again" % self._name) if ours else NOTHING_BEGUN
        seen = undoing(lambda: self._bring_back(found, ours, deadline), undo, prior)
        return Result(ours, LEFT, prior, self._detail(seen))

    # Reading

    def _look(self) -> Seen:
        seen = self._tools.look()
        self._node(seen)
        return seen

    def _node(self, seen: Seen) -> Node:
        node = seen.cluster.node(self._name)
        if node is None:
            raise MaintenanceFailed("the cluster has no node %r; it has: %s" % (self._name, ", ".join(sorted(n.name for n in seen.cluster.nodes))),
                                    node=self._name)
        return node

    def _word(self, seen: Seen) -> str:
        """Of a node that is away, for example because it boots, only the database tells."""
        if self._name in seen.database.standby:
            return STANDBY
        return UNTIL_REBOOT if self._node(seen).standby else IN_SERVICE

    def _out(self, seen: Seen) -> bool:
        return self._word(seen) != IN_SERVICE

    def _peers(self, seen: Seen) -> List[Node]:
        return [node for node in seen.cluster.nodes if node.name != self._name]

    def _refuse_unhealthy(self, seen: Seen) -> None:
        """What is asked before anything is touched; while resources move, only what has to stay so."""
        if not seen.database.quorum or not seen.database.coordinated:
            raise self._cannot("the cluster has no quorum")
        if not self._node(seen).member and not self._out(seen):
            raise self._cannot("it is %s in its cluster, and so could not come back to it" % self._node(seen).word)
        self._refuse_peers(seen)
        bad = resource_problems(seen.cluster, self._ignore)
        if bad:
            raise self._cannot("the cluster's resources are not all well: %s (the option ignore leaves resources out)" % "; ".join(bad))

    def _refuse_peers(self, seen: Seen) -> None:
        peers = self._peers(seen)
        usable = [node for node in peers if node.usable]
        wanted = max(1, len(peers)) if self._min_peers is None else self._min_peers
        if len(usable) < wanted:
            others = ", ".join("%s is %s" % (node.name, node.word) for node in peers if not node.usable)
            raise self._cannot("it has %d usable peers of the %d that are wanted%s" % (len(usable), wanted, others and ": " + others),
                               peers={node.name: node.word for node in peers})
        left, needed = quorum_without(seen.cluster, self._name, self._tools.votes())
        if left < needed:
            raise self._cannot("the cluster would lose its quorum with its reboot: %d vote%s would be left, %d are needed"
                               % (left, "" if left == 1 else "s", needed))

    def _cannot(self, reason: str, **data: Any) -> CannotMove:
        return CannotMove("node %s can't be taken out: %s" % (self._name, reason), node=self._name, **data)

    # What moves

    def _must_move(self, before: Cluster) -> List[Tuple[str, bool]]:
        """Resources that have to work on another node, each with whether in its promoted role. Of a clone that works elsewhere too, this
        is so already. A fencing device need not run to be used, and often may not run on the node that it fences."""
        found = {(item.name, item.promoted) for item in before.on(self._name, self._ignore) if not item.fencing}
        return sorted(found)

    def _stay_behind(self, before: Cluster, after: Cluster) -> List[str]:
        """Those that work on no other node; a role is told only where the resource itself would work."""
        unmet = {name for name, promoted in self._must_move(before) if not after.places(name, promoted) - {self._name}}
        return sorted(unmet | {item.name for item in after.on(self._name, self._ignore)})

    def _foreseen_moves(self, found: Seen) -> List[Dict[str, Any]]:
        after = self._tools.foresee(found, self._name)
        stuck = self._stay_behind(found.cluster, after)
        if stuck:
            raise self._stuck(stuck, found)
        return self._moves(found.cluster, after)

    def _moves(self, before: Cluster, after: Cluster) -> List[Dict[str, Any]]:
        """A clone that works elsewhere already does not move, it only stops here."""
        return [{"what": "resource %s%s" % (name, " (promoted)" if promoted else ""), "resource": name, "promoted": promoted, "from": self._name,
                 "to": ", ".join(sorted(after.places(name, promoted) - {self._name}))}
                for name, promoted in self._must_move(before) if not before.places(name, promoted) - {self._name}]

    def _stuck(self, names: List[str], seen: Seen) -> CannotMove:
        blocked = [{"resource": name, "reason": self._reason(name, seen)} for name in names]
        return self._cannot("; ".join("resource %s can't move: %s" % (item["resource"], item["reason"]) for item in blocked), resources=blocked)

    def _reason(self, name: str, seen: Seen) -> str:
        mine = [item for item in seen.cluster.instances if item.name == name]
        around = {outer for item in mine for outer in item.within}
        together = {item.name for item in seen.cluster.instances if item.meant_by(around | {name})}
        found = ["%s (remembered until crm_resource --cleanup)" % failure.text for failure in seen.database.failures
                 if failure.resource in together]
        found += bans(seen.database.text, sorted(around | together))
        if any(not item.managed for item in mine):
            found.append("it is unmanaged (maintenance mode?)")
        return ", ".join(found) or "no other node may or can run it"

    # Changing

    def _take_out(self, found: Seen, begins: bool, deadline: Deadline) -> Seen:
        if begins:
            self._tools.set_standby(self._name, True)
        stuck: List[List[str]] = [[]]

        def empty(seen: Seen) -> bool:
            if not self._out(seen):
                raise MaintenanceFailed("node %s is out of standby although it was put there: does somebody else work on it?" % self._name)
            # A peer may die meanwhile, or be drained by somebody else: of two that are drained at the same time none stays so.
            self._refuse_peers(seen)
            behind = self._stay_behind(found.cluster, seen.cluster)
            settled = not seen.cluster.busy
            # Twice in a row, because what has just ended is not always followed at once by what comes next.
            if settled and behind and stuck[-1] == behind:
                raise self._stuck(behind, seen)
            stuck.append(behind if settled else [])
            return settled and not behind
        return self._await(empty, "resources did not move", deadline)

    def _put_back(self, found: Seen, limit: float) -> None:
        """Undo of entering: out of standby, and what had worked works, wherever the cluster wants it."""
        self._tools.set_standby(self._name, False)
        before = {item.name for item in found.cluster.instances if item.good}

        def back(seen: Seen) -> bool:
            return self._word(seen) == self._word(found) and not seen.cluster.busy and all(seen.cluster.places(name) for name in before)
        self._await(back, "resources did not come back", Deadline(limit, self._clock))

    def _bring_back(self, found: Seen, ours: bool, deadline: Deadline) -> Seen:
        if ours:
            self._tools.set_standby(self._name, False)
        known = self._own_failures(found)

        def back(seen: Seen) -> bool:
            fresh = [failure.text for failure in self._own_failures(seen) - known if failure.resource not in self._ignore]
            if fresh:
                raise MaintenanceFailed("node %s can't run what came back to it: %s" % (self._name, "; ".join(sorted(fresh))))
            node = self._node(seen)
            return node.member and self._name not in seen.database.standby and not seen.cluster.busy
        return self._await(back, "the cluster did not settle", deadline)

    def _take_back(self, limit: float) -> None:
        """Undo of leaving."""
        self._tools.set_standby(self._name, True)

        def out(seen: Seen) -> bool:
            return not self._not_empty(seen)
        self._await(out, "resources did not leave it", Deadline(limit, self._clock))

    def _await_member(self, deadline: Deadline) -> Seen:
        """A node that has just booted, and at which this may even run, takes a while to be a member again."""
        found: List[Seen] = []
        said: List[str] = ["it was never seen"]

        def member() -> bool:
            try:
                seen = self._look()
            except MaintenanceFailed as error:
                said.append(error.message)
                return False
            said.append("it is " + self._node(seen).word)
            if self._node(seen).member and seen.database.coordinated:
                found.append(seen)
            return bool(found)

        if not deadline.until(member, self._poll):
            raise MaintenanceFailed("node %s did not join the cluster within %g s: %s (are corosync and pacemaker enabled at its boot?)"
                                    % (self._name, deadline.seconds, said[-1]))
        return found[-1]

    def _await(self, good: Callable[[Seen], bool], words: str, deadline: Deadline) -> Seen:
        found: List[Seen] = []

        def seen_good() -> bool:
            found.append(self._look())
            return good(found[-1])

        if not deadline.until(seen_good, self._poll):
            last = found[-1]
            wrong = list(last.cluster.busy) + self._not_whole(last)
            raise MaintenanceFailed("%s within %g s: %s" % (words, deadline.seconds, "; ".join(wrong[:10]) or self._node(last).word),
                                    detail=self._detail(last))
        return found[-1]

    # Telling

    def _own_failures(self, seen: Seen) -> Set[Failure]:
        return {failure for failure in seen.database.failures if failure.node == self._name}

    def _not_empty(self, seen: Seen) -> List[str]:
        wrong = [] if self._out(seen) else ["it is %s" % self._node(seen).word]
        return wrong + sorted("resource %s is %s there" % (item.name, item.role) for item in self._there(seen))

    def _there(self, seen: Seen) -> List[Instance]:
        return seen.cluster.on(self._name, self._ignore)

    def _not_whole(self, seen: Seen) -> List[str]:
        own = ["it is in standby"] if self._out(seen) else []
        return own + problems(seen.cluster, seen.database, self._ignore)

    def _would_leave(self, prior: str) -> Result:
        seen = self._look()
        ours = prior != STANDBY and self._name in seen.database.standby
        return Result(ours, LEFT, prior, dict(self._detail(seen), would=[standby_command(self._name, False)] if ours else []))

    def _detail(self, seen: Seen) -> Dict[str, Any]:
        return {"node": self._name, "quorum": seen.database.quorum, "nodes": {node.name: node.word for node in seen.cluster.nodes},
                "resources": sorted({item.name for item in self._there(seen)}), "problems": self._problems(seen)}

    def _problems(self, seen: Seen) -> List[str]:
        return problems(seen.cluster, seen.database, self._ignore)


def _build(host: str, options: Mapping[str, Any], context: Context) -> Pacemaker:
    name = options["node"] or host
    if not name or not name.isprintable():
        raise BadInput("%r can't be a node's name; give the name that the cluster uses as option node" % name, host=host)
    return Pacemaker(name, options, Tools(context.runner, context.check_mode), context.clock, context.check_mode)


KIND = Kind("a node of a Pacemaker cluster, put into standby", OPTIONS, _build)
