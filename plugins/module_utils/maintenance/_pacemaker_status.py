# Copyright (c) 2026, fleetops.patchtrain contributors
# BSD-2-Clause license (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause
"""What Pacemaker's own tools say of a cluster: ``cibadmin --query`` (the whole database) and ``crm_simulate`` of it. Pure.

The simulation says how the database is to be read (who runs where), what the cluster is still about to do, and how it ends.
Fed with a database in which a node is in standby, it says by Pacemaker's own rules where everything would go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ..errors import ParseFailed
from ..text import first_line

_TRUE = ("true", "on", "yes", "y", "1")
_NEVER = ("-INFINITY", "INFINITY", "1000000", "-1000000")
_UNDERWAY = ("Starting", "Stopping", "Promoting", "Demoting", "Migrating")
_SETS = ("group", "clone", "bundle", "replica")
_STANDBY_ID = "patchtrain-simulated-standby"


@dataclass(frozen=True)
class Node:
    """A member of the cluster as the cluster sees it."""

    name: str
    online: bool
    standby: bool
    maintenance: bool
    pending: bool
    unclean: bool
    votes: bool = True
    """A remote node does not count for quorum."""
    number: str = ""
    """By which corosync knows it."""

    @property
    def member(self) -> bool:
        return self.online and not self.pending and not self.unclean

    @property
    def usable(self) -> bool:
        return self.member and not self.standby and not self.maintenance

    @property
    def word(self) -> str:
        states = (("offline", not self.online), ("unclean", self.unclean), ("joining", self.pending), ("in standby", self.standby),
                  ("in maintenance", self.maintenance))
        return ", ".join(word for word, is_so in states if is_so) or "online"


@dataclass(frozen=True)
class Instance:
    """One instance of a resource; of a bundle, whose parts have numbers, the bundle's name. ``within`` are the groups, clones and bundles
    around it, outermost first."""

    name: str
    within: Tuple[str, ...]
    role: str
    active: bool
    failed: bool
    blocked: bool
    managed: bool
    disabled: bool
    fencing: bool
    nodes: Tuple[str, ...]

    @property
    def promoted(self) -> bool:
        return self.role in ("Promoted", "Master")

    def meant_by(self, names: Collection[str]) -> bool:
        return self.name in names or any(name in names for name in self.within)

    @property
    def good(self) -> bool:
        return self.active and not self.failed and not self.blocked and self.role not in _UNDERWAY


@dataclass(frozen=True)
class Failure:
    """The last failure of a resource on a node, as the cluster remembers it until it is cleaned up; ``call`` tells two of them apart."""

    resource: str
    node: str
    operation: str
    reason: str
    call: str

    @property
    def text(self) -> str:
        return "%s of %s on %s failed: %s" % (self.operation, self.resource, self.node, self.reason)


@dataclass(frozen=True)
class Cluster:
    """A cluster at one moment. ``busy``: what it is still about to do."""

    nodes: Tuple[Node, ...]
    instances: Tuple[Instance, ...]
    busy: Tuple[str, ...]

    def node(self, name: str) -> Optional[Node]:
        return next((node for node in self.nodes if node.name == name), None)

    def on(self, node: str, ignore: Collection[str] = ()) -> List[Instance]:
        """What is active on a node, but for resources that are not to be looked at."""
        return [item for item in self.instances if item.active and node in item.nodes and not item.meant_by(ignore)]

    def places(self, name: str, promoted: bool = False) -> FrozenSet[str]:
        """The nodes on which a resource works, or works in its promoted role."""
        return frozenset(node for item in self.instances if item.name == name and item.good and (item.promoted or not promoted)
                         for node in item.nodes)


@dataclass(frozen=True)
class Database:
    """The cluster's database as text, and what only it says."""

    text: str
    quorum: bool
    coordinated: bool
    standby: FrozenSet[str]
    failures: Tuple[Failure, ...]


def parse_database(text: str) -> Database:
    """An answer to ``cibadmin --query``."""
    root = _root(text, "cib", "cibadmin --query")
    return Database(text, _true(root.get("have-quorum")), bool(root.get("dc-uuid")), frozenset(_in_standby(root)), tuple(_failures(root)))


def parse_simulation(text: str) -> Tuple[Cluster, Cluster]:
    """An answer of ``crm_simulate --simulate --output-as=xml``: the cluster as it is, and as it will be when it has done all that it is
    about to do."""
    root = _root(text, "pacemaker-result", "crm_simulate")
    now, then = root.find("cluster_status"), root.find("revised_cluster_status")
    if now is None or then is None or root.find("transition") is None:
        raise ParseFailed("crm_simulate answered without a cluster's status: %s" % first_line(text))
    busy = tuple("%s %s on %s" % (action.get("op"), action.get("resource"), action.get("node"))
                 for action in root.findall("transition/rsc_action"))
    return _cluster(now, busy), _cluster(then, ())


def with_standby(text: str, node: str) -> str:
    """The database with that node in standby."""
    root = _root(text, "cib", "cibadmin --query")
    found = _by_name(root, node)
    attributes = found.find("instance_attributes")
    if attributes is None:
        attributes = ElementTree.SubElement(found, "instance_attributes", {"id": _STANDBY_ID + "-set"})
    for pair in [pair for pair in attributes.findall("nvpair") if pair.get("name") == "standby"]:
        attributes.remove(pair)
    ElementTree.SubElement(attributes, "nvpair", {"id": _STANDBY_ID, "name": "standby", "value": "on"})
    return ElementTree.tostring(root, encoding="unicode")


