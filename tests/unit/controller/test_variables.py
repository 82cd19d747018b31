# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as they reach a task."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import variables
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.variables import refuse_stray_words


def given(monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, object]:
    """What Ansible makes of ``-e``."""
    monkeypatch.setattr("ansible.utils.vars.context.CLIARGS", {"extra_vars": words})
    getattr(load_extra_vars, "extra_vars", {}).clear()
    found: dict[str, object] = dict(load_extra_vars(DataLoader()))
    getattr(load_extra_vars, "extra_vars", {}).clear()
    return found


def test_words_that_the_shell_took_the_quotes_of_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="-e: 'migration at night' belongs to no variable"):
        refuse_stray_words(given(monkeypatch, "control_reason=database migration at night"))


def test_quoted_words_and_json_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for said in ("control_reason='database migration'", '{"control_reason": "database migration"}'):
        variables = given(monkeypatch, said)
        assert variables["control_reason"] == "database migration"
        refuse_stray_words(variables)


@pytest.mark.parametrize("value", ["{{ nowhere }}", ["{{ nowhere }}"], {"backend": "{% if nowhere %}"}])
def test_a_template_that_an_older_core_leaves_as_it_was_written_is_no_value(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    monkeypatch.setattr(variables, "_LEAVES_TEMPLATES", True)
    with pytest.raises(AnsibleUndefinedVariable, match="not defined"):
        variables.patch_variables({"patch_maintenance": value})
    data = type("Data", (str,), {"__UNSAFE__": True})("{{.Names}}")
    assert variables.templated(data) == "{{.Names}}" and variables.templated(["a"]) == ["a"]
    monkeypatch.setattr(variables, "_LEAVES_TEMPLATES", False)
    assert variables.templated("{{.Names}}") == "{{.Names}}", "what a newer core returns is a value"
