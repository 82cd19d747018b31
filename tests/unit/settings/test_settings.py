# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patch_* variables: defaults, values, messages, agreement."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.patchtrain.plugins.module_utils.errors import BadInput
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import settings as room
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils.settings import NAMES, RUN_WIDE, Settings, agree, described, refuse_misspelt

ROOT = Path(__file__).parents[3]


def read(**variables):
    return Settings.from_variables(variables, "web1")


def wrong(**variables):
    with pytest.raises(BadInput) as caught:
        read(**variables)
    assert "\n" not in caught.value.message and len(caught.value.message) < 300
    return caught.value.message


def test_nothing_set_is_the_defaults():
    assert read() == Settings() == Settings.from_variables({"ansible_user": "root", "patch_run_id": "x"}, "web1")


def test_defaults_pass_their_own_checks():
    assert Settings.from_variables({d["name"]: d["default"] for d in described()}) == Settings()


def test_defaults_are_not_shared():
    read().patch_exclude.append("x")
    assert read().patch_exclude == []


@pytest.mark.parametrize("name", NAMES)
def test_null_is_not_set(name):
    assert read(**{name: None}) == Settings()


@pytest.mark.parametrize("name", ["patch_max_unavailable", "patch_ledger", "patch_run_name", "patch_hooks_dir", "patch_hook_after_drain"])
def test_empty_text_is_not_set_where_nothing_is_the_default(name):
    assert getattr(read(**{name: ""}), name) == getattr(Settings(), name)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_refuses_what_is_none_and_names_itself_and_the_host(name):
    message = wrong(**{name: {"a": object()}})
    assert message.startswith(name + " is ") and "(host web1): use " in message


def test_the_message():
    assert wrong(patch_reboot="sometimes") == 'patch_reboot is "sometimes" (host web1): use never, if_required or always'


@pytest.mark.parametrize(("variables", "says"), [
    ({"patch_max_unavailable": "many"}, 'use a number of hosts, for example 2, or a percentage, for example "25%"'),
    ({"patch_max_unavailable": 1.5}, "use a number of hosts"),
    ({"patch_max_failed": True}, "use a number of hosts"),
    ({"patch_canaries": -1}, "use a number of hosts, or a list of hosts"),
    ({"patch_canaries": {"web1": 1}}, "use a number of hosts, or a list of hosts"),
    ({"patch_fail_on": ["succeeded"]}, "use a list of reboot_pending, deferred, blocked, failed, unreachable or not_started"),
    ({"patch_classifications": ["critical"]}, "use a list of security, bugfix, enhancement, other or unknown"),
    ({"patch_classifications": []}, "use at least one of security"),
    ({"patch_exclude": {"a": 1}}, "use a list of texts"),
    ({"patch_exclude": [["a"]]}, "use a list of texts"),
    ({"patch_exclude": [True]}, "use a list of texts"),
    ({"patch_soak": -1}, "use a number of seconds, 0 or more"),
    ({"patch_soak": "nan"}, "use a number of seconds"),
    ({"patch_soak": True}, "use a number of seconds"),
    ({"patch_install_timeout": 0}, "use a number of seconds, 1 or more"),
    ({"patch_install_timeout": "1h"}, "use a number of seconds"),
    ({"patch_install_timeout": "inf"}, "use a number of seconds"),
    ({"patch_refresh": "perhaps"}, "use true or false"),
    ({"patch_run_name": "a b"}, "use letters, digits"),
    ({"patch_deployment": "x" * 79}, "at most 78 of them"),
    ({"patch_change_id": "a\0b"}, "use text"),
    ({"patch_change_id": ["a"]}, "use text"),
    ({"patch_maintenance": {"driver": "haproxy"}}, "use a list of mappings"),
    ({"patch_maintenance": [{"place": "lb1"}]}, "use entries with a driver"),
    ({"patch_maintenance": [{"driver": "haproxy", "sokcet": "/x"}]}, "not sokcet"),
    ({"patch_maintenance": [{"driver": "haproxy", "options": ["x"]}]}, "use a mapping for the options of driver haproxy"),
    ({"patch_maintenance": [{"driver": "haproxy", "timeout": "soon"}]}, "use a number of seconds, 1 or more"),
    ({"patch_health_checks": [{"ulr": "http://x"}]}, "use entries with exactly one of url, tcp, unit, command or cluster"),
    ({"patch_lease": 600}, "use more than 4112, for which a host may be in one step by patch_install_timeout"),
    ({"patch_drain_timeout": 3570}, "use more than 7200, for which a host may be in one step by patch_drain_timeout"),
    ({"patch_hook_task_timeout": 7200}, "use more than 7200, for which a host may be in one step by patch_hook_task_timeout"),
    ({"patch_health_settle": 60, "patch_health_timeout": 60}, "use less than patch_health_timeout, which is 60"),
])
def test_what_is_refused(variables, says):
    assert says in wrong(**variables)


@pytest.mark.parametrize(("variables", "value"), [
    ({"patch_max_unavailable": "2"}, 2), ({"patch_max_unavailable": "25 %"}, "25 %"), ({"patch_max_failed": 0}, 0),
    ({"patch_canaries": "2"}, 2), ({"patch_canaries": "web1, web2"}, ["web1", "web2"]), ({"patch_canaries": ["web1"]}, ["web1"]),
    ({"patch_exclude": "linux-*,,firefox "}, ["linux-*", "firefox"]), ({"patch_include": [389, "a"]}, ["389", "a"]),
    ({"patch_fail_on": "failed"}, ["failed"]), ({"patch_fail_on": []}, []), ({"patch_fail_on": ["failed", "failed"]}, ["failed"]),
    ({"patch_soak": "1.5"}, 1.5), ({"patch_refresh": "no"}, False), ({"patch_refresh": "True"}, True), ({"patch_refresh": 0}, False),
    ({"patch_change_id": 4711}, "4711"),
    ({"patch_maintenance": [{"driver": "haproxy", "place": "lb1", "options": {"backend": "web"}}]},
     [{"driver": "haproxy", "place": "lb1", "options": {"backend": "web"}}]),
])
def test_what_is_understood(variables, value):
    found = getattr(read(**variables), next(iter(variables)))
    assert found == value and type(found) is type(value)