def problems(cluster: Cluster, database: Database, ignore: Collection[str] = ()) -> List[str]:
    """What keeps the cluster from being whole: quorum, every member, every resource that shall run. A node in standby is a member."""
    found = [] if database.quorum and database.coordinated else ["the cluster has no quorum"]
    found += ["node %s is %s" % (node.name, node.word) for node in cluster.nodes if not node.member]
    return found + resource_problems(cluster, ignore)


def resource_problems(cluster: Cluster, ignore: Collection[str] = ()) -> List[str]:
    """Resources that failed, and those that should run and do so nowhere. A fencing device need not run to be used."""
    looked_at = [item for item in cluster.instances if not item.meant_by(ignore)]
    bad = {item.name: "failed" if item.failed else "blocked" for item in looked_at if item.failed or item.blocked}
    for item in looked_at:
        if not item.disabled and not item.fencing and not cluster.places(item.name):
            bad.setdefault(item.name, "not started")
    return ["resource %s is %s" % (name, word) for name, word in sorted(bad.items())]


def bans(text: str, names: Sequence[str]) -> List[str]:
    """The location constraints that keep any of these resources off some node for good, in words."""
    root = _root(text, "cib", "cibadmin --query")
    return ["constraint %s keeps %s off %s" % (item.get("id"), item.get("rsc"), item.get("node") or "the nodes of its rule")
            for item in root.iter("rsc_location") if item.get("rsc") in names and _forbids(item)]


def _forbids(constraint: Element) -> bool:
    scores = [constraint.get("score")] + [rule.get("score") for rule in constraint.iter("rule")]
    return any(score in _NEVER and (score or "").startswith("-") for score in scores)


def _root(text: str, tag: str, tool: str) -> Element:
    """A document of the cluster's tools has no DTD; one that brings entities is none of theirs."""
    try:
        root = None if "<!DOCTYPE" in text else ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        root = None
    if root is None or root.tag != tag:
        raise ParseFailed("%s answered something that is not a <%s> document: %s" % (tool, tag, first_line(text)))
    return root


def _by_name(root: Element, node: str) -> Element:
    nodes = root.find("configuration/nodes")
    if nodes is None:
        raise ParseFailed("cibadmin --query answered a database without nodes")
    for item in nodes.findall("node"):
        if item.get("uname") == node:
            return item
    # A remote node has no entry until it has an attribute.
    return ElementTree.SubElement(nodes, "node", {"id": node, "uname": node, "type": "remote"})


def _in_standby(root: Element) -> Iterable[str]:
    """Those that are so for good, not only until they leave the cluster."""
    for node in root.findall("configuration/nodes/node"):
        if any(pair.get("name") == "standby" and _true(pair.get("value")) for pair in node.iter("nvpair")):
            yield node.get("uname", "")


def _failures(root: Element) -> Iterable[Failure]:
    for state in root.findall("status/node_state"):
        for resource in state.findall("lrm/lrm_resources/lrm_resource"):
            for operation in resource.findall("lrm_rsc_op"):
                if (operation.get("id") or "").endswith("_last_failure_0"):
                    yield _failure(state.get("uname", ""), _bare(resource.get("id", "")), operation)


def _failure(node: str, resource: str, operation: Element) -> Failure:
    reason = first_line(operation.get("exit-reason") or "rc %s" % operation.get("rc-code"))
    return Failure(resource, node, first_line(operation.get("operation", "")), reason, "%s/%s" % (operation.get("call-id"), operation.get("last-rc-change")))


def _cluster(status: Element, busy: Tuple[str, ...]) -> Cluster:
    nodes = tuple(_node(item) for item in status.findall("nodes/node"))
    resources = status.find("resources")
    found = tuple(_instances(resources, (), False, "")) if resources is not None else ()
    if not nodes:
        raise ParseFailed("crm_simulate answered a cluster without nodes")
    return Cluster(nodes, found, busy)


def _node(item: Element) -> Node:
    flags: Dict[str, bool] = {name: _true(item.get(name)) for name in ("online", "maintenance", "pending", "unclean")}
    return Node(item.get("name", ""), standby=_true(item.get("standby")) or _true(item.get("standby_onfail")),
                votes=item.get("type", "member") == "member", number=item.get("id", ""), **flags)


def _instances(around: Element, within: Tuple[str, ...], disabled: bool, bundle: str) -> Iterable[Instance]:
    for item in around:
        if item.tag == "resource":
            yield _instance(item, within, disabled, bundle)
        elif item.tag in _SETS:
            name = _bare(item.get("id", ""))
            path = within + ((name,) if item.tag != "replica" else ())
            yield from _instances(item, path, disabled or _true(item.get("disabled")), name if item.tag == "bundle" else bundle)


def _instance(item: Element, within: Tuple[str, ...], disabled: bool, bundle: str) -> Instance:
    flags: Dict[str, bool] = {name: _true(item.get(name)) for name in ("active", "failed", "blocked", "managed")}
    nodes = tuple(node.get("name", "") for node in item.findall("node"))
    off = disabled or (item.get("target_role") or "").lower() == "stopped"
    fencing = (item.get("resource_agent") or "").startswith("stonith:")
    return Instance(bundle or _bare(item.get("id", "")), within, item.get("role", ""), disabled=off, fencing=fencing, nodes=nodes, **flags)


def _bare(name: str) -> str:
    """A clone's instance may carry its number."""
    head, colon, tail = name.rpartition(":")
    return head if colon and tail.isdigit() else name


def _true(value: Optional[str]) -> bool:
    return (value or "").lower() in _TRUE
