# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What checks and drivers are given as credentials is in no log of the host, and in no result."""

from __future__ import annotations

import json
import sys

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.fleetops.patchtrain.plugins.modules import host_health_info, maintenance_mode

SECRET = "s3cret-token"
HEALTH = {"checks": [{"name": "it answers", "command": [sys.executable, "-c", "print('it answers')"]},
                     {"url": "http://127.0.0.1:9/", "headers": {"Authorization": "Bearer " + SECRET, "Accept": "it"}}],
          "limit": 1, "settle": 0, "fail": False}
DRIVER = {"driver": "command", "state": "entered", "host": "web1",
          "options": {"enter": ["true", SECRET], "verify": ["true"], "leave": ["true"], "poll": 0.1}}


@pytest.fixture()
def run(monkeypatch, capsys):
    """A module as a host runs it; its result, and all that it logged."""
    logged = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda self, msg, log_args=None: logged.append((msg, log_args)))

    def run(module, arguments):
        # As every task sends it that has no no_log of its own.
        with patch_module_args(dict(arguments, _ansible_no_log=False)), pytest.raises(SystemExit):
            module.main()
        return json.loads(capsys.readouterr().out), logged
    return run


@pytest.mark.parametrize("module, arguments", [(host_health_info, HEALTH), (maintenance_mode, DRIVER)])
def test_credentials_are_neither_logged_nor_returned(run, module, arguments):
    result, logged = run(module, arguments)
    assert logged, "it would not be known whether anything is logged at all"
    assert SECRET not in str(logged)
    assert SECRET not in str(result)
    assert not result["invocation"]


def test_no_holes_are_torn_into_a_result_where_it_says_the_same_as_an_option(run):
    result, _logged = run(host_health_info, HEALTH)
    assert result["checks"][0] == {"name": "it answers", "ok": True, "message": "ok"}
