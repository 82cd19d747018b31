# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream has beyond a release: asked on the repository host where that can be, so that no host of the fleet has to see upstream;
else on golden hosts, which do."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils.errors import PatchtrainError
from ...module_utils.text import counted
from ..ledger import releases, upstream
from ..prepared import raise_if_failed
from ..releases.capture import Manifest
from ..releases.news import news
from .capturing import assess, snapshot
from .order import Order, Result

UPSTREAM = "fleetops.patchtrain.release_upstream"

Look = dict[str, Any]


class CannotAsk(PatchtrainError):
    """The repository host can't ask the sources of a platform."""


def surveyed(order: Order) -> Result:
    release = order.release()
    golden: Mapping[str, list[str]] = release.provenance.get("golden", {})
    with order.ledger.read() as c:
        manifest = releases.manifest(c, release.digest)
        before = upstream.latest(c, [release.digest]).get(release.digest)
    looks, where = _looks(order, manifest, golden)
    found = news(manifest, looks, time.time(), before.document if before else None)
    if not order.checking:
        with order.ledger.write() as c:
            upstream.record(c, release.digest, found)
    said = ", ".join("%d %s" % (number, kind) for kind, number in found["counts"].items()) or "nothing"
    return {"name": release.name, "digest": release.digest, "upstream": found,
            "msg": "upstream has published since %s: %s; %s" % (release.name, said, "; ".join(where))}


def _looks(order: Order, manifest: Manifest, golden: Mapping[str, list[str]]) -> tuple[list[Look], list[str]]:
    """And where each platform was asked, with the reason where that is not the repository host."""
    if order.args["hosts"] is not None or not order.args["repository"]:
        hosts = order.hosts if order.args["hosts"] is not None else sorted({host for some in golden.values() for host in some})
        return _on_hosts(order, hosts), ["asked on %s" % (", ".join(hosts) or "no host")]
    looks: list[Look] = []
    where: list[str] = []
    for key in sorted(manifest["platforms"]):
        try:
            look, by = _at_repository(order, key, manifest["platforms"][key]["packages"], golden.get(key, ()))
            looks.append(look)
            where.append("%s asked on %s%s" % (key, order.place().host, by))
        except PatchtrainError as error:
            looks += _on_hosts(order, golden.get(key, ()))
            where.append("%s asked on %s, because on %s: %s" % (key, ", ".join(golden.get(key, ())) or "no host", order.place().host, error.message))
    return looks, where


def _on_hosts(order: Order, hosts: Sequence[str]) -> list[Look]:
    return [{"snapshot": snapshot(order, host), "assessment": assess(order, host)} for host in hosts]


def _at_repository(order: Order, key: str, packages: Sequence[Mapping[str, Any]], golden: Sequence[str]) -> tuple[Look, str]:
    """As a host that has exactly these packages, and what it would be offered; and by what, where not by a golden host's sources of today.
    ``CannotAsk`` and others say why it can't be."""
    identity, _dash, manager = key.rpartition("-")
    if manager != "apt":
        raise CannotAsk("only apt's sources can be asked elsewhere")
    untold = _remember(order, key, golden)
    rules = order.classifying(golden[0] if golden else order.place().host)
    patterns = {name: rules.get(name) for name in ("security_patterns", "known_patterns")}
    wanted = [{name: package[name] for name in ("name", "arch", "version")} for package in packages]
    found = _upstream(order, order.place().host, state="asked", platform=key, packages=wanted, **patterns)
    name, version, arch = identity.rsplit("-", 2)
    platform = {"id": name, "version": version, "arch": arch}
    look = {"snapshot": {"packages": found["packages"], "platform": platform, "manager": manager}, "assessment": {"updates": found["updates"]}}
    return look, ", by the sources that it was told %s, because %s" % (_age(found["kept_at"]), untold) if untold else ""


def _age(at: float) -> str:
    return "at %s (%s ago)" % (time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at)), counted(max(0, int((time.time() - at) // 86400)), "day"))


def _remember(order: Order, key: str, golden: Sequence[str]) -> str:
    """The first golden host that answers tells its sources. Where none does, those count that are kept since the last time, and this says why."""
    untold = []
    for host in golden:
        try:
            told = _upstream(order, host, state="told")["sources"]
        except PatchtrainError as error:
            untold.append("%s: %s" % (host, error.message))
            continue
        _upstream(order, order.place().host, state="kept", platform=key, sources=told)
        return "check mode keeps no others" if order.checking else ""
    return "; ".join(untold) or "no golden host of this platform is known"


def _upstream(order: Order, host: str, **args: Any) -> Mapping[str, Any]:
    limit = {"timeout": order.seconds} if args["state"] == "asked" else {}
    # A look is one in check mode, too; what is kept is not.
    result = order.reach(host).module(UPSTREAM, dict(args, **limit), order.seconds, check=order.checking and args["state"] == "kept")
    raise_if_failed(result)
    return result
