# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks are checked when the run opens, and their copies notice a lost host after each task."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.fleetops.patchtrain.plugins.plugin_utils import hooks

PROOF = hooks.PROOF


class _Reader(yaml.SafeLoader):
    pass


_Reader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))
_Reader.add_constructor("!vault", lambda loader, node: ("vault", loader.construct_scalar(node)))


def prepared(tmp_path: Path, text: str, name: str = "hook.yml") -> list:
    source = tmp_path / "site" / name
    source.parent.mkdir(exist_ok=True)
    source.write_text(text)
    copy = hooks.prepare(source, "before_drain", tmp_path / "out", hooks.Parsing.alone(DataLoader()), 60)
    return yaml.load(copy.read_text(), _Reader)


def test_each_task_is_followed_by_its_proof(tmp_path: Path) -> None:
    begun, task, proof, ended = prepared(tmp_path, "- name: hello\n  debug: {msg: x}\n")
    assert begun[PROOF]["state"] == "begun" and ended[PROOF]["state"] == "ended"
    assert task["ignore_unreachable"] is True and task["timeout"] == 60
    assert proof[PROOF]["state"] == "lost" and proof[PROOF]["task"] == "hello"
    assert task["register"] in proof["when"]


def test_what_the_author_wrote_stays(tmp_path: Path) -> None:
    _begun, task, proof, _ended = prepared(tmp_path, "- command: 'true'\n  register: mine\n  timeout: 5\n  no_log: true\n")
    assert (task["register"], task["timeout"], task["no_log"]) == ("mine", 5, True)
    assert "mine.unreachable" in proof["when"]


def test_an_author_who_ignores_unreachable_is_taken_at_his_word(tmp_path: Path) -> None:
    tasks = prepared(tmp_path, "- ping:\n  ignore_unreachable: true\n")
    assert [PROOF in task for task in tasks] == [True, False, True]


def test_blocks_are_walked(tmp_path: Path) -> None:
    text = "- block:\n  - ping:\n  rescue:\n  - ping:\n  always:\n  - ping:\n  when: true\n"
    block = prepared(tmp_path, text)[1]
    assert block["when"] is True
    assert all(PROOF in block[part][1] for part in ("block", "rescue", "always"))


def test_nested_files_are_instrumented_and_neighbours_linked(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "nested.yml").write_text("- ping:\n")
    (site / "motd.j2").write_text("hello")
    include = prepared(tmp_path, "- include_tasks: nested.yml\n")[1]
    nested = Path(include["include_tasks"])
    assert PROOF in yaml.safe_load(nested.read_text())[1]
    assert (nested.parent / "motd.j2").read_text() == "hello"


def test_templated_includes_and_roles_stay_as_they_are(tmp_path: Path) -> None:
    tasks = prepared(tmp_path, "- include_tasks: '{{ which }}.yml'\n- include_role: {name: '{{ mine }}'}\n")
    assert [PROOF in task for task in tasks] == [True, False, False, True]


def test_unsafe_and_vaulted_strings_keep_their_tags(tmp_path: Path) -> None:
    text = "- debug:\n    msg: !unsafe '{{ x }}'\n    var: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n"
    task = prepared(tmp_path, text)[1]
    assert task["debug"]["msg"] == ("unsafe", "{{ x }}")
    assert task["debug"]["var"][0] == "vault" and "AES256" in task["debug"]["var"][1]


@pytest.mark.parametrize("text, said", [
    ("- debug: {msg: x\n", "can't be read"),
    ("- nosuch_module_at_all: {}\n", "nosuch_module_at_all"),
    ("- debug: {msg: x}\n  wen: true\n", "wen"),
    ("- meta: end_host\n", "end_host"),
    ("a: mapping\n", "list of tasks"),
    ("[]\n", "not an empty one"),
    ("- just a string\n", "each task is a mapping"),
    ("- include_tasks: missing.yml\n", "does not exist"),
    ("- include_tasks: hook.yml\n", "includes itself"),
    ("- block:\n  - ping:\n  wehn: false\n", "wehn"),
    ("- block:\n  - block:\n    - ping:\n    wehn: false\n", "wehn"),
    ("- include_tasks: \"{{ which }}.yml\"\n  wehn: false\n", "wehn"),
    ("- import_role: {name: no_such_role}\n", "no_such_role"),
    ("- block:\n  - import_role: {name: no_such_role}\n", "no_such_role"),
    ("- block:\n  - include_role: {name: no_such_role}\n", "no_such_role"),
])
def test_bad_hooks_are_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(hooks.BadHook) as caught:
        prepared(tmp_path, text)
    assert said in caught.value.message and "\n" not in caught.value.message
    assert not list((tmp_path / "out").rglob("before_drain.hook.yml"))


def test_a_missing_hook_names_the_folder_that_was_searched(tmp_path: Path) -> None:
    with pytest.raises(hooks.BadHook, match="patch_hooks_dir"):
        hooks.find("drain.yml", tmp_path)


@pytest.mark.parametrize("text, place", [
    ("- ping:\n", None),
    ("- ping:\n  delegate_to: lb1\n", "lb1"),
    ("- ping:\n  delegate_to: '{{ lb }}'\n", "{{ lb }}"),
    ("- ping:\n  delegate_to: '{{ item }}'\n  loop: [lb1, lb2]\n", "one of several places"),
    ("- delegate_to: lb1\n  block:\n  - ping:\n", "lb1"),
])
def test_the_proof_knows_where_its_task_runs(tmp_path: Path, text: str, place: str) -> None:
    task = prepared(tmp_path, text)[1:-1]
    proof = (task[0]["block"] if "block" in task[0] else task)[1]
    assert proof[PROOF].get("place") == place
