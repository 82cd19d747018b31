# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a host will be out of service."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.scheduling.estimate import History, Past, alike, need, quantile

DEFAULT, RESERVE = 900.0, 300.0


def told(history, packages, reboot=False, host="web1"):
    found = need(History(history), host, packages, DEFAULT, RESERVE, reboot)
    return found.seconds, found.assumed


def test_without_history_the_default_is_assumed():
    found = need(History([]), "web1", 5, DEFAULT, RESERVE)
    assert (found.seconds, found.likely_s, found.assumed) == (1200.0, 1200.0, True) and found.basis.startswith("assumed: no history")
    assert told([], 5) == (900.0, True)


def test_the_host_s_own_like_installations_count_first():
    history = [Past("web1", 60.0, 4), Past("web1", 80.0, 6), Past("web1", 500.0, 90), *[Past("web%d" % n, 10.0, 5) for n in range(2, 9)]]
    assert told(history, 5) == (80.0, False)
    assert need(History(history), "web1", 5, DEFAULT, RESERVE, False).likely_s == 60.0


def test_else_three_like_ones_of_others():
    others = [Past("web2", 60.0, 40), Past("web3", 80.0, 50), Past("web4", 70.0, 60)]
    assert told([*others, Past("web1", 10.0, 1)], 50) == (80.0, False)
    assert told(others[:2], 50) == (900.0, True)


def test_else_what_the_host_took_for_more():
    assert told([Past("web1", 400.0, 200)], 20) == (400.0, False)


def test_what_it_took_for_less_is_only_a_lower_bound():
    assert told([Past("web1", 40.0, 2)], 200) == (900.0, True)
    assert told([Past("web1", 4000.0, 2)], 200) == (4000.0, True)


def test_one_in_ten_may_take_longer():
    history = [Past("web1", float(n), 5) for n in range(1, 11)]
    assert told(history, 5) == (9.0, False)


def test_the_reserve_for_a_reboot_is_what_the_host_s_own_took():
    without, rebooted = Past("web1", 60.0, 5), Past("web1", 160.0, 5, reboot_s=100.0)
    assert told([without], 5, reboot=True) == (360.0, False)
    assert told([without, rebooted], 5, reboot=True) == (160.0, False) and told([without, rebooted], 5) == (60.0, False)
    assert need(History([without, without, rebooted]), "web1", 5, DEFAULT, RESERVE).likely_s == 60.0
    assert need(History([rebooted]), "web1", 5, DEFAULT, RESERVE).likely_s == 160.0


def test_of_other_hosts_the_newest_count():
    old, new = [Past("db%d" % n, 999.0, 5, at=1.0) for n in range(300)], [Past("web%d" % n, 50.0, 5, at=2.0) for n in range(2, 502)]
    assert told([*old, *new], 5) == (50.0, False) and told([*old, *new], 5, host="db1") == (999.0, False)


def test_alike():
    assert alike(0, 5) and alike(20, 40) and alike(3, 8) and not alike(20, 41) and not alike(2, 8)


PASTS = st.lists(st.builds(Past, st.sampled_from(["web1", "web2", "web3"]), st.floats(0, 1e5), st.integers(0, 500), st.floats(0, 1e4)), max_size=12)


@given(PASTS, st.integers(0, 500), st.booleans())
def test_it_is_deterministic_and_never_less_than_likely(history, packages, reboot):
    found = need(History(history), "web1", packages, DEFAULT, RESERVE, reboot)
    assert 0 <= found.likely_s <= found.seconds
    assert found == need(History(reversed(history)), "web1", packages, DEFAULT, RESERVE, reboot)
    assert found.basis and (not found.assumed or found.seconds >= DEFAULT)


@given(PASTS, st.integers(0, 500))
def test_a_reboot_needs_more_than_none(history, packages):
    assert need(History(history), "web1", packages, DEFAULT, RESERVE, True).seconds >= need(History(history), "web1", packages, DEFAULT, RESERVE, False).seconds


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values(values, part):
    found = quantile(values, part)
    assert found in values and sum(value <= found for value in values) >= part * len(values) - 1e-9
