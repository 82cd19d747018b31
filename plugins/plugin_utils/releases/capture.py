# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what golden hosts have installed to the manifest of a release. Pure: the same snapshots give the same bytes, in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ...module_utils.errors import BadInput
from ...module_utils.packages.kernels import install_only
from ...module_utils.packages.versions import Compare, comparator
from ...module_utils.release.manifest import FORMAT, package_place, platform_key, sort
from .history import Entry, merged

ALWAYS_EXCLUDED = (
    "gpg-pubkey", "amazon-cloudwatch-agent", "amazon-ssm-agent", "azure-*-agent", "google-cloud-ops-agent", "google-guest-agent",
    "google-osconfig-agent", "oracle-cloud-agent", "WALinuxAgent*", "walinuxagent*")
"""Keys, and agents that clouds install and update by themselves. Globs over names."""

Manifest = dict[str, Any]
Snapshot = Mapping[str, Any]
Reasons = {"manual": 0, "automatic": 1, "unknown": 2}
_LISTED = 8


class GoldenHostsDiffer(BadInput):
    """Golden hosts of one platform have different versions of the same."""


@dataclass(frozen=True)
class Captured:
    """``left_out`` are packages that no source has, per platform; ``golden`` are the hosts of each platform."""

    manifest: Manifest
    left_out: dict[str, list[str]]
    golden: dict[str, list[str]]


def capture(snapshots: Mapping[str, Snapshot], exclude: Sequence[str] = (), include_unsourced: bool = False,
            parent: tuple[str, Manifest] | None = None) -> Captured:
    """The release of these hosts, by name of host. ``parent`` is a digest and its manifest: what it knows of earlier updates goes along."""
    if not snapshots:
        raise BadInput("a release needs at least one golden host")
    rules = sorted({*ALWAYS_EXCLUDED, *exclude})
    groups = by_platform(snapshots)
    platforms, left_out = {}, {}
    for key, hosts in groups.items():
        chosen, local = _chosen({host: snapshots[host] for host in hosts}, rules, include_unsourced)
        before = parent[1]["platforms"].get(key, {"packages": []})["packages"] if parent else []
        platforms[key] = _section(chosen, {host: snapshots[host] for host in hosts}, before, key)
        left_out[key] = local
    manifest = {"format": FORMAT, "parent": parent[0] if parent else None, "exclude": rules, "platforms": platforms}
    return Captured(manifest, left_out, groups)


def by_platform(snapshots: Mapping[str, Snapshot]) -> dict[str, list[str]]:
    """The hosts of each platform, sorted."""
    groups: dict[str, list[str]] = {}
    for host in sorted(snapshots):
        groups.setdefault(platform_key(snapshots[host]["platform"], snapshots[host]["manager"]), []).append(host)
    return dict(sorted(groups.items()))


def excluded(name: str, rules: Iterable[str]) -> bool:
    return any(fnmatchcase(name, rule) for rule in rules)


def _chosen(snapshots: Mapping[str, Snapshot], rules: Sequence[str], include_unsourced: bool) -> tuple[dict[str, list[Entry]], list[str]]:
    """The packages of each host that belong to the release, and those that nobody offers."""
    chosen: dict[str, list[Entry]] = {}
    local: set[str] = set()
    for host, snapshot in snapshots.items():
        packages = [p for p in snapshot["packages"] if not excluded(p["name"], rules)]
        unsourced = [] if include_unsourced else [p for p in packages if not p.get("source") and not p.get("feeder")]
        local.update("%s %s (%s)" % (p["name"], p["version"], p["arch"]) for p in unsourced)
        gone = {package_place(p) for p in unsourced}
        chosen[host] = [p for p in packages if package_place(p) not in gone]
    return chosen, sorted(local)


def _section(chosen: Mapping[str, list[Entry]], snapshots: Mapping[str, Snapshot], before: Sequence[Entry], key: str) -> Entry:
    _agree(chosen, key)
    compare = comparator(next(iter(snapshots.values()))["manager"])
    known: dict[tuple[str, str], list[Entry]] = {}
    for package in before:
        known.setdefault((package["name"], package["arch"]), []).extend(package["updates"])
    union: dict[tuple[str, str, str], Entry] = {}
    for packages in chosen.values():
        for package in packages:
            union[package_place(package)] = _with(union.get(package_place(package)), package, known, compare)
    return {"packages": sort(list(union.values())), "kernel": _kernel(snapshots, key), "streams": _streams(snapshots, key)}


def _with(one: Entry | None, package: Entry, known: Mapping[tuple[str, str], Sequence[Entry]], compare: Compare) -> Entry:
    before = one["updates"] if one else known.get((package["name"], package["arch"]), [])
    reasons = [package.get("reason", "unknown")] + ([one["reason"]] if one else [])
    return {"name": package["name"], "arch": package["arch"], "version": package["version"], "reason": min(reasons, key=lambda r: Reasons.get(r, 2)),
            "updates": merged([*before, *package.get("updates", ())], package["version"], compare)}


def _agree(chosen: Mapping[str, Sequence[Entry]], key: str) -> None:
    """``GoldenHostsDiffer`` names what several hosts have in different versions."""
    at: dict[tuple[str, str], dict[str, list[str]]] = {}
    for host, packages in chosen.items():
        for package in packages:
            if not install_only(package["name"]):
                at.setdefault((package["name"], package["arch"]), {}).setdefault(package["version"], []).append(host)
    torn = {place: versions for place, versions in at.items() if len(versions) > 1}
    if torn:
        lines = ["%s (%s) is %s" % (*place, ", ".join("%s on %s" % (v, "/".join(hosts)) for v, hosts in sorted(versions.items())))
                 for place, versions in sorted(torn.items())]
        more = ["and %d more" % (len(lines) - _LISTED)] if len(lines) > _LISTED else []
        raise GoldenHostsDiffer("golden hosts of %s differ: %s; bring them to one level and capture again" % (key, "; ".join(lines[:_LISTED] + more)),
                                packages=lines)


def _kernel(snapshots: Mapping[str, Snapshot], key: str) -> Entry | None:
    """The kernel that boots by default; containers have none."""
    defaults = {host: s["kernel"]["default"] for host, s in snapshots.items() if s["kernel"]["applicable"] and s["kernel"].get("default")}
    if len(set(defaults.values())) > 1:
        raise GoldenHostsDiffer("golden hosts of %s boot different kernels: %s" % (key, ", ".join("%s on %s" % (v, h) for h, v in sorted(defaults.items()))))
    return {"default": next(iter(defaults.values()))} if defaults else None


def _streams(snapshots: Mapping[str, Snapshot], key: str) -> list[str]:
    found: dict[str, set[str]] = {}
    for snapshot in snapshots.values():
        for stream in snapshot.get("streams", ()):
            found.setdefault(stream.split(":", 1)[0], set()).add(stream)
    torn = sorted(name for name, streams in found.items() if len(streams) > 1)
    if torn:
        raise GoldenHostsDiffer("golden hosts of %s have different streams of the modules %s" % (key, ", ".join(torn)))
    return sorted(stream for streams in found.values() for stream in streams)
