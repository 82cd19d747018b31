# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a large fleet: sorted into its sets, put in order, estimated, played through, and told."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_html import render_plan_page
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.report.plan_text import render_plan
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.budgets import in_turn, sort_into_sets
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.estimate import History, Past
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.rules import parse_rules
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate import PATCHED, Forecast, forecast
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate_limits import limits_of
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate_need import Needs
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.simulate_roll import Task

from .timing import Row, expect, timed

_BUDGETS = [{"name": "cluster", "max_unavailable": "10%", "per": "cluster"}, {"name": "zone", "max_unavailable": "5%", "per": "zone"}]
_FORKS = 500


@dataclass(frozen=True)
class Planned:
    """What it took; ``peak_mib`` is of the whole process, so that it says something only where nothing else was done in it."""

    hosts: int
    clusters: int
    seconds: float
    peak_mib: float


def measure(hosts: int, clusters: int) -> list[Row]:
    """A fleet against half of it: 2 where nothing but the number of hosts counts."""
    whole, half = timed(lambda: _plan(hosts, clusters)), timed(lambda: _plan(hosts // 2, clusters // 2))
    return [Row("plan of %d hosts in %d clusters" % (hosts, clusters), "half of them", whole, half)]


def once(hosts: int = 100_000, clusters: int = 1000) -> Planned:
    """Seconds and memory of one plan."""
    began = time.perf_counter()
    _plan(hosts, clusters)
    return Planned(hosts, clusters, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _plan(hosts: int, clusters: int) -> None:
    variables = {"host%06d" % n: {"cluster": "c%04d" % (n % clusters), "zone": "z%d" % (n % clusters % 3)} for n in range(hosts)}
    sets = sort_into_sets(parse_rules(_BUDGETS), variables, variables)
    order = in_turn(sets, list(variables))
    needs = Needs(History(Past(order[n], 60.0 + n % 300, n % 40, 20.0 * (n % 2), float(n)) for n in range(0, min(hosts, 20_000), 2)))
    guesses = [needs.of(host, number % 40, 900.0, 300.0, True) for number, host in enumerate(order)]
    tasks = [Task(host, guess.likely_s, guess.seconds, 0.0, guess.assumed) for host, guess in zip(order, guesses)]
    seen = forecast(tasks, limits_of(sets, "10%"), _FORKS)
    expect("hosts that are patched", sum(host.state == PATCHED for host in seen.simulation.hosts), hosts)
    told = _document(seen)
    render_plan(told)
    render_plan_page(told)


def _document(seen: Forecast) -> dict[str, Any]:
    rows = [dict(vars(host), name=host.host, changes=7, set="", reboot="maybe", drain=True) for host in seen.simulation.hosts]
    return {"run_id": "bench", "begins_at": 0.0, "ends_at": seen.simulation.ends_at, "best_end": seen.best_end, "peak": seen.simulation.peak,
            "forks": seen.forks, "forks_needed": seen.forks_needed, "bottleneck": seen.bottleneck, "waits": dict(seen.waits), "hosts": rows}


def main(arguments: Sequence[str]) -> int:
    """``python -m benchmark.plans [HOSTS [CLUSTERS]]``: the seconds and the memory of this machine."""
    found = once(*(int(word) for word in arguments))
    print("plan of %d hosts in %d clusters: %.1f s, %.0f MiB" % (found.hosts, found.clusters, found.seconds, found.peak_mib))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
