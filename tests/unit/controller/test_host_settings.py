# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with one host's settings refuses the run before any host is touched."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible.errors import AnsibleError

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.host_settings import check_all

GOOD: Dict[str, Any] = {
    "patch_maintenance": [{"driver": "haproxy", "place": "lb1", "options": {"backend": "web"}}], "patch_health_checks": [{"url": "http://127.0.0.1/"}]}


def test_good_settings_are_returned_by_host() -> None:
    found = check_all({"web1": GOOD, "lb1": {}}, ["web1", "lb1", "gone"])
    assert sorted(found) == ["lb1", "web1"]
    assert found["web1"].patch_health_checks == GOOD["patch_health_checks"]


@pytest.mark.parametrize("wrong, told", [
    ({"patch_maintenance": [{"driver": "haproxyy", "place": "lb1"}]}, "no driver 'haproxyy'"),
    ({"patch_maintenance": [{"driver": "haproxy", "place": "lb1", "options": {"backnd": "web"}}]}, "'backnd'"),
    ({"patch_maintenance": [{"driver": "haproxy", "place": "lb9"}]}, "'lb9'"),
    ({"patch_maintenance": [{"driver": "command", "options": {"enter": "a string"}}]}, "list of words"),
    ({"patch_health_checks": [{"url": "ftp://x"}]}, "ftp://x"),
    ({"patch_reboot": "sometimes"}, "sometimes"),
])
def test_what_is_wrong_with_any_host_names_it(wrong: Dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_all({"web1": GOOD, "web2": wrong, "lb1": {}}, ["web1", "web2"])
    assert told in caught.value.message
    assert "web2" in caught.value.message


class _Later(Dict[str, Any]):
    """Variables of which one needs a fact that nobody has gathered yet."""

    def __getitem__(self, name: str) -> Any:
        raise AnsibleError("'dict object' has no attribute 'fqdn'")


def test_variables_that_are_known_later_are_checked_later() -> None:
    assert check_all({"web1": _Later(patch_maintenance=[])}, ["web1"]) == {}
