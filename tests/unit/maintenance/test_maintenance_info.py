# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What draining would do, asked at a place for many hosts at once: a real HAProxy, which is as it was afterwards."""

from __future__ import annotations

import pytest
from ansible_collections.fleetops.patchtrain.plugins.module_utils.clock import Clock
from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.module_utils.maintenance.foresee import foresee
from ansible_collections.fleetops.patchtrain.plugins.module_utils.runner import SystemRunner
from ansible_collections.fleetops.patchtrain.plugins.modules import maintenance_info


def look(balancer, host="web1", **options):
    return {"driver": "haproxy", "host": host, "options": dict({"socket": str(balancer.socket), "backend": "shop"}, **options)}


def test_each_host_is_told_what_would_be_done_and_what_is_wrong_and_nothing_is_changed(balancer):
    balancer.set("shop/web2", "maint")
    before = balancer.states()
    looks = [look(balancer, backend="wbe"), look(balancer, "web9"), look(balancer), look(balancer, "web2"), look(balancer, min_peers=0),
             look(balancer, socket="/nowhere.sock"), look(balancer, backedn="shop")]
    told = maintenance_info.work({"looks": looks, "timeout": 60.0})
    backend, server, lonely, out, fine, silent, misspelt = told
    assert "has no backend wbe" in backend["problem"] and "shop" in backend["problem"] and not backend["blocked"]
    assert "has no server web9" in server["problem"]
    assert "min_peers wants 1" in lonely["problem"] and lonely["blocked"]
    assert (out["problem"], out["would_change"], out["prior_state"], out["would"]) == ("", False, "maintenance", [])
    assert fine["would"] == ["set server shop/web1 state drain", "set server shop/web1 state maint"] and fine["would_change"]
    assert "/nowhere.sock" in silent["problem"] and "no option 'backedn'" in misspelt["problem"]
    assert [one["asked"] for one in told] == [True] * 7 and balancer.states() == before


def test_of_a_deployments_own_command_no_word_but_its_name_is_told(tmp_path):
    options = {"enter": ["/bin/enter", "--token", "secret"], "verify": ["/bin/verify"], "leave": ["/bin/leave"]}
    (told,) = maintenance_info.work({"looks": [{"driver": "command", "host": "web1", "options": options}], "timeout": 60.0})
    assert told["would"] == ["/bin/enter ...", "/bin/verify"] and told["prior_state"] == "in_service"


def test_a_host_for_which_no_time_is_left_is_told_as_not_asked(balancer):
    passed = iter([0.0, 0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 9.0])
    told = foresee([look(balancer, min_peers=0), look(balancer, min_peers=0)], 5.0, SystemRunner(), Clock(lambda: next(passed)))
    assert [one["asked"] for one in told][-1] is False and told[-1]["problem"] == ""


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(BadInput, match="timeout"):
        maintenance_info.work({"looks": [], "timeout": 0.0})
