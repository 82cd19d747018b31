# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different between two releases, or between a host and a release, with the advisories that lie between, and in which module
streams they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils.packages.kernels import install_only
from ...module_utils.packages.records import Package
from ...module_utils.packages.versions import Compare, comparator
from ...module_utils.release.manifest import platform_key, section
from ...module_utils.release.pairing import pair
from ...module_utils.text import counted, printable
from .capture import Manifest
from .history import Entry, between

ADDED, REMOVED, UP, DOWN, EXTRA = "added", "removed", "up", "down", "extra"
SWITCHED = "switched"

_HEAD = ("package", "arch", "", "from", "to", "class", "advisories and CVEs")
_STREAMS_HEAD = ("module", "", "from", "to")


def releases(one: Manifest, other: Manifest) -> list[Entry]:
    """What changes from the first to the second, sorted by platform and name."""
    found: list[Entry] = []
    for key in sorted({*one["platforms"], *other["platforms"]}):
        compare = comparator(key.rpartition("-")[2])
        found += [dict(change, platform=key) for change in _sections(_packages(one, key), _packages(other, key), compare)]
    return found


def with_host(snapshot: Mapping[str, Any], manifest: Manifest) -> list[Entry]:
    """What changes when this host goes to the release. Packages of the release that the host has not are none of it; those that the
    release does not know are ``extra``, and stay."""
    key = platform_key(snapshot["platform"], snapshot["manager"])
    compare, part = comparator(snapshot["manager"]), section(manifest, key)
    installed = [Package(p["name"], p["arch"], p["version"], p.get("source", ""), p.get("reason", "unknown")) for p in snapshot["packages"]]
    found = pair(installed, part, manifest["exclude"], snapshot["platform"]["arch"], compare)
    told = _told(part["packages"])
    changes = [_change(i.should.name, i.should.arch, i.package.version, i.should.version, told, {}, compare) for i in found.differing]
    changes += [_change(i.should.name, i.should.arch, None, i.should.version, told, {}, compare) for i in found.missing]
    changes += [dict(_change(p.name, p.arch, p.version, None, {}, {}, compare), change=EXTRA) for p in found.unknown]
    return [dict(change, platform=key) for change in sorted(changes, key=lambda c: (c["name"], c["arch"]))]


def streams(one: Manifest, other: Manifest) -> list[Entry]:
    """Which module streams change from the first to the second, sorted by platform and module."""
    platforms = sorted({*one["platforms"], *other["platforms"]})
    return [row for key in platforms for row in _switches(_enabled(one, key), _enabled(other, key), key)]


def streams_with_host(snapshot: Mapping[str, Any], manifest: Manifest) -> list[Entry]:
    """Of a host's module streams, those that are not the release's. Modules of the release that the host makes no use of are none of it; those
    that the release does not know are ``extra``, and stay."""
    key = platform_key(snapshot["platform"], snapshot["manager"])
    has, should = snapshot.get("streams") or [], _enabled(manifest, key)
    modules = {_module(stream) for stream in has}
    rows = _switches(has, [stream for stream in should if _module(stream) in modules], key)
    return [dict(row, change=EXTRA) if row["change"] == REMOVED else row for row in rows]


def _switches(before: Iterable[str], after: Iterable[str], key: str) -> list[Entry]:
    old, new = ({_module(stream): stream for stream in found} for found in (before, after))
    return [_switch(key, module, old.get(module), new.get(module)) for module in sorted({*old, *new}) if old.get(module) != new.get(module)]


def _switch(platform: str, module: str, old: str | None, new: str | None) -> Entry:
    return {"platform": platform, "module": module, "change": ADDED if old is None else REMOVED if new is None else SWITCHED, "from": old, "to": new}


def _enabled(manifest: Manifest, key: str) -> list[str]:
    return list(manifest["platforms"].get(key, {}).get("streams") or ())


def _module(stream: str) -> str:
    return stream.split(":", 1)[0]


def counts(changes: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    found = dict.fromkeys((ADDED, REMOVED, UP, DOWN, EXTRA), 0)
    for change in changes:
        found[change["change"]] += 1
    return found


def table(changes: Sequence[Mapping[str, Any]], switches: Sequence[Mapping[str, Any]] = ()) -> str:
    """For a person: one table a platform, and below it one of its module streams. Names and versions are the hosts' words."""
    lines: list[str] = []
    for key in sorted({change["platform"] for change in (*changes, *switches)}):
        rows = [_row(change) for change in changes if change["platform"] == key]
        moved = [(s["module"], s["change"], s["from"] or "-", s["to"] or "-") for s in switches if s["platform"] == key]
        lines += [printable(key), *(_aligned([_HEAD, *rows]) if rows else []), *(_aligned([_STREAMS_HEAD, *moved]) if moved else []), ""]
    told = ["%d %s" % (number, kind) for kind, number in counts(changes).items() if number]
    told += [counted(len(switches), "module stream")] if switches else []
    lines.append(", ".join(told) or "no difference")
    return "\n".join(lines)


def _row(change: Mapping[str, Any]) -> tuple[str, ...]:
    return (change["name"], change["arch"], change["change"], change["from"] or "-", change["to"] or "-", change["classification"],
            " ".join([*change["advisories"], *change["cves"]]))


def _aligned(cells: Sequence[tuple[str, ...]]) -> list[str]:
    rows = [[printable(cell) for cell in row] for row in cells]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


Told = Mapping[tuple[str, str], Sequence[Entry]]


def _packages(manifest: Manifest, key: str) -> list[Entry]:
    return list(manifest["platforms"].get(key, {"packages": []})["packages"])


def _told(packages: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for package in packages:
        found.setdefault((package["name"], package["arch"]), []).extend(package["updates"])
    return found


def _versions(packages: Iterable[Entry]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for package in packages:
        found.setdefault((package["name"], package["arch"]), []).append(package["version"])
    return found


def _sections(one: Sequence[Entry], other: Sequence[Entry], compare: Compare) -> list[Entry]:
    before, after, told, known = _versions(one), _versions(other), _told(other), _told(one)
    changes: list[Entry] = []
    for place in sorted({*before, *after}):
        old = [v for v in before.get(place, ()) if v not in after.get(place, ())]
        new = [v for v in after.get(place, ()) if v not in before.get(place, ())]
        beside = install_only(place[0]) or len(old) > 1 or len(new) > 1
        if old and new and not beside:
            changes.append(_change(*place, old[0], new[0], told, known, compare))
        else:
            changes += [_change(*place, version, None, told, known, compare) for version in old]
            changes += [_change(*place, None, version, told, known, compare) for version in new]
    return changes


def _change(name: str, arch: str, old: str | None, new: str | None, told: Told, known: Told, compare: Compare) -> Entry:
    between_them: Entry = {"classification": "unknown", "severity": "unknown", "advisories": [], "cves": []}
    kind = ADDED if old is None else REMOVED
    if old is not None and new is not None:
        kind = UP if compare(old, new) < 0 else DOWN
        entries, low, high = (told, old, new) if kind == UP else (known, new, old)
        between_them = between(entries.get((name, arch), ()), low, high, compare)
    return {"name": name, "arch": arch, "change": kind, "from": old, "to": new, **between_them}