def test_the_name_of_a_run_has_to_be_one_in_the_message_too():
    assert wrong(patch_run_name="$(reboot)\n").startswith('patch_run_name is "$(reboot)\\n" (host web1): use letters, digits')


LEAVES = st.none() | st.booleans() | st.floats() | st.text() | st.binary()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.sampled_from(NAMES))
def test_whatever_comes_is_a_plain_value_or_one_line(value, name):
    try:
        found = Settings.from_variables({name: value}, "web1")
    except BadInput as error:
        assert error.message.startswith("patch_") and error.message.isprintable()
    else:
        json.dumps(found.for_record(), allow_nan=False)


def _tagged(value):
    tags = pytest.importorskip("ansible._internal._datatag._tags", reason="ansible-core 2.19 began to tag values")
    return tags.Origin(path="/x").tag(value)


def test_tagged_values_become_plain():
    variables = {"patch_reboot": _tagged("never"), "patch_canaries": _tagged([_tagged("web1")]), "patch_soak": _tagged(3),
                 "patch_maintenance": [_tagged({_tagged("driver"): _tagged("command"), "options": _tagged({"poll": _tagged(1.5)})})]}
    found = Settings.from_variables(variables, "web1")

    def types(value):
        inner = value.items() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
        return {type(value)}.union(*map(types, inner))

    used = [found.patch_reboot, found.patch_canaries, found.patch_soak, found.patch_maintenance]
    assert types(used) <= {list, dict, tuple, str, int, float}
    assert found.patch_maintenance == [{"driver": "command", "options": {"poll": 1.5}}]


def test_run_wide_settings_agree():
    agreed = agree({"web1": {"patch_max_unavailable": 2, "patch_soak": 1}, "web2": {"patch_max_unavailable": "2", "patch_soak": 9}})
    assert set(agreed) == set(RUN_WIDE) and agreed["patch_max_unavailable"] == 2
    assert agree({}) == {}


@pytest.mark.parametrize(("one", "other", "says"), [
    (2, "25%", 'patch_max_unavailable is 2 on web1 and "25%" on web3'), (None, 2, "patch_max_unavailable is not set on web1 and 2 on web3"),
    (2, None, "patch_max_unavailable is 2 on web1 and not set on web3")])
def test_hosts_that_disagree_are_named_with_both_values(one, other, says):
    with pytest.raises(BadInput, match=re.escape(says)):
        agree({"web1": {"patch_max_unavailable": one}, "web2": {"patch_max_unavailable": one}, "web3": {"patch_max_unavailable": other}})


def test_setting_the_default_is_agreeing_with_it():
    assert agree({"web1": {}, "web2": {"patch_max_failed": "0"}})["patch_max_failed"] == 0


def test_a_bad_value_names_its_host_when_hosts_are_compared():
    with pytest.raises(BadInput, match=r"\(host web2\): use "):
        agree({"web1": {}, "web2": {"patch_canaries": {}}})


def test_nothing_secret_is_for_the_record_or_in_a_message():
    found = read(patch_ledger="postgresql://patch:hunter2@db/patch", patch_health_checks=[
        {"url": "https://me:hunter2@web1/", "headers": {"Authorization": "hunter2"}, "password": "hunter2"}],
        patch_maintenance=[{"driver": "awx", "options": {"api_token": "hunter2"}}])
    record = found.for_record()
    assert "hunter2" not in json.dumps(record) and record["patch_ledger"] == "postgresql://patch:***@db/patch"
    assert "hunter2" in found.patch_ledger
    assert "hunter2" not in wrong(patch_reboot="https://me:hunter2@x")
    with pytest.raises(BadInput) as caught:
        agree({"web1": {"patch_ledger": "postgresql://a:hunter2@x/y"}, "web2": {"patch_ledger": "postgresql://b:hunter2@x/y"}})
    assert "hunter2" not in caught.value.message


def test_misspelt_settings_are_refused_and_others_left_alone():
    with pytest.raises(BadInput, match="patch_max_unavailble is not a setting: did you mean patch_max_unavailable. patch_reboots is not"):
        refuse_misspelt(["patch_max_unavailble", "patch_reboots", "patch_run_id", "patch_opened", "patch_soak", "other"])
    refuse_misspelt(["patch_run_id", "patch_opened", "patch_soak", "patching_day", "other"])


def test_what_the_roles_themselves_register_is_no_misspelt_setting():
    text = "".join(path.read_text() for path in (ROOT / "roles").glob("*/tasks/*.yml"))
    names = set(re.findall(r"\bpatch_[a-z_]+", text))
    assert {"patch_slot", "patch_opened", "patch_run_point"} <= names
    refuse_misspelt(names)


def test_a_misspelt_word_of_control_is_refused():
    with pytest.raises(BadInput, match="contrl is not a setting: did you mean control"):
        refuse_misspelt(["contrl", "other"], ["control", "control_reason"])


def test_every_setting_says_what_it_is():
    assert all(d["about"] and d["name"].startswith("patch_") for d in described())
    assert set(RUN_WIDE) < set(NAMES) and room.NAMES == tuple(d["name"] for d in described())
