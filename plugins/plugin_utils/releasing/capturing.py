# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases come into being: captured from golden hosts, or derived from a parent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...module_utils.errors import BadInput
from ...module_utils.release.manifest import digest as digest_of
from ...module_utils.release.manifest import platform_key
from ...module_utils.text import counted
from ..ledger import releases
from ..ledger.engine import Ledger
from ..prepared import raise_if_failed
from ..releases import compare
from ..releases.capture import Manifest, capture
from ..releases.derive import derive
from .order import Order, Result

SNAPSHOT = "fleetops.patchtrain.package_snapshot_info"
ASSESS = "fleetops.patchtrain.host_assess"


def captured(order: Order) -> Result:
    name = order.new_name()
    parent = _manifest(order, order.release("parent").digest) if order.args["parent"] else None
    snapshots = {host: _fresh(order, host) for host in order.hosts}
    found = capture(snapshots, order.args["exclude"], order.args["include_unsourced"], parent)
    kept = _kept(order, name, found.manifest, {"golden": found.golden, "left_out": found.left_out})
    left = sum(len(packages) for packages in found.left_out.values())
    said = "; %s without any source left out: %s" % (counted(left, "package"), ", ".join(sorted(sum(found.left_out.values(), []))[:5])) if left else ""
    return dict(_told(kept, found.manifest, parent[1] if parent else None), left_out=found.left_out, msg=kept["msg"] + said + stuck(order.ledger, snapshots))


def derived(order: Order) -> Result:
    name, parent = order.new_name(), order.release("parent")
    if not order.args["include"]:
        raise BadInput("release: state=derived needs include: packages, advisories or CVEs")
    content = _manifest(order, parent.digest)[1]
    planned: dict[str, Mapping[str, Any]] = {}
    golden: dict[str, list[str]] = {}
    for host in order.hosts:
        look = _plan(order, host)
        key = platform_key(look["assessment"]["platform"], look["assessment"]["manager"])
        golden.setdefault(key, []).append(host)
        planned.setdefault(key, look)
    manifest = derive(parent.digest, content, planned)
    before = parent.provenance.get("golden", {})
    everyone = {key: sorted({*golden.get(key, ()), *before.get(key, ())}) for key in {*golden, *before}}
    kept = _kept(order, name, manifest, {"golden": everyone, "derived": {"include": order.args["include"], "parent": parent.name}})
    return _told(kept, manifest, content)


def _fresh(order: Order, host: str) -> Mapping[str, Any]:
    """A snapshot by what sources say now. A source that can't be used would make its packages look like nobody's."""
    attached = assess(order, host).get("release")
    found = snapshot(order, host)
    bad = [source["id"] for source in found["sources"] if source["enabled"] and not source["usable"]]
    if bad:
        raise BadInput("the golden host %s has sources that can't be used: %s; correct or disable them, and capture again" % (host, ", ".join(bad)), host=host)
    return dict(found, attached=attached)


def stuck(ledger: Ledger, snapshots: Mapping[str, Mapping[str, Any]]) -> str:
    """Golden hosts that somebody attached see nothing but their release, and so would every train after it."""
    said = []
    for host, seen in sorted(snapshots.items()):
        if seen["attached"]:
            with ledger.read() as c:
                names = [release.name for release in releases.by_digest(c, seen["attached"])] or [seen["attached"][:12]]
            said.append("; golden host %s is attached to release %s and sees nothing newer: detach it for the next train" % (host, names[0]))
    return "".join(said)


def assess(order: Order, host: str) -> Mapping[str, Any]:
    """What a host lacks, by what sources say now."""
    result = order.reach(host).module(ASSESS, dict(order.classifying(host), stage="assess", health=False), order.seconds, check=False)
    raise_if_failed(result)
    assessment: Mapping[str, Any] = result["assessment"]
    return assessment


def snapshot(order: Order, host: str) -> Mapping[str, Any]:
    """What a host has installed, with what is known of each package's updates."""
    result = order.reach(host).module(SNAPSHOT, dict(order.classifying(host), advisories=True), order.seconds, check=False)
    raise_if_failed(result)
    return result


def _plan(order: Order, host: str) -> Mapping[str, Any]:
    """What a host would install of what is named. Fetching metadata is no change."""
    args = dict(order.classifying(host), stage="assess", include=order.args["include"], health=False)
    result = order.reach(host).module(ASSESS, args, order.seconds, check=False)
    raise_if_failed(result)
    if result.get("plan") is None:
        why = [obstacle["message"] for obstacle in result["assessment"].get("obstacles", ())] or ["it does not say why"]
        raise BadInput("nothing can be planned on the golden host %s: %s" % (host, why[0]), host=host)
    return result


def _manifest(order: Order, digest: str) -> tuple[str, Manifest]:
    with order.ledger.read() as c:
        return digest, releases.manifest(c, digest)


def _kept(order: Order, name: str, manifest: Manifest, provenance: dict[str, Any]) -> Result:
    digest = digest_of(manifest)
    if order.checking:
        with order.ledger.read() as c:
            known = releases.find(c, name)
        same = known is not None and known.digest == digest
        return {"changed": not same, "name": name, "digest": digest, "msg": "would be release %s (%s)" % (name, digest[:12])}
    with order.ledger.write() as c:
        release, new = releases.add(c, name, manifest, provenance, order.actor, order.args["evidence"])
    return {"changed": new, "name": name, "digest": release.digest, "msg": "release %s is %s%s" % (name, digest[:12], "" if new else ", as before")}


def _told(kept: Result, manifest: Manifest, parent: Manifest | None) -> Result:
    sizes = {key: len(section["packages"]) for key, section in manifest["platforms"].items()}
    changes = compare.releases(parent, manifest) if parent else []
    streams = compare.streams(parent, manifest) if parent else []
    return dict(kept, platforms=sizes, changes=changes, streams=streams, text=compare.table(changes, streams) if changes or streams else "")
