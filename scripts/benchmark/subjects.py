# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture, compare and drift: of one host against the tool that lists its packages, and of many hosts against one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.records import Package
from ansible_collections.fleetops.patchtrain.plugins.module_utils.packages.versions import comparator
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.drift import Entry, drift
from ansible_collections.fleetops.patchtrain.plugins.module_utils.release.manifest import digest
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.capture import Manifest, capture
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.releases.compare import releases

from . import fleet
from .fleet import APT, Kind, Sizes
from .places import AptHost, RpmHost
from .publishing import release
from .timing import Row, Work, expect, in_turns, timed

_LISTS = {APT: "dpkg-query -W", fleet.DNF: "rpm -qa"}


def measure(kind: Kind, host: AptHost | RpmHost, sizes: Sizes) -> list[Row]:
    """The host is at the first release and should be at the second."""
    old, new = (fleet.levels(sizes, second) for second in (False, True))
    first = release(kind, old)
    parent = (digest(first), first)
    second, golden = release(kind, new, parent), fleet.snapshot(kind, new)
    at = fleet.installed(kind, old)
    _check(kind, host, first, second, at, sizes)
    raw, captured, compared, alone, whole = in_turns(
        sizes.rounds, host.raw, lambda: capture({"golden": golden}, fleet.EXCLUDE, parent=parent), lambda: releases(first, second),
        lambda: against(kind, second, at), lambda: against(kind, second, host.installed()))
    what, tool = "%d packages (%s)" % (sizes.packages, kind.manager), _LISTS[kind.manager]
    rows = [Row("capture of a host with " + what, tool, captured, raw), Row("compare two releases of " + what, tool, compared, raw),
            Row("drift of a host with " + what, tool, alone, raw), Row("look at the host, then drift, " + what, tool, whole, raw)]
    return rows + _with_policy(host, rows[-1], raw, sizes)


def against(kind: Kind, manifest: Manifest, installed: Sequence[Package]) -> list[Entry]:
    return drift(installed, manifest["platforms"][kind.key], manifest["exclude"], kind.native, comparator(kind.manager))


def _with_policy(host: AptHost | RpmHost, whole: Row, raw: float, sizes: Sizes) -> list[Row]:
    """Where a package comes from only apt-cache knows, and takes its time to say."""
    if isinstance(host, RpmHost):
        return []
    names = [package.name for package in host.installed()]
    asked, = in_turns(sizes.rounds, lambda: host.runner.run(["apt-cache", "policy", "--", *names]).check())
    return [replace(whole, against=whole.against + ", apt-cache policy", against_seconds=raw + asked)]


def _check(kind: Kind, host: AptHost | RpmHost, first: Manifest, second: Manifest, at: Sequence[Package], sizes: Sizes) -> None:
    wanted = [("version", sizes.changed)]
    for where, found in (("made up", against(kind, second, at)), ("looked at", against(kind, second, host.installed()))):
        expect("drift of the host as %s" % where, sorted({(row["kind"], len(found)) for row in found}), wanted)
    expect("changes between the releases", len(releases(first, second)), sizes.changed)
    expect("drift against its own release", against(kind, first, at), [])


def controller(kind: Kind, sizes: Sizes) -> list[Row]:
    """Every host has other packages that differ."""
    second = release(kind, fleet.levels(sizes, True))
    exact = fleet.installed(kind, fleet.levels(sizes, True))
    first = _host(kind, exact, 0, sizes)
    expect("drift of a host of many", len(against(kind, second, first)), sizes.changed)
    one, = in_turns(sizes.rounds, lambda: against(kind, second, first))
    times = [_time_of(kind, second, _host(kind, exact, number, sizes)) for number in range(sizes.hosts)]
    what = "drift of %d hosts with %d packages (%s)" % (sizes.hosts, sizes.packages, kind.manager)
    half = times[:sizes.hosts // 2]
    return [Row(what, "one such host", sum(times), one), Row(what, "%d of them" % len(half), sum(times), sum(half))]


def _time_of(kind: Kind, manifest: Manifest, host: Sequence[Package]) -> float:
    return timed(lambda: against(kind, manifest, host))


def _host(kind: Kind, exact: Sequence[Package], number: int, sizes: Sizes) -> list[Package]:
    older = set(Random(number).sample(range(sizes.packages), sizes.changed))
    return [replace(package, version=fleet.version(kind.manager, at, 0)) if at in older else package for at, package in enumerate(exact)]


def growth(kind: Kind, sizes: Sizes) -> list[Row]:
    """What twice the packages cost: 2 where the work grows with their number, 4 where with its square."""
    half = replace(sizes, packages=sizes.packages // 2, changed=max(1, sizes.changed // 2))
    small, large = _works(kind, half), _works(kind, sizes)
    times = in_turns(sizes.rounds, *small, *large)
    return [Row("%s, %d packages (%s)" % (what, sizes.packages, kind.manager), "%d packages" % half.packages, twice, once)
            for what, once, twice in zip(("capture", "compare", "drift"), times[:3], times[3:])]


def _works(kind: Kind, sizes: Sizes) -> tuple[Work, Work, Work]:
    old, new = (fleet.levels(sizes, second) for second in (False, True))
    first, second, golden, at = release(kind, old), release(kind, new), fleet.snapshot(kind, new), fleet.installed(kind, old)
    return (lambda: capture({"golden": golden}, fleet.EXCLUDE, parent=(digest(first), first)), lambda: releases(first, second),
            lambda: against(kind, second, at))
