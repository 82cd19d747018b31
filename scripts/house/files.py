# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about files as such: their length, their header, the length of their functions."""

from __future__ import annotations

import ast

from .tree import Finding, Findings, Tree

LONGEST_FILE = 500
LONGEST_FUNCTION = 40
LONGEST_PLAYBOOK = 59

# Kept by programs, taken over word for word, or recorded from real tools.
_NOT_WRITTEN_HERE = ("COPYING", "LICENSES/*", "CHANGELOG*", "changelogs/changelog.yaml", "requirements/dev.txt", "tests/*/data/*")
_WITHOUT_HEADER = (*_NOT_WRITTEN_HERE, "*.md", "*.txt", "*.in", "galaxy.yml", "changelogs/*", "tests/sanity/*")
_WITH_HEADER = (".py", ".sh", ".yml", ".yaml", ".toml", ".j2", ".js", ".css", ".html")
_HEADER_LINES = 8


def syntax(tree: Tree) -> Findings:
    """Python is Python; all other rules rest on that."""
    for path in tree.matching("*.py"):
        try:
            tree.python(path)
        except SyntaxError as error:
            yield Finding(path, error.lineno or 1, str(error.msg))


def file_length(tree: Tree) -> Findings:
    """No file is longer than a person reads at a sitting."""
    kept = set(tree.matching(*_NOT_WRITTEN_HERE))
    for path in tree.paths:
        if path not in kept and not _is_binary(tree, path):
            lines = tree.text(path).count("\n")
            if lines > LONGEST_FILE:
                yield Finding(path, lines, f"{lines} lines, more than {LONGEST_FILE}: split it by subject")


def playbook_length(tree: Tree) -> Findings:
    """A playbook is a play and a role, nothing else."""
    for path in tree.matching("playbooks/*.yml"):
        lines = tree.text(path).count("\n")
        if lines > LONGEST_PLAYBOOK:
            yield Finding(path, lines, f"{lines} lines, more than {LONGEST_PLAYBOOK}: move what it does into a role")


def function_length(tree: Tree) -> Findings:
    """No function is longer than a screen, its docstring aside."""
    for path in tree.matching("plugins/*.py", "scripts/*.py"):
        for node in ast.walk(tree.python(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _length(node) > LONGEST_FUNCTION:
                yield Finding(path, node.lineno, f"{node.name} has {_length(node)} lines, more than {LONGEST_FUNCTION}")


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def header(tree: Tree) -> Findings:
    """Every file says under which license it is; what is shipped to hosts may be used by others' modules."""
    without = set(tree.matching(*_WITHOUT_HEADER))
    for path in tree.paths:
        if path in without or _is_binary(tree, path) or not _wants_header(tree, path):
            continue
        wanted = "BSD-2-Clause" if path.startswith("plugins/module_utils/") else "GPL-3.0-or-later"
        head = tree.text(path).splitlines()[:_HEADER_LINES]
        if not any(line.rstrip(" -#}>*/").endswith(f"SPDX-License-Identifier: {wanted}") for line in head):
            yield Finding(path, 1, f"no line 'SPDX-License-Identifier: {wanted}' among the first {_HEADER_LINES}")


def _wants_header(tree: Tree, path: str) -> bool:
    text = tree.text(path)
    return bool(text.strip()) and (path.endswith(_WITH_HEADER) or path.endswith("Makefile") or text.startswith("#!"))


def _is_binary(tree: Tree, path: str) -> bool:
    return b"\0" in (tree.root / path).read_bytes()[:4096]
