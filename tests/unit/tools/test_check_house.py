# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of the house finds what breaks it, and is silent about what doesn't."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Callable

import pytest

from house import agreement, files, imports, python38
from house.tree import Findings, Tree, git_files

GPL = "# SPDX-License-Identifier: GPL-3.0-or-later\n"
BSD = "# SPDX-License-Identifier: BSD-2-Clause\n"
FUTURE = "from __future__ import annotations\n"
Check = Callable[..., list[str]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs one rule over a tree of the given files and returns what it finds."""

    def run(rule: Callable[[Tree], Findings], contents: dict[str, str]) -> list[str]:
        for path, text in contents.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        return [str(finding) for finding in rule(Tree(tmp_path, contents))]

    return run


def function_of(lines: int, docstring: str = "") -> str:
    return "def long():\n" + docstring + "    pass\n" * (lines - 1)


# --- files


def test_a_file_of_500_lines_passes_and_one_more_does_not(check: Check) -> None:
    assert check(files.file_length, {"a.py": "\n" * 500, "CHANGELOG.md": "\n" * 900}) == []
    assert check(files.file_length, {"docs/a.md": "\n" * 501}) == ["docs/a.md:501: 501 lines, more than 500: split it by subject"]


def test_recorded_data_may_be_long_and_binary(check: Check, tmp_path: Path) -> None:
    assert check(files.file_length, {"tests/unit/apt/data/log.txt": "\n" * 900, "docs/a.bin": "\0" + "\n" * 900}) == []


def test_a_function_of_41_lines_is_named(check: Check) -> None:
    assert check(files.function_length, {"plugins/a.py": function_of(40)}) == []
    assert check(files.function_length, {"plugins/a.py": function_of(41)}) == ["plugins/a.py:1: long has 41 lines, more than 40"]


def test_a_docstring_does_not_count(check: Check) -> None:
    assert check(files.function_length, {"plugins/a.py": function_of(40, '    """One\n\n    two.\n    """\n')}) == []


def test_a_playbook_stays_under_60_lines(check: Check) -> None:
    assert check(files.playbook_length, {"playbooks/a.yml": "\n" * 59}) == []
    assert len(check(files.playbook_length, {"playbooks/a.yml": "\n" * 60})) == 1


@pytest.mark.parametrize(("path", "text"), [
    ("scripts/a.py", GPL), ("plugins/module_utils/a.py", BSD), ("Makefile", GPL), ("scripts/run", "#!/bin/sh\n" + GPL),
    ("plugins/module_utils/__init__.py", ""), ("docs/a.md", "text"), ("a.css", "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"),
])
def test_a_file_with_its_header_passes(check: Check, path: str, text: str) -> None:
    assert check(files.header, {path: text}) == []


@pytest.mark.parametrize(("path", "text"), [
    ("scripts/a.py", BSD), ("plugins/module_utils/a.py", GPL), ("Makefile", "all:\n"), ("scripts/run", "#!/bin/sh\n"),
    ("roles/a/tasks/main.yml", "---\n"), ("scripts/late.py", "\n" * 8 + GPL),
])
def test_a_file_without_its_header_does_not(check: Check, path: str, text: str) -> None:
    assert len(check(files.header, {path: text})) == 1


def test_what_is_no_python_is_said_with_its_line(check: Check) -> None:
    assert check(files.syntax, {"a.py": "x = 1\n"}) == []
    assert check(files.syntax, {"a.py": "x = 1\ndef\n"})[0].startswith("a.py:2: ")


# --- imports


@pytest.mark.parametrize(("path", "text"), [
    ("plugins/module_utils/a.py", "import os.path\nfrom .errors import X\nfrom typing import Any"),
    ("plugins/module_utils/packages/apt/load.py", "from ...runner import Runner\nfrom .. import records"),
    ("plugins/modules/a.py", "from ansible.module_utils.basic import AnsibleModule\nfrom ..module_utils.a import run"),
    ("plugins/action/a.py", "from ansible.plugins.action import ActionBase\nfrom ..plugin_utils.ledger import runs"),
    ("plugins/plugin_utils/ledger/a.py", "import sqlalchemy as sa\nfrom ..scheduling import budgets\nfrom ...module_utils.errors import X"),
    ("plugins/plugin_utils/scheduling/a.py", "import math\nfrom . import order\nfrom ...module_utils.errors import BadInput"),
])
def test_imports_along_the_arrows_pass(check: Check, path: str, text: str) -> None:
    assert check(imports.arrows, {path: text}) == []


@pytest.mark.parametrize(("path", "text", "what"), [
    ("plugins/module_utils/a.py", "from ..plugin_utils import remote", "plugins.plugin_utils.remote"),
    ("plugins/module_utils/a.py", "from ansible.module_utils.basic import AnsibleModule", "ansible.module_utils.basic.AnsibleModule"),
    ("plugins/module_utils/a.py", "import yaml", "yaml"),
    ("plugins/module_utils/a.py", "def f():\n    import tomllib", "tomllib"),
    ("plugins/modules/a.py", "from ansible.errors import AnsibleError", "ansible.errors.AnsibleError"),
    ("plugins/modules/a.py", "from ..plugin_utils.ledger import runs", "plugins.plugin_utils.ledger.runs"),
    ("plugins/plugin_utils/scheduling/a.py", "import sqlalchemy", "sqlalchemy"),
    ("plugins/plugin_utils/scheduling/a.py", "from ansible.errors import AnsibleError", "ansible.errors.AnsibleError"),
    ("plugins/plugin_utils/scheduling/a.py", "from .. import ledger", "plugins.plugin_utils.ledger"),
    ("plugins/plugin_utils/ledger/a.py", "from ansible.errors import AnsibleError", "ansible.errors.AnsibleError"),
    ("plugins/plugin_utils/ledger/a.py", "from ..report import model", "plugins.plugin_utils.report.model"),
    ("plugins/plugin_utils/report/a.py", "import sqlalchemy", "sqlalchemy"),
    ("plugins/plugin_utils/a.py", "from ..action import patch_run", "plugins.action.patch_run"),
])
def test_an_import_against_the_arrows_is_named(check: Check, path: str, text: str, what: str) -> None:
    found = check(imports.arrows, {path: text})
    assert len(found) == 1
    assert f"imports {what}, which " in found[0]


def test_a_folder_that_the_page_does_not_know_is_named(check: Check) -> None:
    assert "no room of docs/architecture.md" in check(imports.arrows, {"plugins/lookup/a.py": ""})[0]


def test_imports_inside_the_collection_are_relative(check: Check) -> None:
    text = "from ansible_collections.fleetops.patchtrain.plugins.module_utils import errors"
    assert "are relative" in check(imports.relative, {"plugins/action/a.py": text})[0]
    assert check(imports.relative, {"plugins/action/a.py": "from ..module_utils import errors"}) == []


@pytest.mark.parametrize("text", ["__import__('os')", "import importlib\nimportlib.import_module('os')"])
def test_host_code_imports_statically(check: Check, text: str) -> None:
    assert len(check(imports.relative, {"plugins/module_utils/a.py": text})) == 1
    assert check(imports.relative, {"plugins/plugin_utils/a.py": text}) == []


def test_pure_files_have_no_door_to_the_outside(check: Check) -> None:
    assert len(check(imports.purity, {"plugins/module_utils/packages/apt/parse.py": "import subprocess"})) == 1
    assert len(check(imports.purity, {"plugins/module_utils/packages/resolve.py": "from ..runner import Runner"})) == 1
    assert check(imports.purity, {"plugins/module_utils/packages/apt/load.py": "from ...runner import Runner"}) == []


# --- Python 3.8


@pytest.mark.parametrize("text", [
    "match x:\n    case 1:\n        pass",
    "'a'.removeprefix('a')",
    "@dataclass(frozen=True, slots=True)\nclass A:\n    pass",
    "zip(a, b, strict=True)",
    "from functools import cache",
    "import functools\nx = functools.cache(len)",
    "Names = list[str]",
    "Name = str | None",
    "try:\n    pass\nexcept* ValueError:\n    pass",
])
def test_what_python_38_lacks_is_found(check: Check, text: str) -> None:
    assert len(check(python38.host_python, {"plugins/module_utils/a.py": FUTURE + text + "\n"})) == 1
    assert check(python38.host_python, {"plugins/plugin_utils/a.py": FUTURE + text + "\n"}) == []


def test_annotations_may_be_of_today_when_they_are_postponed(check: Check) -> None:
    text = "def f(a: list[str], b: int | None = None) -> dict[str, int]:\n    c: set[int] = set()\n"
    assert check(python38.host_python, {"plugins/modules/a.py": FUTURE + text}) == []
    assert check(python38.host_python, {"plugins/modules/a.py": "x = 1\n"}) == [
        "plugins/modules/a.py:1: lacks 'from __future__ import annotations'"]


# --- agreement

SPEC = "argument_specs:\n  main:\n    options:\n      a_limit:\n        type: int\n        default: 3\n      a_name:\n        type: str\n"


def role(defaults: str, spec: str = SPEC) -> dict[str, str]:
    return {"roles/a/README.md": "", "roles/a/tasks/main.yml": "", "roles/a/meta/argument_specs.yml": spec,
            "roles/a/defaults/main.yml": defaults}


def test_defaults_that_are_the_specs_pass(check: Check) -> None:
    assert check(agreement.roles, role("a_limit: 3\n")) == []


@pytest.mark.parametrize(("defaults", "said"), [
    ("", "a_limit has a default in the spec and none here"),
    ("a_limit: 4\n", "a_limit is 4 here and 3 in the spec of main"),
    ("a_limit: 3\na_name: x\n", "a_name is 'x' here and None in the spec of main"),
    ("a_limit: 3\na_lost: 1\n", "a_lost is in no entry point's spec"),
])
def test_defaults_that_are_not_the_specs_are_named(check: Check, defaults: str, said: str) -> None:
    assert check(agreement.roles, role(defaults)) == [f"roles/a/defaults/main.yml:1: {said}"]


def test_a_role_without_its_documents_is_named(check: Check) -> None:
    assert check(agreement.roles, {"roles/a/tasks/main.yml": ""}) == [
        "roles/a/README.md:1: is missing", "roles/a/meta/argument_specs.yml:1: is missing"]


def test_an_entry_point_has_its_tasks(check: Check) -> None:
    spec = SPEC + "  drain:\n    options: {}\n"
    assert check(agreement.roles, role("a_limit: 3\n", spec)) == [
        "roles/a/meta/argument_specs.yml:1: entry point drain has no tasks/drain.yml"]


def test_the_action_group_is_the_modules(check: Check) -> None:
    runtime = "action_groups:\n  patchtrain: [gone, here]\n"
    found = check(agreement.action_group, {"meta/runtime.yml": runtime, "plugins/modules/here.py": "", "plugins/modules/new.py": ""})
    assert found == ["meta/runtime.yml:1: new is not in the action group patchtrain",
                     "meta/runtime.yml:1: gone is in the action group patchtrain and no module"]


def test_a_module_wants_a_test_of_its_name(check: Check) -> None:
    contents = {"plugins/modules/patch_run.py": "", "tests/unit/run/helpers_patch_run.py": ""}
    assert len(check(agreement.module_tests, contents)) == 1
    assert check(agreement.module_tests, {**contents, "tests/integration/test_patch_run.py": ""}) == []
    assert check(agreement.module_tests, {**contents, "tests/integration/test_all.py": 'module("patch_run")'}) == []


def test_the_readme_names_what_can_be_run_and_called(check: Check) -> None:
    tree = {"playbooks/patch.yml": "", "playbooks/plan.yml": "", "plugins/modules/patch_run.py": "", "README.md": "`fleetops.patchtrain.plan`, `patch_runs`"}
    assert check(agreement.readme, tree) == ["README.md:1: names no patch", "README.md:1: names no patch_run"]


def test_requirements_are_what_is_imported(check: Check) -> None:
    code = {"plugins/plugin_utils/ledger/a.py": "import sqlalchemy\nimport yaml\nimport os\nfrom ansible.errors import AnsibleError\n"}
    assert check(agreement.requirements, {**code, "meta/ee-requirements.txt": "# why\nSQLAlchemy>=2.0,<3\n"}) == []
    assert check(agreement.requirements, {**code, "meta/ee-requirements.txt": "rich>=13\n"}) == [
        "plugins/plugin_utils/ledger/a.py:1: imports sqlalchemy, which meta/ee-requirements.txt does not name",
        "meta/ee-requirements.txt:1: rich is required and nothing imports it"]


# --- the tree


def test_the_tree_is_what_git_has_or_would_add(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name, text in {".gitignore": "hidden\n", "kept": "", "hidden": "", "gone": ""}.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "-C", str(tmp_path), "add", "gone"], check=True)
    (tmp_path / "gone").unlink()
    (tmp_path / "link").symlink_to("kept")
    assert git_files(tmp_path) == [".gitignore", "kept"]
