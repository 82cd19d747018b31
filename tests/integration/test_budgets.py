# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruption budgets over sets of hosts, and dynamic scope, in real plays. No host is touched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from canned import Canned

QUORUM = {"name": "quorum", "max_unavailable": 1, "per": "cluster"}
ZONES = {"name": "zones", "exclusive": "zone", "within": "app"}


@pytest.fixture
def fleet(tmp_path: Path) -> Canned:
    found = Canned(tmp_path / "fleet")
    # A template, because variables are what they are on the host.
    found.inventory({"h%d" % n: {"cluster": "{{ 'ba'[%d] }}" % (n % 2), "zone": "z%d" % (n // 3), "app": "shop"} for n in (1, 2, 3, 4)})
    return found


def together(fleet: Canned) -> set[frozenset[str]]:
    """All pairs of hosts that were out of service at one time."""
    slots: list[Any] = fleet.ask("SELECT host, taken_at, returned_at FROM slots")
    return {frozenset((a, c)) for a, b, d in slots for c, e, f in slots if a != c and b < f and e < d}


def test_one_of_each_cluster_goes_at_a_time(fleet: Canned) -> None:
    done = fleet.play(patch_budgets=[QUORUM])
    assert done.rc == 0, done.text
    assert set(fleet.states().values()) == {"succeeded"}
    assert together(fleet) <= {frozenset((a, b)) for a in ("h1", "h3") for b in ("h2", "h4")}
    assert together(fleet), "hosts of different clusters don't wait for each other"


def test_one_zone_goes_at_a_time(fleet: Canned) -> None:
    done = fleet.play(patch_budgets=[ZONES], patch_max_unavailable=4)
    assert done.rc == 0, done.text
    assert together(fleet) <= {frozenset(("h1", "h2")), frozenset(("h3", "h4"))}


def test_a_host_that_stayed_drained_blocks_its_set_and_no_other(fleet: Canned) -> None:
    fleet.say(**{host: {"install": "dpkg broke"} for host in ("h1", "h3")})
    fleet.play(patch_budgets=[QUORUM], patch_max_failed=9)
    states = fleet.states()
    # Whichever of the two came first.
    (failed,) = (host for host in ("h1", "h3") if states[host] == "failed")
    (other,) = {"h1", "h3"} - {failed}
    assert states == {failed: "failed", other: "not_started", "h2": "succeeded", "h4": "succeeded"}
    (reason,) = fleet.ask(f"SELECT reason FROM run_hosts WHERE host = '{other}'")[0]
    assert reason.startswith(f"quorum allows 1 of 2 hosts of a out of service, and only a person can bring back {failed} (failed)")


def test_two_deployments_share_a_set_and_one_host_is_worked_on_by_one(fleet: Canned) -> None:
    fleet.write("install.hold", "")
    first = fleet.start("fleetops.patchtrain.patch", "--limit", "h1", patch_deployment="first", patch_budgets=[QUORUM])
    until((fleet.folder / "install.reached").exists)
    more = {"patch_budgets": [QUORUM], "patch_slot_timeout": 0}
    refused = {host: fleet.play("fleetops.patchtrain.patch", "--limit", host, patch_deployment="second-" + host, **more) for host in ("h1", "h3")}
    (fleet.folder / "install.hold").unlink()
    assert fleet.finish(first).rc == 0
    (run,) = fleet.ask("SELECT name FROM runs WHERE deployment = 'first'")[0]
    assert "run %s has taken this host out of service" % run in refused["h1"].text
    assert "quorum allows 1 of 2 hosts of a out of service; waiting for h1 (installing in run %s)" % run in " ".join(refused["h3"].text.split())


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


@pytest.mark.parametrize(("budget", "says"), [
    (dict(QUORUM, max_unavailable="40%"), "quorum of a is 40% of 2 hosts, rounded down none"),
    (dict(QUORUM, per="split(cluster)"), "budget quorum: per: 'split(cluster)' is no JMESPath"),
    (dict(QUORUM, per="broken"), "budget quorum: 'broken' on host h1: its variable broken can't be templated"),
    (dict(ZONES, exclusive="region"), "budget zones: exclusive 'region' gives null for host h1"),
])
def test_what_can_never_be_kept_is_refused_before_anything_is_touched(fleet: Canned, budget: Any, says: str) -> None:
    done = fleet.play(patch_budgets=[budget], broken="{{ nowhere }}")
    assert done.rc != 0 and says in " ".join(done.text.split()).replace("\\'", "'"), done.text
    assert not (fleet.folder / "state/patchtrain/ledger.db").exists() or fleet.runs() == []


def test_a_scope_leaves_hosts_out_and_says_so(fleet: Canned) -> None:
    done = fleet.play(patch_scope="cluster == 'a' && !(ledger.last_state)", patch_max_unavailable=4)
    assert done.rc == 0, done.text
    assert fleet.states() == {"h1": "succeeded", "h3": "succeeded"}
    assert "selects 2 of 4 hosts" in done.text and "2 hosts are left out by patch_scope" in done.text
    again = fleet.play(patch_scope="cluster == 'a' && !(ledger.last_state)")
    assert again.rc != 0 and "selects none of the 4 hosts" in again.text
    assert fleet.runs() == ["succeeded"]


@pytest.mark.parametrize("strategy", ["linear", "host_pinned"])
def test_in_a_play_of_ones_own_hosts_that_are_left_out_pass_by(fleet: Canned, strategy: str) -> None:
    # The first of the play opens the run and the last would close it: both are left out.
    done = fleet.play(fleet.role(strategy=strategy), patch_scope="contains(['h2', 'h3'], inventory_hostname)", patch_max_unavailable=4)
    assert done.rc == 0, done.text
    assert fleet.states() == {"h2": "succeeded", "h3": "succeeded"} and fleet.runs() == ["succeeded"]
    assert fleet.ask("SELECT count(*) FROM steps WHERE host IN ('h1', 'h4')") == [(0,)]


def slots_in_order(fleet: Canned) -> list[str]:
    return [host for (host,) in fleet.ask("SELECT host FROM slots ORDER BY taken_at, id")]


def test_where_every_host_has_a_fork_slots_are_given_in_the_plans_order(tmp_path: Path) -> None:
    names = tuple("h%d" % n for n in range(1, 7))
    fleet = Canned(tmp_path / "fleet", names)
    fleet.write("install.hold", "")
    process = fleet.start("fleetops.patchtrain.patch", "--forks", "8", patch_max_unavailable=1)
    until((fleet.folder / "install.reached").exists)
    # Who has a slot first is who has asked first; from then on all others stand in line.
    until(lambda: fleet.ask("SELECT count(*) FROM asked") == [(len(names) - 1,)])
    (fleet.folder / "install.hold").unlink()
    done = fleet.finish(process)
    assert done.rc == 0 and set(fleet.states().values()) == {"succeeded"}, done.text
    first, *others = slots_in_order(fleet)
    planned = [host for (host,) in fleet.ask("SELECT host FROM run_hosts ORDER BY position")]
    assert others == [host for host in planned if host != first]


@pytest.mark.full
def test_four_forks_and_three_clusters_of_which_none_starves(tmp_path: Path) -> None:
    """By name one cluster's hosts would come first, and wait for each other with the forks that the others need."""
    clusters = {"h%d%d" % (number, n): {"cluster": name} for number, name in enumerate("abc") for n in range(4)}
    fleet = Canned(tmp_path / "fleet", tuple(clusters))
    fleet.inventory(clusters)
    done = fleet.play("fleetops.patchtrain.patch", "--forks", "4", patch_budgets=[QUORUM], patch_max_unavailable=12)
    assert done.rc == 0 and set(fleet.states().values()) == {"succeeded"}, done.text
    taken = dict.fromkeys("abc", 0)
    for host in slots_in_order(fleet):
        taken[clusters[host]["cluster"]] += 1
        assert max(taken.values()) - min(taken.values()) <= 2, slots_in_order(fleet)
    slots: list[Any] = fleet.ask("SELECT host, taken_at, returned_at FROM slots")
    at_once = [{clusters[b]["cluster"] for b, begun, ended in slots if begun <= at < ended} for _a, at, _e in slots]
    assert max(map(len, at_once)) == 3, "all three have a host out at one time"
    assert not any(clusters[a]["cluster"] == clusters[b]["cluster"] for a, b in map(tuple, together(fleet)))
