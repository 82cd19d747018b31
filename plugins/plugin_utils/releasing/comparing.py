# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases held against each other, and against a host; and all that there are."""

from __future__ import annotations

from typing import Any

from ...module_utils.errors import BadInput
from ...module_utils.release.manifest import package_place
from ...module_utils.text import counted
from ..ledger import releases, stages
from ..prepared import raise_if_failed
from ..releases import compare
from .capturing import snapshot
from .gather import known_files
from .order import Order, Result

CHANGES = "fleetops.patchtrain.release_changes_info"


def compared(order: Order) -> Result:
    release = order.release()
    with order.ledger.read() as c:
        manifest = releases.manifest(c, release.digest)
    if bool(order.args["with_release"]) == bool(order.args["with_host"]):
        raise BadInput("release: state=compared needs with_release or with_host, one of them (release_with_release or release_with_host in playbooks)")
    if order.args["with_host"]:
        seen = snapshot(order, order.args["with_host"])
        changes, streams = compare.with_host(seen, manifest), compare.streams_with_host(seen, manifest)
        other = order.args["with_host"]
    else:
        against = order.release("with_release")
        with order.ledger.read() as c:
            second = releases.manifest(c, against.digest)
        changes, streams = compare.releases(manifest, second), compare.streams(manifest, second)
        other = against.name
    changes = _with_changelogs(order, changes) if order.args["repository"] else changes
    text = compare.table(changes, streams)
    return {"name": release.name, "digest": release.digest, "changes": changes, "streams": streams, "counts": compare.counts(changes), "text": text,
            "msg": "%s and %s: %s" % (release.name, other, text.splitlines()[-1])}


def _with_changelogs(order: Order, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where a repository says nothing of CVEs (Debian's), the changelogs inside its packages do."""
    asked = [c for c in changes if c["platform"].endswith("-apt") and c["change"] in ("up", "down") and not c["cves"]]
    if not asked:
        return changes
    place = order.place()
    repository = order.reach(place.host)
    newer = [{"name": c["name"], "arch": c["arch"], "version": _ends(c)[1], "platform": c["platform"]} for c in asked]
    files = _files(known_files(repository, place.root, _by_platform(newer), place.seconds)[0])
    wanted = [{"name": c["name"], "arch": c["arch"], "from": _ends(c)[0], "to": _ends(c)[1], "sha256": files[key]["sha256"]}
              for c in asked for key in [(c["platform"], c["name"], c["arch"], _ends(c)[1])] if key in files]
    if not wanted:
        return changes
    result = repository.module(CHANGES, {"root": place.root, "packages": wanted}, place.seconds, check=False)
    raise_if_failed(result)
    told = {(found["name"], found["arch"], found["to"]): found["cves"] for found in result["changes"]}
    return [dict(c, cves=told.get((c["name"], c["arch"], _ends(c)[1]), c["cves"])) if c in asked else c for c in changes]


def _ends(change: dict[str, Any]) -> tuple[str, str]:
    """The older and the newer version."""
    return (change["from"], change["to"]) if change["change"] == "up" else (change["to"], change["from"])


def _by_platform(packages: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        found.setdefault(package["platform"], []).append(package)
    return found


def _files(known: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    return {(platform, *package_place(item)): item for platform, items in known.items() for item in items}


def listed(order: Order) -> Result:
    with order.ledger.read() as c:
        moves = stages.moves(c)
        current = {move.stage: move for move in reversed(moves)}
        found = [{"name": r.name, "digest": r.digest, "captured_at": r.captured_at, "actor": r.actor, "approved_at": r.approved_at, "approver": r.approver,
                  "evidence": r.evidence, "parent": r.parent, "stages": sorted(s for s, m in current.items() if m.release == r.name),
                  "published": (releases.publication(c, r.digest) is not None)} for r in releases.recent(c, 1000)]
    history = [{"stage": m.stage, "release": m.release, "previous": m.previous, "at": m.at, "actor": m.actor, "forced": m.forced, "reason": m.reason}
               for m in moves]
    return {"releases": found, "moves": history, "msg": "%s; %s" % (
        counted(len(found), "release"), ", ".join("%s: %s" % (stage, move.release) for stage, move in sorted(current.items())) or "no stage has one")}
