# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said twice must agree: roles with their specs, modules with their group and tests, imports with requirements."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, Iterator

from .imports import outside_names
from .tree import Finding, Findings, Tree

ACTION_GROUP = "patchtrain"
REQUIREMENTS = "meta/ee-requirements.txt"

# ansible-core brings these along; the others are found under another name than they are imported by.
_WITH_CORE = {"jinja2", "markupsafe", "packaging", "yaml"}
_DISTRIBUTION = {"dateutil": "python-dateutil", "recurring_ical_events": "recurring-ical-events", "winrm": "pywinrm"}

# SQLAlchemy imports it, where a ledger's address names PostgreSQL.
_BY_ADDRESS = {"psycopg"}


def roles(tree: Tree) -> Findings:
    """A role has a README, a spec for each entry point, and defaults that are those of its spec."""
    for role in sorted({path.split("/")[1] for path in tree.matching("roles/*/*")}):
        yield from _role(tree, f"roles/{role}")


def _role(tree: Tree, role: str) -> Findings:
    spec_path = f"{role}/meta/argument_specs.yml"
    for path in (f"{role}/README.md", spec_path):
        if path not in tree.paths:
            yield Finding(path, 1, "is missing")
    if spec_path not in tree.paths:
        return
    specs = (tree.yaml(spec_path) or {}).get("argument_specs") or {}
    for entry in specs:
        if f"{role}/tasks/{entry}.yml" not in tree.paths:
            yield Finding(spec_path, 1, f"entry point {entry} has no tasks/{entry}.yml")
    yield from _defaults(tree, f"{role}/defaults/main.yml", specs)


def _defaults(tree: Tree, path: str, specs: dict[str, Any]) -> Findings:
    defaults: dict[str, Any] = (tree.yaml(path) or {}) if path in tree.paths else {}
    declared = {name: option for spec in specs.values() for name, option in (spec.get("options") or {}).items()}
    for name, option in sorted(declared.items()):
        if "default" in option and name not in defaults:
            yield Finding(path, 1, f"{name} has a default in the spec and none here")
    for entry, name, option in _options(specs):
        if name in defaults and option.get("default") != defaults[name]:
            yield Finding(path, 1, f"{name} is {defaults[name]!r} here and {option.get('default')!r} in the spec of {entry}")
    for name in sorted(set(defaults) - set(declared)):
        yield Finding(path, 1, f"{name} is in no entry point's spec")


def _options(specs: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for entry, spec in specs.items():
        for name, option in (spec.get("options") or {}).items():
            yield entry, name, option


def action_group(tree: Tree) -> Findings:
    """``module_defaults`` of the group reach every module."""
    modules = set(_modules(tree))
    grouped = set(tree.yaml("meta/runtime.yml")["action_groups"][ACTION_GROUP])
    for name in sorted(modules - grouped):
        yield Finding("meta/runtime.yml", 1, f"{name} is not in the action group {ACTION_GROUP}")
    for name in sorted(grouped - modules):
        yield Finding("meta/runtime.yml", 1, f"{name} is in the action group {ACTION_GROUP} and no module")


def module_tests(tree: Tree) -> Findings:
    """Every module is called by its name in a test, or has one that bears it."""
    tests = tree.matching("tests/unit/*.py", "tests/integration/*.py")
    for name in _modules(tree):
        called = (f'"{name}"', f"fleetops.patchtrain.{name}")
        if not any(_bears(path, name) or any(word in tree.text(path) for word in called) for path in tests):
            yield Finding(f"plugins/modules/{name}.py", 1, "no test in tests/unit or tests/integration calls it or is named for it")


def _bears(path: str, name: str) -> bool:
    stem = PurePosixPath(path).stem
    return stem.startswith("test_") and name in stem


def _modules(tree: Tree) -> list[str]:
    return [PurePosixPath(path).stem for path in tree.matching("plugins/modules/*.py") if not path.endswith("__init__.py")]


def readme(tree: Tree) -> Findings:
    """What a user can run or call is in the README's lists."""
    text = tree.text("README.md") if "README.md" in tree.paths else ""
    playbooks = [PurePosixPath(path).stem for path in tree.matching("playbooks/*.yml")]
    for name in sorted([*playbooks, *_modules(tree)]):
        if f"`{name}`" not in text and f"`fleetops.patchtrain.{name}`" not in text:
            yield Finding("README.md", 1, f"names no {name}")


def requirements(tree: Tree) -> Findings:
    """What users are told to install is what the code imports, no less and no more."""
    lines = [line.split("#")[0].strip() for line in tree.text(REQUIREMENTS).splitlines()]
    listed = {_normal(re.split(r"[<>=!~;\[ ]", line)[0]) for line in lines if line}
    used = {_normal(_DISTRIBUTION.get(top, top)): place for top, place in outside_names(tree).items() if top not in _WITH_CORE}
    for name, place in sorted(used.items()):
        if name not in listed:
            yield Finding(place.path, place.line, f"{place.message}, which {REQUIREMENTS} does not name")
    for name in sorted(listed - set(used) - _BY_ADDRESS):
        yield Finding(REQUIREMENTS, 1, f"{name} is required and nothing imports it")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
